"""A curve as a small picture of characters, for the ordinary terminal.

Without a screen there is neither Textual nor colour, so that every curve gets a field of its own.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import NamedTuple

from cnntop.core.curve import Curve

MOST_COLUMNS = 72
ROWS, FEW_ROWS = 6, 4
_LEAST_COLUMNS = 35
"""For one picture with its labels."""
_LABEL, _GAP = 8, 2
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_DOWN = 4


class Pictured(NamedTuple):
    """A curve, its name, how a value of it is written, and where a point stands: its epoch."""

    name: str
    points: Sequence[tuple[float, float]]
    value_text: Callable[[float | None], str]


def curve_points(curve: Curve, steps_per_epoch: int) -> list[tuple[float, float]]:
    """Epoch and value of each bin."""
    return [(one.step / steps_per_epoch, one.mean) for one in curve.bins]


def picture(curves: Sequence[Pictured], columns: int, plain: bool, rows: int = ROWS) -> list[str]:
    """The curves side by side over the epochs, in so many rows above an axis with their names; as
    many as have room in so many columns, of which `MOST_COLUMNS` are taken. `plain` is for
    terminals that show nothing beyond ASCII. Empty without a curve of two points, or room."""
    drawn = [one for one in curves if len(one.points) >= 2]
    columns = min(columns, MOST_COLUMNS)
    drawn = drawn[: max(0, columns // _LEAST_COLUMNS)]
    if not drawn:
        return []
    width = (columns - _GAP * (len(drawn) - 1)) // len(drawn)
    blocks = [_block(one, width, rows, plain) for one in drawn]
    return [(" " * _GAP).join(parts).rstrip() for parts in zip(*blocks, strict=True)]


def _block(one: Pictured, width: int, rows: int, plain: bool) -> list[str]:
    cells = width - _LABEL - 1
    means = _means(one.points, cells if plain else 2 * cells)
    low, high = min(means.values()), max(means.values())
    drawn = _drawing(means, Field(cells, rows, low, high), plain)
    labels = {0: one.value_text(high), rows - 1: one.value_text(low)}
    lines = [f"{labels.get(row, ''):>{_LABEL}} {text}" for row, text in enumerate(drawn)]
    end = f"epoch {one.points[-1][0]:.3g}"
    between = cells - len(end) - 2
    return [*lines, f"{'':{_LABEL}} 0{one.name[:between]:^{between}} {end}"]


class Field(NamedTuple):
    """Cells to draw into, and the values at its bottom and its top."""

    cells: int
    rows: int
    low: float
    high: float


def _means(points: Sequence[tuple[float, float]], across: int) -> dict[int, float]:
    """What is drawn in each of so many columns that has a point. The labels are of these too: the
    lowest batch of a noisy curve would be another figure than any that the run tells."""
    end = points[-1][0] or 1.0
    columns: dict[int, list[float]] = {}
    for epoch, value in points:
        columns.setdefault(min(across - 1, int(epoch / end * across)), []).append(value)
    return {column: fmean(values) for column, values in sorted(columns.items())}


def _drawing(means: dict[int, float], field: Field, plain: bool) -> list[str]:
    cells, rows, low, high = field
    down, span = rows if plain else _DOWN * rows, (high - low) or 1.0
    dots: set[tuple[int, int]] = set()
    before: tuple[int, int] | None = None
    for column, mean in means.items():
        at = column, round((high - mean) / span * (down - 1))
        dots |= _stroke(before or at, at)
        before = at
    if plain:
        return ["".join(" *"[(x, row) in dots] for x in range(cells)) for row in range(rows)]
    return ["".join(_braille(dots, x, row) for x in range(cells)) for row in range(rows)]


def _stroke(start: tuple[int, int], end: tuple[int, int]) -> set[tuple[int, int]]:
    """The dots from one to the other, without a gap."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return {
        (
            round(start[0] + (end[0] - start[0]) * step / steps),
            round(start[1] + (end[1] - start[1]) * step / steps),
        )
        for step in range(steps + 1)
    }


def _braille(dots: set[tuple[int, int]], cell: int, row: int) -> str:
    bits = sum(
        bit
        for x, column in enumerate(_BITS)
        for y, bit in enumerate(column)
        if (2 * cell + x, _DOWN * row + y) in dots
    )
    return chr(0x2800 + bits) if bits else " "
