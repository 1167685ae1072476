"""Base of the panels that have more lines than fit, and scroll."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content

from cnntop.core.run_state import RunState
from cnntop.tui.keys import scroll_bindings
from cnntop.tui.widgets.panel import FAINT, Frame, Panel, spread

_WHEEL_LINES = 3


class ScrolledPanel(Panel):
    """Subclasses say all their lines in `rows`. The title line tells which of them are shown.

    With `from_end` the newest, which are the last, are shown until somebody scrolls up.
    """

    BINDINGS: ClassVar[list[BindingType]] = scroll_bindings()
    from_end = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._name = name
        self._top: int | None = None
        """The first line shown; None: where it begins by itself."""
        self._most, self._room = 0, 1

    def rows(self, state: RunState, width: int) -> Sequence[Content]:
        """All there is, a line each, of at most `width` cells."""
        raise NotImplementedError

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        rows = self.rows(state, frame.width)
        self._room = max(1, frame.height - 1)
        self._most = max(0, len(rows) - self._room)
        top = min(self._most, self._start if self._top is None else self._top)
        shown = rows[top : top + self._room]
        title = Content.styled(f" {self._name}", "bold")
        if self._most:
            how = "arrows" if self.has_focus else "Tab, then arrows"
            told = f"{top + 1}-{top + len(shown)} of {len(rows)}: {how}"
            title = spread(title, Content.styled(told, FAINT), frame.width)
        return [title, *shown][: frame.height]

    def on_focus(self) -> None:
        self.call_later(self._show_again)  # the title tells the keys that work now

    def on_blur(self) -> None:
        self.call_later(self._show_again)

    @property
    def _start(self) -> int:
        return self._most if self.from_end else 0

    def action_scroll(self, key: str) -> None:
        page = max(1, self._room - 1)
        top = self._start if self._top is None else min(self._top, self._most)
        goal = {
            "up": top - 1, "down": top + 1, "pageup": top - page, "pagedown": top + page,
            "home": 0, "end": self._most,
        }[key]  # fmt: skip
        self._show_from(goal)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        for _ in range(_WHEEL_LINES):
            self.action_scroll("up")

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        for _ in range(_WHEEL_LINES):
            self.action_scroll("down")

    def _show_from(self, top: int) -> None:
        top = min(self._most, max(0, top))
        # At its end, a list that grows goes on showing the newest.
        self._top = None if self.from_end and top == self._most else top
        self._show_again()

    def _show_again(self) -> None:
        if self._shown is not None:
            self.show(*self._shown)
