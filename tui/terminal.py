"""What the terminal can do, and what to do once it is gone."""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

LOOK_SECONDS = 0.5
_BACK_TO_LINES = (
    b"\x18"  # in place of the rest of a sequence that was cut off
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[?7h\x1b[?25h\x1b[?1049l"
)
"""Reports of mouse, paste, focus and keys off, lines wrapped and the cursor shown again, back from
the alternate screen."""


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
    try:
        modes = termios.tcgetattr(handle)
    except termios.error:  # it has vanished since it was looked at
        return lambda: None

    def restore() -> None:
        back_to_lines(handle)
        termios.tcsetattr(handle, termios.TCSANOW, modes)

    return restore


def back_to_lines(handle: int) -> None:
    """Leave the full screen at once, on a terminal that may not be reading. What it has not read
    yet is thrown away, since these few bytes have no room behind it. Raises OSError, termios.error.
    """
    termios.tcflush(handle, termios.TCOFLUSH)
    own = own_description(handle)
    with suppress(BlockingIOError):
        os.write(own, _BACK_TO_LINES)
    os.close(own)


def own_description(handle: int) -> int:
    """A descriptor for writing to the terminal behind `handle`, in which no write waits. Close it.

    Made anew, because others have the standard ones too, who would not expect them not to wait.
    Where that fails, as for what is no terminal, one that may wait.
    """
    try:
        return os.open(os.ttyname(handle), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return os.dup(handle)


def await_room(handle: int, seconds: float) -> None:
    """Wait until something can be written, for `seconds` at most."""
    poll = select.poll()
    poll.register(handle, select.POLLOUT)
    poll.poll(1e3 * seconds)


def lost(*handles: int) -> list[int]:
    """Those of the open `handles` whose other end is gone: a hung-up terminal, an unread pipe."""
    poll = select.poll()
    for handle in handles:
        poll.register(handle, 0)
    return [handle for handle, what in poll.poll(0) if what & (select.POLLHUP | select.POLLERR)]


@contextmanager
def loss_signalled() -> Iterator[None]:
    """While entered, a terminal that vanishes sends SIGHUP, whoever this process is.

    The system sends it to the first process of the terminal's session, and after that one's end to
    those in the foreground. One started by nohup, setsid or a script may never get it.
    """
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(over,), name="cnntop-terminal", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(over: threading.Event) -> None:
    while not over.wait(LOOK_SECONDS):
        if lost(sys.__stdin__.fileno()):  # type: ignore[union-attr]
            os.kill(os.getpid(), signal.SIGHUP)
            return


def let_go_of_lost() -> None:
    """Point standard output and error, where nobody reads them any more, at nothing.

    Python writes out what is left in them when it ends, and where that fails its exit code takes
    the place of the run's.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for handle in lost(1, 2):
        os.dup2(nowhere, handle)
    os.close(nowhere)
