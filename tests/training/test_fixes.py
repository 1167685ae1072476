"""Fixes in real runs: a setting changed between two steps, no image lost, and what it brought."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import psutil
import pytest
import torch

from cnntop.core.events import (
    AnyEvent,
    EpochFinished,
    FixApplied,
    FixMeasured,
    Paused,
    Record,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.fix import Fix
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import fold
from cnntop.core.runs import summary
from cnntop.core.runs.log import read_log
from cnntop.core.training.batches import epoch_order
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.network import Network

E = TypeVar("E", bound=AnyEvent)
Make = Callable[..., RunRequest]
ENDLESS = 1_000_000
IMAGES = 200
BATCH = 4
STEPS = IMAGES // BATCH
TO_CPU = Fix("data.augment_on", "cpu", 1.5)
LOADER = {"augment_on": "loader", "workers": 0, "batch_size": BATCH}


def events(records: list[Record], kind: type[E]) -> list[E]:
    return [record.event for record in records if isinstance(record.event, kind)]


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fix is measured after a moment, in stretches of a moment."""
    monkeypatch.setattr("cnntop.core.training.loop.READOUT_SECONDS", 0.02)
    monkeypatch.setattr("cnntop.core.training.fixes.MEASURED_SECONDS", 0.1)


class Seen:
    """Which images were trained on in which order, and what happens before a step's."""

    def __init__(self) -> None:
        self.images: list[int] = []
        self.threads: list[int] = []
        self.before_step: dict[int, Callable[[], None]] = {}

    @property
    def steps(self) -> int:
        return len(self.threads)

    def passes(self) -> list[list[int]]:
        return [self.images[at : at + IMAGES] for at in range(0, len(self.images), IMAGES)]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Every image is a class of its own, so that a label says which image it was."""
    draw = torch.Generator().manual_seed(2)
    images = torch.randint(256, (IMAGES, 3, 16, 16), dtype=torch.uint8, generator=draw)
    train = ImageSet(images, torch.arange(IMAGES))
    test = ImageSet(images[:8], torch.arange(8))
    dataset = Dataset("made-up", tuple(map(str, range(IMAGES))), train, test)
    monkeypatch.setattr("cnntop.core.training.preparation.load", lambda *_: dataset)
    copy, forward = Network.copy, Network.forward
    noted = Seen()

    def noted_copy(self: Network, *computation: Any) -> Network:
        made = copy(self, *computation)
        made.on_trial = True  # type: ignore[attr-defined]
        return made

    def noted_forward(self: Network, images: torch.Tensor, labels: torch.Tensor) -> Any:
        if self.model.training and not hasattr(self, "on_trial"):
            noted.before_step.pop(noted.steps + 1, lambda: None)()
            noted.threads.append(torch.get_num_threads())
            noted.images += labels.tolist()
        return forward(self, images, labels)

    monkeypatch.setattr(Network, "copy", noted_copy)
    monkeypatch.setattr(Network, "forward", noted_forward)
    return noted


Fixed = Callable[..., Any]


@pytest.fixture
def fixed(start: Any, request_run: Make, seen: Seen) -> Fixed:
    """A run that has been started, of which certain steps will ask for a fix."""

    def started(asked: dict[int, Fix], **settings: Any) -> Any:
        ready = threading.Event()
        watched: list[Any] = []

        def ask(fix: Fix) -> None:
            assert ready.wait(60)
            watched[0].handle.control.apply(fix)

        for step, fix in asked.items():
            seen.before_step[seen.steps + step] = lambda fix=fix: ask(fix)  # type: ignore[misc]
        watched.append(start(request_run(**(LOADER | settings))))
        ready.set()
        return watched[0]

    return started


def orders(epochs: int) -> list[list[int]]:
    return [epoch_order(IMAGES, 0, epoch).tolist() for epoch in range(1, epochs + 1)]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("step", [1, 30, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS])
def test_augmenting_elsewhere_in_the_middle_of_a_pass_loses_no_image(
    fixed: Fixed, seen: Seen, step: int
) -> None:
    done = fixed({step: TO_CPU}, epochs=4).end()
    assert done.ended.status == "finished"
    assert seen.passes() == orders(4)
    epochs = events(done.records, EpochFinished)
    assert [(epoch.images, epoch.step) for epoch in epochs] == [
        (IMAGES, STEPS * number) for number in range(1, 5)
    ]
    (applied,) = events(done.records, FixApplied)
    assert (applied.key, applied.before, applied.after) == ("data.augment_on", "loader", "cpu")
    assert (applied.step, applied.forecast_gain) == (step, 1.5)
    state = fold(done.records)
    assert state.started is not None
    assert (state.started.augment_on, state.augment_on) == ("loader", "cpu")
    [row] = summary.read_rows(done.folder.parent)
    assert (row["augment_on"], row["fixes"]) == ("cpu", "data.augment_on loader -> cpu")


@pytest.mark.usefixtures("quick")
def test_what_a_fix_brought_is_told_by_the_stretches_of_the_run(fixed: Fixed) -> None:
    watched = fixed({3 * STEPS + 7: TO_CPU}, epochs=ENDLESS)
    watched.until(lambda records: bool(events(records, FixMeasured)))
    watched.handle.control.stop()
    done = watched.end()
    logged = list(read_log(done.folder / "events.jsonl"))
    assert logged == done.records
    assert fold(logged) == fold(done.records)
    (applied,), (measured,) = (events(logged, kind) for kind in (FixApplied, FixMeasured))
    assert (measured.key, measured.before, measured.after) == (
        applied.key, applied.before, applied.after,
    )  # fmt: skip
    assert measured.forecast_gain == 1.5
    assert measured.images_per_second_before == applied.images_per_second_before
    stretches = events(logged, StepsMeasured)
    before = [one for one in stretches if one.step <= applied.step][2:][-40:]
    after = [one for one in stretches if applied.step < one.step <= measured.step][2:]
    assert applied.images_per_second_before == pytest.approx(speed(before))
    assert measured.images_per_second_after == pytest.approx(speed(after))
    assert sum(map(seconds, after[:-1])) < 0.1 <= sum(map(seconds, after))
    state = fold(logged)
    assert (state.fixes, state.fixes_measured) == ([applied], [measured])


def seconds(one: StepsMeasured) -> float:
    return one.wait_seconds + one.transfer_seconds + one.compute_seconds + one.other_seconds


def speed(stretches: list[StepsMeasured]) -> float:
    return sum(one.images for one in stretches) / sum(map(seconds, stretches))


def test_where_draws_are_the_same_a_fix_trains_the_same_weights(fixed: Fixed) -> None:
    """To the bit: on a CPU "device" is "cpu" by another name."""
    settings = {"augment_on": "cpu", "workers": None, "epochs": 3}
    asked = {STEPS + 9: Fix("data.augment_on", "device"), STEPS + 20: TO_CPU}
    weights = []
    for fixes in ({}, asked):
        done = fixed(dict(fixes), **settings).end()
        assert len(events(done.records, FixApplied)) == len(fixes)
        saved = torch.load(done.folder / "checkpoint" / "last.pt", weights_only=True)
        weights.append(saved["model"])
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_workers_are_gone_after_the_swap_and_training_goes_on(fixed: Fixed, seen: Seen) -> None:
    watched = fixed({STEPS + 9: TO_CPU}, epochs=ENDLESS, workers=1)
    watched.until(lambda records: bool(events(records, StepsMeasured)))
    watched.until(lambda records: bool(events(records, FixApplied)))
    waited = 0.0
    while workers():
        assert waited < 60, "the worker stays"
        time.sleep(0.05)
        waited += 0.05
    (applied,) = events(watched.records, FixApplied)
    watched.until(lambda records: len(events(records, EpochFinished)) >= 4)
    watched.handle.control.stop()
    done = watched.end()
    assert events(done.records, RunStarted)[0].workers == 1
    assert applied.step == STEPS + 9
    whole = [one for one in seen.passes() if len(one) == IMAGES]
    assert len(whole) >= 2
    assert whole == orders(len(whole))


def workers() -> list[psutil.Process]:
    servers = [
        one for one in psutil.Process().children() if "forkserver" in " ".join(one.cmdline())
    ]
    return [worker for server in servers for worker in server.children()]


def test_another_fix_leaves_the_workers_their_order(fixed: Fixed, seen: Seen) -> None:
    """The pass is begun anew in its middle; what a worker had prepared ahead is let go."""
    seldom, always = (Fix("train.evaluate_every", every) for every in (2, 1))
    asked = {9: seldom, 2 * STEPS - 1: always}
    done = fixed(asked, epochs=3, workers=1).end()
    assert done.ended.status == "finished", done.handle.error
    assert len(events(done.records, FixApplied)) == 2
    assert seen.passes() == orders(3)


def test_threads_are_set_where_training_computes(fixed: Fixed, seen: Seen) -> None:
    done = fixed({2 * STEPS - 9: Fix("machine.threads", 2)}, epochs=2).end()
    (applied,) = events(done.records, FixApplied)
    assert (applied.before, applied.after, applied.forecast_gain) == ("1", "2", None)
    assert seen.threads == [1] * (2 * STEPS - 9) + [2] * 9
    assert seen.passes() == orders(2)
    assert fold(done.records).threads == 2
    [row] = summary.read_rows(done.folder.parent)
    assert row["threads"] == "2"


def test_evaluating_less_often_is_measured_by_whole_passes(fixed: Fixed) -> None:
    fix = Fix("train.evaluate_every", 3, 1.25)
    done = fixed({3 * STEPS + 20: fix}, epochs=11).end()
    epochs = events(done.records, EpochFinished)
    evaluated = [epoch.epoch for epoch in epochs if epoch.test_accuracy is not None]
    assert evaluated == [1, 2, 3, 6, 9, 11]
    (applied,), (measured,) = (events(done.records, kind) for kind in (FixApplied, FixMeasured))
    assert (applied.before, applied.after) == ("1", "3")
    assert applied.images_per_second_before == pytest.approx(IMAGES / epochs[2].epoch_seconds)
    after = sum(epoch.epoch_seconds for epoch in epochs[3:6])
    assert measured.images_per_second_after == pytest.approx(3 * IMAGES / after)
    assert measured.step == epochs[5].step
    assert measured.forecast_gain == 1.25


def test_what_is_set_already_is_not_set_again(fixed: Fixed, seen: Seen) -> None:
    asked = {
        5: Fix("data.augment_on", "loader", 2.0),
        9: Fix("machine.threads", 1),
        14: Fix("train.evaluate_every", 1),
    }
    done = fixed(asked, epochs=2).end()
    assert events(done.records, FixApplied) == []
    assert not seen.before_step, "all were asked for"
    assert seen.passes() == orders(2)
    [row] = summary.read_rows(done.folder.parent)
    assert row["fixes"] == ""


def test_a_fix_asked_for_in_a_pause_is_applied_after_it(fixed: Fixed, seen: Seen) -> None:
    watched = fixed({}, epochs=ENDLESS)
    watched.handle.control.pause()
    watched.until(lambda records: bool(events(records, Paused)))
    steps = seen.steps
    watched.handle.control.apply(TO_CPU)
    time.sleep(0.3)
    assert events(watched.look(), FixApplied) == []
    watched.handle.control.resume()
    watched.until(lambda records: bool(events(records, FixApplied)))
    watched.handle.control.stop()
    (applied,) = events(watched.end().records, FixApplied)
    assert applied.step == steps + 1


def test_fixes_one_after_the_other(fixed: Fixed, seen: Seen) -> None:
    asked = {7: TO_CPU, 8: Fix("data.augment_on", "loader"), 91: Fix("machine.threads", 2)}
    done = fixed(asked, epochs=2).end()
    applied = events(done.records, FixApplied)
    assert [(one.step, one.before, one.after) for one in applied] == [
        (7, "loader", "cpu"), (8, "cpu", "loader"), (91, "1", "2"),
    ]  # fmt: skip
    assert seen.passes() == orders(2)
    state = fold(done.records)
    assert (state.augment_on, state.threads) == ("loader", 2)
    assert state.fixes == applied
