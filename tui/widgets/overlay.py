"""Several runs' curves in one picture, and the legend that says which is which."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widgets import Static

from cnntop.tui.widgets.panel import FAINT
from cnntop.tui.widgets.plot import MARGIN, Line, View, cells_of, plot_rows

_STEPS = (1.0, 2.0, 5.0, 10.0)
_MINUTE_STEPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0)


class LegendEntry(NamedTuple):
    """A run's line, and what is said of it: the value first, the rest as far as there is room."""

    line: Line
    value: str
    best: str
    difference: str
    details: str


class Overlay(Static):
    """The curves over a common axis, which begins at 0 and ends where the longest does. `cursor` is
    a place on it, or None."""

    def __init__(self) -> None:
        super().__init__(id="overlay", markup=False)
        self.cursor: float | None = None
        self._end = 0.0

    def show(
        self, lines: Sequence[Line], unit: str, value_text: Callable[[float | None], str],
        log: bool, smoothing: float,
    ) -> None:  # fmt: skip
        width, height = self.content_size
        if not width or height < 2:
            return
        self._end = max((line.points[-1].x for line in lines if line.points), default=0.0)
        view = View(0.0, self._end or 1.0, log, smoothing)
        drawn = [line for line in lines if line.points]
        if not drawn:
            self.update(Content.styled("  nothing of this was measured", FAINT), layout=False)
            return
        rows = plot_rows(drawn, view, width, height - 1, value_text, self.cursor)
        self.update(Content("\n").join([*rows, _axis(view, width, unit)]), layout=False)

    def move(self, by: int) -> None:
        """The cursor, by so many cells; it appears in the middle."""
        if not self._end:
            return
        cells = cells_of(self.content_size.width)
        if self.cursor is None:
            self.cursor = self._end / 2
            return
        self.cursor = min(self._end, max(0.0, self.cursor + by * self._end / cells))


def _axis(view: View, width: int, unit: str) -> Content:
    """Round places along the axis, each with its number below its cell."""
    cells = cells_of(width)
    line = [" "] * (MARGIN + cells + 1)
    step = _step(view.end / max(1, cells // 14), unit)
    free = 0
    for count in range(int(view.end / step) + 1):
        text = _tick(count * step, unit)
        at = MARGIN + min(cells - 1, int(count * step / view.end * cells))
        begin = min(max(free, at - len(text) // 2), len(line) - len(text))
        if begin < free:
            continue
        line[begin : begin + len(text)] = text
        free = begin + len(text) + 1
    return Content.styled("".join(line)[:width], FAINT)


def _step(least: float, unit: str) -> float:
    """A round one, that or more; of seconds, round as minutes and hours are."""
    if unit == "seconds" and least > 5:
        size = next(size for size in (1.0, 60.0, 3600.0, math.inf) if least <= 60 * size)
        if size != math.inf:
            return next(size * step for step in _MINUTE_STEPS if size * step >= least)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * step for step in _STEPS if power * step >= least * (1 - 1e-9))
    return step if unit == "seconds" else max(1.0, step)


def _tick(x: float, unit: str) -> str:
    if unit != "seconds":
        return f"{x:,.0f}"
    if x < 60:
        return f"{x:g} s"
    hours, minutes, rest = int(x // 3600), int(x // 60 % 60), int(x % 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Legend(Static):
    """A line for each run, or several runs on a line where there is no room for that."""

    def __init__(self) -> None:
        super().__init__(id="legend", markup=False)
        self.most_lines = 12
        self._shown: tuple[object, ...] = ()

    def show(self, entries: Sequence[LegendEntry], not_drawn: int) -> None:
        width = self.content_size.width or self.size.width
        if not width:
            return
        across = max(1, math.ceil((len(entries) + bool(not_drawn)) / self.most_lines))
        room = width // across
        longest = max((cell_len(entry.line.name) for entry in entries), default=0)
        texts = [_entry(entry, room, across > 1, longest) for entry in entries]
        if not_drawn:
            more = f" +{not_drawn} not drawn"
            texts.append(Content.styled(more.ljust(room)[:room], FAINT))
        down = math.ceil(len(texts) / across)
        lines = [Content("").join(texts[row::down]) for row in range(down)]
        self.update(Content("\n").join(lines))


def _entry(entry: LegendEntry, room: int, short: bool, longest: int) -> Content:
    """As much as fits: letter, name and value; then difference, best, what the run is."""
    value = entry.value.rjust(9)
    name_room = room - len(value) - 7
    if not short:
        name_room = min(max(12, room // 3), longest, name_room)
    name = entry.line.name
    if cell_len(name) > name_room:
        name = set_cell_size(name, max(0, name_room - 1)) + "…"
    name += " " * (name_room - cell_len(name))
    said = Content.assemble(
        (f" {entry.line.mark} ━ ", f"bold {entry.line.style}"), name, " ", (value, "bold")
    )
    if not short:
        for more, width in ((entry.difference, 14), (entry.best, 15), (entry.details, 0)):
            if said.cell_length + 2 + max(width, len(more)) <= room:
                said = Content.assemble(said, (f"  {more:<{width}}", FAINT))
    return said.pad_right(max(0, room - said.cell_length))
