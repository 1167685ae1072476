"""Forecasts of accuracy: honest on curves like those of runs, and none too soon."""

import math
import random
import time

import msgspec
import pytest

from cnntop.core.analysis.accuracy_projection import (
    LEAST_POINTS,
    Point,
    accuracy_points,
    end_epoch,
    next_target,
    project,
)
from cnntop.core.curve import CURVE_BINS
from cnntop.core.events import StopAsked
from tests.tui import story


def curve(chance: random.Random, epochs: int, noise: float) -> list[Point]:
    """A run's test accuracies: a power law with noise, its parameters drawn too."""
    end, offset = chance.uniform(0.5, 0.98), chance.uniform(0.0, 6.0)
    exponent = math.exp(chance.uniform(math.log(0.4), math.log(3.0)))
    below = (end - end * chance.uniform(0.1, 0.5)) * (1 + offset) ** exponent
    return [
        Point(epoch, end - below * (epoch + offset) ** -exponent + chance.gauss(0.0, noise))
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize(("seen", "noise"), [(5, 0.02), (8, 0.005), (14, 0.01)])
def test_the_interval_covers_what_comes_as_often_as_it_says(seen: int, noise: float) -> None:
    covered, tries = 0, 250
    for seed in range(tries):
        points = curve(random.Random(seed), 20, noise)
        found = project(points[:seen], 20)
        assert found is not None
        covered += found.end.low <= points[-1].accuracy <= found.end.high
    assert 0.8 <= covered / tries <= 0.98


def test_more_epochs_make_it_narrower_and_nearer() -> None:
    widths, misses = [], []
    for seen in (5, 10, 18):
        tries = [curve(random.Random(seed), 20, 0.005) for seed in range(40)]
        ends = [(found.end, tried[-1]) for tried in tries if (found := project(tried[:seen], 20))]
        widths.append(sum(end.high - end.low for end, _ in ends))
        misses.append(sum(abs(end.middle - came.accuracy) for end, came in ends))
    assert widths == sorted(widths, reverse=True)
    assert misses == sorted(misses, reverse=True)


def test_there_is_none_before_enough_evaluations() -> None:
    points = curve(random.Random(1), 20, 0.001)
    assert project(points[: LEAST_POINTS - 1], 20) is None
    assert project(points[:LEAST_POINTS], 20) is not None
    assert project([], 20) is None


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
def test_a_curve_that_stands_still_stays_there(accuracy: float) -> None:
    found = project([Point(epoch, accuracy) for epoch in range(1, 9)], 30)
    assert found is not None
    assert found.end.low <= accuracy <= found.end.high
    assert found.end.middle == pytest.approx(accuracy, abs=0.02)
    assert 0.0 <= found.end.low <= found.end.high <= 1.0


def test_the_epoch_of_a_target() -> None:
    true = [Point(epoch, 0.9 - 0.6 / epoch) for epoch in range(1, 9)]  # 0.84 after the tenth
    found = project(true, 30)
    assert found is not None
    assert found.epoch_of(0.84) == pytest.approx(10.0, abs=1.0)
    assert found.epoch_of(0.95) is None, "beyond what it will reach"


@pytest.mark.parametrize(("best", "target"), [(None, 0.7), (0.7, 0.8), (0.939, 0.94), (1.0, None)])
def test_the_next_target_is_above_the_best(best: float | None, target: float | None) -> None:
    assert next_target(best) == target


def test_the_shape_of_an_earlier_run_knows_of_its_late_jump() -> None:
    """A rate that falls to nothing lifts the last epochs, as no power law does."""
    chance = random.Random(3)

    def jumping(epoch: float) -> float:
        return 0.6 - 0.4 / epoch + (0.2 if epoch > 15 else 0.0)

    points = [Point(e, 0.9 * jumping(e) + 0.02 + chance.gauss(0, 0.003)) for e in range(1, 13)]
    came = 0.9 * jumping(20) + 0.02
    alone, beside = project(points, 20), project(points, 20, jumping)
    assert alone is not None
    assert beside is not None
    assert alone.end.high < came
    assert beside.end.low <= came <= beside.end.high


def test_a_shape_without_an_end_says_nothing() -> None:
    points = curve(random.Random(1), 10, 0.001)
    assert project(points, 20, lambda epoch: epoch if epoch < 15 else None) is None


def test_very_many_evaluations_cost_little() -> None:
    points = curve(random.Random(1), 400, 0.005)
    few = points[::100]

    def seconds(of: list[Point]) -> float:
        begun = time.process_time()
        for _ in range(5):
            project(of, 1000)
        return time.process_time() - begun

    assert seconds(points) < 100 * seconds(few)


def test_points_of_a_run_are_where_its_epochs_end() -> None:
    state = story.told(*story.training())
    points = accuracy_points(state)
    assert [point.epoch for point in points] == [1, 2, 3, 4, 5]
    assert points[1].accuracy == pytest.approx(2 / 6 - 0.02)
    assert end_epoch(state) == 20
    state.stop_asked = StopAsked("after-epoch", 1761, 6)
    assert end_epoch(state) == 6


def test_points_of_a_very_long_run_are_in_the_middle_of_what_they_stand_for() -> None:
    epochs = CURVE_BINS + 2
    ends = [story.epoch_end(epoch, 1.0, epoch / epochs) for epoch in range(1, epochs + 1)]
    points = accuracy_points(story.told(story.STARTED, *ends))
    assert sum(point.evaluations for point in points) == epochs
    for point in points:
        assert point.accuracy == pytest.approx(point.epoch / epochs - 0.02)


def test_the_end_of_a_time_limit_follows_the_pace() -> None:
    started = msgspec.structs.replace(story.STARTED, epochs_planned=None, time_limit_seconds=400.0)
    state = story.told(started, *story.epochs(5))
    end, left = end_epoch(state), state.eta_seconds()
    assert end is not None
    assert left is not None
    assert end == pytest.approx(5 + left / story.EPOCH_SECONDS)
