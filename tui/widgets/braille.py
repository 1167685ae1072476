"""Curves as braille dots, 2 x 4 of them a cell.

A column of dots is a whole number, its bit 0 the topmost dot: a stroke is then one operation a
column, and a row of cells one look into a table a cell. This runs beside the training, which stands
still for as long as it takes.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_

DOTS_ACROSS, DOTS_DOWN = 2, 4


def _cell(left: int, right: int) -> str:
    """The character with these two columns of dots, four bits each."""
    bits = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)
    dots = sum(
        bit
        for column, rows in ((left, bits[0]), (right, bits[1]))
        for row, bit in enumerate(rows)
        if column >> row & 1
    )
    return chr(0x2800 + dots) if dots else " "


_CELLS = [_cell(both >> 4, both & 15) for both in range(256)]


def strokes(
    points: Sequence[tuple[int, float]], columns: int, rows: int, low: float, high: float
) -> list[int]:
    """The dots of a curve through `points` (column of dots, value; columns rising), a number for
    each column of dots, in a field of `columns` x `rows` cells from `low` to `high`."""
    bottom = DOTS_DOWN * rows - 1
    per_value = bottom / ((high - low) or 1.0)
    dots = [0] * (DOTS_ACROSS * columns)
    before: tuple[int, int] | None = None
    for column, value in points:
        row = min(bottom, max(0, round((high - value) * per_value)))
        if before is None:
            dots[column] |= 1 << row
        else:
            _join(dots, before, (column, row))
        before = column, row
    return dots


def _join(dots: list[int], start: tuple[int, int], end: tuple[int, int]) -> None:
    """A stroke from `start` (column, row), whose dot is there already, to `end`."""
    row = start[1]
    for column in range(start[0] + 1, end[0] + 1):
        goal = round(start[1] + (end[1] - start[1]) * (column - start[0]) / (end[0] - start[0]))
        top, low = min(row, goal), max(row, goal)
        # Where the curve climbs or falls, each row's dot is in one of the two columns only.
        if row < goal:
            top += 1
        elif row > goal:
            low -= 1
        dots[column] |= (1 << low + 1) - (1 << top)
        row = goal


def cells(curves: Sequence[list[int]], row: int) -> list[tuple[str, int]]:
    """A row of cells with the dots of all `curves`: stretches of text, each with the number of the
    curve whose colour it takes. That is the last one with dots in a cell, for it lies on top."""
    shift = DOTS_DOWN * row
    fields = [
        [(left >> shift & 15) << 4 | (right >> shift & 15) for left, right in _pairs(curve)]
        for curve in curves
    ]
    seen = [number for number, field in enumerate(fields) if any(field)]
    if len(seen) <= 1:
        number = seen[0] if seen else 0
        return [("".join([_CELLS[dots] for dots in fields[number]]), number)]
    merged: list[tuple[str, int]] = []
    for several in zip(*fields, strict=True):
        owner = max((number for number in seen if several[number]), default=-1)
        text = _CELLS[reduce(or_, several)]
        if merged and owner in (merged[-1][1], -1):
            merged[-1] = (merged[-1][0] + text, merged[-1][1])
        else:
            merged.append((text, max(0, owner)))
    return merged


def _pairs(curve: list[int]) -> Iterator[tuple[int, int]]:
    return zip(curve[::DOTS_ACROSS], curve[1::DOTS_ACROSS], strict=True)
