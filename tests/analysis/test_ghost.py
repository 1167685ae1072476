"""A run against an earlier one: same epoch, same second, no figure where there is none."""

import msgspec
import pytest

from cnntop.core.analysis.ghost import (
    Gap,
    Ghost,
    GhostEpoch,
    Standing,
    gap_at_epoch,
    gap_at_seconds,
    rivals,
    standing,
)
from tests.tui import story

GHOST = Ghost(
    "20260101-110000-old-0001",
    "old",
    [
        GhostEpoch(1.0, 313, 10.0, 0.2, 2.0),
        GhostEpoch(2.0, 626, 20.0),  # not evaluated
        GhostEpoch(3.0, 939, 40.0, 0.4, 1.0),
        GhostEpoch(3.5, 1100, 45.0, 0.5, None),
    ],
)


@pytest.mark.parametrize(
    ("epoch", "accuracy"),
    [(0.5, None), (1.0, 0.2), (2.0, 0.3), (3.0, 0.4), (3.25, 0.45), (3.5, 0.5), (3.6, None)],
)
def test_figures_between_its_evaluations_and_none_beyond(
    epoch: float, accuracy: float | None
) -> None:
    assert GHOST.at_epoch(epoch, "test_accuracy") == (accuracy and pytest.approx(accuracy))


@pytest.mark.parametrize(
    ("seconds", "accuracy"), [(9.0, None), (10.0, 0.2), (25.0, 0.3), (45.0, 0.5), (46.0, None)]
)
def test_figures_at_a_wall_time(seconds: float, accuracy: float | None) -> None:
    assert GHOST.at_seconds(seconds, "test_accuracy") == (accuracy and pytest.approx(accuracy))


def test_gaps_are_own_minus_ghost_and_none_where_it_has_no_figure() -> None:
    own = Standing(2.0, 42.5, 0.35, 1.4)
    assert gap_at_epoch(own, GHOST) == (pytest.approx(0.05), pytest.approx(-0.1))
    # Between 40 and 45 seconds it has accuracies at both ends, but a loss at one only.
    assert gap_at_seconds(own, GHOST) == (pytest.approx(-0.1), None)
    assert gap_at_epoch(Standing(9.0, 90.0, 0.6, 0.5), GHOST) == Gap(None, None)
    assert gap_at_epoch(Standing(1.0, 5.0, None, None), GHOST) == Gap(None, None)


def test_what_a_chart_draws_leaves_out_what_was_not_measured() -> None:
    points = GHOST.points("test_accuracy")
    assert [(p.step, p.seconds, p.epoch, p.value) for p in points] == [
        (313, 10.0, 1.0, 0.2), (939, 40.0, 3.0, 0.4), (1100, 45.0, 3.5, 0.5),
    ]  # fmt: skip
    assert GHOST.points("train_loss") == []


def test_where_a_run_stands_at_its_newest_evaluation() -> None:
    state = story.told(*story.training())  # in the middle of its sixth epoch
    own = standing(state)
    assert own is not None
    assert own.epoch == 5.0
    assert own.seconds == pytest.approx(5 * story.EPOCH_SECONDS)
    assert own.test_accuracy == pytest.approx(5 / 9 - 0.02)
    assert standing(story.told(story.STARTED)) is None


def test_where_a_run_stands_that_is_not_evaluated_after_each_pass() -> None:
    last = msgspec.structs.replace(story.epoch_end(3, 1.0, 0.5), test_loss=None, test_accuracy=None)
    own = standing(story.told(story.STARTED, *story.epochs(2), last))
    assert own is not None
    assert own.epoch == 2.0
    assert own.seconds == pytest.approx(2 * story.EPOCH_SECONDS)
    assert own.test_accuracy == pytest.approx(2 / 6 - 0.02)


def row(
    run: str, accuracy: str, status: str = "finished", dataset: str = "shapes"
) -> dict[str, str]:
    return {"run": run, "best_test_accuracy": accuracy, "status": status, "dataset": dataset}


def test_rivals_are_of_the_same_dataset_and_the_best_first() -> None:
    rows = [
        row("a", "0.5"), row("b", "0.7"), row("c", "0.9", "interrupted"), row("d", ""),
        row("e", "0.99", dataset="cifar10"), row("f", "what"), row("g", "0.6", "stopped"),
        row("me", "1"),
    ]  # fmt: skip
    assert rivals(rows, "shapes", ["me"]) == ["b", "g", "a", "c"]
