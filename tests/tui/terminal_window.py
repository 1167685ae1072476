"""A terminal window without a window: a pseudo-terminal, and an emulator that keeps its screen."""

import copy
import fcntl
import os
import re
import signal
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pexpect
import pyte
from pyte.screens import Margins

PATIENCE_SECONDS = 120.0
"""How long a test waits for what must come; generous, because machines of tests are busy."""

_ALTERNATE = 1049
# Sequences the emulator does not know: it would print their last letters.
_UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1bP[^\x1b]*\x1b\\")
_UNFINISHED = re.compile(rb"\x1b(\[[<>=?]?[0-9;]*\$?|P[^\x1b]*\x1b?)?$")


class _Screen(pyte.Screen):
    """An emulated screen that knows the alternate one, as full-screen programs use it."""

    ordinary: tuple[Any, Any] | None = None

    @property
    def alternate(self) -> bool:
        return self.ordinary is not None

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        if kwargs.get("private") and _ALTERNATE in modes and self.ordinary is None:
            self.ordinary = copy.deepcopy(self.buffer), copy.copy(self.cursor)
            self.erase_in_display(2)
        super().set_mode(*modes, **kwargs)

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        if kwargs.get("private") and _ALTERNATE in modes and self.ordinary is not None:
            self.buffer, self.cursor = self.ordinary
            self.ordinary = None
            self.margins: Margins | None = None
            self.dirty.update(range(self.lines))
        super().reset_mode(*modes, **kwargs)


class TerminalWindow:
    """A command in a pseudo-terminal. Type with `keys`, look with `text`, wait with `until`."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        lines: int,
        folder: Path,
        environment: dict[str, str],
        leads: bool = True,
    ) -> None:
        """With `leads` False the terminal is not the command's own: its loss sends no SIGHUP."""
        self.raw = b""
        self._held_back = b""
        self._screen = _Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.child = pexpect.spawn(
            command[0], list(command[1:]), dimensions=(lines, columns), cwd=str(folder),
            env=environment, timeout=None, preexec_fn=None if leads else _disown_terminal,
        )  # fmt: skip
        self.child.delaybeforesend = None

    @property
    def text(self) -> str:
        """What the screen shows now, without the blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def alternate(self) -> bool:
        """Whether a full-screen program is showing."""
        return self._screen.alternate

    def keys(self, text: str) -> None:
        self.child.send(text)

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        self.child.setwinsize(lines, columns)

    def kill(self, number: signal.Signals) -> None:
        self.child.kill(number)

    def vanish(self) -> None:
        """The window is closed, and nobody waits for the program."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, self.child.child_fd)  # closes the terminal's side
        os.close(nowhere)

    def end_unseen(self, patience: float = PATIENCE_SECONDS) -> int:
        """As `end`, after `vanish`."""
        deadline = time.monotonic() + patience
        while self.child.isalive():
            assert time.monotonic() < deadline, "does not end"
            time.sleep(0.02)
        return self._code()

    def spoil(self, text: str) -> None:
        """Something else writes `text` on the terminal, at the beginning of its first line."""
        self._stream.feed(b"\x1b7\x1b[1;2H" + text.encode() + b"\x1b8")

    def read(self, seconds: float = 0.05) -> bool:
        """Take some of what was printed within `seconds`; False once the program has closed its
        side. A screenful at most: who looks late still sees what was shown for a moment only."""
        try:
            chunk = self.child.read_nonblocking(1024, seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += chunk
        chunk = self._held_back + chunk
        unfinished = _UNFINISHED.search(chunk)
        cut = unfinished.start() if unfinished else len(chunk)
        self._held_back = chunk[cut:]
        self._stream.feed(_UNKNOWN.sub(b"", chunk[:cut]))
        return True

    def until(self, wanted: str | Callable[[str], bool], patience: float = PATIENCE_SECONDS) -> str:
        """Wait until the screen shows a text, or text of which something is true, and the frame has
        come whole; returns what it shows."""
        seen = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + patience
        while not seen(self.text):
            open_still = self.read()
            if not seen(self.text):
                assert open_still, f"ended without showing {wanted}:\n{self.text}"
                assert time.monotonic() < deadline, f"never showed {wanted}:\n{self.text}"
        self._rest_of_frame()
        return self.text

    def _rest_of_frame(self) -> None:
        """Frames come in several pieces, a moment apart at most."""
        deadline, before = time.monotonic() + 0.5, -1
        while len(self.raw) != before and time.monotonic() < deadline:
            before = len(self.raw)
            self.read(0.03)

    def rest(self, seconds: float) -> str:
        """Go on reading for a while, to see that something does not happen."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.read():
            pass
        return self.text

    def end(self, patience: float = PATIENCE_SECONDS) -> int:
        """Wait for the program's end; returns its exit code (128 + n for a deadly signal n)."""
        deadline = time.monotonic() + patience
        while self.read():
            assert time.monotonic() < deadline, f"does not end:\n{self.text}"
        self.child.wait()
        return self._code()

    def _code(self) -> int:
        if self.child.signalstatus is not None:
            return 128 + int(self.child.signalstatus)
        return int(self.child.exitstatus)

    def __enter__(self) -> "TerminalWindow":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.child.close(force=True)
        except pexpect.ExceptionPexpect:  # it was killed; a busy machine takes a moment for it
            self.child.wait()


def _disown_terminal() -> None:
    """In the new process: it keeps the terminal as its input and output, and no more."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # giving it up sends one
    fcntl.ioctl(0, termios.TIOCNOTTY)
    signal.signal(signal.SIGHUP, before)
