"""Fixes without asking: made-up records through a real fold."""

import pytest

from cnntop.core.auto_fix import AutoFix
from cnntop.core.events import (
    AnyEvent,
    AugmentationTried,
    CpuSample,
    EpochFinished,
    FixApplied,
    FixMeasured,
    Paused,
    Record,
    Resumed,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.fix import Fix
from cnntop.core.run_state import RunState

STARTED = RunStarted(
    run="r", name="n", preset="p", started_utc="2026-01-01T00:00:00Z", dataset="shapes",
    model="shallow8", parameters=10, batch_size=10, train_images=700, test_images=50,
    steps_per_epoch=70, device="cuda:0", device_name="g", threads=2, precision="fp32",
    augment_on="cpu", epochs_planned=4,
)  # fmt: skip
ON_DEVICE = AugmentationTried("device", 8, 0.001, 0.002, 0.0284)
IN_LOADER = AugmentationTried("loader", 8, 0.004, 0.002, 0.0284)


def stretch(step: int, steps: int, wait: float, seconds: float) -> StepsMeasured:
    return StepsMeasured(
        epoch=1, step=step, steps=steps, images=10 * steps, loss=1.0, accuracy=0.5, lr=0.1,
        wait_seconds=wait * seconds, transfer_seconds=0.01 * seconds,
        compute_seconds=(0.98 - wait) * seconds, other_seconds=0.01 * seconds,
    )  # fmt: skip


class Run:
    """A run at one stretch a second, its folded state, and the reader after it."""

    def __init__(self, *before: AnyEvent) -> None:
        self.state = RunState()
        self.asked: list[Fix] = []
        self._reader = AutoFix(self.state, self.asked.append)
        self._seq = 0
        self.at = 0.0
        self.step = 0
        for event in (*before, STARTED):
            self.take(event)

    def take(self, event: AnyEvent) -> None:
        record = Record(self._seq, self.at, event)
        self._seq += 1
        self.state.apply(record)
        self._reader.take(record)

    def train(self, stretches: int = 1, wait: float = 0.61, seconds: float = 1.0) -> None:
        """`wait` is the share of the step; the rest computes. A step takes 0.1 s."""
        for _ in range(stretches):
            self.at += seconds
            steps = round(10 * seconds)
            self.step += steps
            self.take(stretch(self.step, steps, wait, seconds))

    def apply(self, key: str, before: str, after: str) -> None:
        self.take(FixApplied(key, before, after, self.step, 100.0))

    def measure(self, key: str, before: str, after: str) -> None:
        self.take(FixMeasured(key, before, after, self.step, 100.0, 240.0))

    @property
    def values(self) -> list[str | int]:
        return [fix.value for fix in self.asked]


TO_DEVICE = ("data.augment_on", "cpu", "device")


def test_a_fix_is_asked_for_when_it_was_proposed_for_three_seconds() -> None:
    run = Run(ON_DEVICE)
    # The first stretch warms up, the fourth makes the first verdict, three more hold it.
    run.train(6)
    assert run.asked == []
    run.train(1)
    (fix,) = run.asked
    assert (fix.key, fix.value) == ("data.augment_on", "device")
    assert fix.gain == pytest.approx(0.1 / 0.0324)


def test_it_is_asked_for_once() -> None:
    run = Run(ON_DEVICE)
    run.train(30)
    assert run.values == ["device"]
    run.measure(*TO_DEVICE)
    run.train(30)
    assert run.values == ["device"], "though the state still proposes it"


def test_a_hiccup_starts_the_three_seconds_anew() -> None:
    run = Run(ON_DEVICE)
    run.train(6)
    run.train(1, wait=-20.0)  # whatever it was, the mean no longer waits
    run.train(1, wait=20.61 + 5 * 0.61)
    assert run.asked == []
    run.train(2)
    assert run.asked == []
    run.train(1)
    assert run.values == ["device"]


def test_pauses_and_evaluation_are_no_training() -> None:
    run = Run(ON_DEVICE)
    run.train(5)
    run.take(Paused())
    run.at += 100.0
    run.take(Resumed(100.0))
    finished = EpochFinished(
        epoch=1, step=run.step, images=700, lr=0.1, train_loss=1.0, train_accuracy=0.5,
        test_loss=None, test_accuracy=None, epoch_seconds=7.0, evaluation_seconds=None,
        wait_seconds=4.0, transfer_seconds=0.0, compute_seconds=3.0, other_seconds=0.0,
    )  # fmt: skip
    run.take(finished)
    run.at += 50.0
    run.take(finished)
    assert run.asked == []
    run.train(1)
    assert run.asked == []
    run.train(1)
    assert run.values == ["device"]


def test_it_looks_once_a_second_and_at_steps_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    run = Run()
    monkeypatch.setattr("cnntop.core.auto_fix.verdict", lambda state: looks.append(run.at))
    run.at = 10.0
    for _ in range(9):
        run.train(seconds=0.25)
    assert looks == [10.25, 11.25, 12.25]
    run.at = 20.0
    run.take(CpuSample(0.5, (0.5,), 1, 2, 1, 1.0))
    run.take(Paused())
    assert len(looks) == 3


@pytest.mark.parametrize(("gain", "asked"), [(None, 0), (1.049, 0), (1.05, 1), (2.0, 1)])
def test_only_what_was_measured_to_pay_is_applied(
    gain: float | None, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Found:
        fix = Fix("machine.threads", 2, gain)

    monkeypatch.setattr("cnntop.core.auto_fix.verdict", lambda state: Found)
    run = Run()
    run.train(10)
    assert len(run.asked) == asked


def test_nothing_is_asked_without_a_fix() -> None:
    run = Run()
    run.train(20)
    run.train(20, wait=0.0)
    assert run.asked == []


def test_the_next_fix_waits_for_the_measure_of_the_one_before() -> None:
    run = Run(IN_LOADER, ON_DEVICE)
    run.train(7)
    assert run.values == ["device"]
    run.apply(*TO_DEVICE)
    run.train(20)
    assert run.values == ["device"]
    run.measure(*TO_DEVICE)
    run.train(3)
    assert run.values == ["device"]
    run.train(1)
    assert run.values == ["device", "loader"]


def test_a_persons_fix_is_waited_for_too() -> None:
    run = Run(ON_DEVICE)
    run.train(5)
    run.apply("machine.threads", "2", "1")
    run.train(20)
    assert run.asked == []
    run.measure("machine.threads", "2", "1")
    run.train(4)
    assert run.values == ["device"]


def test_a_fix_that_a_person_replaced_is_waited_for_no_longer() -> None:
    run = Run(IN_LOADER, ON_DEVICE)
    run.train(7)
    run.apply(*TO_DEVICE)
    run.train(2)
    run.apply("machine.threads", "2", "1")
    run.measure("machine.threads", "2", "1")
    run.train(7)
    assert run.values == ["device", "loader"]


def test_a_fix_that_training_never_takes_up_is_the_last() -> None:
    run = Run(IN_LOADER, ON_DEVICE)
    run.train(7)
    run.apply("machine.threads", "2", "1")
    run.measure("machine.threads", "2", "1")
    run.train(20)
    assert run.values == ["device"]
