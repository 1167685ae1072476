"""Where the time went over the run: the four parts stacked, told apart by texture and colour."""

from collections.abc import Sequence
from itertools import groupby

from textual.content import Content

from cnntop.core.curve import Bin
from cnntop.core.run_state import RunState
from cnntop.core.split import PARTS
from cnntop.tui.axis_view import AxisView
from cnntop.tui.format import percent
from cnntop.tui.widgets import axis_panel
from cnntop.tui.widgets.axis_panel import AxisPanel, bin_at, bins_of
from cnntop.tui.widgets.panel import FAINT, FILL, STYLES, Frame
from cnntop.tui.widgets.plot import Parts, Plot, View, cells_of

PLAIN_FILL = {"wait": "w", "transfer": "t", "compute": "c", "other": "o"}

Shares = tuple[float, ...]
"""Of the parts, in their order; they sum to 1."""


class PartsChart(AxisPanel):
    """Wait on top, as what can be done something about; the rest below it in the usual order."""

    def __init__(self, name: str, axis: AxisView, title: str = "split") -> None:
        super().__init__(name, axis)
        self._title = title
        self._drawn: tuple[object, ...] = ()
        self._plot: Plot | None = None

    @property
    def _fill(self) -> dict[str, str]:
        return PLAIN_FILL if self._axis.plain else FILL

    def draw(self, state: RunState, frame: Frame) -> Sequence[Content]:
        title = self._heading(state, frame.width)
        if frame.height < 2:
            return [title]
        if not state.parts[PARTS[0]].bins:
            self._drawn = ()
            return [title, Content.styled("  no step yet", FAINT)]
        fine, view = self._axis.source(), self._axis.view
        moment = int(frame.now / axis_panel.REDRAW_SECONDS)
        occasion = (id(state), id(fine), moment, frame.width, frame.height, view,
                    self._axis.changes, len(state.parts[PARTS[0]].bins) < 2)  # fmt: skip
        if occasion != self._drawn or self._plot is None:
            self._drawn = occasion
            cells = cells_of(frame.width)
            columns = _columns(self._axis, fine, state, view, cells)
            rows = _rows(columns, frame.height - 1, self._fill)
            self._plot = Plot(tuple(rows), view, cells, self._axis.plain)
        return [title, *self._plot.content(self._axis.cursor)]

    def readout(self, state: RunState) -> list[tuple[str, str]]:
        shares = self._shares(state)
        return [] if shares is None else [
            (name, percent(share)) for name, share in zip(PARTS, shares, strict=True)
        ]  # fmt: skip

    def _heading(self, state: RunState, width: int) -> Content:
        parts: list[tuple[str, str]] = [(f" {self._title}", "bold")]
        shares = self._shares(state)
        for number, name in enumerate(PARTS):
            text = percent(shares[number] if shares else None, 1 if width >= 90 else 0)
            gap = "   " if width >= 70 else " "
            parts += [(f"{gap}{self._fill[name]}", STYLES[name]), (f" {name} ", FAINT)]
            parts.append((text, "bold"))
        return Content.assemble(*parts)

    def _shares(self, state: RunState) -> Shares | None:
        """At the cursor, else of the newest steps, and of all of a run that is over."""
        axis, cursor = self._axis, self._axis.cursor
        if cursor is None:
            newest = None if state.ended else _split([*state.recent_split[0].parts().values()])
            return newest or _split([*state.split.parts().values()])
        fine = axis.source()
        found = [bin_at(axis, bins_of(fine.parts[name], state.parts[name]), cursor)
                 for name in PARTS]  # fmt: skip
        totals = [one.total for one in found if one is not None]
        return _split(totals) if len(totals) == len(PARTS) else None


def _split(seconds: Sequence[float]) -> Shares | None:
    total = sum(seconds)
    return tuple(one / total for one in seconds) if total > 0 else None


def _columns(
    axis: AxisView, fine: RunState, state: RunState, view: View, cells: int
) -> list[Shares | None]:
    """Each cell's split: of all that ends in it, else of the bin that it lies in; None beyond the
    first and the last."""
    curves = [bins_of(fine.parts[name], state.parts[name]) for name in PARTS]
    gathered: list[list[float] | None] = [None] * cells
    after: Sequence[Bin] | None = None
    for bins in zip(*curves, strict=True):
        x = axis.x_of(bins[0])
        if x > view.end:
            after = bins
            break
        cell = view.cell(x, cells)
        if cell is not None:
            so_far = gathered[cell] or [0.0] * len(PARTS)
            gathered[cell] = [was + one.total for was, one in zip(so_far, bins, strict=True)]
    columns: list[Shares | None] = [None] * cells
    following = _split([one.total for one in after]) if after else None
    for cell in range(cells - 1, -1, -1):
        here = gathered[cell]
        following = (_split(here) or following) if here is not None else following
        columns[cell] = following
    return columns


def _rows(
    columns: Sequence[Shares | None], height: int, fill: dict[str, str]
) -> list[tuple[str, Parts]]:
    names = [*PARTS, ""]
    filled = [_stack(shares, height) for shares in columns]
    rows: list[tuple[str, Parts]] = []
    for row in range(height):
        owners = [stack[row] for stack in filled]
        stretches = [(names[owner], len(list(group))) for owner, group in groupby(owners)]
        label = {0: "100 %", height - 1: "0 %"}.get(row, "") if height > 1 else ""
        rows.append((label, tuple((fill.get(name, " ") * count, STYLES.get(name, ""))
                                  for name, count in stretches)))  # fmt: skip
    return rows


def _stack(shares: Shares | None, height: int) -> list[int]:
    """Which part each row of a column shows, from the top; the number after the last for none."""
    if shares is None:
        return [len(PARTS)] * height
    exact = [share * height for share in shares]
    rows = [int(one) for one in exact]
    # What is left goes to those that lack most: in few rows a small part must not look like half.
    lacking = sorted(range(len(shares)), key=lambda number: rows[number] - exact[number])
    for number in lacking[: height - sum(rows)]:
        rows[number] += 1
    return [number for number, count in enumerate(rows) for _ in range(count)]
