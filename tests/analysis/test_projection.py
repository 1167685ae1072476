"""Forecasts by hand: whole epochs, accuracies, intervals, and what is refused."""

from typing import Any

import pytest

from cnntop.core.analysis.profile import Span
from cnntop.core.analysis.projection import (
    Milestone,
    Workload,
    forecast,
    milestones,
    whole_epoch_seconds,
)
from cnntop.core.errors import UsageError
from cnntop.core.events import EpochFinished
from tests.machine_profile import line, profile

STEPS = {"shallow8": line(0.02, 0.0)}
WORK = Workload("shallow8", 32, train_images=1000, test_images=100)


def epoch(number: int, accuracy: float | None, images: int = 1000, seconds: float = 2.0) -> Any:
    parts = dict.fromkeys(("wait", "transfer", "compute", "other"), 0.0)
    return EpochFinished(
        epoch=number, step=1, images=images, lr=0.1, train_loss=None, train_accuracy=None,
        test_loss=None, test_accuracy=accuracy, epoch_seconds=seconds, evaluation_seconds=None,
        **{f"{name}_seconds": value for name, value in parts.items()},
    )  # fmt: skip


def test_an_epoch_is_its_steps_its_evaluation_and_its_checkpoint() -> None:
    found = forecast(profile(STEPS), WORK)
    # 32 batches, the last one smaller, of 20 ms; 100 images of 1 ms; a checkpoint of 0.1 s.
    assert found.epoch_seconds.median == pytest.approx(0.64 + 0.1 + 0.1)
    assert found.epoch_seconds.high == pytest.approx(0.64 + 0.1 + 0.2)  # the best's as well


@pytest.mark.parametrize(
    ("change", "seconds"),
    [
        ({"passes": 3}, 3 * 0.64 + 0.2),
        ({"test_views": 6}, 0.64 + 0.6 + 0.1),
        ({"evaluate_every": 4}, 0.64 + 0.025 + 0.1),
        ({"train_images": 2000}, 63 * 0.02 + 0.2),
        ({"test_images": 0}, 0.64 + 0.1),
    ],
)
def test_what_makes_an_epoch_longer(change: dict[str, Any], seconds: float) -> None:
    work = Workload(**(vars(WORK) | change))
    assert forecast(profile(STEPS), work).epoch_seconds.median == pytest.approx(seconds)


def test_the_interval_is_as_wide_as_the_rounds_lay_apart() -> None:
    calm, restless = (forecast(profile(STEPS, spread=one), WORK) for one in (0.01, 0.3))
    assert calm.epoch_seconds.median == restless.epoch_seconds.median
    assert restless.steps_seconds == Span(*(pytest.approx(0.64 * one) for one in (1, 0.7, 1.3)))
    assert restless.epoch_seconds.low < calm.epoch_seconds.low
    assert restless.epoch_seconds.high > calm.epoch_seconds.high


def test_accuracies_take_the_epochs_of_the_run_and_the_seconds_of_the_profile() -> None:
    there = forecast(profile(STEPS), WORK)
    epochs = [epoch(1, 0.5), epoch(2, None), epoch(3, 0.85), epoch(4, 0.75), epoch(5, 0.8, 500, 1)]
    seventy, eighty, ninety, end = milestones(epochs, 1000, there, (0.7, 0.8, 0.9))
    assert (seventy.epochs, seventy.here_seconds) == (3.0, 6.0)
    assert seventy.there_seconds is not None
    # Two of the three were evaluated.
    assert seventy.there_seconds.median == pytest.approx(3 * 0.74 + 2 * 0.1)
    assert eighty.there_seconds == seventy.there_seconds
    assert ninety == Milestone(0.9)
    assert (end.accuracy, end.epochs, end.here_seconds) == (None, 4.5, 9.0)
    assert end.there_seconds is not None
    assert end.there_seconds.median == pytest.approx(4.5 * 0.74 + 4 * 0.1)


def test_the_runs_own_epoch_is_of_those_that_were_whole() -> None:
    epochs = [epoch(1, 0.1, seconds=2), epoch(2, 0.1, seconds=4), epoch(3, 0.1, 10, 0.1)]
    assert whole_epoch_seconds(epochs, 1000) == Span(3.0, 2.0, 4.0)
    assert whole_epoch_seconds(epochs[2:], 1000) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_size": 64}, "images of 32 pixels, and these have 64"),
        ({"flop_per_image": 1.1e6}, "1.1 MFLOP an image in the run and 1 in profile b"),
        ({"model": "resnet18"}, "has no resnet18"),
        ({"batch_size": 1024}, "1024 is beyond"),
    ],
)
def test_other_work_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        forecast(profile(STEPS), Workload(**(vars(WORK) | change)))


def test_some_more_classes_are_no_other_work() -> None:
    forecast(profile(STEPS), Workload(**(vars(WORK) | {"flop_per_image": 1.02e6})))
