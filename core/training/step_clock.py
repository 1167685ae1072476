"""The step clock: every moment of training belongs to exactly one part of the split.

`lap(part)` closes the stretch since the last lap and gives it to `part`. The parts add up to the
time between the first lap and the last by construction; there is nothing to reconcile.
"""

import time
from collections import deque
from typing import Literal, Protocol

import torch

from cnntop.core.split import Split

Part = Literal["wait", "transfer", "compute", "other"]


class StepClock(Protocol):
    def start(self) -> None:
        """Begin, or go on after a pause: the time since the last lap belongs to nobody."""

    def lap(self, part: Part) -> None:
        """Give the time since the last lap (or start) to `part`."""

    def read(self) -> Split:
        """The split of the laps since the last reading."""


class HostClock:
    """For CPU training, where a call returns when its work is done."""

    def __init__(self) -> None:
        self._nanoseconds = dict.fromkeys(("wait", "transfer", "compute", "other"), 0)
        self._last = time.perf_counter_ns()

    def start(self) -> None:
        self._last = time.perf_counter_ns()

    def lap(self, part: Part) -> None:
        now = time.perf_counter_ns()
        self._nanoseconds[part] += now - self._last
        self._last = now

    def read(self) -> Split:
        split = Split(**{part: spent / 1e9 for part, spent in self._nanoseconds.items()})
        self._nanoseconds = dict.fromkeys(self._nanoseconds, 0)
        return split


class CudaClock:
    """For a GPU, where a call returns long before its work is done.

    A lap records an event on the compute stream, so the stretch between two events is what the GPU
    spent on it or waited for it: *exposed* wait, transfer and compute. Events come from a pool and
    are read only once they have passed, so that no lap waits for the GPU.
    """

    def __init__(self) -> None:
        self._pool: list[torch.cuda.Event] = []
        self._pending: deque[tuple[Part, torch.cuda.Event, torch.cuda.Event]] = deque()
        self._seconds = Split()
        self._last = self._record()

    def start(self) -> None:
        self._last = self._record()

    def lap(self, part: Part) -> None:
        event = self._record()
        self._pending.append((part, self._last, event))
        self._last = event

    def read(self) -> Split:
        if self._pending:
            # Callers have just read their sums from the device, so this waits for next to nothing;
            # without it the newest laps would be counted to the next reading.
            self._pending[-1][2].synchronize()
        while self._pending and self._pending[0][2].query():
            part, begin, end = self._pending.popleft()
            seconds = begin.elapsed_time(end) / 1e3
            setattr(self._seconds, part, getattr(self._seconds, part) + seconds)
            self._pool.append(begin)
        split, self._seconds = self._seconds, Split()
        return split

    def _record(self) -> torch.cuda.Event:
        event = self._pool.pop() if self._pool else torch.cuda.Event(enable_timing=True)
        event.record()
        return event


def step_clock(device: torch.device) -> StepClock:
    return CudaClock() if device.type == "cuda" else HostClock()
