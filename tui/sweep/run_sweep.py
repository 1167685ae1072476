"""A sweep from its first run to its summary: on the screen or as lines, and the signals."""

from collections.abc import Sequence
from functools import partial

from cnntop.core.errors import UsageError
from cnntop.core.runs.summary import read_rows
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.forecast import Forecast
from cnntop.core.sweep.halving import due
from cnntop.core.sweep.scheduler import Scheduler
from cnntop.core.text import printable
from cnntop.tui.plain import print_line
from cnntop.tui.screen_driver import ScreenDriver
from cnntop.tui.screen_run import leave
from cnntop.tui.signals import StopSignals
from cnntop.tui.sweep.app import SweepApp
from cnntop.tui.sweep.child import command
from cnntop.tui.sweep.pages import summary_lines
from cnntop.tui.sweep.printer import SweepPrinter
from cnntop.tui.sweep.source import Source, WatchedSweep
from cnntop.tui.terminal import has_screen, let_go_of_lost, loss_signalled, mode_restorer


def run_sweep(folder: SweepFolder, devices: Sequence[str], plain: bool) -> int:
    """Run what is left of the sweep. Returns the exit code: 0 if every run came to a result or a
    person stopped the sweep, 1 if one failed, that of a signal. Raises CnntopError."""
    scheduler = Scheduler(folder, devices, partial(command, folder))
    forecast = Forecast(scheduler.state.definition, read_rows(folder.runs_dir))
    if not due(scheduler.state):
        print_line("every run of this sweep is done; --new starts it anew.")
        _tell_summary(scheduler)
        return 0
    on_screen = has_screen() and not plain
    restore = mode_restorer() if on_screen else lambda: None

    def at_once() -> None:
        scheduler.kill()
        restore()

    app = SweepApp(scheduler, forecast, own=True) if on_screen else None

    def stop() -> None:
        scheduler.stop()
        if app is not None:
            leave(app)

    def hang_up() -> None:
        if app is not None:
            leave(app)

    with StopSignals(stop, at_once, hang_up, over=lambda: scheduler.done) as signals:
        _start(scheduler)
        if app is not None:
            app.driver_class = ScreenDriver
            with loss_signalled():
                app.run()
            if app.stop_wanted:
                scheduler.stop()
            elif not scheduler.done and signals.received is None:
                print_line("cnntop: the screen is closed, the sweep goes on; Ctrl-C stops it.")
        SweepPrinter(scheduler, forecast).follow()
    if scheduler.error is not None:
        raise scheduler.error
    _tell_summary(scheduler)
    let_go_of_lost()
    if signals.exit_code is not None:
        return signals.exit_code
    return 1 if due(scheduler.state) and not scheduler.stopping else 0


def _start(scheduler: Scheduler) -> None:
    try:
        scheduler.start()
    except BlockingIOError:
        name = printable(scheduler.folder.path.name)
        raise UsageError(
            f"sweep {name} is running in another process. `cnntop sweep --watch {name}` shows it; "
            "--new starts another one beside it."
        ) from None


def watch_sweep(folder: SweepFolder, plain: bool) -> int:
    """Show a sweep of any process until the person leaves or, as lines, until it is over."""
    source = WatchedSweep(folder, len(folder.devices) or 1)
    forecast = Forecast(source.state.definition, read_rows(folder.runs_dir))
    source.start()
    code = 0
    if plain or not has_screen():
        SweepPrinter(source, forecast).follow()
    else:
        app = SweepApp(source, forecast, own=False)
        app.driver_class = ScreenDriver
        with StopSignals(lambda: leave(app), mode_restorer()) as signals, loss_signalled():
            app.run()
        code = signals.exit_code or 0
    _tell_summary(source)
    let_go_of_lost()
    return code


def _tell_summary(source: Source) -> None:
    for line in summary_lines(source.folder, source.state):
        print_line(line)
