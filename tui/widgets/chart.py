"""A chart of curves over the run: loss, speed, a GPU's power, and whatever else has a curve."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.content import Content

from cnntop.core.curve import Bin, Curve
from cnntop.core.run_state import RunState
from cnntop.tui.axis_view import AxisView
from cnntop.tui.widgets import axis_panel
from cnntop.tui.widgets.axis_panel import AxisPanel, bin_at, bins_of
from cnntop.tui.widgets.panel import FAINT, STYLES, Frame
from cnntop.tui.widgets.plot import STROKE, Line, Plot, Point, View, draw, sign

TEST_MARK = "•"
GHOST_MARK = "◌"


class Series(NamedTuple):
    """A curve, and how to name, colour and mark it; the only one of a chart needs no name."""

    name: str
    curve: Curve
    style: str = STYLES["train"]
    mark: str = STROKE
    covers: bool = True
    """Whether a point is a mean of all since the one before it, and not of its moment alone."""
    own: bool = True
    """Whether it grows with the run. Of one that is there already, as the ghost's, the newest value
    is the one where the run is now."""


class _Occasion(NamedTuple):
    """What a plot is drawn anew for: two seconds more of a curve, a point of a slower one, another
    view of it."""

    states: tuple[int, int]
    moment: int
    size: tuple[int, int]
    slower_points: int
    over: bool
    view: View
    changes: int


class Chart(AxisPanel):
    """The last values in the title line, or those at the cursor; below it the curves over the time
    axis, with the range of the vertical axis at the left.

    `series` gives the same number of curves for every state. `bounds` are those of the vertical
    axis, where they do not follow from the values. Only a chart with `can_log` follows the axis
    where that asks for a logarithmic scale: shares of a whole have no use for one.
    """

    def __init__(
        self, name: str, axis: AxisView, series: Callable[[RunState], Sequence[Series]],
        value_text: Callable[[float | None], str], *, title: str = "",
        bounds: tuple[float, float] | None = None, can_log: bool = False,
        empty: str = "no step yet",
    ) -> None:  # fmt: skip
        super().__init__(name, axis)
        self._title = title or name
        self._series = series
        self._value_text = value_text
        self._bounds = bounds
        self._can_log = can_log
        self._empty = empty
        self._drawn: _Occasion | None = None
        self._plot: Plot | None = None

    def draw(self, state: RunState, frame: Frame) -> Sequence[Content]:
        series = self._series(state)
        title = self._heading(series, named=True)
        if title.cell_length > frame.width:
            title = self._heading(series, named=False)
        if frame.height < 2:
            return [title]
        if not any(one.curve.bins for one in series):
            self._drawn = None
            return [title, Content.styled(f"  {self._empty}", FAINT)]
        fine = self._axis.source()
        occasion = self._occasion(series, fine, state, frame)
        if occasion != self._drawn or self._plot is None:
            self._drawn = occasion
            self._plot = draw(
                self._curves(series, fine, state), occasion.view, frame.width, frame.height - 1,
                self._value_text, self._axis.plain, self._bounds,
            )  # fmt: skip
        return [title, *self._plot.content(self._axis.cursor)]

    def readout(self, state: RunState) -> list[tuple[str, str]]:
        series = self._series(state)
        values = [self._value_text(value) for value in self._values(series)]
        return [(" ".join((self._title, one.name)).strip(), value)
                for one, value in zip(series, values, strict=True) if one.curve.bins]  # fmt: skip

    @property
    def _logarithmic(self) -> bool:
        return self._can_log and self._axis.log

    def _occasion(
        self, series: Sequence[Series], fine: RunState, state: RunState, frame: Frame
    ) -> _Occasion:
        points = sorted(len(one.curve.bins) for one in series)
        moment = int(frame.now / axis_panel.REDRAW_SECONDS) if points[-1] > 1 else -points[-1]
        view = self._axis.view._replace(log=self._logarithmic)
        size = (frame.width, frame.height)
        states = id(state), id(fine)
        over = state.ended is not None
        return _Occasion(states, moment, size, sum(points[:-1]), over, view, self._axis.changes)

    def _heading(self, series: Sequence[Series], named: bool) -> Content:
        parts: list[tuple[str, str]] = [(f" {self._title}", "bold")]
        if self._logarithmic:
            parts.append((" log", FAINT))
        for one, value in zip(series, self._values(series), strict=True):
            mark = sign(one.mark, self._axis.plain)
            label = f"   {mark} {one.name} " if named and one.name else f"  {mark} "
            parts += [(label, one.style), (self._value_text(value), "bold")]
        return Content.assemble(*parts)

    def _values(self, series: Sequence[Series]) -> list[float | None]:
        """At the cursor, else the newest."""
        axis, cursor = self._axis, self._axis.cursor
        if cursor is None:
            return [
                one.curve.last if one.own else _mean(bin_at(axis, one.curve.bins, axis.last, False))
                for one in series
            ]
        closer = self._series(axis.source())
        return [_mean(bin_at(axis, bins_of(fine.curve, one.curve), cursor, one.covers))
                for fine, one in zip(closer, series, strict=True)]  # fmt: skip

    def _curves(self, series: Sequence[Series], fine: RunState, state: RunState) -> list[Line]:
        closer = series if fine is state else self._series(fine)
        return [
            Line(one.name, one.mark, one.style, self._points(bins_of(close.curve, one.curve)))
            for close, one in zip(closer, series, strict=True)
        ]

    def _points(self, bins: Sequence[Bin]) -> list[Point]:
        xs = zip(self._axis.xs(bins), bins, strict=True)
        return [Point(x, one.minimum, one.total / one.count, one.maximum) for x, one in xs]


def _mean(one: Bin | None) -> float | None:
    return None if one is None else one.mean
