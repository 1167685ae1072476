"""`cnntop compare -i`: the compare screen as a program of its own."""

from cnntop.core.errors import UsageError
from cnntop.core.runs.summary import read_rows
from cnntop.tui.compare import Question
from cnntop.tui.run_listing import RunListing
from cnntop.tui.screen_app import ScreenApp
from cnntop.tui.screen_driver import ScreenDriver
from cnntop.tui.screen_run import leave
from cnntop.tui.screens.compare import CompareScreen
from cnntop.tui.signals import StopSignals
from cnntop.tui.terminal import has_screen, let_go_of_lost, loss_signalled, mode_restorer

WAKE_SECONDS = 0.25


class CompareApp(ScreenApp):
    """Ends when its screen is left."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def on_mount(self) -> None:
        screen = CompareScreen([self._question.runs_dir], self._question)
        self.push_screen(screen, lambda _: self.exit())
        # A signal only leaves word, and does not wake a program that waits for its terminal.
        self.set_interval(WAKE_SECONDS, lambda: None)

    def action_leave(self) -> None:
        self.exit()


def compare_on_screen(question: Question) -> int:
    """Show the runs until the person leaves. Returns the exit code: 0, or that of a signal. Raises
    UsageError for what cannot be shown."""
    if question.form != "table":
        raise UsageError(f"--{question.form} prints, and -i opens a screen; keep one.")
    if question.group is not None:
        raise UsageError("-i shows runs, not groups of them; leave --group or -i out.")
    listing = RunListing(question)
    if question.runs or question.baseline:
        listing.asked_for(read_rows(question.runs_dir)[::-1])
    if not has_screen():
        raise UsageError(
            "-i needs a terminal to draw on, and there is none here (or TERM says it takes no "
            "escapes). Leave -i out to print the table."
        )
    app = CompareApp(question)
    app.driver_class = ScreenDriver
    with StopSignals(lambda: leave(app), mode_restorer()) as signals, loss_signalled():
        app.run()
    let_go_of_lost()
    return signals.exit_code or app.return_code or 0
