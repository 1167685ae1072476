"""How long a run has trained, and how much longer it may."""

import math
import time


class TrainedTime:
    """Wall time since the first step without pauses: what a time limit counts."""

    def __init__(self, limit_seconds: float | None) -> None:
        self._limit = math.inf if limit_seconds is None else limit_seconds
        self._began = time.monotonic()
        self._stands_since: float | None = None

    def begin(self, already_seconds: float = 0.0) -> None:
        """From now on; of a run that goes on, `already_seconds` come before."""
        self._began = time.monotonic() - already_seconds

    def stand_still(self) -> None:
        """A pause begins, which is no training."""
        self._stands_since = time.monotonic()

    def go_on(self) -> float:
        """The pause ends. Its seconds."""
        seconds = 0.0 if self._stands_since is None else time.monotonic() - self._stands_since
        self._began += seconds
        self._stands_since = None
        return seconds

    def extend(self, seconds: float) -> None:
        """Make the limit so much longer. Only where there is one."""
        self._limit += seconds

    @property
    def limit_seconds(self) -> float | None:
        return None if self._limit == math.inf else self._limit

    @property
    def seconds(self) -> float:
        now = time.monotonic() if self._stands_since is None else self._stands_since
        return now - self._began

    @property
    def left_seconds(self) -> float:
        """Infinite without a limit."""
        return self._limit - self.seconds

    @property
    def is_up(self) -> bool:
        return self.left_seconds <= 0

    @property
    def progress(self) -> float | None:
        """Share of the limit that is over; None without one."""
        return None if self._limit == math.inf else self.seconds / self._limit
