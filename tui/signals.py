"""SIGINT, SIGTERM and SIGHUP: the first stops the run at its next step, the second ends all."""

import os
import signal
import termios
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType


class StopSignals:
    """While entered, remembers the first signal and calls `stop` for it.

    The handler is a plain Python one in the main thread, so it works with and without a screen.
    Raising instead would tear down whatever the main thread happens to be in the middle of.
    `at_once` is called before the second signal ends the process, to tidy the terminal.
    """

    def __init__(
        self, stop: Callable[[], None], at_once: Callable[[], None] = lambda: None
    ) -> None:
        self.received: int | None = None
        self._stop = stop
        self._at_once = at_once
        self._before: dict[int, object] = {}

    @property
    def exit_code(self) -> int | None:
        """130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP, None if none came."""
        return None if self.received is None else 128 + self.received

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            with suppress(OSError, termios.error):
                self._at_once()
            os._exit(128 + number)
        self.received = number
        self._stop()
