"""What a person did to a run, in words."""

import pytest

from cnntop.core.events import PlanExtended, RateChanged, StopAsked
from cnntop.core.trail import Steered, extended_plan, span, trail_line

BY_EPOCHS = PlanExtended(548, 20, 25, None, None, 0.001, 0.0035)
BY_TIME = PlanExtended(548, None, None, 900.0, 1510.0, 0.1, 0.1)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            RateChanged(1548, 2.0, 4.0, 0.01, 0.02),
            "learning rate x2: 0.01 -> 0.02 after step 1,548",
        ),
        (RateChanged(3, 0.25, 0.25, 0.01, 0.0025), "learning rate /4: 0.01 -> 0.0025 after step 3"),
        (
            BY_EPOCHS,
            "extended, epochs 20 -> 25; learning rate 0.001 -> 0.0035, as the schedule of the "
            "longer run has it",
        ),
        (BY_TIME, "extended, time 15m -> 25m10s"),
        (StopAsked("after-epoch", 9, 3), "ends after epoch 3, as asked"),
        (StopAsked("go-on", 9, 3), "goes on after epoch 3 after all, as asked"),
        (StopAsked("discard", 9, 3), "stops, and nothing of it is kept, as asked"),
    ],
)
def test_lines(event: Steered, line: str) -> None:
    assert trail_line(event) == line


def test_the_plan_is_told_from_the_first_to_the_last() -> None:
    again = PlanExtended(900, 25, 40, None, None, 0.001, 0.001)
    assert extended_plan([]) == ""
    assert extended_plan([BY_EPOCHS, again]) == "epochs 20 -> 40"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.35, "0.35s"),
        (90.0, "1m30s"),
        (900.0, "15m"),
        (5400.0, "1h30m"),
        (3600, "1h"),
    ],
)
def test_a_time_as_recipes_write_it(seconds: float, text: str) -> None:
    assert span(seconds) == text
