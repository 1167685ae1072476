"""Curves drawn into rows of characters. Pure functions: points in, styled text out.

Our own, because it is small and must cost next to nothing: textual-plot needs a widget tree of its
own, fails without colour and has no logarithmic scale; a sparkline shows one curve on one line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from textual.content import Content

from cnntop.tui.widgets.braille import ASCII, BRAILLE, Field, Grid, Layers, bands, strokes
from cnntop.tui.widgets.columns import Column, Point, View, ends, gathered, smoothed
from cnntop.tui.widgets.panel import FAINT

__all__ = [
    "MARGIN", "STROKE", "Line", "Plot", "Point", "View", "cells_of", "draw", "plot_rows", "sign",
]  # fmt: skip

MARGIN = 9
"""Cells left of a plot, for the values at its top and bottom. At the right one is left free."""

STROKE = "━"
"""The mark of a line that needs none: others have theirs set on them every few cells."""

_MARK_CELLS = 6
_PLAIN = {STROKE: "*", "•": "o", "◆": "+", "◌": "g", "▲": "^", "×": "x"}
_PLAIN_BAND = ":"

Parts = tuple[tuple[str, str], ...]
"""Text and style, one after the other."""
ValueText = Callable[[float | None], str]


@dataclass(frozen=True)
class Line:
    """A curve, its points with `x` never falling, and how to name, mark and colour it."""

    name: str
    mark: str
    style: str
    points: Sequence[Point]


class Plot(NamedTuple):
    """A plot without a cursor: label and parts of each row, for `view` in `cells` columns."""

    rows: tuple[tuple[str, Parts], ...]
    view: View
    cells: int
    plain: bool = False

    def content(self, cursor_x: float | None = None) -> list[Content]:
        cell = None if cursor_x is None else self.view.cell(cursor_x, self.cells)
        if cell is None:
            return [_row(label, parts) for label, parts in self.rows]
        return [_row(label, with_cursor(parts, cell, self.plain)) for label, parts in self.rows]


def plot_rows(
    lines: Sequence[Line], view: View, width: int, height: int, value_text: ValueText,
    cursor_x: float | None = None, *, plain: bool = False,
    bounds: tuple[float, float] | None = None,
) -> list[Content]:  # fmt: skip
    """`height` rows of `width` cells. The band between each point's least and most value is faint,
    so that a spike stays visible however many points a cell stands for; the mean over it is not.

    `bounds` are the ends of the vertical axis, else they follow from the values. `plain` is for
    terminals that show nothing beyond ASCII. Values that are not finite are left out.
    """
    return draw(lines, view, width, height, value_text, plain, bounds).content(cursor_x)


def cells_of(width: int) -> int:
    """How many cells of a row of `width` a plot has for its curves."""
    return max(1, width - MARGIN - 1)


def sign(mark: str, plain: bool) -> str:
    """The mark of a line as it is drawn."""
    return mark if not plain or mark.isascii() else _PLAIN.get(mark, "*")


def draw(
    lines: Sequence[Line], view: View, width: int, height: int, value_text: ValueText,
    plain: bool = False, bounds: tuple[float, float] | None = None,
) -> Plot:  # fmt: skip
    """As `plot_rows`, to be kept: with another cursor it need not be drawn again."""
    cells = cells_of(width)
    if height < 1:
        return Plot((), view, cells, plain)
    grid = ASCII if plain else BRAILLE
    found = [(line, gathered(line.points, view, grid.across * cells)) for line in lines]
    drawn = [(line, columns) for line, columns in found if columns]
    if plain:  # one character a cell: a marked line still shows by its marks where it is below
        drawn.sort(key=lambda pair: pair[0].mark == STROKE)
    if not drawn:
        nothing = "no value above 0 here" if view.log else "no value here"
        blank: tuple[str, Parts] = ("", ((" " * cells, ""),))
        rows = [("", ((nothing[:cells].ljust(cells), FAINT),)), *[blank] * (height - 1)]
        return Plot(tuple(rows), view, cells, plain)
    if bounds is None or view.log:
        bounds = ends([columns for _, columns in drawn], view.log)
    field = Field(grid.across * cells, grid.down * height, *bounds)
    return Plot(tuple(_rows(drawn, field, view, grid, value_text)), view, cells, plain)


def _rows(
    drawn: Sequence[tuple[Line, list[Column]]], field: Field, view: View, grid: Grid,
    value_text: ValueText,
) -> list[tuple[str, Parts]]:  # fmt: skip
    height = field.down // grid.down
    means = [smoothed(columns, view.smoothing, field.across) for _, columns in drawn]
    layers = Layers(
        [bands([(c.at, c.low, c.high) for c in columns], field) for _, columns in drawn],
        [strokes(mean, field) for mean in means],
        grid,
        height,
    )
    lines = [line for line, _ in drawn]
    styles = [*(_faint(line.style) for line in lines), *(line.style for line in lines)]
    signs = [sign(line.mark, grid is ASCII) for line in lines]
    marks: dict[int, dict[int, tuple[str, int]]] = {}
    for number, ((line, columns), mean) in enumerate(zip(drawn, means, strict=True)):
        measured = [point for point, one in zip(mean, columns, strict=True) if one.measured]
        for row, cell in _marked(measured, field, grid) if line.mark != STROKE else ():
            marks.setdefault(row, {})[cell] = (signs[number], len(lines) + number)
    top, bottom = (10.0**end if view.log else end for end in (field.high, field.low))
    labels = {height - 1: value_text(bottom), 0: value_text(top)}
    if labels[0] == labels[height - 1]:  # of a curve that stays level, at the top
        labels = {0: labels[0]}
    rows = []
    for row in range(height):
        owners = layers.owners(row)
        if grid is ASCII:
            shown = [_PLAIN_BAND] * len(lines) + signs
            text = [shown[owner] if owner >= 0 else " " for owner in owners]
        else:
            text = layers.text(row)
        for cell, (mark, owner) in marks.get(row, {}).items():
            text[cell], owners[cell] = mark, owner
        rows.append((labels.get(row, "") if height > 1 else "", _stretches(text, owners, styles)))
    return rows


def _stretches(text: Sequence[str], owners: Sequence[int], styles: Sequence[str]) -> Parts:
    """The cells of a row as stretches of one style each; empty cells go with what is before."""
    stretches: list[tuple[str, str]] = []
    begin, current = 0, -1
    for cell, owner in enumerate(owners):
        if owner in (current, -1):
            continue
        if current >= 0:
            stretches.append(("".join(text[begin:cell]), styles[current]))
            begin = cell
        current = owner
    stretches.append(("".join(text[begin:]), styles[current] if current >= 0 else ""))
    return tuple(stretches)


def _marked(mean: Sequence[tuple[int, float]], field: Field, grid: Grid) -> list[tuple[int, int]]:
    """Row and column of the cells in which a line has its mark: at its points, where these are
    not too near to each other."""
    marked: list[tuple[int, int]] = []
    rows = field.rows([value for _, value in mean])
    for (at, _), row in zip(mean, rows, strict=True):
        cell = at // grid.across
        if not marked or cell - marked[-1][1] >= _MARK_CELLS:
            marked.append((row // grid.down, cell))
    return marked


def _faint(style: str) -> str:
    return f"{style} 45%" if style.startswith("$") and " " not in style else f"dim {style}".strip()


def with_cursor(parts: Parts, cell: int, plain: bool = False) -> Parts:
    """The parts with a cursor in this cell: a line where it is empty, else reversed."""
    done: list[tuple[str, str]] = []
    begin = 0
    for text, style in parts:
        at = cell - begin
        begin += len(text)
        if not 0 <= at < len(text):
            done.append((text, style))
            continue
        under = text[at]
        line = "|" if plain else "│"
        cursor = (line, "") if under == " " else (under, f"{style} reverse".strip())
        done += [(text[:at], style), cursor, (text[at + 1 :], style)]
    return tuple((text, style) for text, style in done if text)


@lru_cache(1024)
def _row(label: str, parts: Parts) -> Content:
    return Content.assemble((f"{label:>{MARGIN - 1}} ", FAINT), *parts)
