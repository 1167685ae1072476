"""The sweep's screen: the grid as a heat map, the ranking, the run under way, the time to go."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from cnntop.core.run_state import RunState
from cnntop.core.sweep.progress import SETTLED, PointState, SweepState
from cnntop.core.sweep.ranking import Ranked, ranking
from cnntop.core.text import printable
from cnntop.tui.format import clock, percent
from cnntop.tui.sweep.heat_map import HeatCell, heading, heat_map, layout, row_label
from cnntop.tui.sweep.pages import ranked_figures
from cnntop.tui.widgets.panel import FAINT, spread
from cnntop.tui.widgets.progress import RunProgress
from cnntop.tui.widgets.split import SplitPanel
from cnntop.tui.widgets.too_small import TooSmall

_GROUNDS = ("", "on $primary 20%", "on $primary 35%", "on $primary 50%", "on $primary 70%")
_LEGEND = "* best   ▶ runs   ~ seeds missing   c cut   ✖ failed   · to come"


def under_way(sweep: SweepState) -> PointState | None:
    """The run that is shown of those alive: one that trains rather than one that starts."""
    active = sorted(sweep.active, key=lambda one: one.status != "running")
    return active[0] if active else None


class Lines(Static):
    """Text cut to its size; what is cut at the right ends in a sign of it, below in a count."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name, markup=False)
        self._given: list[Content] = []

    def show(self, lines: Sequence[Content], cut: bool = True) -> None:
        width, height = self.content_size
        fitted = [line.truncate(width, ellipsis=True) for line in lines]
        if cut and height and len(fitted) > height:
            more = len(fitted) - height + 1
            fitted = [*fitted[: height - 1], Content.styled(f" … {more} more", FAINT)]
        if len(fitted) != len(self._given) or not all(
            new.is_same(old) for new, old in zip(fitted, self._given, strict=True)
        ):
            self._given = fitted
            self.update(Content("\n").join(fitted))


