"""The step clock: what a reading makes of laps of known length, and that it closes."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from cnntop.core.training import step_clock as module
from cnntop.core.training.step_clock import Measured, StepClock, step_clock
from cnntop.core.training.stopwatch import HostStopwatch, Laps

PARTS = {"wait": 0.3, "transfer": 0.1, "forward": 1.0, "backward": 2.0, "optimizer": 0.5,
         "other": 0.1}  # fmt: skip
"""Milliseconds of a batch, 4 in all."""


class MadeUpTime:
    """A stopwatch whose time passes only by `spend`; it can hold a device that has gaps."""

    def __init__(self, can_hold: bool = False) -> None:
        self.now = self.last = 0.0
        self.laps = Laps()
        self.names: list[str] = []
        self.can_hold = can_hold
        self.held = False

    def spend(self, milliseconds: float) -> None:
        self.now += milliseconds / 1e3

    def start(self) -> None:
        self.last = self.now

    def lap(self, name: str) -> None:
        self.names.append(name)
        self.laps.add(name, self.now - self.last)
        self.last = self.now

    def read(self) -> Laps:
        laps, self.laps = self.laps, Laps()
        return laps

    def hold(self) -> bool:
        self.held = self.can_hold
        return self.can_hold


def asked(clock: StepClock, count: int) -> Iterator[tuple[int, Callable[[Any], None]]]:
    """`count` batches as the training loop asks for them: their numbers, and what to tell their
    laps to."""
    untimed = 0
    for number in range(count):
        untimed = untimed - 1 if untimed > 1 else clock.untimed_batches()
        yield number, (lambda _: None) if untimed else clock.lap


def batches(
    clock: StepClock, watch: MadeUpTime, count: int, scale: Callable[[int], float] = lambda _: 1.0
) -> None:
    for number, lap in asked(clock, count):
        for name, milliseconds in PARTS.items():
            compute = name in ("forward", "backward", "optimizer")
            watch.spend(scale(number) * milliseconds * (0.5 if compute and watch.held else 1.0))
            lap(name)
        watch.held = False


def reading(clock: StepClock) -> Measured:
    clock.outside()
    return clock.read()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> MadeUpTime:
    """Beside constants that the numbers below are worked out for."""
    monkeypatch.setattr(module, "SHORT_BATCH_SECONDS", 0.002)
    monkeypatch.setattr(module, "TIMED_EVERY_SECONDS", 0.005)
    return MadeUpTime()


@pytest.fixture
def clock(watch: MadeUpTime) -> StepClock:
    return StepClock(watch)


def test_long_batches_are_all_timed(clock: StepClock, watch: MadeUpTime) -> None:
    for _ in range(3):
        batches(clock, watch, 10)
        split = reading(clock).split
        assert split.parts() == pytest.approx(
            {"wait": 0.003, "transfer": 0.001, "compute": 0.035, "other": 0.001}
        )


def test_compute_is_shared_as_in_the_sampled_batch(clock: StepClock, watch: MadeUpTime) -> None:
    batches(clock, watch, 10)
    measured = reading(clock)
    assert measured.forward_seconds == pytest.approx(0.010)
    assert measured.backward_seconds == pytest.approx(0.020)
    assert measured.optimizer_seconds == pytest.approx(0.005)
    assert watch.names.count("forward") == 1


def test_the_batch_after_a_reading_is_not_the_sampled_one(
    clock: StepClock, watch: MadeUpTime
) -> None:
    batches(clock, watch, 10)
    reading(clock)
    watch.names.clear()
    batches(clock, watch, 10)
    assert watch.names[:3] == ["wait", "transfer", "compute"]
    assert "forward" in watch.names


def test_a_reading_of_one_batch_is_sampled_too(clock: StepClock, watch: MadeUpTime) -> None:
    for _ in range(3):
        batches(clock, watch, 1)
        assert reading(clock).forward_seconds == pytest.approx(0.001)


def test_nothing_sampled_is_not_measured(clock: StepClock, watch: MadeUpTime) -> None:
    watch.spend(5.0)
    measured = reading(clock)
    assert measured.split.other == pytest.approx(0.005)
    assert measured.forward_seconds is None
    assert measured.backward_seconds is None
    assert measured.optimizer_seconds is None
    assert measured.launch_gap_seconds is None


def test_short_batches_are_timed_now_and_then_and_close_all_the_same(
    clock: StepClock, watch: MadeUpTime
) -> None:
    batches(clock, watch, 10, lambda _: 0.1)  # 0.4 ms each
    reading(clock)
    for _ in range(5):
        watch.names.clear()
        before = watch.now
        batches(clock, watch, 600, lambda _: 0.1)
        measured = reading(clock)
        timed = watch.names.count("wait")
        assert 600 / 12.5 / 2 < timed < 600 / 12.5 * 2
        assert measured.split.seconds == pytest.approx(watch.now - before)
        expected = {"wait": 0.018, "transfer": 0.006, "compute": 0.21, "other": 0.006}
        assert measured.split.parts() == pytest.approx(expected)


@pytest.mark.parametrize("period", range(2, 33))
def test_no_rhythm_of_the_batches_hides_from_the_timing(
    period: int, clock: StepClock, watch: MadeUpTime
) -> None:
    """As from a loader whose workers deliver several batches at once: every so many waits long."""
    batches(clock, watch, 10, lambda _: 0.1)
    reading(clock)
    seconds = 0.0
    for _ in range(200):
        for number, lap in asked(clock, 600):
            watch.spend(0.1 * period if number % period == 0 else 0.0)
            lap("wait")
            watch.spend(0.3)
            lap("optimizer")
            lap("other")
        seconds += reading(clock).split.wait
    assert seconds == pytest.approx(200 * 600 * 0.1e-3, rel=0.2)


def test_work_outside_of_batches_is_other_and_changes_no_shares(
    clock: StepClock, watch: MadeUpTime
) -> None:
    batches(clock, watch, 10, lambda _: 0.1)
    reading(clock)
    batches(clock, watch, 300, lambda _: 0.1)
    clock.end_batches()
    watch.spend(50.0)
    split = reading(clock).split
    assert split.wait == pytest.approx(0.009)
    assert split.other == pytest.approx(0.003 + 0.050)


def test_readings_in_quick_succession_keep_the_spacing(clock: StepClock, watch: MadeUpTime) -> None:
    """As in passes of a few batches: what was to come when one is read does not count."""
    for _ in range(300):
        batches(clock, watch, 3, lambda _: 0.1)
        reading(clock)
    assert 300 / 6 < watch.names.count("wait") < 300
    assert clock._spacing <= 2 * 13


def test_a_reading_without_a_timed_batch_is_shared_as_the_one_before(
    clock: StepClock, watch: MadeUpTime
) -> None:
    batches(clock, watch, 10, lambda _: 0.001)
    reading(clock)
    for _ in range(20):
        watch.names.clear()
        batches(clock, watch, 2, lambda _: 0.001)
        split = reading(clock).split
        assert split.wait / split.seconds == pytest.approx(0.3 / 4.0)
        if "wait" not in watch.names:
            return
    raise AssertionError("every reading had a timed batch: nothing was tested")


def test_a_pause_belongs_to_nobody(clock: StepClock, watch: MadeUpTime) -> None:
    batches(clock, watch, 2)
    watch.spend(500.0)
    clock.start()
    batches(clock, watch, 2)
    assert reading(clock).split.seconds == pytest.approx(0.016)


def test_further_passes_are_laps_of_the_same_batch(clock: StepClock, watch: MadeUpTime) -> None:
    for _, lap in asked(clock, 5):
        for name in ("wait", "transfer", *(("forward", "backward", "optimizer") * 3), "other"):
            watch.spend(1.0)
            lap(name)
    split = reading(clock).split
    assert split.parts() == pytest.approx(
        {"wait": 0.005, "transfer": 0.005, "compute": 0.045, "other": 0.005}
    )


def test_a_probe_tells_the_gaps_between_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held, this made-up device computes twice as fast: half of its compute is gaps."""
    monkeypatch.setattr(module, "PROBE_EVERY_SECONDS", 0.0)
    watch = MadeUpTime(can_hold=True)
    clock = StepClock(watch)
    batches(clock, watch, 10)
    measured = reading(clock)
    assert watch.names.count("busy") == 1
    assert measured.launch_gap_seconds == pytest.approx(0.5 * measured.split.compute)
    monkeypatch.setattr(module, "PROBE_EVERY_SECONDS", 1e9)
    batches(clock, watch, 10)
    measured = reading(clock)
    assert watch.names.count("busy") == 1, "no second probe so soon"
    assert measured.launch_gap_seconds == pytest.approx(0.5 * measured.split.compute)


def test_a_device_that_cannot_be_held_tells_no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_EVERY_SECONDS", 0.0)
    watch = MadeUpTime()
    clock = StepClock(watch)
    for _ in range(3):
        batches(clock, watch, 10)
        assert reading(clock).launch_gap_seconds is None


def test_real_time_closes() -> None:
    clock = step_clock(torch.device("cpu"))
    before = time.perf_counter()
    clock.start()
    began = time.perf_counter()
    total = 0.0
    for _ in range(4):
        for _, lap in asked(clock, 300):
            for name in PARTS:
                lap(name)
            for _ in range(200):
                pass
        ended = time.perf_counter()
        total += reading(clock).split.seconds
    after = time.perf_counter()
    assert ended - began - 1e-6 <= total <= after - before + 1e-6


def test_a_cpu_is_timed_on_the_hosts_clock() -> None:
    assert isinstance(step_clock(torch.device("cpu"))._watch, HostStopwatch)
