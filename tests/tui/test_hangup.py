"""The screen may die, the run does not: terminals that vanish, with SIGHUP and without."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cnntop.core.events import Activity, EpochFinished, Paused, Resumed, StepsMeasured
from cnntop.core.runs.control_socket import Command, send
from cnntop.core.runs.folder import RunFolder
from cnntop.tui.terminal import LOOK_SECONDS
from tests.tui.place import (
    LOADING,
    NO_NETWORK,
    Place,
    asked_for_checkpoint,
    is_gone,
    signals_of,
    until,
    workers_of,
)

LONG = ("--epochs", "1000000")
SHORT = ("--epochs", "20")
_SILENT = pytest.param(False, id="silent")
LEADS = pytest.mark.parametrize("leads", [pytest.param(True, id="sighup"), _SILENT])
"""Whether the terminal's loss sends SIGHUP, or the command has to notice it by itself."""
LEADS_MOSTLY = pytest.mark.parametrize(
    "leads",
    [pytest.param(True, id="sighup"), pytest.param(False, id="silent", marks=pytest.mark.long)],
)
"""Noticing it is the same in every phase."""
SOME_SECONDS = 3.0


@LEADS
def test_during_training(place: Place, quick: Callable[..., list[str]], leads: bool) -> None:
    """Also a second SIGHUP, a checkpoint asked for without a terminal, and the stop afterwards."""
    errors = place.folder / "errors"
    with place.window(*quick(*LONG), leads=leads, errors=errors if leads else None) as window:
        until(lambda: len(place.told(EpochFinished)) > 1, window.read)
        window.vanish()
        process = window.child.pid
        if leads:
            window.kill(signal.SIGHUP)
        time.sleep(1.5 * LOOK_SECONDS)  # without a signal it takes a while to be noticed
        before = len(place.told(EpochFinished))
        busy = _busy(process, SOME_SECONDS)
        assert busy.pop(process) < 0.1, "the main thread waits"
        assert sorted(busy.values())[-2] < 0.1, f"only the training works: {busy}"
        assert len(place.told(EpochFinished)) > before, "it goes on"
        window.kill(signal.SIGUSR2)
        until(lambda: asked_for_checkpoint(place))
        window.kill(signal.SIGTERM)
        assert window.end_unseen() == 143
    assert _status(place) == "interrupted"
    if leads:
        assert "Traceback" not in errors.read_text()


def test_before_the_first_frame(place: Place, quick: Callable[..., list[str]]) -> None:
    """And the run's end: with its own exit code, though nobody reads its summary."""
    errors = place.folder / "errors"
    with place.window(*quick(*SHORT), errors=errors) as window:
        until(lambda: signal.SIGHUP in signals_of(window.child.pid, "SigCgt"), window.read)
        window.vanish()
        assert window.end_unseen() == 0
    assert _status(place) == "finished"
    assert "Traceback" not in errors.read_text()


