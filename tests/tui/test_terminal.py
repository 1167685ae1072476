"""The screen in a real pseudo-terminal: real training, real keys, real sizes."""

import json
import re
from collections.abc import Callable, Iterator

import pytest

from tests.tui.place import Place, asked_for_checkpoint, until
from tests.tui.terminal_window import TerminalWindow

SIZES = [pytest.param(120, 40, marks=pytest.mark.long), (80, 24)]
STEPS_SHOWN = "a step"
"""Part of the panel that says where a step's time goes, once there is a step."""
_MARK = "torch-is-loading"
# Python runs a module of this name at its start. It marks the terminal's own stream at the moment
# the program begins to load torch's libraries, so that the order of the two shows in the stream.
_SITE = f"""
import os, sys
def hook(event, arguments):
    if event == "import" and arguments[0] == "torch._C":
        os.write(1, b"\\x1b]2;{_MARK}\\x07")
sys.addaudithook(hook)
"""


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_the_demo_paints_trains_finishes_and_leaves_its_summary(
    place: Place, columns: int, lines: int
) -> None:
    hooks = place.folder / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(_SITE)
    name = f"demo-{columns}"
    with place.window(
        *("run", "--preset", "demo", "--epochs", "2", "--name", name, "--kernels", "8"),
        columns=columns, lines=lines, PYTHONPATH=str(hooks),
    ) as window:  # fmt: skip
        first = window.until("preparing")
        assert window.alternate
        assert name in first.splitlines()[0]
        window.until(STEPS_SHOWN)
        seen: set[str] = set()
        while "✔ finished" not in window.text:
            window.until(lambda text: "✔ finished" in text or progress(text) not in seen)
            seen.add(progress(window.text))
            assert "Traceback" not in window.text
        assert len(seen) > 5, "progress moves"
        window.until("(q leaves)")
        before = window.rest(0.5)  # the frame comes in several pieces
        assert window.rest(1.0) == before, "a run that is over stands still"
        window.keys("q")
        assert window.end() == 0
    frame, mark = window.raw.index(b"preparing"), window.raw.index(_MARK.encode())
    assert frame < mark, "the first frame is painted before torch is loaded"
    assert not window.alternate
    text = window.text.replace("\n", "")
    for words in ("status   finished", "trained  2 epochs", "compare  cnntop compare"):
        assert words in text, "the summary stays in the ordinary terminal"
    assert "─" not in text, "nothing of the screen stays"
    with place.window("compare", columns=columns) as window:
        assert window.end() == 0
    assert window.text.splitlines()[1].split()[:2] == [name, "finished"]
    [row] = place.rows()
    parts = ("wait", "transfer", "compute", "other")
    assert sum(float(row[f"{part}_fraction"]) for part in parts) == pytest.approx(1, abs=0.005)


def progress(text: str) -> str:
    """The line with the bars of epoch and run."""
    return next((line for line in text.splitlines() if "run (" in line or " run " in line), "")


@pytest.fixture
def running(place: Place) -> Iterator[TerminalWindow]:
    """A run without an end in sight, a few steps into training."""
    arguments = ("run", "--preset", "demo", "--kernels", "8", "--epochs", "1000")
    with place.window(*arguments) as window:
        window.until(STEPS_SHOWN)
        yield window


def events(place: Place, kind: str) -> list[dict[str, object]]:
    [folder] = place.run_folders()
    records = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [record["event"] for record in records if record["event"]["type"] == kind]


def test_keys_pause_help_resize_and_stop(running: TerminalWindow, place: Place) -> None:
    window = running
    window.keys("p")
    window.until("paused")
    steps = len(events(place, "steps_measured"))
    bars = progress(window.rest(0.5))  # the rest of the frame that told it
    assert progress(window.rest(1.0)) == bars
    assert len(events(place, "steps_measured")) == steps, "steps stand still"

    window.keys("?")
    window.until("pause between two steps")
    window.keys("\x1b")
    window.until(lambda text: "pause between two steps" not in text)

    window.keys("p")
    window.until("● training")
    window.until(lambda text: progress(text) != bars)
    assert len(events(place, "paused")) == len(events(place, "resumed")) == 1

    window.resize(50, 12)
    window.until("60 columns and 15 lines")
    assert "too small" in window.text
    window.resize(60, 15)
    window.until(lambda text: "too small" not in text and "p Pause" in text.splitlines()[-1])
    assert "compute" in window.text
    window.resize(140, 50)
    window.until(lambda text: "p Pause" in text.splitlines()[-1])
    window.until("hardware")

    window.keys("q")
    window.until("Stop or leave?")
    window.keys("\x1b")
    window.until(lambda text: "Stop or leave?" not in text)
    window.keys("q")
    window.until("s  Stop and save")
    window.keys("s")
    window.until("■ stopped")
    window.keys("q")
    assert window.end() == 0
    assert "status   stopped" in window.text
    [folder] = place.run_folders()
    assert (folder / "checkpoint" / "last.pt").is_file()
    assert json.loads((folder / "status.json").read_text())["status"] == "stopped"
    assert [row["status"] for row in place.rows()] == ["stopped"]


