"""The key that applies what the verdict proposes, and what is told of it."""

import json
import re
import signal
from typing import Any

import msgspec
import pytest

from cnntop.core.analysis.verdict import verdict
from cnntop.core.control import Control
from cnntop.core.events import AnyEvent, FixApplied, FixMeasured, RunEnded
from cnntop.core.run_state import RunState
from cnntop.core.split import Ratio, StepDetail
from cnntop.tui.format import detail_figures, fix_line
from tests.tui import story
from tests.tui.place import Place
from tests.tui.stage import Stage, monitor, show, text

WAITING = (
    "run", "--preset", "demo", "--kernels", "4", "--device", "cpu", "--set", "threads=1",
    "--set", "augment_on=loader", "--workers",
)  # fmt: skip
"""Arguments of a run that waits most of the time: pictures one by one, few workers, and a small
network."""
APPLIED = FixApplied("data.augment_on", "loader", "cpu", 548, 2_777.8, 1.22)
MEASURED = FixMeasured("data.augment_on", "loader", "cpu", 626, 2_777.8, 3_378.0, 1.22)


class Training:
    """As much of a run's handle as keys look at."""

    def __init__(self, done: bool = False) -> None:
        self.control = Control()
        self.done = done


async def pressed(state: RunState, training: Training) -> str:
    """What the screen shows after a press of the key."""
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.pause()
        stage.handle = training  # type: ignore[assignment]
        stage.state = state
        show(stage, state)
        await pilot.press("f")
        await pilot.pause()
        return text(stage)


async def test_the_key_asks_for_the_very_fix_of_the_verdict() -> None:
    state, training = story.told(*story.waiting()), Training()
    found = verdict(state)
    assert found is not None
    assert found.fix is not None
    shown = await pressed(state, training)
    assert "Press f to augment on the CPU" in " ".join(shown.split())
    assert training.control.take_fix() == found.fix
    assert (found.fix.key, found.fix.value) == ("data.augment_on", "cpu")
    assert "Nothing to fix" not in shown


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
async def test_the_key_is_shown_where_there_is_a_fix_and_only_there(columns: int) -> None:
    for state, there in ((story.told(*story.waiting()), True), (RunState(), False),
                         (story.told(*story.training()), False)):  # fmt: skip
        stage = Stage(monitor())
        async with stage.run_test(size=(columns, 24)) as pilot:
            await pilot.pause()
            show(stage, state)
            await pilot.pause()
            assert ("f Apply the fix" in text(stage).splitlines()[-1]) is there


@pytest.mark.parametrize("state", [RunState(), story.told(*story.training())], ids=["new", "none"])
async def test_without_a_fix_the_key_only_says_so(state: RunState) -> None:
    found = verdict(state)
    assert found is None or found.fix is None
    training = Training()
    assert "Nothing to fix" in await pressed(state, training)
    assert not training.control.wanted


async def test_of_a_run_that_is_over_nothing_is_fixed_any_more() -> None:
    training = Training(done=True)
    ended = story.told(*story.waiting(), RunEnded("finished", "", 9.0))
    shown = await pressed(ended, training)
    assert "Nothing to fix" not in shown
    assert "Press" not in shown
    assert "would be about" in " ".join(shown.split())
    assert not training.control.wanted


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)], ids=str)
async def test_the_screen_tells_what_was_fixed(size: tuple[int, int]) -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=size) as pilot:
        for measured, words in ((False, "being measured"), (True, "2,778 -> 3,378 images/s")):
            await pilot.pause()
            show(stage, story.told(*story.fixed(measured)))
            await pilot.pause()
            assert "fixed augment_on loader -> cpu" in text(stage)
            assert words in text(stage)


def told(*events: AnyEvent) -> str:
    return fix_line(story.told(story.STARTED, *events))


def test_a_fix_in_one_line() -> None:
    change = "fixed augment_on loader -> cpu"
    assert told(APPLIED) == f"{change}; being measured (forecast 1.22x)"
    assert told(APPLIED, MEASURED) == (f"{change}: 2,778 -> 3,378 images/s, 1.22x (forecast 1.22x)")
    blind = msgspec.structs.replace(APPLIED, forecast_gain=None)
    assert told(blind) == f"{change}; being measured"
    assert told(blind, MEASURED) == f"{change}: 2,778 -> 3,378 images/s, 1.22x"


