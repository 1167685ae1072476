"""Signals, for real: the first SIGINT or SIGTERM ends the run in order, the second at once; SIGHUP
closes the screen, SIGUSR2 saves a checkpoint, and training goes on."""

import json
import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from cnntop.core.events import CheckpointSaved, Resumed, StepsMeasured
from cnntop.core.runs.control_socket import Command, send
from cnntop.core.runs.folder import RunFolder
from tests.tui.place import (
    LOADING,
    Place,
    asked_for_checkpoint,
    is_gone,
    signals_of,
    until,
    workers_of,
)

EXIT_CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
MOSTLY_SIGTERM = [
    pytest.param(signal.SIGINT, 130, marks=pytest.mark.long),
    pytest.param(signal.SIGTERM, 143),
]
"""Where the other one has been seen to do the same, a phase before."""
MOST_SECONDS = 10.0
"""From a signal to the end of the process."""
LONG = ("--epochs", "1000000")
# Each batch a thousand times in a row, and only after that anything else.
ENDLESS_STEP = (
    *("run", "--preset", "demo", "--kernels", "64", "--batch-size", "1000", "--passes", "1000"),
    *("--set", "augment_on=cpu"),
)


@pytest.mark.parametrize(("number", "code"), EXIT_CODES)
def test_lines_during_training(
    place: Place, quick: Callable[..., list[str]], number: signal.Signals, code: int
) -> None:
    with place.start(*quick(*LONG)) as line:
        line.read_until("epoch 2/")
        line.kill(number)
        assert line.end() == code
    assert "status   interrupted" in line.text
    assert "Traceback" not in line.text
    assert [row["status"] for row in place.rows()] == ["interrupted"]
    [folder] = place.run_folders()
    assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"
    assert (folder / "checkpoint" / "last.pt").is_file(), "the weights are kept"


@pytest.mark.parametrize(("number", "code"), MOSTLY_SIGTERM)
def test_lines_during_preparation(place: Place, number: signal.Signals, code: int) -> None:
    with place.start("run", "--preset", "demo") as line:
        line.read_until("importing torch")
        line.kill(number)
        assert line.end() == code
    assert "Traceback" not in line.text
    assert place.run_folders() == [], "no run had begun"


def test_second_signal_ends_at_once(place: Place) -> None:
    # A step, after which the first signal is answered, takes minutes here.
    with place.start(*ENDLESS_STEP) as line:
        line.read_until("run folder")
        _until_in_a_step(line.process.pid)
        line.kill(signal.SIGINT)
        line.read_until("stopping at the next step")  # two that wait together come in any order
        line.kill(signal.SIGTERM)
        assert line.end() == 143
    assert "status" not in line.text, "nothing more is done"
    [folder] = place.run_folders()
    assert json.loads((folder / "status.json").read_text())["status"] == "running"
    shown = place.run("compare", "--csv", "--columns", "status").out.split()
    assert shown[1] == "interrupted", "a killed run is not shown as running"


def test_lines_go_on(place: Place, quick: Callable[..., list[str]]) -> None:
    """After SIGHUP, and after SIGUSR2, which saves a checkpoint in the middle of an epoch."""
    with place.start(*quick(*LONG)) as line:
        line.read_until("epoch 2/")
        line.kill(signal.SIGHUP)
        line.read_until("epoch 20/")
        line.kill(signal.SIGUSR2)
        until(lambda: asked_for_checkpoint(place), line.read_line)
        line.kill(signal.SIGHUP, signal.SIGTERM)
        assert line.end() == 143
    assert "status   interrupted" in line.text
    assert "Traceback" not in line.text


@pytest.mark.parametrize(("number", "code"), MOSTLY_SIGTERM)
def test_screen_during_training(
    place: Place, quick: Callable[..., list[str]], number: signal.Signals, code: int
) -> None:
    with place.window(*quick(*LONG)) as window:
        window.until("a step")
        window.kill(number)
        assert window.end() == code
    assert not window.alternate, "the terminal is given back"
    assert "status   interrupted" in window.text
    assert [row["status"] for row in place.rows()] == ["interrupted"]


