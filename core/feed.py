"""The one narrow seam: writers emit events into a `Stream`, readers take numbered records.

Whoever trains never waits for a screen and never calls into one. The stream stamps and numbers
each event and hands it to its readers on the writer's thread; the `LiveFeed` reader only appends
to two queues, which a screen polls at its own pace.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from cnntop.core.events import (
    Activity,
    AnyEvent,
    CpuSample,
    GpuSample,
    Record,
    RunEnded,
    StepsMeasured,
)

LIVE_SAMPLES = 4096
"""Steps and samples kept for a screen that does not poll: over ten minutes of an ordinary run."""

_DROPPABLE = (Activity, StepsMeasured, CpuSample, GpuSample)


class Sink(Protocol):
    """Where training and the machine sampler put their events. Callable from any thread."""

    def emit(self, event: AnyEvent) -> None: ...


class Stream:
    """A sink that numbers events and hands each record to every reader, in order."""

    def __init__(
        self, *readers: Callable[[Record], None], next_seq: int = 0, at_seconds: float = 0.0
    ) -> None:
        """`next_seq` and `at_seconds` go on from a stream of an earlier process."""
        self._readers = readers
        self._lock = threading.Lock()
        self._seq = next_seq
        self._opened = time.monotonic() - at_seconds
        self._ended = False

    @property
    def seconds(self) -> float:
        """Seconds since the stream was opened: the clock of `Record.at_seconds`."""
        return time.monotonic() - self._opened

    def emit(self, event: AnyEvent) -> None:
        """Take an event. `RunEnded` is the last one; what comes after it is let go.

        Raises the OSError of a reader that could not write the record down, once all others
        have it.
        """
        failure: OSError | None = None
        with self._lock:
            if self._ended:
                return
            self._ended = isinstance(event, RunEnded)
            record = Record(self._seq, round(self.seconds, 6), event)
            self._seq += 1
            for read in self._readers:
                try:
                    read(record)
                except OSError as error:
                    failure = error
        if failure is not None:
            raise failure


class LiveFeed:
    """Bounded queues between a stream and one screen of the same process.

    Milestones are never dropped. Steps and machine samples are: when nobody drains the feed the
    oldest go first, and `dropped` counts them.
    """

    def __init__(self, samples: int = LIVE_SAMPLES) -> None:
        self.dropped = 0
        self._lock = threading.Lock()
        self._milestones: deque[Record] = deque()
        self._samples: deque[Record] = deque(maxlen=samples)

    def take(self, record: Record) -> None:
        """Reader's side of the stream."""
        with self._lock:
            if not isinstance(record.event, _DROPPABLE):
                self._milestones.append(record)
                return
            if len(self._samples) == self._samples.maxlen:
                self.dropped += 1
            self._samples.append(record)

    def drain(self) -> list[Record]:
        """All records since the last call, in order. Never waits."""
        with self._lock:
            records = [*self._milestones, *self._samples]
            self._milestones.clear()
            self._samples.clear()
        records.sort(key=lambda record: record.seq)
        return records


class ActivityMeter:
    """Progress of something long as `Activity` events, at most ten a second."""

    def __init__(self, sink: Sink, name: str, total: int | None = None, unit: str = "") -> None:
        self._sink = sink
        self._name = name
        self._total = total
        self._unit = unit
        self._done = 0
        self._emitted_at = time.monotonic()
        sink.emit(Activity(name, 0, total, unit))

    def advance(self, amount: int) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._emitted_at >= 0.1 or self._done == self._total:
            self._emitted_at = now
            self._sink.emit(Activity(self._name, self._done, self._total, self._unit))
