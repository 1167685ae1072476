"""`cnntop bench screen`: what it gives, and the made-up runs that it looks at."""

import json
from pathlib import Path
from typing import Any

import pytest

from cnntop.core.events import RunEnded, StepsMeasured
from cnntop.core.run_state import fold
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.core.runs.log import read_log
from cnntop.tui.bench import made_run, screen, screen_page
from cnntop.tui.bench.made_run import GrowingRun, write_run
from cnntop.tui.bench.screen import LongRun, Measured, Plan, Steady
from cnntop.tui.verbs import bench
from tests.tui.place import Place, until


def by_hand(**more: Any) -> Measured:
    starts = {"python": [0.02], "textual": [0.2], "watch": [0.25, 0.9, 0.29], "run": [0.31]}
    steady = Steady(0.03, 1_500.0)
    long = LongRun(120_000_000, 0.28, 0.9, 1.7, [0.01, 0.02, 0.06], 50_000_000, -4_000)
    figures: dict[str, Any] = {
        "plan": Plan(), "starts": starts, "key_seconds": [0.02, 0.03, 0.049], "watch": steady,
        "still": Steady(0.0, 0.0), "run": steady, "watch_beyond_bytes": 9_000_000,
        "run_beyond_bytes": 61e6, "long": long, "others_cores": 0.0,
    }  # fmt: skip
    return Measured(**figures | more)


def test_figures_beside_what_is_asked() -> None:
    tree = json.loads(screen_page.as_json(by_hand()))["figures"]
    assert tree["watch_paint_seconds"] == {"value": 0.29, "most": 0.3, "holds": True}
    assert tree["python_start_seconds"] == {"value": 0.02, "most": None, "holds": None}
    broken = {key for key, figure in tree.items() if figure["holds"] is False}
    assert broken == {"run_paint_seconds", "run_beyond_bytes", "long_key_worst_seconds"}
    page = screen_page.as_table(by_hand())
    assert page.count("DOES NOT HOLD") == len(broken)
    assert "10,000,000 steps" in page
    assert "nothing" in page
    sends = by_hand(still=Steady(0.0, 0.5))
    assert "still_bytes_per_second" in {
        line.key for of in screen_page.lines(sends).values() for line in of if line.holds is False
    }


def test_a_made_up_run_is_one(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "made", 10_000)
    info = folder.read_info()
    assert info is not None
    assert info.name == "made"
    state = fold(read_log(folder.events))
    assert state.ended is not None
    assert state.step >= 10_000
    assert state.step - 10_000 < 50
    assert state.epoch == 7
    # As often as a real run tells of itself: four times a second.
    told = [one for one in read_log(folder.events) if isinstance(one.event, StepsMeasured)]
    assert state.ended.seconds == pytest.approx(len(told) / 4, rel=0.1)


def test_a_growing_run_is_alive_and_grows(tmp_path: Path) -> None:
    with GrowingRun(tmp_path, "grows", 400.0) as run:
        assert run.folder.is_running()
        follower, state = LogFollower(run.folder), fold(())
        until(lambda: state.step >= 200, lambda: state.apply_all(follower.drain()))
        assert not any(isinstance(one.event, RunEnded) for one in follower.drain())
    assert not RunFolder(run.folder.path).is_alive()


@pytest.mark.alone
def test_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen, "_STARTS", 1)
    monkeypatch.setattr(screen, "_KEYS", 2)
    monkeypatch.setattr(screen, "_ROUNDS", 1)
    monkeypatch.setattr(screen, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(screen, "_LEAST_MEMORY_SECONDS", 2.0)
    monkeypatch.setattr(made_run, "LONG_STEPS", 50_000)
    file = tmp_path / "figures.json"
    bench.screen(minutes=0.05, size="80x24", json_file=file)
    assert "all of it read" in capsys.readouterr().out
    tree = json.loads(file.read_text())
    assert (tree["plan"]["columns"], tree["plan"]["lines"]) == (80, 24)
    figures = {key: figure["value"] for key, figure in tree["figures"].items()}
    assert 0 < figures["python_start_seconds"] < figures["watch_paint_seconds"]
    assert 0 < figures["key_seconds"] <= figures["key_worst_seconds"]
    assert figures["watch_bytes_per_second"] > 0
    assert figures["still_bytes_per_second"] == 0
    assert figures["long_log_bytes"] > 500_000


def test_a_size_that_is_none(place: Place) -> None:
    answer = place.run("bench", "screen", "--size", "wide")
    assert answer.code == 2
    assert "--size: wide is no size" in answer.err
