"""What a DataLoader worker does first. A module of its own, because a worker imports it by name."""

import signal


def ignore_interrupts(_worker: int) -> None:
    """Ctrl-C reaches every process of the terminal; only the main one shall answer it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