def test_a_fix_that_is_never_measured_says_so() -> None:
    line = "fixed augment_on loader -> cpu; not measured (forecast 1.22x)"
    assert told(APPLIED, RunEnded("stopped", "", 9.0)) == line
    assert told(msgspec.structs.replace(APPLIED, images_per_second_before=None)) == line


@pytest.mark.parametrize("step", [626, 700])
def test_what_one_fix_brought_is_not_told_of_the_next(step: int) -> None:
    more = FixApplied("machine.threads", "1", "2", step, 3_378.0)
    assert told(APPLIED, MEASURED, more) == "fixed threads 1 -> 2; being measured"
    back = FixApplied("data.augment_on", "cpu", "loader", step, 3_378.0)
    assert told(APPLIED, MEASURED, back) == "fixed augment_on cpu -> loader; being measured"
    again = msgspec.structs.replace(APPLIED, step=step + 1)
    assert "being measured" in told(APPLIED, MEASURED, back, again)


def test_what_is_not_measured_is_no_zero() -> None:
    nothing = detail_figures(StepDetail(), 200)
    assert nothing == (
        "hidden wait not measured  augment not measured CPU an image  forward not measured "
        "backward not measured optimizer not measured  launch gaps not measured"
    )
    none = Ratio(0.0, 8.0)
    known = detail_figures(StepDetail(none, Ratio(0.004, 8), Ratio(2, 8), Ratio(6, 8), none, none))
    assert known == (
        "hidden wait 0.0 %  augment 0.5 ms CPU an image  forward 25 % backward 75 % optimizer 0 %  "
        "launch gaps 0.0 %"
    )
    for width in range(1, 130):
        line = detail_figures(StepDetail(), width)
        assert nothing.startswith(line)
        assert len(line) <= width - 2 or line == "hidden wait not measured"


def events(place: Place, kind: str) -> list[dict[str, Any]]:
    [folder] = place.run_folders()
    records = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [record["event"] for record in records if record["event"]["type"] == kind]


def test_the_key_in_a_terminal(place: Place) -> None:
    # Without evaluations: one that a busy machine draws out would be the next thing to fix.
    length = ("--epochs", "1000", "--set", "evaluate_every=1000")
    with place.window(*WAITING, "1", *length) as window:
        window.until("Press f to augment on the CPU")
        window.keys("f")
        window.until("fixed augment_on loader -> cpu; being measured")
        shown = window.until("fixed augment_on loader -> cpu: ")
        window.keys("f")
        window.until("Nothing to fix")
        window.keys("q")
        window.until("s  Stop and save")
        window.keys("s")
        window.until("■ stopped")
        window.keys("q")
        assert window.end() == 0
    [applied], [measured] = (events(place, kind) for kind in ("fix_applied", "fix_measured"))
    assert (applied["key"], applied["before"], applied["after"]) == (
        "data.augment_on", "loader", "cpu",
    )  # fmt: skip
    assert measured["forecast_gain"] == applied["forecast_gain"] > 1.05
    assert measured["images_per_second_after"] > measured["images_per_second_before"]
    assert f"{measured['images_per_second_after']:,.0f} images/s" in shown
    closing = window.text.replace("\n", "")
    assert "fixed augment_on loader -> cpu: " in closing
    [row] = place.rows()
    assert (row["augment_on"], row["fixes"]) == ("cpu", "data.augment_on loader -> cpu")


@pytest.mark.long
def test_auto_fix_needs_no_key(place: Place) -> None:
    with place.start(*WAITING, "0", "--epochs", "1000", "--plain", "--auto-fix") as line:
        line.read_until("fixed augment_on loader -> cpu; being measured (forecast ")
        line.read_until("fixed augment_on loader -> cpu: ")
        line.kill(signal.SIGINT)
        assert line.end() == 130
    assert len(events(place, "fix_applied")) == 1
    assert re.search(r"^\[\d\d:\d\d\] fixed augment_on loader -> cpu: .* images/s", line.text, re.M)
    assert re.search(r"^  fix      fixed augment_on loader -> cpu: ", line.text, re.M)
    [row] = place.rows()
    assert (row["status"], row["augment_on"]) == ("interrupted", "cpu")


@pytest.mark.long
def test_without_auto_fix_nothing_is_changed(place: Place) -> None:
    done = place.run(*WAITING, "0", "--time", "8s", "--plain")
    assert done.code == 0
    assert "Input-bound: " in done.out
    assert "Augmenting on the CPU would be about" in done.out
    assert "fixed" not in done.out
    assert events(place, "fix_applied") == []
