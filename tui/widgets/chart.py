"""A chart of curves in braille dots: loss or accuracy over the steps, training and test.

Our own, because it is small and must cost next to nothing four times a second: textual-plot needs
a widget tree of its own and fails without colour, and a sparkline shows one curve on one line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from textual.content import Content

from cnntop.core.curve import Bin, Curve
from cnntop.core.run_state import RunState
from cnntop.tui.widgets.panel import FAINT, STYLES, Frame, Panel

_MARKS = {"train": "━", "test": "•"}
_MARGIN = 9
"""Cells left of a plot, for the values at its top and bottom."""

REDRAW_SECONDS = 1.0

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Braille bits by row (top to bottom) and column of a cell's 4 x 2 dots."""


@dataclass(frozen=True)
class Series:
    """A curve and how to name and colour it."""

    name: str
    curve: Curve


class _Drawn(NamedTuple):
    """What a plot was drawn of, to tell when it is worth drawing anew."""

    state: RunState
    size: tuple[int, int]
    now: float
    last_x: float
    points: int
    """Of all curves but the longest, whose points come by the second."""
    over: bool

    @classmethod
    def of(cls, state: RunState, series: Sequence[Series], frame: Frame) -> "_Drawn":
        bins = sorted(len(one.curve.bins) for one in series)
        last_x = max((one.curve.bins[-1].x for one in series if one.curve.bins), default=0.0)
        size = (frame.width, frame.height)
        return cls(state, size, frame.now, last_x, sum(bins[:-1]), state.ended is not None)

    def is_worth_drawing_after(self, before: "_Drawn") -> bool:
        """Drawing costs the training more than all the rest of the screen. So a curve that only
        grew is drawn once a second, and not before it grew by a dot."""
        if self.state is not before.state or before.last_x == 0.0:
            return True
        if self._replace(now=before.now, last_x=before.last_x) != before:
            return True
        grown = (self.last_x - before.last_x) / self.last_x >= 0.5 / max(1, self.size[0])
        return grown and self.now - before.now >= REDRAW_SECONDS


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
        self._drawn: _Drawn | None = None
        self._rows: list[Content] = []

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        series = self._series(state)
        title = self._heading(series, named=True)
        if title.cell_length > frame.width:
            title = self._heading(series, named=False)
        drawn = _Drawn.of(state, series, frame)
        if self._drawn is None or drawn.is_worth_drawing_after(self._drawn):
            self._drawn = drawn
            self._rows = self._plot(series, frame.width, frame.height - 1)
        return [title, *self._rows]

    def _heading(self, series: Sequence[Series], named: bool) -> Content:
        parts: list[tuple[str, str]] = [(f" {self._title}", "bold")]
        for one in series:
            label = f"   {_MARKS[one.name]} {one.name} " if named else f"  {_MARKS[one.name]} "
            parts += [(label, STYLES[one.name]), (self._value_text(one.curve.last), "bold")]
        return Content.assemble(*parts)

    def _plot(self, series: Sequence[Series], width: int, height: int) -> list[Content]:
        if height < 1:
            return []
        drawn = [one for one in series if one.curve.bins]
        if not drawn:
            return [Content.styled("  no step yet", FAINT)]
        # Room for the axis is set aside before its labels are known: they depend on the columns.
        columns = max(1, width - _MARGIN - 1)
        last_x = max(one.curve.bins[-1].x for one in drawn)
        points = [_column_means(one.curve.bins, 2 * columns, last_x) for one in drawn]
        values = [value for line in points for _, value in line]
        low, high = min(values), max(values)
        cells = [[(0, "")] * columns for _ in range(height)]
        for one, line in zip(drawn, points, strict=True):
            _Dots(columns, height).line(line, low, high).onto(cells, STYLES[one.name])
        labels = {0: self._value_text(high), height - 1: self._value_text(low)}
        rows = []
        for index, row in enumerate(cells):
            label = labels.get(index, "") if height > 1 else ""
            cell_parts = [(f"{label:>{_MARGIN - 1}} ", FAINT)]
            cell_parts += [(chr(0x2800 + bits) if bits else " ", style) for bits, style in row]
            rows.append(Content.assemble(*_merged(cell_parts)))
        return rows


def _column_means(bins: Sequence[Bin], columns: int, last_x: float) -> list[tuple[int, float]]:
    """The mean of what falls into each of `columns` columns, for those that have something."""

    def column(one: Bin) -> int:
        return min(columns - 1, int(one.x / (last_x or 1.0) * (columns - 1)))

    means = []
    for place, several in groupby(bins, column):
        group = list(several)
        means.append((place, sum(b.total for b in group) / sum(b.count for b in group)))
    return means


class _Dots:
    """A grid of 2 x 4 dots a cell, to draw one curve into."""

    def __init__(self, columns: int, rows: int) -> None:
        self._height = 4 * rows
        self._bits = [[0] * columns for _ in range(rows)]

    def line(self, points: Sequence[tuple[int, float]], low: float, high: float) -> "_Dots":
        """Join points (column of dots, value) with strokes where they climb or fall."""
        before: tuple[int, int] | None = None
        for column, value in points:
            share = (value - low) / ((high - low) or 1.0)
            row = round((self._height - 1) * (1 - share))
            self._join(before or (column, row), (column, row))
            before = column, row
        return self

    def _join(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            share = step / steps
            self._set(
                round(start[0] + share * (end[0] - start[0])),
                round(start[1] + share * (end[1] - start[1])),
            )

    def _set(self, column: int, row: int) -> None:
        self._bits[row // 4][column // 2] |= _DOTS[row % 4][column % 2]

    def onto(self, cells: list[list[tuple[int, str]]], style: str) -> None:
        """Lay the drawn dots over `cells`; a cell takes the colour of the last curve in it."""
        for row, bits in zip(cells, self._bits, strict=True):
            for column, dots in enumerate(bits):
                if dots:
                    row[column] = (row[column][0] | dots, style)


def _merged(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one style as one part: far fewer spans to draw."""
    merged: list[tuple[str, str]] = []
    for text, style in parts:
        if merged and merged[-1][1] == style:
            merged[-1] = (merged[-1][0] + text, style)
        else:
            merged.append((text, style))
    return merged
