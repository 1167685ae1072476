"""What a run would take on another machine: its own curve, at that machine's pace (P15).

How many epochs an accuracy takes is the network's, the data's and the recipe's affair, and how
long an epoch takes the machine's. So the epochs are those of the run, and the seconds those of the
machine's profile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from cnntop.core.analysis.pace import Pace, pace
from cnntop.core.analysis.profile import Profile, Rounds, Span
from cnntop.core.datasets import CATALOGUE
from cnntop.core.errors import UsageError
from cnntop.core.events import EpochFinished
from cnntop.core.recipe import Recipe
from cnntop.core.text import printable

LEVELS = (0.7, 0.8, 0.9, 0.94)
"""Test accuracies that people ask for."""

_SAME_WORK = 0.05
"""By which two counts of a network's operations may differ: the last layer's classes do so much."""


@dataclass(frozen=True)
class Workload:
    """What is trained. `image_size` in pixels and `flop_per_image` are None where not known."""

    model: str
    batch_size: int
    train_images: int
    test_images: int
    passes: int = 1
    test_views: int = 1
    evaluate_every: int = 1
    image_size: int | None = None
    flop_per_image: float | None = None

    @property
    def steps_per_epoch(self) -> int:
        return ceil(self.train_images / self.batch_size) * self.passes


def catalogue_workload(recipe: Recipe) -> Workload | None:
    """That of a recipe; None for a folder of images, whose number only looking tells."""
    data, train = recipe.data, recipe.train
    if data.dataset not in CATALOGUE:
        return None
    info = CATALOGUE[data.dataset]
    return Workload(
        recipe.model.label, data.batch_size, info.train_images, info.test_images, train.passes,
        train.test_views, train.evaluate_every, data.image_size or info.image_size,
    )  # fmt: skip


@dataclass(frozen=True)
class EpochForecast:
    """Seconds of a whole epoch there, by what they go into. A checkpoint is saved after each epoch,
    and another one where it was the best so far: that is in `checkpoint_seconds.high`."""

    pace: Pace
    steps_seconds: Span
    evaluation_seconds: Span
    checkpoint_seconds: Span
    evaluate_every: int = 1

    @property
    def epoch_seconds(self) -> Span:
        """An evaluation that comes every Nth epoch counts with its share."""
        return self.seconds(1.0, 1.0 / self.evaluate_every)

    def seconds(self, epochs: float, evaluations: float) -> Span:
        training = self.steps_seconds + self.checkpoint_seconds
        return training * epochs + self.evaluation_seconds * evaluations


@dataclass(frozen=True)
class Milestone:
    """An accuracy (None: the end) and what it takes, in the run and there. Without `epochs` the
    run never reached it."""

    accuracy: float | None
    epochs: float | None = None
    here_seconds: float | None = None
    there_seconds: Span | None = None


def forecast(profile: Profile, workload: Workload) -> EpochForecast:
    """An epoch of `workload` on the machine of `profile`. Raises UsageError where the profile does
    not say, or was measured on other images."""
    _require_same_images(profile, workload)
    found = pace(profile, workload.model, workload.batch_size)
    saved = found.checkpoint_seconds
    return EpochForecast(
        found,
        found.step_seconds * workload.steps_per_epoch,
        found.evaluation_seconds_per_image * (workload.test_images * workload.test_views),
        Span(saved.median, saved.low, 2 * saved.high),
        workload.evaluate_every,
    )


def milestones(
    epochs: Sequence[EpochFinished],
    train_images: int,
    there: EpochForecast,
    levels: Sequence[float] = LEVELS,
) -> list[Milestone]:
    """To each of `levels`, and to the end of the run. `epochs` are the run's, in order."""
    found = []
    for level in levels:
        reached = next(
            (n for n, one in enumerate(epochs, 1) if (one.test_accuracy or 0.0) >= level), None
        )
        found.append(_milestone(level, epochs[:reached] if reached else (), train_images, there))
    found.append(_milestone(None, epochs, train_images, there))
    return found


def whole_epoch_seconds(epochs: Sequence[EpochFinished], train_images: int) -> Span | None:
    """As measured in the run; None where no epoch was whole."""
    whole: Rounds = tuple(one.epoch_seconds for one in epochs if one.images >= train_images)
    return Span.of(whole) if whole else None


def _milestone(
    accuracy: float | None, epochs: Sequence[EpochFinished], train_images: int,
    there: EpochForecast,
) -> Milestone:  # fmt: skip
    if not epochs:
        return Milestone(accuracy)
    count = sum(one.images for one in epochs) / train_images
    evaluations = sum(one.test_accuracy is not None for one in epochs)
    here = sum(one.epoch_seconds for one in epochs)
    return Milestone(accuracy, count, here, there.seconds(count, evaluations))


def _require_same_images(profile: Profile, workload: Workload) -> None:
    """Raises UsageError where a step is no step of the profile's."""
    name = printable(profile.name)
    if workload.image_size not in (None, profile.images.size):
        raise UsageError(
            f"profile {name} was measured on images of {profile.images.size} pixels, and these "
            f"have {workload.image_size}. Calibrate there with the same --dataset or --data-dir."
        )
    flop = next((o.flop_per_image for o in profile.networks if o.model == workload.model), None)
    if flop is None or workload.flop_per_image is None:
        return
    if abs(workload.flop_per_image / flop - 1) > _SAME_WORK:
        raise UsageError(
            f"{printable(workload.model)} computes {workload.flop_per_image / 1e6:.4g} MFLOP an "
            f"image in the run and {flop / 1e6:.4g} in profile {name}: other images, or another "
            "network of that name. Calibrate there with the same --dataset or --data-dir."
        )
