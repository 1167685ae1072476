"""What the terminal can do."""

import os
import sys
import termios
from collections.abc import Callable
from typing import TextIO


def has_screen() -> bool:
    """Whether a full screen can be drawn: a terminal on both ends that understands escapes."""
    return (
        is_terminal(sys.stdin)
        and is_terminal(sys.stdout)
        and os.environ.get("TERM", "dumb") not in ("dumb", "")
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is there at all and leads to a terminal."""
    return stream is not None and stream.isatty()


def mode_restorer() -> Callable[[], None]:
    """A function that gives the terminal back as it is now, for a process that ends at once."""
    handle = sys.stdin.fileno()
    modes = termios.tcgetattr(handle)

    def restore() -> None:
        # Mouse and paste reporting off, cursor on, back from the alternate screen.
        os.write(handle, b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[?1049l")
        termios.tcsetattr(handle, termios.TCSANOW, modes)

    return restore
