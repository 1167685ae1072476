"""Stopwatches: laps by name, on the host's clock or on a GPU's own."""

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Protocol

import torch

_EVENTS = 1024
"""Made before the first lap; some five a timed batch between two readings."""

_MOST_HELD_SECONDS = 0.02
_CALIBRATION_CYCLES = 2_000_000


@dataclass
class Laps:
    """Seconds and number of laps by name."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] += seconds
        self.counts[name] += 1

    def mean(self, name: str) -> float | None:
        """Seconds a lap; None where there was none."""
        return self.seconds[name] / self.counts[name] if self.counts[name] else None


class Stopwatch(Protocol):
    def start(self) -> None:
        """Begin, or go on after a pause: the time since the last lap belongs to nobody."""

    def lap(self, name: str) -> None:
        """Give the time since the last lap (or start) to `name`."""

    def read(self) -> Laps:
        """The laps since the last reading."""

    def hold(self) -> bool:
        """Keep the device busy until the host can have issued the next lap's work, so that the
        lap shows the work without the gaps of its launches. Whether that was done."""


class HostStopwatch:
    """For CPU training, where a call returns when its work is done."""

    def __init__(self) -> None:
        self._nanoseconds: defaultdict[str, int] = defaultdict(int)
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._last = time.perf_counter_ns()

    def start(self) -> None:
        self._last = time.perf_counter_ns()

    def lap(self, name: str) -> None:
        now = time.perf_counter_ns()
        self._nanoseconds[name] += now - self._last
        self._counts[name] += 1
        self._last = now

    def read(self) -> Laps:
        laps = Laps(counts=self._counts)
        for name, spent in self._nanoseconds.items():
            laps.seconds[name] = spent / 1e9
        self._nanoseconds, self._counts = defaultdict(int), defaultdict(int)
        return laps

    def hold(self) -> bool:
        return False  # a CPU works when it is called: there are no launches to run ahead of


class CudaStopwatch:
    """For a GPU, where a call returns long before its work is done.

    A lap records an event on the compute stream, so the stretch between two events is what the GPU
    spent on it or waited for it. Events come from a ring made in advance and are read only once
    they have passed, so that no lap waits for the GPU.
    """

    def __init__(self) -> None:
        self._free = deque(torch.cuda.Event(enable_timing=True) for _ in range(_EVENTS))
        self._pending: deque[tuple[str, torch.cuda.Event, torch.cuda.Event]] = deque()
        self._laps = Laps()
        self._cycles_per_second = self._calibrated()
        self._issue_seconds = float("inf")
        self._issued_at = time.perf_counter()
        self._last = self._record()

    def start(self) -> None:
        self._last = self._record()

    def lap(self, name: str) -> None:
        event = self._record()
        self._pending.append((name, self._last, event))
        self._last = event
        now = time.perf_counter()
        if name == "compute":  # the least is what launching takes where no full queue holds it up
            self._issue_seconds = min(self._issue_seconds, now - self._issued_at)
        self._issued_at = now

    def read(self) -> Laps:
        if self._pending:
            # Callers have just read their sums from the device, so this waits for next to nothing;
            # without it the newest laps would be counted to the next reading.
            self._pending[-1][2].synchronize()
        self._harvest()
        laps, self._laps = self._laps, Laps()
        return laps

    def hold(self) -> bool:
        if self._issue_seconds > _MOST_HELD_SECONDS:
            return False
        torch.cuda._sleep(int(1.5 * self._issue_seconds * self._cycles_per_second))
        self._issued_at = time.perf_counter()
        return True

    def _harvest(self) -> None:
        while self._pending and self._pending[0][2].query():
            name, begin, end = self._pending.popleft()
            self._laps.add(name, begin.elapsed_time(end) / 1e3)
            self._free.append(begin)

    def _record(self) -> torch.cuda.Event:
        if not self._free:
            self._harvest()
        event = self._free.popleft() if self._free else torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _calibrated(self) -> float:
        """Cycles a second of the GPU's sleeping kernel, at the clock it has now."""
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda._sleep(_CALIBRATION_CYCLES)  # wakes the clock up
        begin.record()
        torch.cuda._sleep(_CALIBRATION_CYCLES)
        end.record()
        end.synchronize()
        seconds: float = begin.elapsed_time(end) / 1e3
        return _CALIBRATION_CYCLES / seconds


def stopwatch(device: torch.device) -> Stopwatch:
    return CudaStopwatch() if device.type == "cuda" else HostStopwatch()