class SweepScreen(Screen[None]):
    """Shows what it is handed; what keys do is the app's affair."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,enter", "app.monitor", "Watch the run", key_display="w"),
        Binding("q", "app.leave", "Stop or leave"),
        Binding("d", "app.detach", show=False),
        Binding("p,f", "app.refuse", show=False),
        Binding("ctrl+c", "app.leave", show=False, priority=True),
        Binding("question_mark", "app.help", "Help", key_display="?"),
    ]
    CSS = """
    SweepScreen { layout: vertical; }
    #sweep-header { height: 2; background: $panel; }
    #sweep-results { height: 1fr; layout: vertical; }
    #sweep-map { height: auto; background: $surface; }
    #sweep-ranking { height: 1fr; background: $surface; }
    #sweep-now { height: 1; }
    SweepScreen #progress { margin: 0; }
    SweepScreen #split { height: 6; margin: 0; background: $surface; }
    SweepScreen.-tall #split { height: 8; }
    SweepScreen.-short #split { height: 3; }
    SweepScreen.-short #sweep-header { height: 1; }
    SweepScreen.-tiny > Lines, SweepScreen.-narrow > Lines { display: none; }
    SweepScreen.-tiny #sweep-results, SweepScreen.-narrow #sweep-results { display: none; }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._header = Lines("sweep-header")
        self._results = Container(id="sweep-results")
        self._map = Lines("sweep-map")
        self._ranking = Lines("sweep-ranking")
        self._now = Lines("sweep-now")
        self._progress = RunProgress()
        self._split = SplitPanel()
        self._shown: tuple[SweepState, float | None, str, RunState, float] | None = None

    def compose(self) -> ComposeResult:
        yield self._header
        with self._results:
            yield self._map
            yield self._ranking
        yield self._now
        yield self._progress
        yield self._split
        yield TooSmall("The sweep goes on; q stops or leaves.")
        yield Footer(show_command_palette=False)

    def show(
        self, sweep: SweepState, left: float | None, standing: str, run: RunState, now: float
    ) -> None:
        """`left` is the seconds to go, `standing` a word on the sweep, `run` the run under way at
        `now` on its stream's clock."""
        self._shown = (sweep, left, standing, run, now)
        ranked = ranking(sweep)
        small = self.has_class("-short")
        header = self._header_lines(sweep, left, standing)
        self._header.show(header[:1] if small else header)
        self._map.show(self._map_lines(sweep, ranked), cut=False)
        lines = _ranking_lines(ranked)
        self._ranking.show(lines[1:] if small else lines)
        self._now.show([_now_line(sweep, self._now.content_size.width)])
        self._progress.show(run, now)
        self._split.show(run, now)

    def on_resize(self, _event: events.Resize) -> None:
        if self._shown is not None:
            self.call_after_refresh(self._again)

    def _again(self) -> None:
        if self._shown is not None:
            self.show(*self._shown)

    def _header_lines(self, sweep: SweepState, left: float | None, standing: str) -> list[Content]:
        width = self._header.content_size.width
        settled = sum(sweep.counts()[status] for status in SETTLED)
        title = Content.assemble(
            (" cnntop sweep ", "bold $text-primary on $primary-muted"), " ", (self._title, "bold")
        )
        eta = f"  ETA {clock(left)}" if sweep.active else ""
        right = Content.assemble(
            (standing, "bold"), f"  {settled}/{len(sweep.points)} runs", (eta, "bold")
        )
        definition = sweep.definition
        seeds = f"{definition.seeds} seed{'s' * (definition.seeds != 1)}"
        axes = " x ".join(definition.axes) or "no grid"
        details = f" {definition.preset} · {axes} · {seeds} · best test accuracy in %"
        return [spread(title, right, width), Content.styled(details, FAINT)]

    def _map_lines(self, sweep: SweepState, ranked: Sequence[Ranked]) -> list[Content]:
        map_ = heat_map(sweep.definition, ranked)
        # Its own height follows from its lines; what is left of the results' is the ranking's.
        small = self.has_class("-short")
        room = self._results.content_size.height
        most = room - 2 if small else room * 6 // 10 - 1
        fitted = layout(map_, self._map.content_size.width - 1, max(3, most))
        lines = [Content.styled(f" {heading(map_, fitted)}", FAINT)]
        for name, cells in map_.rows[: fitted.rows]:
            shown = [_drawn(cell, fitted.cell) for cell in cells[: fitted.columns]]
            lines.append(Content.assemble(f" {row_label(name, fitted)}", *shown))
        missing = len(map_.rows) - fitted.rows
        if missing:
            lines.append(Content.styled(f" … {missing} more rows", FAINT))
        return lines if small else [*lines, Content.styled(f" {_LEGEND}", FAINT)]


def _drawn(cell: HeatCell, width: int) -> tuple[str, str]:
    style = _GROUNDS[cell.level] if cell.level is not None else FAINT
    return cell.text.rjust(width), f"bold {style}" if cell.best else style


def _ranking_lines(ranked: Sequence[Ranked]) -> list[Content]:
    known = [one for one in ranked if one.accuracy is not None]
    if not known:
        return [
            Content.styled(" ranking", "bold"),
            Content.styled("  no run has been evaluated yet", FAINT),
        ]
    width = max(len(one.cell) for one in known)
    lines = [Content.styled(" ranking, by the accuracy reached inside the limit", "bold")]
    for place, one in enumerate(known, 1):
        text = f" {place:>3}. {one.cell:<{width}}  {ranked_figures(one)}"
        lines.append(Content.styled(text, "bold" if place == 1 else ""))
    return lines


def _now_line(sweep: SweepState, width: int) -> Content:
    one = under_way(sweep)
    if one is None:
        return Content.styled(" no run is under way", FAINT)
    others = len(sweep.active) - 1
    more = f"   and {others} more" if others else ""
    left = Content.assemble((f" ▶ {printable(one.point.label)}", "bold"), (more, FAINT))
    figures = f"{one.status}, best {percent(one.accuracy, 2)}, {clock(one.eta_seconds)} to go"
    return spread(left, Content.styled(figures, FAINT), width)
