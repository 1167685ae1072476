"""The signals that a run answers: stop, go on without a terminal, save a checkpoint."""

import os
import signal
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType

HUNG_UP = 128 + signal.SIGHUP
"""The exit code where a hang-up ends the process, because nothing runs that could go on."""
_LAST_WORDS_SECONDS = 4.0


class StopSignals:
    """While entered: SIGINT and SIGTERM stop, the first by calling `stop`, the second at once.

    After the first, and once `over` says that nothing is left to save, the process has some seconds
    for its last words; then it ends even if the terminal or pipe that they go to takes none.
    `at_once` is called before the second ends the process, to tidy the terminal. SIGHUP calls
    `hang_up`, the first time it comes; without a `hang_up` it stops, as the other two. SIGUSR2
    calls `checkpoint`, whenever it comes.

    The handlers are plain Python ones in the main thread, so they work with and without a screen.
    Raising instead would tear down whatever the main thread happens to be in the middle of.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        at_once: Callable[[], None] = lambda: None,
        hang_up: Callable[[], None] | None = None,
        checkpoint: Callable[[], None] | None = None,
        over: Callable[[], bool] = lambda: True,
    ) -> None:
        self.received: int | None = None
        self.hung_up = False
        self._stop = stop
        self._at_once = at_once
        self._hang_up = hang_up
        self._checkpoint = checkpoint
        self._over = over
        self._after: dict[int, object] = {}

    @property
    def exit_code(self) -> int | None:
        """130 for SIGINT, 143 for SIGTERM, 129 for a SIGHUP that stopped; None if none did."""
        return None if self.received is None else 128 + self.received

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._after[number] = signal.signal(number, self._handle_stop)
        if self._hang_up is None:
            self._after[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._handle_stop)
        else:
            # Ignored from then on: the run is over, the process is ending with the run's own code,
            # and a shell may send its SIGHUP late, or twice.
            signal.signal(signal.SIGHUP, self._handle_hang_up)
            self._after[signal.SIGHUP] = signal.SIG_IGN
        if self._checkpoint is not None:
            signal.signal(signal.SIGUSR2, self._handle_checkpoint)
            self._after[signal.SIGUSR2] = signal.SIG_IGN
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._after.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            with suppress(OSError, termios.error):
                self._at_once()
            os._exit(128 + number)
        self.received = number
        threading.Thread(target=self._end_unread, name="cnntop-end", daemon=True).start()
        self._stop()

    def _end_unread(self) -> None:
        while not self._over():
            time.sleep(_LAST_WORDS_SECONDS / 10)
        time.sleep(_LAST_WORDS_SECONDS)
        os._exit(self.exit_code or 0)

    def _handle_hang_up(self, _number: int, _frame: FrameType | None) -> None:
        if not self.hung_up and self._hang_up is not None:
            self.hung_up = True
            self._hang_up()

    def _handle_checkpoint(self, _number: int, _frame: FrameType | None) -> None:
        if self._checkpoint is not None:
            self._checkpoint()
