"""The monitor: one run, live."""

from collections.abc import Sequence
from typing import ClassVar

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
from cnntop.tui.widgets.notices import NoticesPanel
from cnntop.tui.widgets.panel import Panel
from cnntop.tui.widgets.progress import RunProgress
from cnntop.tui.widgets.split import FIX_KEY, SplitPanel
from cnntop.tui.widgets.too_small import TooSmall


class MonitorScreen(Screen[None]):
    """Shows what it is handed; what keys do is the app's affair."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "app.pause", "Pause / go on"),
        Binding(FIX_KEY, "app.fix", "Apply the fix"),
        Binding("q", "app.leave", "Stop or leave"),
        Binding("ctrl+c", "app.leave", show=False, priority=True),
        Binding("question_mark", "app.help", "Help", key_display="?"),
    ]

    def __init__(self, title: str, subtitle: str) -> None:
        super().__init__()
        self._title = title
        self._subtitle = subtitle

    def compose(self) -> ComposeResult:
        yield RunHeader(self._title, self._subtitle)
        yield RunProgress()
        with Horizontal(id="charts"):
            yield Chart("loss", _losses, figure)
            yield Chart("accuracy", _accuracies, percent)
        yield SplitPanel()
        yield HardwarePanel()
        yield NoticesPanel()
        yield TooSmall("The run goes on; q stops or leaves.")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.show(RunState(), 0.0)

    def show(self, state: RunState, now: float) -> None:
        """Hand every panel the run's state; `now` is on the stream's clock."""
        for panel in self.query(Panel):
            panel.show(state, now)


def _losses(state: RunState) -> Sequence[Series]:
    return Series("train", state.train_loss), Series("test", state.test_loss)


def _accuracies(state: RunState) -> Sequence[Series]:
    return Series("train", state.train_accuracy), Series("test", state.test_accuracy)
