"""Keys that take effect in the order they were pressed, however far a terminal is ahead.

Textual hands a letter to the widget with the focus, and a key that is bound to the app, through
all that is in between. On a slow line or a busy machine several come at once; the bound one is
then done last, or first: what was typed before Enter would not count, and Ctrl-U would take away
what was typed after it.
"""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen, ScreenResultType
from textual.widget import Widget
from textual.widgets import Input

from cnntop.tui.dialog import DismissedOnce
from cnntop.tui.widgets.steady_input import SteadyInput


class Steered(Message):
    """A key of the screen was pressed while a widget had the focus; behind all that it said."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action = action


async def take_key(widget: Widget, event: events.Key) -> None:
    """First thing in a widget's `on_key`: its own keys are done at once, and those of its screen
    handed on as messages, for an `OrderedScreen`. Keys with priority the app has had before."""
    own = widget._bindings.key_to_bindings.get(event.key)
    above = widget.screen._bindings.key_to_bindings.get(event.key)
    if own or above:
        event.stop()
        event.prevent_default()
    if own:
        await widget.app.run_action(own[0].action, widget)
    elif above:
        widget.post_message(Steered(above[0].action))


class OrderedScreen(DismissedOnce, Screen[ScreenResultType]):
    """Does what its widgets hand on."""

    async def on_steered(self, event: Steered) -> None:
        await self.app.run_action(event.action, self)


class OrderedInput(SteadyInput):
    """One line to edit."""

    def __init__(
        self, value: str = "", placeholder: str = "", classes: str = "", select: bool = True
    ) -> None:
        """With `select`, what is typed first takes the place of what was there."""
        super().__init__(
            value, placeholder=placeholder, classes=classes, compact=True, select_on_focus=select
        )

    async def on_key(self, event: events.Key) -> None:
        await take_key(self, event)


def _but(*keys: str) -> list[BindingType]:
    """An input's bindings without some keys."""
    kept: list[BindingType] = []
    for binding in Binding.make_bindings(Input.BINDINGS):
        if binding.key not in keys:
            kept.append(binding)
    return kept


class FilterInput(OrderedInput, inherit_bindings=False):
    """Leaves Enter and Ctrl-E to the screen."""

    BINDINGS: ClassVar[list[BindingType]] = _but("enter", "ctrl+e")
