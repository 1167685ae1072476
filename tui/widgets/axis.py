"""The time axis itself: ticks, what happened, and what every chart says at the cursor."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from cnntop.core.marks import Kind, Mark
from cnntop.core.run_state import RunState
from cnntop.tui.axis_ticks import moment_text, ticks
from cnntop.tui.axis_view import AxisView
from cnntop.tui.widgets.axis_panel import AxisPanel
from cnntop.tui.widgets.panel import FAINT, Frame
from cnntop.tui.widgets.plot import MARGIN, View, cells_of


class Sign(NamedTuple):
    """How a kind of mark is drawn."""

    char: str
    plain: str
    style: str


SIGNS: dict[Kind, Sign] = {
    "nan": Sign("✖", "x", "bold $error"),
    "end": Sign("■", "#", "bold"),
    "fix": Sign("▲", "^", "bold $success"),
    "rate": Sign("↕", "~", "bold $secondary"),
    "extend": Sign("»", ">", "bold $secondary"),
    "resume": Sign("↻", "@", "bold $warning"),
    "pause": Sign("‖", "=", "bold $warning"),
    "checkpoint": Sign("◆", "*", "$accent"),
}
"""Where several fall into one cell, the first of these is drawn."""

_CHECKPOINT_CELLS = 3
"""Checkpoints nearer to each other than this are drawn as one."""


class AxisLine(AxisPanel):
    """A line with ticks and marks, their labels, and what `charts` read at the cursor or, without
    one, what the axis shows. With two lines only, the cursor's takes the place of the labels."""

    def __init__(self, name: str, axis: AxisView, charts: Sequence[AxisPanel]) -> None:
        super().__init__(name, axis)
        self._charts = charts

    def draw(self, state: RunState, frame: Frame) -> Sequence[Content]:
        cells = cells_of(frame.width)
        told = self._told(state, frame.width, frame.height)
        labels = self._labels(cells)
        lines = [self._rule(state, cells)]
        if frame.height == 1:
            return lines if self._axis.cursor is None else told[:1]
        if frame.height == 2:
            return [*lines, told[0] if self._axis.cursor is not None else labels]
        return [*lines, labels, *told]

    def _rule(self, state: RunState, cells: int) -> Content:
        plain = self._axis.plain
        view = self._axis.view
        line = [("-" if plain else "─", FAINT)] * cells
        for tick in ticks(self._axis, cells):
            if (cell := view.cell(tick.x, cells)) is not None:
                line[cell] = ("+" if plain else "┬", FAINT)
        for cell, kind in _placed(self._axis, state, view, cells).items():
            line[cell] = (SIGNS[kind].plain if plain else SIGNS[kind].char, SIGNS[kind].style)
        cursor = self._axis.cursor
        if cursor is not None and (cell := view.cell(cursor, cells)) is not None:
            char, style = line[cell]
            line[cell] = (char if style != FAINT else ("|" if plain else "┼"), "reverse")
        return Content.assemble((f"{self._axis.unit:>{MARGIN - 1}} ", FAINT), *_joined(line))

    def _labels(self, cells: int) -> Content:
        """Each under its tick, those that would overlap left out."""
        text = ""
        for tick in ticks(self._axis, cells):
            cell = self._axis.view.cell(tick.x, cells)
            if cell is None:
                continue
            at = min(max(0, cell - len(tick.text) // 2), cells - len(tick.text))
            if at > len(text) or not text:
                text = text.ljust(at) + tick.text
        return Content.styled(" " * MARGIN + text.ljust(cells + 1), FAINT)

    def _told(self, state: RunState, width: int, height: int) -> list[Content]:
        cursor = self._axis.cursor
        if cursor is None:
            return self._wrapped(self._standing(state), width, max(1, height - 2))
        pieces = [[(moment_text(self._axis, cursor), "bold")]]
        pieces += [[_shown(mark, self._axis.plain)] for mark in self._at_cursor(state)]
        for chart in self._charts:
            for name, value in chart.readout(state):
                pieces.append([(f"{name} ", FAINT), (value, "")])
        return self._wrapped(pieces, width, max(1, height - 2))

    def _standing(self, state: RunState) -> list[list[tuple[str, str]]]:
        """What is shown of the run, and the marks that there are."""
        axis = self._axis
        told = "whole run" if not axis.zoomed else "zoomed"
        if state.ended is None:
            told += ", follows the end" if axis.following else ", stands still (end: follow)"
        if axis.log:
            told += ", log scale"
        if axis.smoothing != "none":
            told += f", {axis.smoothing} smoothing"
        kinds = {mark.kind for mark in state.marks}
        legend = [[(f"{sign.plain if axis.plain else sign.char} ", sign.style), (kind, FAINT)]
                  for kind, sign in SIGNS.items() if kind in kinds]  # fmt: skip
        return [[(told, FAINT)], *legend]

    def _wrapped(
        self, pieces: Sequence[list[tuple[str, str]]], width: int, lines: int
    ) -> list[Content]:
        """The pieces side by side, as many as fit into so many lines; a sign where some do not."""
        shown: list[list[tuple[str, str]]] = [[]]
        used = 1
        for piece in pieces:
            room = sum(len(text) for text, _ in piece) + 2
            if used + room > width and shown[-1]:
                if len(shown) == lines:
                    shown[-1].append((" ..." if self._axis.plain else " …", FAINT))
                    break
                shown.append([])
                used = 1
            shown[-1] += [("  " if shown[-1] else " ", ""), *piece]
            used += room
        return [Content.assemble(*line) for line in shown]

    def _at_cursor(self, state: RunState) -> list[Mark]:
        cursor, view, cells = self._axis.cursor, self._axis.view, self._axis.cells
        assert cursor is not None
        here = view.cell(cursor, cells)
        marks = [mark for mark in state.marks if view.cell(self._axis.x_of(mark), cells) == here]
        return sorted(marks, key=lambda mark: list(SIGNS).index(mark.kind))[:3]


def _placed(axis: AxisView, state: RunState, view: View, cells: int) -> dict[int, Kind]:
    """What is drawn in which cell."""
    order = {kind: place for place, kind in enumerate(SIGNS)}
    placed: dict[int, Kind] = {}
    newest = -_CHECKPOINT_CELLS
    for mark in state.marks:
        cell = view.cell(axis.x_of(mark), cells)
        if cell is None:
            continue
        if mark.kind == "checkpoint":
            if cell - newest < _CHECKPOINT_CELLS:
                continue
            newest = cell
        if cell not in placed or order[mark.kind] < order[placed[cell]]:
            placed[cell] = mark.kind
    return placed


def _shown(mark: Mark, plain: bool) -> tuple[str, str]:
    sign = SIGNS[mark.kind]
    return f"{sign.plain if plain else sign.char} {mark.text}", sign.style


def _joined(line: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one style as one."""
    joined: list[tuple[str, str]] = []
    for char, style in line:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + char, style)
        else:
            joined.append((char, style))
    return joined