def test_during_preparation(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.window(*quick(*SHORT), leads=False) as window:
        window.until("preparing")
        window.vanish()
        assert window.end_unseen() == 0
    assert _status(place) == "finished"


def test_paused_with_a_dialog_open(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.window(*quick(*LONG)) as window:
        window.until("a step")
        window.keys("p")
        until(lambda: bool(place.told(Paused)), window.read)
        window.keys("q")
        window.until("Stop or leave?")
        window.vanish()
        until(lambda: bool(place.told(Resumed)))
        before = len(place.told(EpochFinished))
        until(lambda: len(place.told(EpochFinished)) > before)
        window.kill(signal.SIGINT)
        assert window.end_unseen() == 130
    assert _status(place) == "interrupted"


@LEADS_MOSTLY
def test_during_evaluation(place: Place, mostly_test: Path, leads: bool) -> None:
    """It stands still there, until the hang-up, which takes back a pause."""
    more = ("--kernels", "256", "--epochs", "1", "--set", "image_size=32")
    arguments = ["run", "--preset", "demo", "--data-dir", str(mostly_test), "--device", "cpu"]
    with place.window(*arguments, *more, leads=leads) as window:
        until(lambda: _evaluating(place), window.read)
        [folder] = place.run_folders()
        send(RunFolder(folder), Command("pause"))
        until(lambda: bool(place.told(Paused)), window.read)
        assert not place.told(EpochFinished), "too early: nothing was lost during the evaluation"
        window.vanish()
        assert window.end_unseen() == 0
    assert _status(place) == "finished"
    [epoch] = place.told(EpochFinished)
    assert epoch.test_accuracy is not None


def _evaluating(place: Place) -> bool:
    return any(activity.name == "evaluating" for activity in place.told(Activity))


def test_a_hang_up_of_the_group_leaves_the_workers(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    """As a shell that ends may send it. The terminal stays, to see that nothing is printed."""
    with place.window(*quick(*LOADING, "--epochs", "60")) as window:
        until(lambda: len(place.told(StepsMeasured)) > 1, window.read)
        process = window.child.pid
        workers = workers_of(process)
        others = psutil.Process(process).children(recursive=True)
        os.killpg(process, signal.SIGHUP)
        until(lambda: not window.alternate, window.read)
        assert workers_of(process) == workers
        before = len(place.told(EpochFinished))
        until(lambda: len(place.told(EpochFinished)) > before, window.read)
        assert workers_of(process) == workers
        assert window.end() == 0
        until(lambda: all(map(is_gone, others)))
    assert "Traceback" not in window.raw.decode()
    assert [row["status"] for row in place.rows()] == ["finished"]


@LEADS
def test_on_the_picker(place: Place, leads: bool) -> None:
    with place.window(leads=leads) as window:
        window.until("pick an experiment")
        window.vanish()
        assert window.end_unseen() == 129, "nothing runs that could go on"


SOON = pytest.mark.parametrize(
    "after_seconds", [0.0, *(pytest.param(one, marks=pytest.mark.long) for one in (0.03, 0.1, 0.3))]
)
"""After a choice: a run begins 50 ms after its monitor has been drawn for the first time."""


@SOON
def test_after_a_preset_was_picked(
    place: Place, quick: Callable[..., list[str]], after_seconds: float
) -> None:
    """Whoever picks a run and closes the window wants it to train."""
    with place.window(*_without_preset(quick(*SHORT))) as window:
        window.until("pick an experiment")
        window.keys("\r")
        window.until(lambda text: "pick an experiment" not in text)
        time.sleep(after_seconds)
        window.vanish()
        assert window.end_unseen() == 0
    assert _status(place) == "finished"


def _without_preset(arguments: list[str]) -> list[str]:
    at = arguments.index("--preset")
    return arguments[:at] + arguments[at + 2 :]


@SOON
def test_after_another_folder_was_chosen(
    place: Place, pictures: Path, after_seconds: float
) -> None:
    small = ("--set", "image_size=16", "--kernels", "4", "--epochs", "2")
    missing = ("run", "--preset", "demo", "--dataset", "cifar10", *small)
    with place.window(*missing, **NO_NETWORK) as window:
        window.until("This dataset cannot be used.")
        window.keys("f")
        window.until("Which folder of images?")
        window.keys(f"{pictures}\r")
        window.until(lambda text: "Which folder of images?" not in text)
        time.sleep(after_seconds)
        window.vanish()
        assert window.end_unseen() == 0
    assert _status(place) == "finished"


def test_a_failed_run_keeps_its_exit_code(place: Place) -> None:
    """It asks what to do instead; then nobody is there to answer, or to read the message."""
    with place.window("run", "--preset", "demo", "--data-dir", "nowhere") as window:
        window.until("This dataset cannot be used.")
        window.vanish()
        assert window.end_unseen() == 3


def test_lines(place: Place, quick: Callable[..., list[str]]) -> None:
    errors = place.folder / "errors"
    with place.window(*quick(*SHORT, "--plain"), errors=errors) as window:
        window.until("importing torch")
        window.vanish()
        assert window.end_unseen() == 0
    assert _status(place) == "finished"
    assert errors.read_text() == ""


def _status(place: Place) -> str:
    [row] = place.rows()
    return row["status"]


def _busy(process: int, seconds: float) -> dict[int, float]:
    """The share of a core that each thread uses in `seconds`."""
    before, began = _cpu_seconds(process), time.monotonic()
    time.sleep(seconds)
    after, took = _cpu_seconds(process), time.monotonic() - began
    return {thread: (after[thread] - before.get(thread, 0.0)) / took for thread in after}


def _cpu_seconds(process: int) -> dict[int, float]:
    """Of each thread of the process, in its own code and in the system's for it."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # the thread has ended meanwhile
            continue
        used[int(task.name)] = (int(fields[11]) + int(fields[12])) / ticks
    return used
