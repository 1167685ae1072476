"""A sweep's process and what comes to it: signals, keys, a terminal that vanishes. Its runs are
stand-ins, which take no seconds to import torch."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cnntop.core.sweep.definition import Draft
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.progress import SweepReader, SweepState
from tests.sweep import stand_in
from tests.tui.place import Place
from tests.tui.terminal_window import PATIENCE_SECONDS, TerminalWindow

EPOCHS = 4
STAYS = 30.0
"""Seconds of each later epoch of a run that shall not end by itself."""
_PROCESS = f"""
import sys
from pathlib import Path
from cnntop.core.errors import CnntopError
from cnntop.core.sweep.folder import SweepFolder
from cnntop.tui.sweep import run_sweep
from tests.sweep import stand_in
pauses = [float(pause) for pause in sys.argv[2].split(",")]
run_sweep.command = lambda folder, job: stand_in.command(folder, {EPOCHS}, *pauses)(job)
try:
    sys.exit(run_sweep.run_sweep(SweepFolder(Path(sys.argv[1])), [], len(sys.argv) > 3))
except CnntopError as error:
    sys.exit(f"{{error}}")
"""


@pytest.fixture
def folder(place: Place) -> SweepFolder:
    place.runs.mkdir()
    definition = Draft(preset="demo", grid={"model.kernels": [2, 4]}).definition()
    return SweepFolder.create(place.runs, definition, [])


def words(folder: SweepFolder, pause: float, *more: str, later: float = -1.0) -> list[str]:
    """An epoch takes `pause` seconds, those after the first one `later`, if that is given."""
    pauses = str(pause) if later < 0 else f"{pause},{later}"
    return [sys.executable, "-c", _PROCESS, str(folder.path), pauses, *more]


def environment(place: Place) -> dict[str, str]:
    return place.environment(PYTHONPATH=str(Path(__file__).parents[2]))


def start(
    place: Place, folder: SweepFolder, pause: float, later: float = -1.0
) -> "subprocess.Popen[str]":
    """As lines, until its first run is under way."""
    process = subprocess.Popen(
        words(folder, pause, "plain", later=later), env=environment(place), cwd=place.folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_until(lambda: look(folder).points[0].accuracy is not None)
    return process


def window(place: Place, folder: SweepFolder, pause: float, later: float = -1.0) -> TerminalWindow:
    command = words(folder, pause, later=later)
    return TerminalWindow(command, 80, 24, place.folder, environment(place))


def look(folder: SweepFolder) -> SweepState:
    return SweepReader(folder).read()


def wait_until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def statuses(folder: SweepFolder) -> list[str]:
    return [one.status for one in look(folder).points]


def test_the_first_signal_stops_the_run_and_the_rest_comes_later(
    place: Place, folder: SweepFolder
) -> None:
    process = start(place, folder, 0.3, STAYS)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "stopping the run at its next step" in out
    assert f"cnntop sweep --resume {folder.path.name}" in out
    assert statuses(folder) == ["interrupted", "to come"]
    done = subprocess.run(
        words(folder, 0.0, "plain"), env=environment(place), cwd=place.folder, text=True,
        capture_output=True, timeout=PATIENCE_SECONDS, check=True,
    )  # fmt: skip
    assert "1. kernels=4" in done.stdout
    assert [one.accuracy for one in look(folder).points] == [
        stand_in.accuracy(number, EPOCHS) for number in (1, 2)
    ]


def test_the_second_signal_ends_both_at_once(place: Place, folder: SweepFolder) -> None:
    process = subprocess.Popen(
        words(folder, 30.0, "plain"), env=environment(place), cwd=place.folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: look(folder).points[0].status == "running")
    [run] = psutil.Process(process.pid).children()
    os.kill(run.pid, signal.SIGSTOP)  # it answers no signal any more
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 143
    wait_until(lambda: not run.is_running())
    assert not folder.is_alive()


def test_a_sweep_of_another_process_is_left_alone(place: Place, folder: SweepFolder) -> None:
    lock = folder.lock()
    answer = subprocess.run(
        words(folder, 0.0, "plain"), env=environment(place), cwd=place.folder, text=True,
        capture_output=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    os.close(lock)
    assert answer.returncode != 0
    assert "is running in another process" in answer.stderr
    assert statuses(folder) == ["to come", "to come"]


def test_the_keys_of_its_screen(place: Place, folder: SweepFolder) -> None:
    with window(place, folder, 0.5, STAYS) as screen:
        screen.until("running, best")  # the run, once it has a log to look at
        assert "0/2 runs" in screen.text
        screen.keys("w")
        screen.until("hardware")
        screen.keys("q")
        screen.until("ranking")
        screen.keys("?")
        screen.until("the brighter the better")
        screen.keys("\x1b")
        screen.until("ranking, by")
        screen.keys("q")
        screen.until("Stop or leave?")
        screen.keys("s")
        assert screen.end() == 0
        assert not screen.alternate
        assert "still to come" in screen.text
    assert statuses(folder) == ["interrupted", "to come"]


def test_without_its_screen_it_goes_on(place: Place, folder: SweepFolder) -> None:
    with window(place, folder, 0.2) as screen:
        screen.until("▶ kernels=")
        screen.keys("d")
        assert screen.end() == 0
        assert "the screen is closed, the sweep goes on" in screen.text
        assert re.search(r"2/2 kernels=4 seed=0: finished", screen.text)
    assert statuses(folder) == ["finished", "finished"]


def test_its_terminal_vanishes(place: Place, folder: SweepFolder) -> None:
    with window(place, folder, 0.2) as screen:
        screen.until("▶ kernels=")
        screen.vanish()
        assert screen.end_unseen() == 0
    assert statuses(folder) == ["finished", "finished"]