def test_a_hang_up_closes_the_screen(place: Place, quick: Callable[..., list[str]]) -> None:
    """Here by a signal alone: the terminal is still there, and gets the lines."""
    with place.window(*quick(*LONG)) as window:
        window.until("a step")
        window.kill(signal.SIGUSR2)
        until(lambda: asked_for_checkpoint(place), window.read)
        assert window.alternate
        window.kill(signal.SIGHUP)
        until(lambda: not window.alternate, window.read)
        window.until("] epoch ")
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert "status   interrupted" in window.text


def test_screen_during_preparation(place: Place) -> None:
    with place.window("run", "--preset", "demo") as window:
        window.until("preparing")
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert not window.alternate
    assert place.run_folders() == []


def test_a_checkpoint_in_a_pause(place: Place, quick: Callable[..., list[str]]) -> None:
    """Saved at once and not when the run goes on; the pause goes on."""
    with place.start(*quick(*LONG)) as line:
        line.read_until("epoch 2/")
        [folder] = place.run_folders()
        send(RunFolder(folder), Command("pause"))
        line.read_until("] paused")
        for _ in range(2):
            before = len(place.told(CheckpointSaved))
            line.kill(signal.SIGUSR2)
            until(lambda before=before: len(place.told(CheckpointSaved)) > before)
        assert place.told(Resumed) == []
        line.kill(signal.SIGTERM)
        assert line.end() == 143
    assert [row["status"] for row in place.rows()] == ["interrupted"]


def test_picker(place: Place) -> None:
    with place.window() as window:
        window.until("pick an experiment")
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert not window.alternate


def test_ctrl_c_in_a_terminal_with_lines(place: Place, quick: Callable[..., list[str]]) -> None:
    """The key itself, in a terminal, not only the signal."""
    with place.window(*quick(*LONG, "--plain")) as window:
        window.until("epoch 2/")
        window.keys("\x03")
        assert window.end() == 130
    assert "status   interrupted" in window.text


def test_a_second_signal_gives_the_terminal_back(place: Place) -> None:
    with place.window(*ENDLESS_STEP) as window:
        window.until("training")
        _until_in_a_step(window.child.pid, window.read)
        window.kill(signal.SIGINT)
        # Two that wait together come in any order.
        until(lambda: signal.SIGINT not in signals_of(window.child.pid, "ShdPnd"), window.read)
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert not window.alternate


@pytest.mark.parametrize(
    "plain",
    [pytest.param((), id="screen"), pytest.param(("--plain",), id="lines", marks=pytest.mark.long)],
)
def test_ctrl_c_ends_all_processes(
    place: Place, quick: Callable[..., list[str]], plain: tuple[str, ...]
) -> None:
    """Also those that load, which the key's signal reaches as well."""
    with place.window(*quick(*LOADING, *LONG, *plain)) as window:
        until(lambda: len(place.told(StepsMeasured)) > 1, window.read)
        process = window.child.pid
        others = psutil.Process(process).children(recursive=True)
        assert len(workers_of(process)) == 2
        asked_at = time.monotonic()
        os.killpg(process, signal.SIGINT)
        assert window.end() == 130
        assert time.monotonic() - asked_at < MOST_SECONDS
        until(lambda: all(map(is_gone, others)))
    assert "Traceback" not in window.raw.decode()
    assert "status   interrupted" in window.text
    assert [row["status"] for row in place.rows()] == ["interrupted"]


def _until_in_a_step(process: int, meanwhile: Callable[[], object] | None = None) -> None:
    """All that comes between the run's beginning and its first step is a moment's work."""
    used = psutil.Process(process).cpu_times
    before = used().user
    until(lambda: used().user > before + 1.0, meanwhile)
