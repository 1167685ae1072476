"""A run on the screen: before it, after it, and the signals in between."""

from cnntop.tui.app import CnntopApp
from cnntop.tui.launch import Launch
from cnntop.tui.plain import PlainPrinter, print_line
from cnntop.tui.plain_run import outcome
from cnntop.tui.signals import StopSignals
from cnntop.tui.terminal import mode_restorer


def run_on_screen(launch: Launch) -> int:
    """Open the screen, train, and leave the summary in the ordinary terminal.

    Returns the exit code. Raises the CnntopError that ended the run.
    """
    app = CnntopApp(launch)

    def stop() -> None:
        if app.handle is not None:
            app.handle.control.stop("interrupted")
        app.call_later(app.exit)

    with StopSignals(stop, mode_restorer()) as signals:
        app.run()
        handle = app.handle
        if handle is None:
            return signals.exit_code or app.return_code or 0
        printer = PlainPrinter(handle, app.state)
        if app.detached:
            print_line("cnntop: the screen is closed, training goes on; Ctrl-C stops it.")
        printer.follow()
    return outcome(handle, signals, app.launch)
