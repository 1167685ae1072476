"""The ghost: an earlier run of the same dataset that a run is held against, epoch by epoch and
second by second."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from cnntop.core.run_state import RunState

Figure = Literal["test_accuracy", "test_loss", "train_accuracy", "train_loss"]
FIGURES: tuple[Figure, ...] = ("test_accuracy", "test_loss", "train_accuracy", "train_loss")
COUNTED = ("finished", "stopped")
"""How a run has ended that is the first to be chosen."""


@dataclass(frozen=True)
class GhostEpoch:
    """What a run had reached at the end of a pass: `epoch` passes over the training set, the last
    one of a time limit as a part, `step` of its own, and `seconds` of wall time since its first
    step, pauses left out and evaluations not. A figure is None where it was not measured."""

    epoch: float
    step: int
    seconds: float
    test_accuracy: float | None = None
    test_loss: float | None = None
    train_accuracy: float | None = None
    train_loss: float | None = None


class GhostPoint(NamedTuple):
    """A figure to draw: `step` is the ghost's own, `seconds` count from its first step."""

    step: int
    seconds: float
    epoch: float
    value: float


@dataclass(frozen=True)
class Ghost:
    """A run to be held against. `seconds` is its whole wall time. `planned_epochs` is None where a
    time limit ended it, `schedule` "" where its recipe cannot be read."""

    run: str
    name: str
    epochs: Sequence[GhostEpoch]
    best_test_accuracy: float | None = None
    seconds: float | None = None
    device_name: str = ""
    schedule: str = ""
    planned_epochs: int | None = None

    def at_epoch(self, epoch: float, figure: Figure) -> float | None:
        """The figure after so many epochs, between two of its own on the line through both; None
        before its first and after its last."""
        return self._between(figure, epoch, lambda one: one.epoch)

    def at_seconds(self, seconds: float, figure: Figure) -> float | None:
        """The figure after so much training, as in `at_epoch`."""
        return self._between(figure, seconds, lambda one: one.seconds)

    def points(self, figure: Figure) -> list[GhostPoint]:
        """What a chart draws of a figure, in order."""
        return [
            GhostPoint(one.step, one.seconds, one.epoch, value)
            for one in self.epochs
            if (value := getattr(one, figure)) is not None
        ]

    def _between(
        self, figure: Figure, x: float, x_of: Callable[[GhostPoint], float]
    ) -> float | None:
        points = self.points(figure)
        after = bisect_left(points, x - 1e-9, key=x_of)
        if after == len(points):
            return None
        later = points[after]
        if abs(x_of(later) - x) <= 1e-9:
            return later.value
        if after == 0:
            return None
        earlier = points[after - 1]
        share = (x - x_of(earlier)) / (x_of(later) - x_of(earlier))
        return earlier.value + share * (later.value - earlier.value)


class Standing(NamedTuple):
    """What a run had reached at its newest evaluation, after `epoch` passes and `seconds` of
    training."""

    epoch: float
    seconds: float
    test_accuracy: float | None
    test_loss: float | None


class Gap(NamedTuple):
    """How much higher a run's figures are than the ghost's at the same moment; None where one of
    them has none there."""

    test_accuracy: float | None
    test_loss: float | None


def standing(state: RunState) -> Standing | None:
    """None before the first evaluation."""
    bins, started = state.test_accuracy.bins, state.started
    if started is None or not bins:
        return None
    accuracy, loss = state.test_accuracy.last, state.test_loss.last
    newest = state.last_pass
    if newest is not None and newest.step == bins[-1].step:
        # The curves of a very long run have several evaluations as one.
        accuracy, loss = newest.test_accuracy, newest.test_loss
    epoch = bins[-1].step / started.steps_per_epoch
    under_way = state.epoch_images if state.epoch_split.seconds else 0
    passes = (state.images - under_way) / started.train_images
    # Of a run that is not evaluated after each pass there may have been others since.
    seconds = state.finished_epochs_split.seconds * (min(1.0, epoch / passes) if passes else 1.0)
    return Standing(epoch, seconds, accuracy, loss)


def gap_at_epoch(own: Standing, ghost: Ghost) -> Gap:
    """The difference after the same number of passes."""
    return Gap(
        _difference(own.test_accuracy, ghost.at_epoch(own.epoch, "test_accuracy")),
        _difference(own.test_loss, ghost.at_epoch(own.epoch, "test_loss")),
    )


def gap_at_seconds(own: Standing, ghost: Ghost) -> Gap:
    """The difference after the same wall time of training."""
    return Gap(
        _difference(own.test_accuracy, ghost.at_seconds(own.seconds, "test_accuracy")),
        _difference(own.test_loss, ghost.at_seconds(own.seconds, "test_loss")),
    )


def rivals(rows: Sequence[Mapping[str, str]], dataset: str, own: Sequence[str]) -> list[str]:
    """The ids of the runs that could be a ghost, the best first: those of the same dataset with a
    test accuracy, except `own`. `rows` are those of summary.csv. Runs that came to their end stand
    before others, those of equal accuracy from new to old."""
    ranked = []
    for row in rows:
        accuracy = number(row["best_test_accuracy"])
        if row["dataset"] == dataset and row["run"] not in own and accuracy is not None:
            ranked.append((row["status"] in COUNTED, accuracy, row["run"]))
    return [run for _, _, run in sorted(ranked, reverse=True)]


def number(cell: str) -> float | None:
    """A cell of summary.csv; None for an empty or a foreign one."""
    try:
        return float(cell)
    except ValueError:
        return None


def _difference(own: float | None, other: float | None) -> float | None:
    return None if own is None or other is None else own - other
