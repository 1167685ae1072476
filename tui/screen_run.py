"""A run on the screen: before it, after it, and the signals in between."""

from contextlib import suppress
from typing import Any, TextIO, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from cnntop.core.session import start_run
from cnntop.tui.app import CnntopApp
from cnntop.tui.launch import Launch
from cnntop.tui.plain import PlainPrinter, print_line
from cnntop.tui.plain_run import outcome
from cnntop.tui.signals import HUNG_UP, StopSignals
from cnntop.tui.terminal import let_go_of_lost, loss_signalled, lost, mode_restorer

_BUILDING_SECONDS = 0.02


def run_on_screen(launch: Launch) -> int:
    """Open the screen, train, and leave the summary in the ordinary terminal.

    The terminal may hang up at any moment: the screen ends then, and training goes on. Returns
    the exit code. Raises the CnntopError that ended the run.
    """
    app = CnntopApp(launch)
    app.driver_class = ScreenDriver

    def stop() -> None:
        if app.handle is not None:
            app.handle.control.stop("interrupted")
        leave(app)

    def checkpoint() -> None:
        if app.handle is not None:
            app.handle.control.checkpoint()

    signals = StopSignals(stop, mode_restorer(), lambda: leave(app), checkpoint)
    with signals, loss_signalled():
        app.run()
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
        PlainPrinter(handle, app.state).follow()
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


class ScreenDriver(LinuxDriver):
    """Textual's way to a terminal, for one that may vanish at any moment.

    Whoever notices the loss ends the app; until then nothing here may raise, wait or begin anew.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._file = cast(Any, _ForWhoeverReads(cast(TextIO, self._file)))

    def start_application_mode(self) -> None:
        # SIGHUP comes with SIGCONT, which starts the application mode over. On a lost terminal its
        # reading thread would never wait, and outlive the screen.
        if not lost(self.fileno):
            super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        if self._writer_thread is not None:  # else the mode has never begun
            super().write(data)

    def run_input_thread(self) -> None:
        with suppress(OSError):
            super().run_input_thread()


class _ForWhoeverReads:
    """A text file whose writes may fail. If the writing thread died of that, its queue would fill
    up, and the main thread wait at it for ever."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()
