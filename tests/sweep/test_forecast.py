"""How long a sweep will take: what limits say, what earlier runs say, what its own say."""

from dataclasses import replace
from typing import Any

import pytest

from cnntop.core.machine.identity import host_name
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.core.sweep.definition import Definition, Draft
from cnntop.core.sweep.forecast import Forecast, Total
from cnntop.core.sweep.progress import PointState, SweepState

GRID = {"model.kernels": [8, 16]}


def made(**settings: Any) -> Definition:
    given = {f"train.{key}": value for key, value in settings.items() if key != "halving"}
    draft = Draft(preset="demo", grid=GRID, seeds=2, settings=given)
    return replace(draft, halving=settings.get("halving")).definition()


def row(model: str, epoch_seconds: str, **other: str) -> Row:
    given = {
        "model": model, "epoch_seconds": epoch_seconds, "host": host_name(), "passes": "1",
        "dataset": "shapes", "batch_size": "32", "precision": "fp32", "device": "cpu",
    }  # fmt: skip
    return dict.fromkeys(COLUMNS, "") | given | other


def states(definition: Definition, *given: PointState) -> SweepState:
    known = {state.point.number: state for state in given}
    points = definition.points()
    return SweepState(definition, tuple(known.get(p.number, PointState(p)) for p in points), 1.0)


def test_time_limits_say_it_exactly() -> None:
    assert Forecast(made(time="5m"), []).total() == Total(1200.0, 0, True)


def test_epochs_are_known_from_the_newest_earlier_run_of_the_same() -> None:
    definition = made(epochs=10)
    assert Forecast(definition, []).total() == Total(0.0, 4, False)
    rows = [
        row("shallow8", "9"), row("shallow8", "2"), row("shallow8", ""),
        row("shallow16", "70", host="elsewhere"), row("shallow16", "70", batch_size="64"),
    ]  # fmt: skip
    assert Forecast(definition, rows).total() == Total(40.0, 2, False)
    assert Forecast(definition, [*rows, row("shallow16", "3")]).total() == Total(100.0, 0, False)


def test_halving_trains_less() -> None:
    rows = [row("shallow8", "1"), row("shallow16", "1")]
    # Two places to epoch 5, one on to 10, with two seeds each.
    assert Forecast(made(epochs=10, halving=2), rows).total().seconds == pytest.approx(30.0)


def test_what_is_left_is_told_once_anything_is_known() -> None:
    definition = made(epochs=10)
    forecast = Forecast(definition, [])
    first, second, *_ = definition.points()
    assert forecast.remaining_seconds(states(definition), 1) is None
    done = PointState(first, "finished", epochs=10.0, seconds=20.0)
    # Each of three others takes as long as the first, and a second to start.
    assert forecast.remaining_seconds(states(definition, done), 1) == pytest.approx(63.0)
    runs = PointState(second, "running", epochs=5.0, seconds=50.0, eta_seconds=50.0)
    left = forecast.remaining_seconds(states(definition, done, runs), 1)
    # The third is another seed of the first, the fourth of the second, at ten seconds an epoch.
    assert left == pytest.approx(50.0 + 21.0 + 101.0)
    assert forecast.remaining_seconds(states(definition, done, runs), 2) == pytest.approx(86.0)


def test_what_is_left_of_time_limits() -> None:
    definition = made(time="1m")
    half = PointState(definition.points()[0], "interrupted", epochs=1.0, seconds=30.0)
    left = Forecast(definition, []).remaining_seconds(states(definition, half), 1)
    assert left == pytest.approx(30.0 + 3 * 60.0 + 4 * 1.0)
