"""A chart of curves in braille dots: loss or accuracy over the steps, training and test.

Our own, because it is small and must cost next to nothing: textual-plot needs
a widget tree of its own and fails without colour, and a sparkline shows one curve on one line.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from textual.content import Content

from cnntop.core.curve import Bin, Curve
from cnntop.core.run_state import RunState
from cnntop.tui.widgets.braille import DOTS_ACROSS, cells, strokes
from cnntop.tui.widgets.panel import FAINT, STYLES, Frame, Panel

_MARKS = {"train": "━", "test": "•"}
_MARGIN = 9
"""Cells left of a plot, for the values at its top and bottom."""

_ROOM = 1.5
REDRAW_SECONDS = 2.0


@dataclass(frozen=True)
class Series:
    """A curve and how to name and colour it."""

    name: str
    curve: Curve


class _Occasion(NamedTuple):
    """What a plot is drawn anew for: two seconds more of a curve, or a point of a slower one.

    Drawing it costs the training more than all the rest of the screen.
    """

    state: int
    moment: int
    size: tuple[int, int]
    slower_points: int
    over: bool

    @classmethod
    def of(cls, state: RunState, series: Sequence[Series], frame: Frame) -> "_Occasion":
        points = sorted(len(one.curve.bins) for one in series)
        moment = int(frame.now / REDRAW_SECONDS) if points[-1] > 1 else -points[-1]
        size = (frame.width, frame.height)
        return cls(id(state), moment, size, sum(points[:-1]), state.ended is not None)


class Chart(Panel):
    """The last values in the title line, below it the curves over the step, with the range of
    the vertical axis at the left."""

    def __init__(
        self, name: str, series: Callable[[RunState], Sequence[Series]],
        value_text: Callable[[float | None], str],
    ) -> None:  # fmt: skip
        super().__init__(name)
        self._title = name
        self._series = series
        self._value_text = value_text
        self._drawn: _Occasion | None = None
        self._rows: list[Content] = []

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        series = self._series(state)
        title = self._heading(series, named=True)
        if title.cell_length > frame.width:
            title = self._heading(series, named=False)
        occasion = _Occasion.of(state, series, frame)
        if occasion != self._drawn:
            self._drawn = occasion
            self._rows = self._plot(series, frame, state.ended is not None)
        return [title, *self._rows]

    def _heading(self, series: Sequence[Series], named: bool) -> Content:
        parts: list[tuple[str, str]] = [(f" {self._title}", "bold")]
        for one in series:
            label = f"   {_MARKS[one.name]} {one.name} " if named else f"  {_MARKS[one.name]} "
            parts += [(label, STYLES[one.name]), (self._value_text(one.curve.last), "bold")]
        return Content.assemble(*parts)

    def _plot(self, series: Sequence[Series], frame: Frame, over: bool) -> list[Content]:
        rows = frame.height - 1
        if rows < 1:
            return []
        drawn = [one for one in series if one.curve.bins]
        if not drawn:
            return [Content.styled("  no step yet", FAINT)]
        # Room for the axis is set aside before its labels are known: they depend on the columns.
        columns = max(1, frame.width - _MARGIN - 1)
        last_x = max(one.curve.bins[-1].x for one in drawn)
        end_x = last_x if over else _with_room(last_x)
        points = [_column_means(one.curve.bins, DOTS_ACROSS * columns, end_x) for one in drawn]
        low, high = _range([value for line in points for _, value in line])
        curves = [strokes(line, columns, rows, low, high) for line in points]
        labels = {0: self._value_text(high), rows - 1: self._value_text(low)}
        styles = [STYLES[one.name] for one in drawn]
        return [
            _row(
                labels.get(row, "") if rows > 1 else "",
                tuple((text, styles[number]) for text, number in cells(curves, row)),
            )
            for row in range(rows)
        ]


@lru_cache(1024)
def _row(label: str, parts: tuple[tuple[str, str], ...]) -> Content:
    return Content.assemble((f"{label:>{_MARGIN - 1}} ", FAINT), *parts)


def _with_room(last_x: float) -> float:
    """Where the horizontal axis ends: up to half as far again, in steps of that, so that
    a curve that grows only adds to what is drawn already."""
    return _ROOM ** math.ceil(math.log(last_x, _ROOM)) if last_x > 1.0 else 1.0


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Round ends for the vertical axis. They change seldom, for then all of it is drawn anew."""
    low, high = min(values), max(values)
    if low == high:
        return low, high
    least = (high - low) / 8
    power = 10.0 ** math.floor(math.log10(least))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= least)
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _column_means(bins: Sequence[Bin], columns: int, end_x: float) -> list[tuple[int, float]]:
    """The mean of what falls into each of `columns` columns, for those that have something."""

    scale = (columns - 1) / (end_x or 1.0)
    means, at, total, count = [], 0, 0.0, 0
    for one in bins:
        column = min(columns - 1, int(one.x * scale))
        if column != at and count:
            means.append((at, total / count))
            total, count = 0.0, 0
        at = column
        total += one.total
        count += one.count
    if count:
        means.append((at, total / count))
    return means
