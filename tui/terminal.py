"""What the terminal can do, and what to do once it is gone."""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

LOOK_SECONDS = 0.5


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
        # Mouse and paste reporting off, cursor on, back from the alternate screen.
        os.write(handle, b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[?1049l")
        termios.tcsetattr(handle, termios.TCSANOW, modes)

    return restore


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