def test_keys_steer_the_run_and_leave_a_trail(running: TerminalWindow, place: Place) -> None:
    window = running
    window.keys("]")
    window.until("learning rate x2: 0.01 -> 0.02")
    window.keys("k")
    until(lambda: asked_for_checkpoint(place), window.read)
    window.keys("e")
    window.until("How much longer?")
    window.keys("5")
    window.until("It ends after 1005 epochs, 5 more.")
    window.keys("\r")
    window.until("extended, epochs 1000 -> 1005")
    window.keys("q")
    window.until("f  Finish this epoch")
    window.keys("f")
    window.until("  ends after epoch ")
    window.until("■ stopped")
    window.keys("q")
    assert window.end() == 0
    kinds = ("rate_changed", "plan_extended", "stop_asked")
    assert [len(events(place, kind)) for kind in kinds] == [1, 1, 1]
    last = events(place, "epoch_finished")[-1]
    assert last["epoch"] == events(place, "stop_asked")[0]["epoch"]
    assert last["test_accuracy"] is not None
    [row] = place.rows()
    assert row["rate_changes"].startswith("x2 after step ")
    assert (row["status"], row["extended"]) == ("stopped", "epochs 1000 -> 1005")


def test_leaving_goes_on_as_lines_to_the_end(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.window(*quick("--time", "8s")) as window:
        window.until(STEPS_SHOWN)
        window.keys("q")
        window.until("l  Leave it training")
        window.keys("l")
        window.until("the screen is closed, training goes on")
        assert not window.alternate
        assert window.end() == 0
        text = window.raw.decode().rpartition("the screen is closed")[2]
    assert re.search(r"\] epoch \d+: train loss", text), "plain lines after the screen"
    assert "status   finished" in text
    assert "\x1b" not in text.rpartition("status   finished")[0]
    assert [row["status"] for row in place.rows()] == ["finished"]


def test_ctrl_c_asks_and_stay_stays(running: TerminalWindow) -> None:
    running.keys("\x03")
    running.until("c  Stay")
    running.keys("c")
    running.until(lambda text: "Stop or leave?" not in text)
    running.until("training")


def test_picker_moves_and_starts(place: Place) -> None:
    (place.config / "presets").mkdir(parents=True)
    for name in ("aaa", "aab"):  # first in the list
        (place.config / "presets" / f"{name}.toml").write_text(
            f"# The one called {name}\n[model]\nkernels = 2\n[data]\ndataset = 'shapes'\n"
            "batch_size = 500\n[train]\nepochs = 1\n[machine]\ndevice = 'cpu'\n"
        )
    with place.window() as window:
        window.until("The one called aaa")
        assert "pick an experiment" in window.text.splitlines()[0]
        window.keys("\x1b[B")
        window.until("The one called aab")
        window.keys("\x1b[B\x1b[A\r")
        window.until("✔ finished")
        window.keys("q")
        assert window.end() == 0
    assert "aab: shallow2 on shapes" in window.text
    assert [row["preset"] for row in place.rows()] == ["aab"]


def test_run_without_preset_opens_the_picker_with_the_options_laid_over(place: Place) -> None:
    with place.window("run", "--epochs", "7", "--batch-size", "99") as window:
        window.until("pick an experiment")
        window.until("7 epochs")
        assert "99, augmented by" in window.text
        window.keys("\x1b")
        assert window.end() == 0
    assert not window.alternate
    assert not place.runs.exists()


def test_a_mistake_is_told_before_any_screen_opens(place: Place) -> None:
    with place.window("run", "--preset", "dmeo") as window:
        assert window.end() == 2
    assert b"\x1b[?1049h" not in window.raw
    assert "Did you mean 'demo'?" in window.text


def test_a_mistake_found_in_preparation_is_told_after_the_screen(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    with place.window(*quick("--batch-size", "73")) as window:
        assert window.end() == 2
    assert not window.alternate
    assert "data.batch_size: 73 is more than the 72 training images" in window.text
    assert place.run_folders() == []


def test_no_color(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.window(*quick("--epochs", "2"), NO_COLOR="1") as window:
        window.until("✔ finished")
        window.keys("q")
        assert window.end() == 0
    colours = re.findall(rb"\x1b\[[0-9;]*[34]8;[25];([0-9;]+)m", window.raw)
    assert all(len(set(colour.split(b";")[:3])) == 1 for colour in colours), "grey at most"
