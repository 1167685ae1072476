"""The training loop on a small folder of real images."""

import math
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from cnntop.core.control import Control
from cnntop.core.events import (
    AnyEvent,
    CheckpointSaved,
    EpochFinished,
    Paused,
    Record,
    Resumed,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.recipe import Model
from cnntop.core.run_request import RunRequest
from cnntop.core.session import RunHandle
from cnntop.core.split import Split
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.datasets import load
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.models import build
from cnntop.core.training.preparation import prepare
from tests.conftest import Watched

E = TypeVar("E", bound=AnyEvent)
ENDLESS = 1_000_000
TRAIN_IMAGES = 72


def events(records: list[Record], kind: type[E]) -> list[E]:
    return [record.event for record in records if isinstance(record.event, kind)]


def weights(folder: Path, name: str = "last.pt") -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(folder / "checkpoint" / name, weights_only=True)
    return saved


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    assert one.keys() == two.keys()
    return all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("augment_on", ["cpu", "device", "loader"])
def test_learns(run: Any, request_run: Callable[..., RunRequest], augment_on: str) -> None:
    more = {"workers": 0} if augment_on == "loader" else {}
    done = run(request_run(epochs=10, lr=0.05, augment_on=augment_on, **more))
    assert done.ended.status == "finished"
    epochs = events(done.records, EpochFinished)
    first, last = epochs[0], epochs[-1]
    assert first.train_loss is not None
    assert last.train_loss is not None
    assert last.test_accuracy is not None
    assert last.train_loss < 0.5 * first.train_loss
    assert last.test_accuracy >= 0.95
    assert events(done.records, RunStarted)[0].augment_on == augment_on


def test_the_same_seed_trains_the_same_weights_to_the_bit(
    run: Any, request_run: Callable[..., RunRequest]
) -> None:
    first, second, other = (
        weights(run(request_run(seed=seed)).folder)["model"] for seed in (3, 3, 4)
    )
    assert equal(first, second)
    assert not equal(first, other)


def test_stretches_add_up_to_epochs_and_epochs_to_the_run(
    run: Any, request_run: Callable[..., RunRequest]
) -> None:
    done = run(request_run(epochs=3))
    stretches, epochs = events(done.records, StepsMeasured), events(done.records, EpochFinished)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert [epoch.step for epoch in epochs] == [5, 10, 15]
    for epoch in epochs:
        own = [stretch for stretch in stretches if stretch.epoch == epoch.epoch]
        assert sum(stretch.images for stretch in own) == epoch.images == TRAIN_IMAGES
        assert sum(stretch.steps for stretch in own) == 5
        losses = sum((stretch.loss or 0.0) * stretch.images for stretch in own)
        assert epoch.train_loss == pytest.approx(losses / TRAIN_IMAGES)
        hits = sum((stretch.accuracy or 0.0) * stretch.images for stretch in own)
        assert epoch.train_accuracy == pytest.approx(hits / TRAIN_IMAGES)
        split = Split()
        split.add(epoch)
        assert split.seconds == pytest.approx(epoch.epoch_seconds)
        assert min(split.parts().values()) > 0
        assert epoch.evaluation_seconds is not None
        assert 0 < epoch.evaluation_seconds <= epoch.other_seconds
    assert sum(epoch.epoch_seconds for epoch in epochs) <= done.ended.seconds
    assert [stretch.step for stretch in stretches] == sorted({s.step for s in stretches})


def test_epochs_close_to_wall_time(run: Any, request_run: Callable[..., RunRequest]) -> None:
    done = run(request_run(epochs=30))
    stamps = [r.at_seconds for r in done.records if isinstance(r.event, EpochFinished)]
    seconds = [epoch.epoch_seconds for epoch in events(done.records, EpochFinished)]
    assert sum(seconds[1:]) == pytest.approx(stamps[-1] - stamps[0], rel=0.05)


class SlowReaders:
    """Notes events, and takes its time over two kinds as a slow disk does."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)
        if isinstance(event, StepsMeasured | EpochFinished):
            time.sleep(0.25)


def test_what_readers_take_is_no_waiting_for_batches(
    request_run: Callable[..., RunRequest], tmp_path: Path
) -> None:
    sink = SlowReaders()
    prepared = prepare(request_run(epochs=4).recipe, sink, lambda: False)
    assert TrainingLoop(prepared, Control(), sink, tmp_path).run() == "finished"
    split = Split()
    for event in sink.events:
        if isinstance(event, EpochFinished):
            split.add(event)
    # Eight sleeps, of which the last comes after the last reading of the clock.
    assert split.other >= 1.75
    assert split.wait < 0.2 * split.other


def test_test_figures_are_those_of_the_saved_weights(
    run: Any, request_run: Callable[..., RunRequest], pictures: Path
) -> None:
    # A network with batch norm, which does something else while it is tested.
    done = run(request_run(epochs=2, model={"name": "resnet"}))
    last = events(done.records, EpochFinished)[-1]
    saved = weights(done.folder)
    assert (saved["epoch"], saved["step"]) == (2, 10)
    assert (saved["model_label"], saved["classes"]) == ("resnet18", ["dark", "light"])
    model = build(Model(name="resnet", depth=18), 3, 2, 16)
    model.load_state_dict(saved["model"])
    dataset = load("folder", pictures, 16, SlowReaders())
    with torch.inference_mode():
        logits = model.eval()(Normalization(dataset.train.images)(dataset.test.images))
        loss = torch.nn.functional.cross_entropy(logits, dataset.test.labels).item()
    hits = (logits.argmax(1) == dataset.test.labels).double().mean().item()
    assert last.test_accuracy == pytest.approx(hits)
    assert last.test_loss == pytest.approx(loss, rel=1e-4)


def test_the_best_weights_are_kept_beside_the_last(
    run: Any, request_run: Callable[..., RunRequest]
) -> None:
    done = run(request_run(epochs=6))
    accuracies = [epoch.test_accuracy or 0.0 for epoch in events(done.records, EpochFinished)]
    saved = events(done.records, CheckpointSaved)
    best = [event for event in saved if event.path == "checkpoint/best.pt"]
    assert best[-1].test_accuracy == max(accuracies)
    assert best[-1].epoch == accuracies.index(max(accuracies)) + 1
    lasts = [event for event in saved if event.path == "checkpoint/last.pt"]
    assert [event.epoch for event in lasts] == [1, 2, 3, 4, 5, 6]
    stored = weights(done.folder, "best.pt")
    assert (stored["epoch"], stored["test_accuracy"]) == (best[-1].epoch, max(accuracies))
    assert sorted(path.name for path in (done.folder / "checkpoint").iterdir()) == [
        "best.pt",
        "hashes.json",
        "last.pt",
        "previous.pt",
    ]


def test_a_schedule_follows_the_epochs(run: Any, request_run: Callable[..., RunRequest]) -> None:
    done = run(request_run(epochs=2, lr=0.1, schedule="cosine"))
    epochs = events(done.records, EpochFinished)
    expected = [0.05 * (1 + math.cos(math.pi * step / 10)) for step in (4, 9)]
    assert [epoch.lr for epoch in epochs] == pytest.approx(expected)


def test_a_time_limit_ends_the_run_and_the_schedule_follows_it(
    run: Any, request_run: Callable[..., RunRequest]
) -> None:
    done = run(request_run(time="1.5s", lr=0.02, schedule="cosine"))
    assert done.ended.status == "finished"
    assert done.ended.seconds >= 1.5
    started = events(done.records, RunStarted)[0]
    assert (started.epochs_planned, started.time_limit_seconds) == (None, 1.5)
    stretches = events(done.records, StepsMeasured)
    rates = [stretch.lr for stretch in stretches]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1]
    # Each rate belongs to the time of its stretch's last step, and time only goes on from there.
    stamps = [r.at_seconds for r in done.records if isinstance(r.event, StepsMeasured)]
    begin = next(r.at_seconds for r in done.records if isinstance(r.event, RunStarted))
    for rate, stamp in zip(rates, stamps, strict=True):
        assert rate >= 0.01 * (1 + math.cos(math.pi * min(1.0, (stamp - begin) / 1.5))) - 1e-9
    assert all(epoch.test_accuracy is not None for epoch in events(done.records, EpochFinished))


def test_a_time_limit_cuts_an_epoch_short(run: Any, request_run: Callable[..., RunRequest]) -> None:
    done = run(request_run(time="0.05s", batch_size=1, model={"name": "resnet"}))
    (epoch,) = events(done.records, EpochFinished)
    assert 1 <= epoch.images < TRAIN_IMAGES
    assert epoch.test_accuracy is not None


def test_a_pause_stands_still_and_counts_for_nothing(
    start: Any, request_run: Callable[..., RunRequest]
) -> None:
    watched = start(request_run(epochs=ENDLESS))
    control = watched.handle.control
    watched.until(lambda records: bool(events(records, StepsMeasured)))
    control.pause()
    watched.until(lambda records: bool(events(records, Paused)))
    paused_at = len(watched.records)
    time.sleep(0.7)
    during = watched.look()[paused_at:]
    assert not events(during, StepsMeasured)
    assert not events(during, EpochFinished)
    control.resume()
    seen = len(watched.records)
    watched.until(lambda records: bool(events(records[seen:], StepsMeasured)))
    control.stop()
    done = watched.end()
    resumed = events(done.records, Resumed)
    assert len(resumed) == 1
    assert resumed[0].paused_seconds >= 0.7
    split = Split()
    for epoch in events(done.records, EpochFinished):
        split.add(epoch)
    assert split.seconds <= done.ended.seconds - resumed[0].paused_seconds


def test_a_pause_does_not_use_up_the_time_limit(request_run: Callable[..., RunRequest]) -> None:
    watched = Watched(RunHandle(request_run(time="1s")))
    watched.handle.control.pause()
    watched.handle.start()
    watched.until(lambda records: bool(events(records, Paused)))
    time.sleep(1.2)
    watched.handle.control.resume()
    done = watched.end()
    paused = events(done.records, Resumed)[0].paused_seconds
    assert done.ended.status == "finished"
    assert done.ended.seconds - paused >= 1.0
    assert len(events(done.records, StepsMeasured)) > 1


@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_saves_the_weights(
    start: Any, request_run: Callable[..., RunRequest], paused: bool
) -> None:
    watched = start(request_run(epochs=ENDLESS))
    watched.until(lambda records: len(events(records, EpochFinished)) > 1)
    if paused:
        watched.handle.control.pause()
        watched.until(lambda records: bool(events(records, Paused)))
    watched.handle.control.stop()
    done = watched.end()
    assert (done.ended.status, done.handle.exit_code) == ("stopped", 0)
    last = events(done.records, EpochFinished)[-1]
    saved = weights(done.folder)
    under_way = saved["pass"]
    assert saved["epoch"] == (last.epoch if under_way is None else last.epoch - 1), "whole epochs"
    assert under_way is None or under_way["epoch"] == last.epoch
    assert saved["step"] == last.step
    build(Model(name="shallow", kernels=4), 3, 2, 16).load_state_dict(saved["model"])
    assert bool(events(done.records, Resumed)) == paused


def test_a_cut_epoch_says_how_far_it_came(
    start: Any, request_run: Callable[..., RunRequest]
) -> None:
    watched = start(request_run(epochs=ENDLESS, batch_size=1))
    watched.until(lambda records: bool(events(records, StepsMeasured)))
    watched.handle.control.stop()
    done = watched.end()
    epochs = events(done.records, EpochFinished)
    assert all(epoch.images == TRAIN_IMAGES for epoch in epochs[:-1])
    assert sum(epoch.images for epoch in epochs) == epochs[-1].step
    for earlier, later in pairwise(epochs):
        assert later.step - earlier.step == later.images


def test_a_diverged_run_says_so(run: Any, request_run: Callable[..., RunRequest]) -> None:
    done = run(request_run(lr=1e30, epochs=50))
    assert (done.ended.status, done.handle.exit_code) == ("diverged", 1)
    assert "no longer finite" in done.ended.message
    assert "1e+30 (--lr)" in done.ended.message
    assert events(done.records, StepsMeasured)[-1].loss is None
    assert done.handle.traceback is None


def test_half_precision_learns_too(run: Any, request_run: Callable[..., RunRequest]) -> None:
    done = run(request_run(epochs=6, lr=0.05, precision="bf16"))
    epochs = events(done.records, EpochFinished)
    assert (epochs[-1].train_loss or 9.0) < (epochs[0].train_loss or 0.0)
    dtypes = {tensor.dtype for tensor in weights(done.folder)["model"].values()}
    assert dtypes == {torch.float32}
