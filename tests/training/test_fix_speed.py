"""Speeds before and after a fix, from made-up stretches and passes."""

from collections.abc import Callable, Iterator

import pytest
import torch

from cnntop.core.events import AnyEvent, FixApplied, FixMeasured
from cnntop.core.fix import Fix
from cnntop.core.run_request import RunRequest
from cnntop.core.training.fixes import MEASURED_SECONDS, Fixes
from cnntop.core.training.preparation import Prepared, prepare

pytestmark = pytest.mark.alone

TO_CPU = Fix("data.augment_on", "cpu", 1.5)
EVERY_THIRD = Fix("train.evaluate_every", 3, 1.2)


class Nobody:
    def emit(self, event: AnyEvent) -> None:
        pass


@pytest.fixture
def prepared(request_run: Callable[..., RunRequest]) -> Iterator[Prepared]:
    before = torch.get_num_threads()
    recipe = request_run(augment_on="loader", workers=0).recipe
    yield prepare(recipe, Nobody(), lambda: False)
    torch.set_num_threads(before)


@pytest.fixture
def fixes(prepared: Prepared) -> Fixes:
    return Fixes(prepared)


def train(fixes: Fixes, *images_per_second: int, seconds: float = 1.0) -> list[FixMeasured]:
    """What is told after each of some stretches."""
    told = []
    for speed in images_per_second:
        fixes.stretch(round(speed * seconds), seconds)
        told.append(fixes.measured(77))
    return [one for one in told if one is not None]


def test_speeds_before_and_after_without_the_time_to_settle(fixes: Fixes) -> None:
    assert MEASURED_SECONDS == 5.0
    train(fixes, 900, 900, 100, 110, 120)
    applied = fixes.apply(TO_CPU, 50)
    assert applied == FixApplied("data.augment_on", "loader", "cpu", 50, 110.0, 1.5)
    assert train(fixes, 1, 1, 200, 200, 200, 200) == []
    (measured,) = train(fixes, 250)
    assert measured == FixMeasured("data.augment_on", "loader", "cpu", 77, 110.0, 210.0, 1.5)
    assert train(fixes, *[100] * 50) == [], "told once"


def test_speed_is_images_by_time_and_no_mean_of_speeds(fixes: Fixes) -> None:
    train(fixes, 1, 1)
    fixes.stretch(100, 1.0)
    fixes.stretch(100, 4.0)
    applied = fixes.apply(TO_CPU, 9)
    assert applied is not None
    assert applied.images_per_second_before == 40.0


def test_only_the_last_stretches_are_the_speed_before(fixes: Fixes) -> None:
    train(fixes, *[900] * 30, *[100] * 40)
    applied = fixes.apply(TO_CPU, 9)
    assert applied is not None
    assert applied.images_per_second_before == 100.0


def test_what_follows_is_no_speed_before_of_the_next_one(fixes: Fixes) -> None:
    train(fixes, *[100] * 9)
    fixes.apply(TO_CPU, 9)
    assert len(train(fixes, *[200] * 9)) == 1
    applied = fixes.apply(Fix("data.augment_on", "loader"), 18)
    assert applied is not None
    assert (applied.before, applied.images_per_second_before) == ("cpu", 200.0)


@pytest.mark.parametrize("stretches", [0, 1, 2])
def test_a_fix_before_anything_was_measured_has_no_gain(fixes: Fixes, stretches: int) -> None:
    train(fixes, *[100] * stretches)
    applied = fixes.apply(TO_CPU, 0)
    assert applied is not None
    assert applied.images_per_second_before is None
    assert train(fixes, *[200] * 20) == []


def test_a_second_fix_takes_the_place_of_one_not_measured_yet(fixes: Fixes) -> None:
    train(fixes, *[100] * 5)
    fixes.apply(TO_CPU, 5)
    train(fixes, 1, 1, 200, 200)
    fixes.apply(Fix("machine.threads", 2), 9)
    (measured,) = train(fixes, 1, 1, *[400] * 5)
    assert (measured.key, measured.images_per_second_before) == ("machine.threads", 200.0)
    assert measured.images_per_second_after == 400.0


@pytest.mark.parametrize(
    "fix",
    [
        Fix("data.augment_on", "loader", 9.0),
        Fix("machine.threads", 1),
        Fix("train.evaluate_every", 1),
    ],
)
def test_the_value_it_has_is_no_fix(fixes: Fixes, prepared: Prepared, fix: Fix) -> None:
    source = prepared.batches
    assert fixes.apply(fix, 3) is None
    assert prepared.batches is source
    assert train(fixes, *[100] * 20) == []


def test_each_key_changes_its_own_setting(fixes: Fixes, prepared: Prepared) -> None:
    fixes.apply(TO_CPU, 1)
    assert prepared.batches.augment_on == "cpu"
    fixes.apply(Fix("machine.threads", 2), 2)
    assert torch.get_num_threads() == 2
    assert fixes.evaluate_every == 1
    applied = fixes.apply(Fix("train.evaluate_every", 4), 3)
    assert applied is not None
    assert (applied.before, applied.after) == ("1", "4")
    assert fixes.evaluate_every == 4
    assert prepared.batches.augment_on == "cpu"
    assert torch.get_num_threads() == 2


def test_evaluating_less_often_is_measured_by_passes(fixes: Fixes) -> None:
    fixes.finished_pass(72, 9.0)
    fixes.finished_pass(72, 2.0)
    train(fixes, *[500] * 9)
    applied = fixes.apply(EVERY_THIRD, 9)
    assert applied is not None
    assert applied.images_per_second_before == 36.0
    assert train(fixes, *[500] * 99) == [], "its gain is not that of the steps"
    for seconds in (2.0, 1.0):
        fixes.finished_pass(72, seconds)
        assert fixes.measured(20) is None
    fixes.finished_pass(72, 1.0)
    measured = fixes.measured(20)
    assert measured == FixMeasured("train.evaluate_every", "1", "3", 20, 36.0, 54.0, 1.2)
    assert fixes.measured(21) is None


def test_passes_say_nothing_of_the_other_fixes(fixes: Fixes) -> None:
    train(fixes, *[100] * 9)
    fixes.apply(TO_CPU, 9)
    for _ in range(20):
        fixes.finished_pass(72, 10.0)
        assert fixes.measured(10) is None
    (measured,) = train(fixes, *[200] * 7)
    assert measured.images_per_second_after == 200.0
