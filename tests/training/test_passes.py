"""How often: steps on each batch (P7), and evaluations."""

import csv
import math
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from torch.nn import functional

from cnntop.core.control import Control
from cnntop.core.events import (
    AnyEvent,
    CheckpointSaved,
    EpochFinished,
    Record,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.recipe import Recipe
from cnntop.core.run_request import RunRequest
from cnntop.core.runs import summary
from cnntop.core.split import Split
from cnntop.core.training import models
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import Batch, BatchSource
from cnntop.core.training.datasets import load
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.preparation import Sources, prepare

E = TypeVar("E", bound=AnyEvent)
Make = Callable[..., RunRequest]
CPU = torch.device("cpu")
TRAIN_IMAGES = 72
BATCHES = 5  # of 16 images


class Noting:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def events(records: list[Record], kind: type[E]) -> list[E]:
    return [record.event for record in records if isinstance(record.event, kind)]


def by_hand(recipe: Recipe, passes: int) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Weights, and the mean training loss of each epoch's first passes, as P7 describes it."""
    assert recipe.data.dir is not None
    dataset = load("folder", Path(recipe.data.dir), recipe.data.image_size, Noting())
    normalization = Normalization(dataset.train.images)
    torch.manual_seed(recipe.train.seed)
    model = models.build(recipe.model, 3, 2, 16)
    train = recipe.train
    optimizer = torch.optim.SGD(
        model.parameters(), train.lr, momentum=train.momentum, weight_decay=train.weight_decay
    )
    source = Sources(recipe, dataset, normalization, CPU).make("cpu")
    losses = []
    for epoch in range(1, (train.epochs or 0) + 1):
        losses.append(0.0)
        for batch in source.epoch(epoch):
            images = normalization(batch.images)
            for number in range(passes):
                loss = functional.cross_entropy(model(images), batch.labels)
                if number == 0:
                    losses[-1] += loss.item() * len(images) / TRAIN_IMAGES
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return model.state_dict(), losses


@pytest.mark.parametrize("passes", [1, 3])
def test_each_batch_is_trained_on_so_often_in_a_row(
    run: Any, request_run: Make, passes: int
) -> None:
    request = request_run(passes=passes, epochs=3, lr=0.05)
    done = run(request)
    weights, losses = by_hand(request.recipe, passes)
    saved = torch.load(done.folder / "checkpoint" / "last.pt", weights_only=True)["model"]
    assert saved.keys() == weights.keys()
    assert all(torch.equal(saved[key], weights[key]) for key in weights), "to the bit"
    told = [epoch.train_loss for epoch in events(done.records, EpochFinished)]
    assert told == pytest.approx(losses), "the first pass's alone"


def test_an_image_counts_once_and_a_step_each_time(run: Any, request_run: Make) -> None:
    done = run(request_run(passes=3, epochs=4, lr=0.1, schedule="cosine"))
    (started,) = events(done.records, RunStarted)
    assert (started.passes, started.steps_per_epoch) == (3, 3 * BATCHES)
    epochs, stretches = events(done.records, EpochFinished), events(done.records, StepsMeasured)
    assert [epoch.images for epoch in epochs] == [TRAIN_IMAGES] * 4
    assert [epoch.step for epoch in epochs] == [15, 30, 45, 60]
    assert sum(stretch.steps for stretch in stretches) == 60
    assert sum(stretch.images for stretch in stretches) == 4 * TRAIN_IMAGES
    assert all(stretch.steps % 3 == 0 for stretch in stretches)
    assert [epoch.lr for epoch in epochs] == pytest.approx(
        [0.05 * (1 + math.cos(math.pi * (15 * epoch - 1) / 60)) for epoch in (1, 2, 3, 4)]
    )
    for epoch in epochs:
        split = Split()
        split.add(epoch)
        assert split.seconds == pytest.approx(epoch.epoch_seconds)
        compute = (epoch.forward_seconds, epoch.backward_seconds, epoch.optimizer_seconds)
        assert sum(part or 0.0 for part in compute) == pytest.approx(epoch.compute_seconds)
        assert 0.0 <= (epoch.train_accuracy or 0.0) <= 1.0
    [row] = summary.read_rows(done.folder.parent)
    assert (row["passes"], row["epochs"]) == ("3", "4")


def test_a_time_limit_holds_with_passes_too(run: Any, request_run: Make) -> None:
    done = run(request_run(passes=3, time="0.6s", schedule="cosine"))
    assert done.ended.status == "finished"
    assert done.ended.seconds >= 0.6
    epochs = events(done.records, EpochFinished)
    for earlier, later in pairwise(epochs):
        assert later.step - earlier.step == 3 * math.ceil(later.images / 16)
    assert epochs[-1].lr < 0.01


class Late:
    """Batches of `source`, each so much too late; `seconds` is what that took in truth."""

    def __init__(self, source: BatchSource) -> None:
        self.augment_on, self.workers = source.augment_on, source.workers
        self.seconds = 0.0
        self._source = source

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        for batch in self._source.epoch(epoch, first_batch):
            begun = time.perf_counter()
            time.sleep(0.03)
            self.seconds += time.perf_counter() - begun
            yield batch

    def close(self) -> None:
        self._source.close()


def test_a_batch_is_waited_for_once(request_run: Make, tmp_path: Path) -> None:
    sink = Noting()
    prepared = prepare(request_run(passes=3, epochs=3).recipe, sink, lambda: False)
    late = Late(prepared.batches)
    prepared.batches = late
    assert TrainingLoop(prepared, Control(), sink, tmp_path).run() == "finished"
    waited = sum(epoch.wait_seconds for epoch in sink.of(EpochFinished))
    assert late.seconds >= 3 * BATCHES * 0.03
    assert late.seconds <= waited < 1.5 * late.seconds


def evaluated(epochs: list[EpochFinished]) -> list[int]:
    """The epochs that were, of which all figures of a test are there, as of the others none."""
    for epoch in epochs:
        figures = (epoch.test_loss, epoch.test_accuracy, epoch.evaluation_seconds)
        assert len({figure is None for figure in figures}) == 1
    return [epoch.epoch for epoch in epochs if epoch.test_accuracy is not None]


@pytest.mark.parametrize(
    ("every", "epochs", "expected"),
    [(1, 3, [1, 2, 3]), (2, 5, [2, 4, 5]), (2, 4, [2, 4]), (9, 3, [3])],
)
def test_every_nth_epoch_and_the_last_are_evaluated(
    run: Any, request_run: Make, every: int, epochs: int, expected: list[int]
) -> None:
    done = run(request_run(epochs=epochs, evaluate_every=every))
    finished = events(done.records, EpochFinished)
    assert evaluated(finished) == expected
    assert events(done.records, RunStarted)[0].evaluate_every == every
    with (done.folder / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for column in ("test_loss", "test_accuracy", "evaluation_seconds"):
        assert [int(row["epoch"]) for row in rows if row[column]] == expected
    assert all(row["train_loss"] and row["epoch_seconds"] for row in rows)
    best = max(finished, key=lambda epoch: epoch.test_accuracy or -1.0)
    kept = [one for one in events(done.records, CheckpointSaved) if "best" in one.path]
    assert {one.epoch for one in kept} <= set(expected)
    assert (kept[-1].epoch, kept[-1].test_accuracy) == (best.epoch, best.test_accuracy)
    [row] = summary.read_rows(done.folder.parent)
    assert (row["evaluate_every"], row["best_epoch"]) == (str(every), str(best.epoch))


def test_other_evaluations_train_the_same_weights(run: Any, request_run: Make) -> None:
    one, other = (
        torch.load(
            run(request_run(epochs=4, evaluate_every=every)).folder / "checkpoint" / "last.pt",
            weights_only=True,
        )["model"]
        for every in (1, 3)
    )
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_time_limits_last_epoch_is_evaluated(run: Any, request_run: Make) -> None:
    done = run(request_run(time="0.5s", evaluate_every=1_000_000))
    epochs = events(done.records, EpochFinished)
    assert len(epochs) > 1
    assert evaluated(epochs) == [epochs[-1].epoch]


class SlowDisk(Noting):
    """Takes its time over the first epoch's end, beyond the run's time limit."""

    def emit(self, event: AnyEvent) -> None:
        super().emit(event)
        if isinstance(event, EpochFinished) and len(self.of(EpochFinished)) == 1:
            time.sleep(1.0)


def test_time_that_runs_out_between_two_epochs_leaves_the_last_evaluated(
    request_run: Make, tmp_path: Path
) -> None:
    sink = SlowDisk()
    recipe = request_run(time="1s", evaluate_every=1_000_000).recipe
    prepared = prepare(recipe, sink, lambda: False)
    assert TrainingLoop(prepared, Control(), sink, tmp_path).run() == "finished"
    epochs = sink.of(EpochFinished)
    assert epochs[0].images == TRAIN_IMAGES
    assert evaluated(epochs) == [2]
    assert epochs[1].images == 16, "one batch more"


def test_a_stop_waits_for_no_evaluation(start: Any, request_run: Make) -> None:
    watched = start(request_run(epochs=1_000_000, evaluate_every=7))
    watched.until(lambda records: len(events(records, EpochFinished)) > 8)
    watched.handle.control.stop()
    epochs = events(watched.end().records, EpochFinished)
    last = epochs[-1].epoch
    assert [one for one in evaluated(epochs) if one != last] == list(range(7, last, 7))
