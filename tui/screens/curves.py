"""Curves of several runs laid over each other, by step, epoch or time."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer

from cnntop.core.analysis.columns import is_fraction, is_lower_better
from cnntop.core.runs.curve_reader import METRICS, CurveReader, Curves, Unit
from cnntop.core.text import printable
from cnntop.tui.axis_view import SMOOTHINGS, smoothing_after
from cnntop.tui.dialog import DismissedOnce
from cnntop.tui.format import clock, duration, figure, percent, rate
from cnntop.tui.run_listing import Chosen
from cnntop.tui.screens.compare_help import CURVES
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.widgets.letters import LETTER_STYLES, LETTERS
from cnntop.tui.widgets.overlay import Legend, LegendEntry, Overlay
from cnntop.tui.widgets.plot import Line, Point
from cnntop.tui.widgets.text_line import TextLine
from cnntop.tui.widgets.too_small import TooSmall

LOOK_SECONDS = 3.0
UNITS: tuple[Unit, ...] = ("epoch", "seconds", "step")

_NAMES = {"epoch": "epoch", "seconds": "time of training", "step": "step"}


class CurvesScreen(DismissedOnce, Screen[None]):
    """Of the chosen runs; `not_drawn` is how many more were marked. Reads them in a thread."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "metric(1)", "Figure", key_display="Tab"),
        Binding("shift+tab", "metric(-1)", show=False),
        Binding("x", "unit", "Axis"),
        Binding("l", "log", "Log"),
        Binding("m", "smoothing", "Smooth"),
        Binding("left", "cursor(-1)", "Cursor", key_display="←→"),
        Binding("right", "cursor(1)", show=False),
        Binding("shift+left", "cursor(-10)", show=False),
        Binding("shift+right", "cursor(10)", show=False),
        Binding("escape", "back", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "app.leave", show=False),
        Binding("ctrl+c", "app.leave", show=False, priority=True),
    ]
    CSS = """
    CurvesScreen { layout: vertical; }
    #curves-title { height: 1; background: $panel; }
    #overlay { height: 1fr; background: $surface; }
    #legend { height: auto; background: $surface; }
    .-tiny > #overlay, .-narrow > #overlay, .-tiny > #legend, .-narrow > #legend,
    .-tiny > #curves-title, .-narrow > #curves-title { display: none; }
    """

    class Read(Message):
        """Curves that are new, by letter."""

        def __init__(self, curves: dict[str, Curves]) -> None:
            super().__init__()
            self.curves = curves

    def __init__(self, chosen: Sequence[Chosen], not_drawn: int) -> None:
        super().__init__()
        self._chosen = chosen
        self._not_drawn = not_drawn
        self._readers = {one.letter: CurveReader(one.folder) for one in chosen}
        self._curves: dict[str, Curves] = {}
        self._reading = False
        self._metric = METRICS[0]
        self._unit: Unit = UNITS[0]
        self._logarithmic = False
        self._smoothing = "none"
        self._title = TextLine("curves-title")
        self._overlay = Overlay()
        self._legend = Legend()

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._overlay
        yield self._legend
        yield TooSmall("Esc goes back.")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._show()
        self._look()
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        if not self._reading:
            self._reading = True
            self.run_worker(self._read, thread=True)

    def _read(self) -> None:
        """In a thread, since a log may be long."""
        read = {letter: reader.read() for letter, reader in self._readers.items()}
        new = {letter: curves for letter, curves in read.items() if curves is not None}
        self.post_message(self.Read(new))

    def on_curves_screen_read(self, message: Read) -> None:
        self._reading = False
        if message.curves:
            self._curves |= message.curves
            self._show()

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    def action_metric(self, by: int) -> None:
        self._metric = METRICS[(METRICS.index(self._metric) + by) % len(METRICS)]
        self._show()

    def action_unit(self) -> None:
        self._unit = UNITS[(UNITS.index(self._unit) + 1) % len(UNITS)]
        self._overlay.cursor = None
        self._show()

    def action_log(self) -> None:
        self._logarithmic = not self._logarithmic
        self._show()

    def action_smoothing(self) -> None:
        self._smoothing = smoothing_after(self._smoothing)
        self._show()

    def action_cursor(self, by: int) -> None:
        self._overlay.move(by)
        self._show()

    def action_back(self) -> None:
        if self._overlay.cursor is None:
            self.dismiss()
            return
        self._overlay.cursor = None
        self._show()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(CURVES))

    def _show(self) -> None:
        lines = [self._line(one) for one in self._chosen]
        smoothing = SMOOTHINGS[self._smoothing]
        self._overlay.show(lines, self._unit, self._text, self._logarithmic, smoothing)
        self._legend.most_lines = max(2, self.size.height // 2 - 2)
        self._legend.show([*map(self._entry, self._chosen, lines)], self._not_drawn)
        at = self._overlay.cursor
        where = f"at {_NAMES[self._unit]} {position_text(self._unit, at)}" if at is not None else ""
        waiting = "" if len(self._curves) == len(self._chosen) else "reading …  "
        how = [f"by {_NAMES[self._unit]}"]
        how += ["log scale"] * self._logarithmic
        how += [f"{self._smoothing} smoothing"] * (self._smoothing != "none")
        self._title.show(
            Content.assemble(
                (" cnntop ", "bold $text-primary on $primary-muted"),
                (f" {self._metric.replace('_', ' ')}", "bold"),
                f" {', '.join(how)}",
            ),
            Content(f"{waiting}{where} "),
        )

    def _line(self, one: Chosen) -> Line:
        moments = self._curves.get(one.letter, {}).get(self._metric, ())
        style = LETTER_STYLES[LETTERS.index(one.letter)]
        points = [Point(getattr(m, self._unit), m.low, m.mean, m.high) for m in moments]
        return Line(printable(one.row["name"]), one.letter, style, points)

    def _entry(self, one: Chosen, line: Line) -> LegendEntry:
        """With the value at the cursor, else the last one; beside it the best, and the difference
        to the baseline's."""
        value = self._value(line)
        base = next((self._line(each) for each in self._chosen if each.is_baseline), None)
        base_value = self._value(base) if base is not None else None
        means = [point.mean for point in line.points]
        best = (min if is_lower_better(self._metric) else max)(means, default=None)
        return LegendEntry(
            line, self._text(value), f"best {self._text(best)}",
            "baseline" if one.is_baseline else self._difference(value, base_value),
            f"{one.row['model']} · {one.row['dataset']} · batch {one.row['batch_size']}"
            f" · {one.row['status']}",
        )  # fmt: skip

    def _value(self, line: Line) -> float | None:
        at = self._overlay.cursor
        before = [point for point in line.points if at is None or point.x <= at]
        if not before or (at is not None and line.points[-1].x < at):
            return None  # the run did not get so far, or was not measured yet
        return before[-1].mean

    def _difference(self, value: float | None, base: float | None) -> str:
        if value is None or base is None:
            return ""
        if is_fraction(self._metric):
            return f"{100 * (value - base):+.2f} points"
        return f"{value / base:.3g}x" if base else ""

    def _text(self, value: float | None) -> str:
        if self._metric.endswith("_accuracy"):
            return percent(value, 2)
        if self._metric == "images_per_second":
            return rate(value)
        return duration(value) if self._metric == "epoch_seconds" else figure(value)


def position_text(unit: Unit, x: float) -> str:
    """A place on the axis."""
    if unit == "seconds":
        return clock(x)
    return f"{x:,.0f}" if unit == "step" else f"{x:.4g}"
