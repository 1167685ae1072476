"""A terminal for what is measured on a screen: 120x40, read and not drawn."""

import os
import pty
import re
import termios
import threading
from contextlib import suppress

from cnntop.core.errors import CnntopError
from cnntop.core.text import printable

COLUMNS, LINES = 120, 40
_FOREIGN = (
    "COLUMNS", "LINES", "NO_COLOR", "PYTHONDONTWRITEBYTECODE", "TEXTUAL", "TEXTUAL_DRIVER"
)  # fmt: skip
"""What a person's shell may have set and which changes what a screen costs."""

ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|.)")
_SAID_LINES = 20


class Window(threading.Thread):
    """Reads away what is printed, as a terminal's window does, less the drawing: that is not the
    run's to pay for."""

    def __init__(self, terminal: int) -> None:
        super().__init__(daemon=True)
        self._terminal = terminal
        self._said = b""
        self.start()

    def run(self) -> None:
        with suppress(OSError):  # Linux's way to say that the other side is closed
            while printed := os.read(self._terminal, 1 << 16):
                self._said = (self._said + printed)[-(1 << 14) :]

    def last_words(self) -> str:
        lines = ESCAPE.sub(" ", self._said.decode(errors="replace")).splitlines()
        return "\n".join(printable(line) for line in lines[-_SAID_LINES:])


def pseudo_terminal(columns: int = COLUMNS, lines: int = LINES) -> tuple[int, int]:
    """Both ends of one, our side first. Raises CnntopError."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        raise CnntopError(f"no pseudo-terminal for the screen to be had: {error}.") from None
    termios.tcsetwinsize(theirs, (lines, columns))
    return ours, theirs


def environment() -> dict[str, str]:
    """That of a process on such a terminal."""
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
