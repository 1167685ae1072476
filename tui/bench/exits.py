"""How a benchmark ends before its time."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_as_exits() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end what is inside in order, once: the tidying up after the first
    takes a moment, and a second signal must not break it off."""
    heard = False

    def leave(number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        if not heard:
            heard = True
            raise SystemExit(128 + number)

    before = [signal.signal(number, leave) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
