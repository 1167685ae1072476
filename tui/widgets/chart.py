"""A chart of curves in braille dots: loss or accuracy over the steps, training and test.

Our own, because it is small and must cost next to nothing four times a second: textual-plot needs
a widget tree of its own and fails without colour, and a sparkline shows one curve on one line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.content import Content

from cnntop.core.curve import Curve
from cnntop.core.run_state import RunState
from cnntop.tui.widgets.panel import FAINT, STYLES, Frame, Panel

_MARKS = {"train": "━", "test": "•"}
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Braille bits by row (top to bottom) and column of a cell's 4 x 2 dots."""


@dataclass(frozen=True)
class Series:
    """A curve and how to name and colour it."""

    name: str
    curve: Curve


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

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        series = self._series(state)
        parts: list[Content | tuple[str, str]] = [(f" {self._title}", "bold")]
        wide = frame.width >= 38
        for one in series:
            mark = _MARKS[one.name]
            label = f"   {mark} {one.name} " if wide else f"  {mark} "
            parts += [(label, STYLES[one.name]), (self._value_text(one.curve.last), "bold")]
        return [Content.assemble(*parts), *self._plot(series, frame.width, frame.height - 1)]

    def _plot(self, series: Sequence[Series], width: int, height: int) -> list[Content]:
        values = [b.mean for one in series for b in one.curve.bins]
        if height < 1 or not values:
            return [Content.styled("  no step yet", FAINT)] if height >= 1 else []
        low, high = min(values), max(values)
        labels = {0: self._value_text(high), height - 1: self._value_text(low)}
        if height == 1:
            labels = {}
        margin = max((len(label) for label in labels.values()), default=0) + 2
        columns = max(1, width - margin - 1)
        last_x = max(one.curve.bins[-1].x for one in series if one.curve.bins)
        cells = [[(0, "")] * columns for _ in range(height)]
        for one in series:
            dots = _Dots(columns, height, last_x, low, high)
            points = one.curve.bins
            # Few test points would be lost as single dots: they are joined by a line as well.
            dots.line([(b.x, b.mean) for b in points])
            dots.onto(cells, STYLES[one.name])
        rows = []
        for index, row in enumerate(cells):
            label = labels.get(index, "")
            cell_parts = [(f"{label:>{margin - 1}} ", FAINT)]
            cell_parts += [(chr(0x2800 + bits) if bits else " ", style) for bits, style in row]
            rows.append(Content.assemble(*_merged(cell_parts)))
        return rows


class _Dots:
    """A grid of 2 x 4 dots a cell, to draw one curve into."""

    def __init__(self, columns: int, rows: int, last_x: float, low: float, high: float) -> None:
        self._width, self._height = 2 * columns, 4 * rows
        self._last_x = last_x or 1.0
        self._low, self._range = low, (high - low) or 1.0
        self._bits = [[0] * columns for _ in range(rows)]

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        """Join the points (rising x) with vertical strokes where they climb or fall."""
        before: tuple[int, int] | None = None
        for x, value in points:
            column = min(self._width - 1, int(x / self._last_x * (self._width - 1)))
            row = round((self._height - 1) * (1 - (value - self._low) / self._range))
            if before is None:
                self._set(column, row)
            else:
                self._join(before, (column, row))
            before = column, row

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
