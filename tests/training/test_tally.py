"""Sums of steps, of what prepared their batches, and of a pass."""

import gc
import weakref
from typing import Any

import pytest
import torch
from torch.nn import functional

from cnntop.core.split import Split
from cnntop.core.training.batches import Batch
from cnntop.core.training.tally import Detail, EpochTally, PreparationSums, StepSums

CPU = torch.device("cpu")
Step = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def made_up(count: int, precision: str = "fp32", seed: int = 0) -> list[Step]:
    """Loss, logits and labels of `count` steps with 1 to 9 images each, of ten classes."""
    draw = torch.Generator().manual_seed(seed)
    weights = torch.randn(6, 10, generator=draw)
    made = []
    for number in range(count):
        images = torch.randn(1 + number * 7 % 9, 6, generator=draw)
        labels = torch.randint(10, (len(images),), generator=draw)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            logits = images @ weights
            loss = functional.cross_entropy(logits, labels)
        made.append((loss, logits, labels))
    return made


def directly(steps: list[Step]) -> tuple[float, int, int]:
    """Step by step in Python's own numbers."""
    loss = sum(one.item() * len(labels) for one, _, labels in steps)
    hits = sum(int((logits.argmax(1) == labels).sum()) for _, logits, labels in steps)
    return loss, hits, sum(len(labels) for _, _, labels in steps)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 700])
def test_sums_are_those_of_a_direct_computation(count: int, precision: str) -> None:
    steps = made_up(count, precision)
    assert (steps[0][1].dtype == torch.bfloat16) == (precision == "bf16")
    sums = StepSums(CPU)
    for step in steps:
        sums.add(*step)
    loss, hits, images = sums.take()
    expected = directly(steps)
    assert (hits, images) == expected[1:]
    assert loss == pytest.approx(expected[0], rel=1e-12)
    assert count == 1 or 0 < hits < images, "else it would prove nothing"


def test_a_reading_begins_anew() -> None:
    sums = StepSums(CPU)
    assert sums.take() == (0.0, 0.0, 0)
    for seed, count in ((1, 300), (2, 3), (3, 256)):
        steps = made_up(count, seed=seed)
        for step in steps:
            sums.add(*step)
        assert sums.take() == pytest.approx(directly(steps))
        assert sums.take() == (0.0, 0.0, 0)


def test_a_loss_that_is_not_finite_stays_so() -> None:
    sums = StepSums(CPU)
    steps = made_up(3)
    sums.add(*steps[0])
    sums.add(torch.tensor(float("nan")), *steps[1][1:])
    sums.add(*steps[2])
    loss, hits, _ = sums.take()
    assert loss != loss
    assert hits == directly(steps)[1]


class Held:
    """Something that lives as long as a graph does."""


class Holding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, held: Held) -> torch.Tensor:
        ctx.held = held
        return images.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        return gradients[0], None


def test_no_graph_is_kept_alive() -> None:
    held = Held()
    alive = weakref.ref(held)
    images = torch.randn(4, 3, requires_grad=True)
    logits = Holding.apply(images, held)
    labels = torch.tensor([0, 1, 2, 0])
    loss = functional.cross_entropy(logits, labels)
    sums = StepSums(CPU)
    sums.add(loss, logits, labels)
    del held
    gc.collect()
    assert alive() is not None, "the step's own graph is there as long as the step"
    del logits, loss
    gc.collect()
    assert alive() is None
    assert sums.take()[2] == 4


def batch(begun: float | None, ready: float | None, cpu: float | None = None) -> Batch:
    """Of four images."""
    return Batch(torch.empty(4), torch.empty(4), begun, ready, cpu)


def prepared(*batches: Batch, wait: float = 0.0) -> tuple[float | None, float | None]:
    sums = PreparationSums()
    for one in batches:
        sums.add(one)
    return sums.take(wait, 4 * len(batches))


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([(0.0, 1.0), (1.0, 2.0)], 2.0),
        ([(0.0, 1.0), (5.0, 6.5)], 2.5),  # with a gap between
        ([(0.0, 2.0), (0.5, 2.5)], 2.5),  # two workers side by side
        ([(0.0, 2.0), (0.0, 2.0), (2.0, 4.0), (2.0, 4.0)], 4.0),  # and in step
        ([(0.0, 4.0), (0.0, 1.0), (1.0, 2.0), (2.0, 5.0)], 5.0),  # one of them slow
        ([(3.0, 3.0)], 0.0),
    ],
)
def test_time_that_two_workers_shared_counts_once(
    spans: list[tuple[float, float]], seconds: float
) -> None:
    assert prepared(*(batch(*span) for span in spans))[0] == pytest.approx(seconds)


