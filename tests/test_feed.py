"""The seam: numbering under threads, two lanes, and nothing after the end."""

import threading
import time
from collections.abc import Iterator

import pytest

from cnntop.core.events import (
    Activity,
    AnyEvent,
    CheckpointSaved,
    CpuSample,
    GpuSample,
    Notice,
    Paused,
    Record,
    Resumed,
    RunEnded,
    StepsMeasured,
)
from cnntop.core.feed import LIVE_SAMPLES, ActivityMeter, LiveFeed, Stream

CPU = CpuSample(0.5, (0.5,), 1, 2, 1, 0.5)
STEPS = StepsMeasured(1, 1, 1, 1, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1)
MILESTONES: tuple[AnyEvent, ...] = (
    Notice("read me"),
    Paused(),
    Resumed(1.0),
    CheckpointSaved("checkpoint/last.pt", 1, None),
)
SAMPLES: tuple[AnyEvent, ...] = (CPU, STEPS, Activity("x"), GpuSample(0, "GPU-1", "one"))


class Collect:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)


def numbers(records: list[Record]) -> list[int]:
    return [record.seq for record in records]


def test_records_are_numbered_and_stamped_in_order() -> None:
    taken: list[Record] = []
    stream = Stream(taken.append)
    for event in (*MILESTONES, *SAMPLES):
        stream.emit(event)
    assert [record.event for record in taken] == [*MILESTONES, *SAMPLES]
    assert numbers(taken) == list(range(8))
    stamps = [record.at_seconds for record in taken]
    assert stamps == sorted(stamps)
    assert stamps[0] >= 0
    assert stamps[-1] <= stream.seconds + 1e-6


def test_every_reader_gets_every_record_in_the_same_order() -> None:
    first: list[Record] = []
    second: list[Record] = []
    stream = Stream(first.append, second.append)
    emit_from_threads(stream, threads=4, events=200)
    assert first == second
    assert len(first) == 800


def test_several_threads_leave_no_gap_and_nothing_out_of_order() -> None:
    taken: list[Record] = []

    def take(record: Record) -> None:
        time.sleep(0)  # lets another thread go first, if it can
        taken.append(record)

    emit_from_threads(Stream(take), threads=8, events=1000)
    assert numbers(taken) == list(range(8000))
    stamps = [record.at_seconds for record in taken]
    assert stamps == sorted(stamps)
    for thread in range(8):
        own = [r.event for r in taken if isinstance(r.event, Activity) and r.event.total == thread]
        assert [event.done for event in own] == list(range(1000))


def test_milestones_are_never_dropped() -> None:
    feed = LiveFeed(samples=3)
    stream = Stream(feed.take)
    for number in range(500):
        stream.emit(Notice(str(number)))
        stream.emit(CPU)
    records = feed.drain()
    texts = [record.event.text for record in records if isinstance(record.event, Notice)]
    assert texts == [str(number) for number in range(500)]
    assert feed.dropped == 497


@pytest.mark.parametrize("event", MILESTONES, ids=lambda event: type(event).__name__)
def test_kinds_that_must_arrive(event: AnyEvent) -> None:
    feed = LiveFeed(samples=1)
    stream = Stream(feed.take)
    for _ in range(50):
        stream.emit(event)
    assert len(feed.drain()) == 50
    assert feed.dropped == 0


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_samples_go_oldest_first_and_are_counted(event: AnyEvent) -> None:
    feed = LiveFeed(samples=10)
    stream = Stream(feed.take)
    for _ in range(25):
        stream.emit(event)
    assert feed.dropped == 15
    assert numbers(feed.drain()) == list(range(15, 25))


def test_memory_is_bounded_by_default() -> None:
    feed = LiveFeed()
    stream = Stream(feed.take)
    for _ in range(LIVE_SAMPLES + 100):
        stream.emit(STEPS)
    assert feed.dropped == 100
    assert len(feed.drain()) == LIVE_SAMPLES


def test_drain_gives_both_lanes_in_the_order_of_the_stream_once() -> None:
    feed = LiveFeed()
    stream = Stream(feed.take)
    for number in range(100):
        stream.emit(SAMPLES[number % 4] if number % 3 else MILESTONES[number % 4])
    assert numbers(feed.drain()) == list(range(100))
    assert feed.drain() == []
    stream.emit(CPU)
    assert numbers(feed.drain()) == [100]


def test_draining_while_threads_emit_misses_and_repeats_nothing() -> None:
    feed = LiveFeed(samples=100_000)
    stream = Stream(feed.take)
    drained: list[Record] = []
    over = threading.Event()

    def poll() -> None:
        while not over.is_set():
            drained.extend(feed.drain())

    screen = threading.Thread(target=poll)
    screen.start()
    emit_from_threads(stream, threads=4, events=2000)
    over.set()
    screen.join()
    drained += feed.drain()
    assert feed.dropped == 0
    assert numbers(drained) == list(range(8000))


def test_nothing_comes_after_the_end() -> None:
    feed = LiveFeed()
    log: list[Record] = []
    stream = Stream(log.append, feed.take)
    stream.emit(RunEnded("finished"))
    stream.emit(CPU)
    stream.emit(Notice("too late"))
    stream.emit(RunEnded("failed"))
    assert [record.event for record in log] == [RunEnded("finished")]
    assert feed.drain() == log


def test_threads_that_race_with_the_end_stay_behind_it() -> None:
    taken: list[Record] = []
    stream = Stream(taken.append)
    threads = list(emitters(stream, threads=4, events=3000))
    for thread in threads:
        thread.start()
    time.sleep(0.005)
    stream.emit(RunEnded("stopped"))
    for thread in threads:
        thread.join()
    ends = [i for i, record in enumerate(taken) if isinstance(record.event, RunEnded)]
    assert ends == [len(taken) - 1]
    assert numbers(taken) == list(range(len(taken)))


def test_activity_meter_tells_start_and_end_and_not_every_step_between() -> None:
    sink = Collect()
    meter = ActivityMeter(sink, "decoding", total=50_000, unit="images")
    for _ in range(50_000):
        meter.advance(1)
    assert sink.events[0] == Activity("decoding", 0, 50_000, "images")
    assert sink.events[-1] == Activity("decoding", 50_000, 50_000, "images")
    done = [event.done for event in sink.events if isinstance(event, Activity)]
    assert done == sorted(set(done))
    assert len(done) < 5_000


def emitters(stream: Stream, threads: int, events: int) -> Iterator[threading.Thread]:
    def emit(thread: int) -> None:
        for number in range(events):
            stream.emit(Activity("counting", number, thread))

    return (threading.Thread(target=emit, args=(thread,)) for thread in range(threads))


def emit_from_threads(stream: Stream, threads: int, events: int) -> None:
    running = list(emitters(stream, threads, events))
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
