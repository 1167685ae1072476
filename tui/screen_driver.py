"""Textual's way to a terminal, for one that may stop reading or vanish at any moment.

A terminal on a stalled line takes nothing for minutes. Frames are dropped then, never awaited, and
what differs is sent once it reads again. Whoever notices that a terminal is gone ends the app;
until then nothing here may raise, wait or begin anew.
"""

import math
import os
import re
import sys
import termios
import time
from contextlib import suppress
from typing import Any, TextIO, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from cnntop.tui.look import Look
from cnntop.tui.shown_cells import ShownCells
from cnntop.tui.terminal import await_room, back_to_lines, lost, own_description

_MOST_WAITING = 12
"""Writes that may wait for the terminal, some three to a frame. Textual has its main thread wait
when there are 30, and its end makes about 15."""
_MODE = re.compile(r"\x1b\[\?(?!2026)\d+[hl]")
"""Sets a mode of the terminal, which nothing sets again later; 2026 only brackets a frame."""
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""Around a frame, for the terminal to show it whole."""
_LOOK_SECONDS = 0.1
_LAST_SECONDS = 2.0
"""How long the end of the screen waits for a terminal that does not read."""
_LATE_SECONDS = 0.1
"""A write that takes longer is late: a terminal takes a frame in a few milliseconds."""
_ANSWER_SECONDS = 1.0
"""The longest way to a terminal and back that is no sign of a slow line."""
_LOST_SECONDS = 20.0
"""An answer that has not come by then never will."""
_QUESTION = "\x1b[?2026$p"
"""Asks whether a mode is known. Textual asks it at the start; what matters here is that the answer
comes once all that was sent before has been shown, whatever waits in between."""


class ScreenDriver(LinuxDriver):
    """Writes to standard output; what else the process says may go elsewhere. Of a frame only those
    cells are sent that have changed."""

    def __init__(self, app: App[Any], **more: Any) -> None:
        super().__init__(app, **more)
        self._output: TerminalOutput | None = None
        self._sent = 0
        self._dropping = False
        self._missed_modes = ""
        self._together: list[str] | None = None
        self._cells = ShownCells()
        self._in_frame = False
        look = getattr(app, "look", None)
        self._ascii_only = isinstance(look, Look) and look.ascii_only
        self._asked_at: float | None = None
        self._sent_when_asked = 0
        self._answers = False

    @property
    def behind(self) -> bool:
        """Whether the terminal has not taken, or not shown, what it was sent some time ago."""
        if self._output is None:
            return False
        now = time.monotonic()
        late = self._asked_at is not None and now - self._asked_at > _ANSWER_SECONDS
        return self._dropping or late or self._output.waiting_seconds > _LATE_SECONDS

    def ask(self) -> None:
        """Have the terminal answer when it has shown the last frame. Nothing is sent where it never
        answered, where an answer is still to come, and while nothing new was drawn."""
        now = time.monotonic()
        if self._asked_at is not None:
            if now - self._asked_at > _LOST_SECONDS:
                self._asked_at, self._answers = None, False
            return
        if self._answers and not self._dropping and self._sent != self._sent_when_asked:
            self.write(_QUESTION)
            self._asked_at, self._sent_when_asked = now, self._sent

    def answered(self) -> None:
        self._answers = True
        self._asked_at = None

    def start_application_mode(self) -> None:
        # SIGHUP comes with SIGCONT, which starts the application mode over. On a lost terminal its
        # reading thread would never wait, and outlive the screen.
        if lost(self.fileno):
            return
        again = self._output is not None
        if self._output is None:
            self._output = TerminalOutput(cast(TextIO, sys.__stdout__), self._ascii_only)
            self._file = cast(Any, self._output)
            self._sent = 0
        self._cells.forget()
        # Some twenty modes are set in a burst: one write, which nothing of can be dropped.
        self._together = []
        try:
            super().start_application_mode()  # type: ignore[no-untyped-call]
        finally:
            modes, self._together = "".join(self._together), None
            self.write(modes)
        if again:
            self._app.call_later(self._app.refresh)

    def write(self, data: str) -> None:
        if self._output is None or self._writer_thread is None:
            return
        if self._together is not None:
            self._together.append(data)
            return
        if data in (_BEGIN, _END):
            self._in_frame = data == _BEGIN  # what is new of it is sent with both at once
            return
        if self._dropping:
            if _MODE.fullmatch(data):
                self._missed_modes += data
            return
        if self._sent - self._output.written >= _MOST_WAITING and not self._output.ending:
            self._dropping = True
            self._app.set_timer(_LOOK_SECONDS, self._catch_up)
            return
        news = self._cells.news(data)
        if news:
            self._sent += 1
            super().write(f"{_BEGIN}{news}{_END}" if self._in_frame else news)

    def resized(self, lines: int) -> None:
        """The terminal has so many lines now, and shows on them what it likes."""
        self._cells.forget(until_lines=lines)

    def forget(self) -> None:
        """Something else may have written on the terminal: the next frame is sent whole."""
        self._cells.forget()

    def _catch_up(self) -> None:
        """Send what the terminal does not show, once it has taken what it was sent."""
        if self._output is None or not self._dropping:
            return
        if self._sent > self._output.written:
            self._app.set_timer(_LOOK_SECONDS, self._catch_up)
            return
        self._dropping = False
        self._asked_at = None  # the question may have been among what was dropped
        if self._missed_modes:
            self.write(self._missed_modes)
            self._missed_modes = ""
        self._app.refresh()

    def stop_application_mode(self) -> None:
        self._dropping = False
        if self._output is not None:
            self._output.end_within(_LAST_SECONDS)
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        if self._output is not None:
            self._output.close()
            self._output = None

    def run_input_thread(self) -> None:
        with suppress(OSError):
            super().run_input_thread()


class TerminalOutput:
    """What Textual's writing thread needs of a text file. No write raises: if that thread died, its
    queue would fill up, and the main thread wait at it for ever. With `ascii_only` nothing else is
    ever sent, whatever was drawn."""

    def __init__(self, file: TextIO, ascii_only: bool = False) -> None:
        self.written = 0
        """Writes that are over."""
        self._file = file
        self._encoding = "ascii" if ascii_only else file.encoding
        self._began: float | None = None
        self._handle = own_description(file.fileno())
        self._ends_at = math.inf
        self._gave_up = False

    @property
    def ending(self) -> bool:
        return self._ends_at < math.inf

    @property
    def waiting_seconds(self) -> float:
        """How long the write under way has been waiting for the terminal."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def write(self, text: str) -> None:
        """Wait until the terminal has taken all of `text`, or the end has come."""
        left = text.encode(self._encoding, "replace")
        self._began = time.monotonic()
        with suppress(OSError):
            while left and not self._gave_up:
                try:
                    left = left[os.write(self._handle, left) :]
                except BlockingIOError:
                    await_room(self._handle, _LOOK_SECONDS)
                self._gave_up = bool(left) and time.monotonic() > self._ends_at
        self._began = None
        self.written += 1

    def flush(self) -> None:
        """Nothing is kept back."""

    def fileno(self) -> int:
        return self._file.fileno()

    def end_within(self, seconds: float) -> None:
        """Have every write that is still waiting after `seconds` give up."""
        self._ends_at = time.monotonic() + seconds

    def close(self) -> None:
        if self._gave_up:
            with suppress(OSError, termios.error):
                back_to_lines(self._handle)
        os.close(self._handle)
