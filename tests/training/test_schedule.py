"""Learning rates over a run's progress."""

import itertools
from typing import get_args

import pytest

from cnntop.core import recipe
from cnntop.core.training.schedule import rate_factor

GRID = [step / 1000 for step in range(1001)]


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        ("constant", {0.0: 1.0, 0.5: 1.0, 1.0: 1.0}),
        ("cosine", {0.0: 1.0, 0.25: 0.8535534, 0.5: 0.5, 1.0: 0.0}),
        ("step", {0.0: 1.0, 0.499: 1.0, 0.5: 0.1, 0.749: 0.1, 0.75: 0.01, 1.0: 0.01}),
        ("onecycle", {0.0: 0.04, 0.15: 0.52, 0.3: 1.0, 0.65: 0.5, 1.0: 0.0}),
        ("triangle", {0.0: 0.2, 0.115: 0.6, 0.23: 1.0, 0.615: 0.5, 1.0: 0.0}),
        ("linear", {0.0: 1.0, 0.25: 0.75, 0.9: 0.1, 1.0: 0.0}),
    ],
)
def test_points(schedule: recipe.Schedule, points: dict[float, float]) -> None:
    found = {progress: rate_factor(schedule, progress) for progress in points}
    assert found == pytest.approx(points, abs=1e-6)


@pytest.mark.parametrize("schedule", get_args(recipe.Schedule))
def test_stays_between_0_and_1_also_past_the_end(schedule: recipe.Schedule) -> None:
    assert all(0.0 <= rate_factor(schedule, progress) <= 1.0 for progress in GRID)
    assert rate_factor(schedule, 1.7) == rate_factor(schedule, 1.0)
    assert rate_factor(schedule, -0.1) == rate_factor(schedule, 0.0)


@pytest.mark.parametrize("schedule", ["cosine", "step", "linear"])
def test_never_rises(schedule: recipe.Schedule) -> None:
    rates = [rate_factor(schedule, progress) for progress in GRID]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "triangle", "linear"])
def test_has_no_jumps(schedule: recipe.Schedule) -> None:
    rates = [rate_factor(schedule, progress) for progress in GRID]
    assert max(abs(b - a) for a, b in itertools.pairwise(rates)) < 0.005


@pytest.mark.parametrize(("schedule", "at"), [("onecycle", 0.3), ("triangle", 0.23)])
def test_rises_to_its_top_and_falls(schedule: recipe.Schedule, at: float) -> None:
    rates = [rate_factor(schedule, progress) for progress in GRID]
    top = rates.index(max(rates))
    assert GRID[top] == at
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
