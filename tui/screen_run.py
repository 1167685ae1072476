"""A run on the screen: before it, after it, and the signals in between."""

from textual.app import App

from cnntop.tui import collector
from cnntop.tui.app import CnntopApp
from cnntop.tui.launch import Launch
from cnntop.tui.look import Look
from cnntop.tui.screen_driver import ScreenDriver
from cnntop.tui.signals import HUNG_UP, StopSignals
from cnntop.tui.terminal import let_go_of_lost, loss_signalled, mode_restorer

_BUILDING_SECONDS = 0.02


def run_on_screen(launch: Launch, look: Look | None = None) -> int:
    """Open the screen, train, and leave the summary in the ordinary terminal.

    The terminal may hang up at any moment: the screen ends then, and training goes on. Returns
    the exit code. Raises the CnntopError that ended the run.
    """
    app = CnntopApp(launch, look)
    app.driver_class = ScreenDriver

    def stop() -> None:
        if app.handle is not None:
            app.handle.control.stop("interrupted")
        leave(app)

    def checkpoint() -> None:
        if app.handle is not None:
            app.handle.control.checkpoint()

    def over() -> bool:
        return app.handle is not None and app.handle.done

    signals = StopSignals(stop, mode_restorer(), lambda: leave(app), checkpoint, over)
    with signals, loss_signalled():
        app.run()
        collector.release()  # the screen may have ended before its first frame
        # Not before the first frame, which would wait for it.
        from cnntop.core.session import start_run
        from cnntop.tui.plain import PlainPrinter, print_line
        from cnntop.tui.plain_run import outcome

        if app.handle is None and app.launch.preset is not None and signals.hung_up:
            # The screen was gone before the run that was asked for had begun.
            app.handle = start_run(app.launch.request())
            app.state = app.handle.history()
        handle = app.handle
        if handle is None:
            let_go_of_lost()
            return signals.exit_code or (HUNG_UP if signals.hung_up else app.return_code or 0)
        if signals.received is not None:
            # The signal may have come while the run was being started, when none was there to stop.
            handle.control.stop("interrupted")
        if (app.detached or signals.hung_up) and not handle.done:
            # Whoever paused it has no screen any more to let it go on from. Only now, because the
            # screen may have had the key to pause still before it.
            handle.control.resume()
            print_line("cnntop: the screen is closed, training goes on; Ctrl-C stops it.")
        PlainPrinter(handle, app.state, app.race).follow()
    let_go_of_lost()
    return outcome(handle, signals, app.launch)


def leave(app: App[None]) -> None:
    """Have the app end as soon as it can. Called by signal handlers, also before it has begun.

    Textual fails with a traceback if it has to end while it builds a screen.
    """

    def exit_when_built() -> None:
        if app.screen.is_mounted:
            app.exit()
        else:
            app.set_timer(_BUILDING_SECONDS, exit_when_built)

    app.call_later(exit_when_built)
