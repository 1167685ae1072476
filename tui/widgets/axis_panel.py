"""Base of the panels that share the time axis: one margin, one cursor, one window."""

from bisect import bisect_right
from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message

from cnntop.core.curve import Bin, Curve
from cnntop.core.run_state import RunState
from cnntop.tui.axis_view import AxisView
from cnntop.tui.widgets.panel import Frame, Panel
from cnntop.tui.widgets.plot import MARGIN, cells_of

REDRAW_SECONDS = 2.0
"""So often a plot is drawn anew while the run goes on: that costs the training more than all the
rest of the screen."""

LOOK_SECONDS = 0.1

ZOOM = 0.5
_WHEEL = 0.8
"""How much of the window is left by a press of the key, and by a notch of the wheel."""


class AxisPanel(Panel):
    """Click and drag set the cursor, the wheel zooms about the mouse."""

    ALLOW_SELECT = False  # dragging is the cursor's

    class Changed(Message):
        """The mouse has changed the axis: all panels on it are to be shown anew."""

    def __init__(self, name: str, axis: AxisView) -> None:
        super().__init__(name)
        self._axis = axis
        self._awaiting = False

    def draw(self, state: RunState, frame: Frame) -> Sequence[Content]:
        """The panel's lines, with `MARGIN` cells left of what stands on the axis."""
        raise NotImplementedError

    def readout(self, state: RunState) -> list[tuple[str, str]]:  # noqa: ARG002
        """Name and value of each figure at the cursor."""
        return []

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        self._axis.follow(state)
        self._axis.cells = cells_of(frame.width)
        lines = self.draw(state, frame)
        self._await_reading()
        return lines

    def _await_reading(self) -> None:
        """Look again soon while the log is read."""
        magnifier = self._axis.magnifier
        if magnifier is not None and magnifier.reading and not self._awaiting:
            self._awaiting = True
            self.set_timer(LOOK_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._awaiting = False
        self.again()

    def again(self) -> None:
        """Show the state shown last anew, after a change of the axis."""
        if self._shown is not None:
            self.show(*self._shown)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1:
            self.capture_mouse()
            self._point(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._point(event)

    def on_mouse_up(self, _event: events.MouseUp) -> None:
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._zoom(event, _WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._zoom(event, 1 / _WHEEL)

    def _point(self, event: events.MouseEvent) -> None:
        self._axis.point(self._x(event))
        self.post_message(self.Changed())

    def _zoom(self, event: events.MouseEvent, factor: float) -> None:
        event.stop()
        self._axis.zoom(factor, self._x(event))
        self.post_message(self.Changed())

    def _x(self, event: events.MouseEvent) -> float:
        """Of the cell under the mouse, or the nearest one that has an x."""
        cells = cells_of(self.content_size.width)
        cell = event.get_content_offset_capture(self).x - MARGIN
        return self._axis.view.middle(min(cells - 1, max(0, cell)), cells)


def bin_at(axis: AxisView, bins: Sequence[Bin], cursor: float, covers: bool = True) -> Bin | None:
    """The point of a curve at the cursor: the nearest one in the cursor's cell, else the one whose
    stretch the cursor is in, for a point that `covers` all since the one before it; else the newest
    one before the cursor. None where there is none of these."""
    start, end = axis.window
    reach = (end - start) / axis.cells / 2
    after = bisect_right(bins, cursor, key=axis.x_of)
    near = bins[max(0, after - 1) : after + 1]
    around = [one for one in near if abs(axis.x_of(one) - cursor) <= reach]
    if around:
        return min(around, key=lambda one: abs(axis.x_of(one) - cursor))
    if covers and after < len(bins):
        return bins[after]
    return bins[after - 1] if after > 0 else None


def bins_of(fine: Curve, whole: Curve) -> list[Bin]:
    """The bins of a curve, those of a closer look at it in the stretch that this knows."""
    if fine is whole or not fine.bins:
        return whole.bins
    first, last = fine.bins[0].seconds, fine.bins[-1].seconds
    before = [one for one in whole.bins if one.seconds < first]
    return [*before, *fine.bins, *(one for one in whole.bins if one.seconds > last)]
