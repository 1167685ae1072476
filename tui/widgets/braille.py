"""Curves as dots: 2 x 4 of them a cell in braille, or one in plain ASCII.

A column of dots is a whole number, its bit 0 the topmost dot: a stroke is then one operation a
column, and a row of cells one look into a table a cell. This runs beside the training, which stands
still for as long as it takes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

Band = tuple[int, float, float]
"""A column of dots, and the least and the most value in it."""


class Grid(NamedTuple):
    """How many dots a cell has."""

    across: int
    down: int


BRAILLE = Grid(2, 4)
ASCII = Grid(1, 1)


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


class Field(NamedTuple):
    """A field of dots, and the values at the middle of its bottom and its top row."""

    across: int
    down: int
    low: float
    high: float

    def rows(self, values: Iterable[float]) -> list[int]:
        """The row of dots of each value, counted from the top; the nearest one if it is outside."""
        last, high = self.down - 1, self.high
        scale = last / ((high - self.low) or 1.0)
        return [min(last, max(0, round((high - value) * scale))) for value in values]


def strokes(points: Sequence[tuple[int, float]], field: Field) -> list[int]:
    """The dots of a curve through `points` (column of dots, value; columns rising), a number for
    each column of dots."""
    dots = [0] * field.across
    before: tuple[int, int] | None = None
    rows = field.rows([value for _, value in points])
    for (column, _), row in zip(points, rows, strict=True):
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


def bands(points: Sequence[Band], field: Field) -> list[int]:
    """The dots between the least and the most value of each column, without gaps to the columns
    beside it; columns rising."""
    dots = [0] * field.across
    above = below = -1
    for column, top, bottom in _filled(points, field):
        if above >= 0:
            top, bottom = min(top, below + 1), max(bottom, above - 1)
        dots[column] |= (1 << bottom + 1) - (1 << top)
        above, below = top, bottom
    return dots


def _filled(points: Sequence[Band], field: Field) -> Iterator[tuple[int, int, int]]:
    """Column, top and bottom row of each band, and of what lies evenly between two of them."""
    before: tuple[int, int, int] | None = None
    tops = field.rows([high for _, _, high in points])
    bottoms = field.rows([low for _, low, _ in points])
    for (column, _, _), top, bottom in zip(points, tops, bottoms, strict=True):
        if before is not None:
            at, above, below = before
            for between in range(at + 1, column):
                share = (between - at) / (column - at)
                yield (
                    between,
                    round(above + (top - above) * share),
                    round(below + (bottom - below) * share),
                )
        yield column, top, bottom
        before = column, top, bottom


class Layers:
    """Several fields of dots in the same cells, the later ones on top.

    A cell has one colour, that of its topmost layer. Of the layers that are `ground`, dots only
    show in cells without any of the others.
    """

    def __init__(self, ground: Sequence[list[int]], curves: Sequence[list[int]], grid: Grid,
                 rows: int) -> None:  # fmt: skip
        self.grid = grid
        self._ones = sum(1 << grid.down * row for row in range(rows))
        full = (1 << grid.down) - 1
        covers = [self._cover(dots) for dots in curves]
        taken = _merged(covers) if covers else None
        grounds = [self._cover(dots) for dots in ground]
        if taken is not None:
            free = [~(cover * full) for cover in taken for _ in range(grid.across)]
            ground = [[dot & left for dot, left in zip(d, free, strict=True)] for d in ground]
            grounds = [
                [own & ~above for own, above in zip(cover, taken, strict=True)] for cover in grounds
            ]
        self._dots = _merged([*ground, *curves])
        self._owners = self._own([*grounds, *covers])
        self._seen = [_union(cover) for cover in self._owners]

    def _cover(self, dots: list[int]) -> list[int]:
        """For each column of cells, bit `down * row` where the cell of that row has a dot."""
        columns = _merged([dots[at :: self.grid.across] for at in range(self.grid.across)])
        covers = []
        for column in columns:
            cover = column
            for shift in range(1, self.grid.down):
                cover |= column >> shift
            covers.append(cover & self._ones)
        return covers

    def _own(self, covers: Sequence[list[int]]) -> list[list[int]]:
        """Of each layer's cells those with no other layer above."""
        owners: list[list[int]] = []
        above = [0] * len(covers[0]) if covers else []
        for cover in reversed(covers):
            owners.insert(0, [own & ~over for own, over in zip(cover, above, strict=True)])
            above = [own | over for own, over in zip(cover, above, strict=True)]
        return owners

    def owners(self, row: int) -> list[int]:
        """For each cell of a row the number of the layer whose colour it has, -1 where empty."""
        bit = 1 << self.grid.down * row
        found = [-1] * (len(self._owners[0]) if self._owners else 0)
        for number, seen in enumerate(self._seen):
            if seen & bit:
                for column, own in enumerate(self._owners[number]):
                    if own & bit:
                        found[column] = number
        return found

    def text(self, row: int) -> list[str]:
        """The braille characters of a row."""
        shift = self.grid.down * row
        pairs = zip(self._dots[::2], self._dots[1::2], strict=True)
        return [_CELLS[(left >> shift & 15) << 4 | (right >> shift & 15)] for left, right in pairs]


def _merged(fields: Sequence[list[int]]) -> list[int]:
    """All dots of several fields."""
    if len(fields) == 1:
        return fields[0]
    return [_union(columns) for columns in zip(*fields, strict=True)]


def _union(numbers: Iterable[int]) -> int:
    every = 0
    for number in numbers:
        every |= number
    return every
