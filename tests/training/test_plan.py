"""The rate and the end of a run that a person changes while it trains."""

from typing import get_args

import pytest

from cnntop.core.extension import Extension
from cnntop.core.recipe import Schedule, Train
from cnntop.core.training.plan import MOST_SCALE, Plan

STEPS = 10
"""In a pass."""


def plan(epochs: int | None = 4, schedule: Schedule = "cosine", time: str | None = None) -> Plan:
    made = Plan(Train(epochs=epochs, time=time, lr=0.5, schedule=schedule), STEPS)
    made.time.begin()
    return made


@pytest.mark.parametrize("schedule", get_args(Schedule))
def test_an_extended_run_has_the_rates_of_one_planned_so_long(schedule: Schedule) -> None:
    extended, planned = plan(4, schedule), plan(7, schedule)
    told = extended.extend(Extension(epochs=3), steps_done=25)
    assert told is not None
    assert (told.epochs_before, told.epochs_planned, told.step) == (4, 7, 25)
    assert (told.lr_before, told.lr_after) == (plan(4, schedule).rate(25), planned.rate(25))
    assert [extended.rate(step) for step in range(25, 70)] == [
        planned.rate(step) for step in range(25, 70)
    ]
    assert not extended.is_over(6)
    assert extended.is_over(7)


def test_a_step_decay_falls_after_half_of_the_longer_run() -> None:
    one = plan(4, "step")
    assert one.rate(25) == pytest.approx(0.05), "after half of 40 steps"
    one.extend(Extension(epochs=4), steps_done=25)
    assert [round(one.rate(step), 6) for step in (25, 39, 40, 60)] == [0.5, 0.5, 0.05, 0.005]


def test_more_time_moves_the_end_and_the_schedule() -> None:
    one = plan(None, "linear", time="100s")
    one.time.begin(90.0)
    told = one.extend(Extension(seconds=100.0), steps_done=7)
    assert told is not None
    assert (told.time_limit_before_seconds, told.time_limit_seconds) == (100.0, 200.0)
    assert told.lr_before == pytest.approx(0.05, abs=1e-3)
    assert told.lr_after == pytest.approx(0.275, abs=1e-3)
    one.time.begin(101.0)
    assert not one.is_over(0)


def test_the_rate_is_scaled_on_top_of_the_schedule() -> None:
    one, like = plan(), plan()
    told = [one.scale_rate(factor, 10) for factor in (2.0, 4.0, 0.5)]
    assert [each.scale for each in told if each] == [2.0, 8.0, 4.0]
    assert [one.rate(step) for step in range(10, 40)] == [
        4 * like.rate(step) for step in range(10, 40)
    ]
    assert (one.top_rate, told[0] and told[0].lr_before) == (2.0, like.rate(10))


@pytest.mark.parametrize("factor", [4 * MOST_SCALE, 1 / (4 * MOST_SCALE), float("inf"), 0.0])
def test_a_rate_out_of_all_bounds_is_refused_and_stays(factor: float) -> None:
    one = plan()
    assert one.scale_rate(factor, 0) is None
    assert one.rate(0) == 0.5


@pytest.mark.parametrize(
    ("one", "more"),
    [
        (plan(4), Extension(seconds=60.0)),
        (plan(4), Extension(epochs=1_000_000)),
        (plan(None, time="9s"), Extension(epochs=3)),
    ],
)
def test_an_extension_that_the_run_cannot_have(one: Plan, more: Extension) -> None:
    before = one.epochs, one.time.limit_seconds
    assert one.extend(more, 0) is None
    assert (one.epochs, one.time.limit_seconds) == before
