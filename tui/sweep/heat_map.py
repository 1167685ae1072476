"""The grid of a sweep as a table of accuracies, for the screen and for lines."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from cnntop.core.sweep.definition import Definition, axis, cell_label, value_text
from cnntop.core.sweep.ranking import Ranked

LEVELS = 5
LEGEND = "% best test accuracy, mean over seeds   * best   ▶ runs   ~ seeds missing   · to come"
_CELL = 7


@dataclass(frozen=True)
class HeatCell:
    """`level` is how good it is among the others, 0 to `LEVELS` - 1, None where there is nothing
    yet. The text alone says it all."""

    text: str
    level: int | None = None
    best: bool = False


@dataclass(frozen=True)
class HeatMap:
    corner: str
    columns: list[str]
    rows: list[tuple[str, list[HeatCell]]]


def heat_map(definition: Definition, ranked: Sequence[Ranked]) -> HeatMap:
    """The last axis across, the product of the others down; a single axis goes down."""
    axes = list(definition.grid.items())
    down, across = (axes[:-1], axes[-1:]) if len(axes) > 1 else (axes, [])
    levels = _levels(ranked)
    by_cell = {one.cell: one for one in ranked}
    best = next((one.cell for one in ranked if one.accuracy is not None), None)
    rows = []
    for values in itertools.product(*(values for _, values in down)):
        fixed = dict(zip((path for path, _ in down), values, strict=True))
        cells = []
        for value in across[0][1] if across else [None]:
            place = fixed | {across[0][0]: value} if across else fixed
            cell = cell_label(place)
            cells.append(HeatCell(_text(by_cell[cell], cell == best), levels[cell], cell == best))
        rows.append((" ".join(value_text(value) for value in values) or definition.preset, cells))
    corner = " ".join(axis(path) for path, _ in down)
    if across:
        corner = f"{corner} \\ {axis(across[0][0])}"
    columns = [value_text(value) for value in across[0][1]] if across else ["best"]
    return HeatMap(corner, columns, rows)


def _levels(ranked: Sequence[Ranked]) -> dict[str, int | None]:
    known = [one.accuracy for one in ranked if one.accuracy is not None]
    low, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)
    levels: dict[str, int | None] = {}
    for one in ranked:
        if one.accuracy is None:
            levels[one.cell] = None
        else:
            share = (one.accuracy - low) / span if span > 0 else 1.0
            levels[one.cell] = min(LEVELS - 1, int(LEVELS * share))
    return levels


_TO_GO_ON = ("to come", "starting", "running", "interrupted")


def _text(one: Ranked, best: bool) -> str:
    active = any(run.active for run in one.runs)
    if one.accuracy is None:
        failed = any(run.status not in _TO_GO_ON for run in one.runs)
        return "▶" if active else "✖" if failed else "·"
    mark = "▶" if active else "~" if one.scored < len(one.runs) else ""
    if one.cut_after is not None:
        mark = "c"
    return f"{mark}{100 * one.accuracy:.1f}{'*' if best else ''}"


@dataclass(frozen=True)
class Layout:
    """How much of a heat map fits, and how wide its parts are."""

    label: int
    cell: int
    columns: int
    rows: int


def layout(map_: HeatMap, width: int, height: int) -> Layout:
    """For `height` lines with the heading; a sign of what is cut takes a column or a line."""
    cell = max(_CELL, *(len(name) + 2 for name in map_.columns))
    label = min(max(len(map_.corner), *(len(name) for name, _ in map_.rows)) + 1, width // 2)
    columns = len(map_.columns)
    if label + columns * cell > width:
        columns = max(1, (width - label - 2) // cell)
    rows = len(map_.rows)
    if rows + 1 > height:
        rows = max(0, height - 2)
    return Layout(label, cell, columns, rows)


def text_lines(map_: HeatMap, width: int) -> list[str]:
    """All rows, for lines; columns that do not fit are counted."""
    fitted = layout(map_, width, len(map_.rows) + 1)
    lines = [heading(map_, fitted)]
    for name, cells in map_.rows:
        shown = "".join(cell.text.rjust(fitted.cell) for cell in cells[: fitted.columns])
        lines.append(row_label(name, fitted) + shown)
    missing = len(map_.columns) - fitted.columns
    return [*lines, f"({missing} columns did not fit)"] if missing else lines


def heading(map_: HeatMap, fitted: Layout) -> str:
    names = "".join(name.rjust(fitted.cell) for name in map_.columns[: fitted.columns])
    more = " …" if fitted.columns < len(map_.columns) else ""
    return row_label(map_.corner, fitted) + names + more


def row_label(name: str, fitted: Layout) -> str:
    if len(name) > fitted.label:
        name = name[: fitted.label - 1] + "…"
    return name.ljust(fitted.label)
