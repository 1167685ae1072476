"""The monitor: one run, live."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer

from cnntop.core.run_state import RunState
from cnntop.tui.format import figure, percent
from cnntop.tui.widgets.chart import Chart, Series
from cnntop.tui.widgets.hardware import HardwarePanel
from cnntop.tui.widgets.header import RunHeader
from cnntop.tui.widgets.kept import Kept
from cnntop.tui.widgets.notices import NoticesPanel
from cnntop.tui.widgets.panel import Panel
from cnntop.tui.widgets.progress import RunProgress
from cnntop.tui.widgets.split import FIX_KEY, SplitPanel
from cnntop.tui.widgets.too_small import TooSmall

FIGURES_SECONDS = 1.0


class MonitorScreen(Screen[None], Kept):
    """Shows what it is handed; what keys do is the app's affair.

    What happens is drawn as soon as a state comes that tells of it, and while nothing trains, so is
    progress. Figures are drawn once a second: faster nobody reads them, and the training stands
    still for as long as they are drawn, because the two share the interpreter.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "app.pause", "Pause / go on"),
        Binding(FIX_KEY, "app.fix", "Apply the fix"),
        Binding("q", "app.leave", "Stop or leave"),
        Binding("d", "app.detach", show=False),
        Binding("ctrl+c", "app.leave", show=False, priority=True),
        Binding("question_mark", "app.help", "Help", key_display="?"),
    ]

    def __init__(self, title: str, subtitle: str) -> None:
        super().__init__()
        self._title = title
        self._subtitle = subtitle
        self._drawn: _Occasion | None = None
        self._progress = RunProgress()
        self._panels: list[Panel] = []

    def compose(self) -> ComposeResult:
        yield RunHeader(self._title, self._subtitle)
        yield self._progress
        with _Charts(id="charts"):
            yield Chart("loss", _losses, figure)
            yield Chart("accuracy", _accuracies, percent)
        yield SplitPanel()
        yield HardwarePanel()
        yield NoticesPanel()
        yield TooSmall("The run goes on; q stops or leaves.")
        yield _Keys(show_command_palette=False)

    def on_mount(self) -> None:
        self._panels = list(self.query(Panel))
        self.show(RunState(), 0.0)

    def show(self, state: RunState, now: float) -> None:
        """Hand the panels the run's state; `now` is on the stream's clock."""
        occasion = _Occasion.of(state, now)
        if occasion == self._drawn:
            if state.phase != "training":
                self._progress.show(state, now)
            return
        self._drawn = occasion
        for panel in self._panels:
            panel.show(state, now)


class _Charts(Horizontal, Kept):
    """Side by side."""


class _Keys(Footer, Kept):
    """The keys that work here."""


class _Occasion(NamedTuple):
    """The second, and what came last of all that happens now and then."""

    second: int
    state: int
    phase: str
    epoch: int
    fixes: int
    notices: int

    @classmethod
    def of(cls, state: RunState, now: float) -> "_Occasion":
        fixes = len(state.fixes) + len(state.fixes_measured)
        second = int(now / FIGURES_SECONDS)
        return cls(second, id(state), state.phase, state.epoch, fixes, len(state.notices))


def _losses(state: RunState) -> Sequence[Series]:
    return Series("train", state.train_loss), Series("test", state.test_loss)


def _accuracies(state: RunState) -> Sequence[Series]:
    return Series("train", state.train_accuracy), Series("test", state.test_accuracy)
