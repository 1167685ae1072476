"""Where the panels of a layout go, for whatever size the terminal has."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from textual import events
from textual.app import ComposeResult
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, WidgetPlacement
from textual.layout import Layout as TextualLayout
from textual.message import Message
from textual.widget import Widget

from cnntop.core.run_state import RunState
from cnntop.tui.glyphs import NUMBERS
from cnntop.tui.layouts import (
    GPU_CHARTS,
    Arrangement,
    Layout,
    Place,
    alone,
    arrange,
    numbered,
)
from cnntop.tui.widgets.kept import Kept
from cnntop.tui.widgets.panel import Panel


class PanelField(Kept):
    """Holds every panel there is, and displays those of one layout, or a single one alone.

    A layout may name panels that there are none of: they are as if it did not.
    """

    class Rearranged(Message):
        """Other panels are displayed than before, or they lie elsewhere."""

    def __init__(self, panels: Iterable[Panel], layout: Layout, hidden: Iterable[str] = ()) -> None:
        super().__init__(id="panels")
        self._as_arranged = _AsArranged()
        self._panels = {panel.id or "": panel for panel in panels}
        self._layout_shown = layout
        self._hidden = frozenset(hidden)
        self._alone: str | None = None
        self._gpu = False
        self._wanted: dict[str, int] = {}
        self._arranged: tuple[Size, Arrangement] | None = None
        for panel in self._panels.values():
            panel.can_focus = True

    def compose(self) -> ComposeResult:
        yield from self._panels.values()

    @property
    def layout(self) -> TextualLayout:
        return self._as_arranged

    @property
    def displayed_panels(self) -> Sequence[Panel]:
        return [panel for panel in self._panels.values() if panel.display]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Panels of the layout for which there is no room."""
        return self.arrangement(self.size).left_out

    @property
    def alone(self) -> str | None:
        """The panel that has the whole screen, if one has."""
        return self._alone

    @property
    def numbered(self) -> list[str]:
        """The panels that digits show and hide."""
        return numbered(self._places())

    def show_layout(self, layout: Layout, hidden: Iterable[str]) -> None:
        """`hidden` are those of its panels that were switched off."""
        self._layout_shown, self._hidden, self._alone = layout, frozenset(hidden), None
        self._rearrange()

    def show_alone(self, panel: str | None) -> None:
        """On the whole screen; None goes back to the layout."""
        self._alone = panel
        self._rearrange()

    def fit(self, state: RunState) -> None:
        """Make room for what the run has: charts of a GPU, a line for each."""
        wanted = {
            name: lines
            for name, panel in self._panels.items()
            if (lines := panel.wanted_lines(state)) is not None
        }
        if (wanted, bool(state.gpus)) != (self._wanted, self._gpu):
            self._wanted, self._gpu = wanted, bool(state.gpus)
            self._rearrange()

    def arrangement(self, size: Size) -> Arrangement:
        """Of what is shown now, in a field of `size` cells."""
        if self._arranged is None or self._arranged[0] != size:
            self._arranged = size, self._arrange(*size)
        return self._arranged[1]

    def on_resize(self, _event: events.Resize) -> None:
        self._display()

    def _arrange(self, width: int, height: int) -> Arrangement:
        if self._alone is not None:
            return alone(self._alone, list(self._panels), width, height)
        shown = [place for place in self._places() if place.panel not in self._hidden]
        return arrange(shown, width, height)

    def _places(self) -> list[Place]:
        return [
            replace(place, good=wanted, most=wanted)
            if (wanted := self._wanted.get(place.panel)) is not None
            else place
            for place in self._layout_shown.places
            if place.panel in self._panels and (self._gpu or place.panel not in GPU_CHARTS)
        ]

    def _rearrange(self) -> None:
        self._arranged = None
        digits = dict(zip(self.numbered, NUMBERS, strict=False))
        for name, panel in self._panels.items():
            panel.number = digits.get(name, "")
        self._display()
        for panel in self._panels.values():  # which has Textual arrange all of them anew
            panel.refresh(layout=True)
            break

    def _display(self) -> None:
        spots = self.arrangement(self.size).spots
        for name, panel in self._panels.items():
            if panel.display != (name in spots):
                panel.display = name in spots
        self.post_message(self.Rearranged())


class _AsArranged(TextualLayout):
    """Textual's own layouts give each widget what it asks for; here the room is handed out."""

    name = "as-arranged"

    def arrange(
        self,
        parent: Widget,
        children: list[Widget],
        size: Size,
        greedy: bool = True,  # noqa: ARG002  part of the interface
    ) -> ArrangeResult:
        assert isinstance(parent, PanelField)
        spots = parent.arrangement(size).spots
        return [
            WidgetPlacement(Region(*spots[child.id]), NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id is not None and child.id in spots
        ]