def test_what_a_stretch_has_counted_the_next_does_not() -> None:
    sums = PreparationSums()
    sums.add(batch(0.0, 3.0))
    assert sums.take(0.0, 4)[0] == pytest.approx(3.0)
    sums.add(batch(1.0, 5.0))
    assert sums.take(0.0, 4)[0] == pytest.approx(2.0)
    assert sums.take(0.0, 0) == (None, None)


@pytest.mark.parametrize(("wait", "hidden"), [(0.0, 2.0), (0.5, 1.5), (2.0, 0.0), (7.0, 0.0)])
def test_hidden_is_what_was_not_waited_for_and_never_below_zero(wait: float, hidden: float) -> None:
    assert prepared(batch(1.0, 3.0), wait=wait)[0] == pytest.approx(hidden)


def test_cpu_seconds_are_summed_and_what_was_not_measured_is_none() -> None:
    both = prepared(batch(0.0, 1.0, 0.25), batch(0.0, 1.0, 0.5))
    assert both == (pytest.approx(1.0), pytest.approx(0.75)), "CPU time counts for each worker"
    assert prepared(batch(None, None), wait=1.0) == (None, None)
    assert prepared(wait=1.0) == (None, None)
    assert prepared(batch(0.0, 1.0)) == (1.0, None)
    assert prepared(batch(None, None), batch(0.0, 1.0, 0.0)) == (1.0, 0.0)


def test_cpu_seconds_of_batches_that_were_not_timed_are_those_of_the_timed_ones() -> None:
    untimed, timed = batch(None, None), batch(2.0, 2.0, 0.5)
    assert prepared(untimed, timed, untimed) == (0.0, pytest.approx(1.5))
    sums = PreparationSums()
    sums.add(timed)
    assert sums.take(0.0, 8)[1] == pytest.approx(1.0)
    sums.add(untimed)
    assert sums.take(0.0, 4)[1] == pytest.approx(0.5), "as much an image as before"
    sums.add(batch(3.0, 3.0, 0.1))
    assert sums.take(0.0, 4)[1] == pytest.approx(0.1)


def test_details_add_up_and_none_is_no_zero() -> None:
    sum_of = Detail()
    assert set(vars(sum_of).values()) == {None}
    sum_of.add(Detail(hidden_wait_seconds=1.0, forward_seconds=0.0))
    sum_of.add(Detail(hidden_wait_seconds=0.5))
    assert sum_of == Detail(hidden_wait_seconds=1.5, forward_seconds=0.0)


def test_a_pass_closes_though_a_stretch_had_no_sampled_step() -> None:
    """As a last stretch of one batch may: its compute is known, and how it is shared is not."""
    tally = EpochTally(3)
    tally.images, tally.loss, tally.hits = 50, 100.0, 20.0
    tally.split = Split(1.0, 0.5, 8.0, 0.5)
    tally.detail.add(Detail(0.25, 0.1, 1.0, 2.0, 1.0))
    tally.detail.add(Detail(0.25, 0.1))
    done = tally.finished(7, 0.1, None)
    assert (done.forward_seconds, done.backward_seconds, done.optimizer_seconds) == (2.0, 4.0, 2.0)
    assert (done.hidden_wait_seconds, done.augment_cpu_seconds) == (0.5, 0.2)
    assert done.launch_gap_seconds is None
    assert (done.epoch_seconds, done.train_loss, done.train_accuracy) == (10.0, 2.0, 0.4)
    assert done.test_loss is done.test_accuracy is done.evaluation_seconds is None


def test_a_pass_in_which_nothing_was_sampled_or_trained_says_so() -> None:
    tally = EpochTally(1)
    tally.split = Split(compute=2.0)
    done = tally.finished(0, 0.1, (1.5, 0.0))
    assert done.forward_seconds is done.backward_seconds is done.optimizer_seconds is None
    assert done.train_loss is done.train_accuracy is None
    assert (done.test_loss, done.test_accuracy) == (1.5, 0.0)
