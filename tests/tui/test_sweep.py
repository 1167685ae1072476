"""`cnntop sweep` as a command: planned, run, killed at any moment, gone on with, watched."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from cnntop.core.events import EpochFinished
from cnntop.core.run_request import RunRequest
from cnntop.core.runs.folder import run_folders
from cnntop.core.sweep.folder import SweepFolder, sweep_folders
from cnntop.core.sweep.progress import SweepReader
from tests.tui.place import Line, Place
from tests.tui.terminal_window import PATIENCE_SECONDS

Result = tuple[str, str, float, tuple[tuple[int, float], ...]]


def sweep(pictures: Path, *more: str) -> list[str]:
    """Arguments of a sweep whose runs are the same to the bit each time, and take a moment."""
    return [
        *("sweep", "--preset", "demo", "--data-dir", str(pictures), "--set", "image_size=16"),
        *("--set", "augment_on=cpu", "--set", "batch_size=4", "--set", "threads=1"),
        *("--device", "cpu", "--name", "tiny", *more),
    ]


def results(folder: SweepFolder) -> list[Result]:
    """Of each point its name, status, epochs and every accuracy."""
    return [
        (one.point.run_name, one.status, one.epochs, one.evaluations)
        for one in SweepReader(folder).read().points
    ]


def runs(line: Line) -> list[psutil.Process]:
    """The processes of the runs that a sweep's process has begun."""
    try:
        return psutil.Process(line.process.pid).children()
    except psutil.NoSuchProcess:
        return []


def wait_until(seen: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_shared(folder: Path) -> bool:
    return folder.stat().st_mode & 0o055 == 0o055


_STANDS_STILL = """
import os, signal, sys
saved = 0

def hook(event, arguments):
    global saved
    if event == "os.rename" and str(arguments[1]).endswith("/last.pt"):
        saved += 1
        if saved == 3:
            os.kill(os.getpid(), signal.SIGSTOP)

sys.addaudithook(hook)
"""
"""A run with this waits at its third checkpoint to be killed, however late that comes."""


def test_killed_it_goes_on_by_the_same_command_to_the_same_results(
    place: Place, pictures: Path, run: Callable[[RunRequest], Any], tmp_path: Path
) -> None:
    arguments = sweep(pictures, "--grid", "kernels=2,4", "--epochs", "20")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(_STANDS_STILL)
    with place.start(*arguments, "--share", PYTHONPATH=str(hooks)) as line:
        line.read_until("trains; run folder")
        [folder] = sweep_folders(place.runs)
        wait_until(lambda: SweepReader(folder).read().points[0].evaluations)
        [child] = runs(line)
        line.kill(signal.SIGKILL)
        child.kill()
        line.end()
    wait_until(lambda: SweepReader(folder).read().points[0].status == "interrupted")
    answer = place.run(*arguments)
    assert answer.code == 0, answer.err
    assert "2/2 kernels=4 seed=0: finished" in answer.out
    [row, other] = place.rows()
    assert (row["status"], row["sweep"]) == (other["status"], other["sweep"])
    assert (row["status"], row["sweep"]) == ("finished", folder.path.name)
    for point, result in zip(folder.read().points(), results(folder), strict=True):
        alone = run(RunRequest(point.recipe(), "demo", point.run_name, tmp_path / "alone"))
        told = [one.event for one in alone.records if isinstance(one.event, EpochFinished)]
        assert result[0] == point.run_name
        assert [accuracy for _, accuracy in result[3]] == [event.test_accuracy for event in told]
    folders = [folder.path, *(run.path for run in run_folders(place.runs))]
    assert [is_shared(one) for one in folders] == [True] * 3
    done = place.run(*arguments)
    assert "every run of this sweep is done" in done.out
    assert len(place.rows()) == 2


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killed_ten_times_it_ends_as_one_left_alone(tmp_path: Path, pictures: Path) -> None:
    grid = ("--grid", "kernels=2,4", "--grid", "lr=0.01,0.03", "--epochs", "100")
    alone, killed = Place(tmp_path / "alone"), Place(tmp_path / "killed")
    for place in (alone, killed):
        place.folder.mkdir()
    begun = time.monotonic()
    with alone.start(*sweep(pictures, *grid)) as whole:
        assert whole.end() == 0, whole.text
    whole_seconds = time.monotonic() - begun
    draw = random.Random(4)
    same = sweep(pictures, *grid)
    line = killed.start(*same)
    wait_until(lambda: sweep_folders(killed.runs))
    [folder] = sweep_folders(killed.runs)
    for number in range(10):
        time.sleep(draw.uniform(0.0, whole_seconds / 8))
        assert line.process.poll() is None, f"it ended before it could be killed:\n{line.text}"
        what = draw.choice(("sweep", "run", "both", "term"))
        children = runs(line)
        if what in ("run", "both"):
            for child in children:
                child.kill()
        if what != "run":
            line.kill(signal.SIGTERM if what == "term" else signal.SIGKILL)
            assert line.end() == (143 if what == "term" else -9)
            line = killed.start(*(same if number % 2 else ("sweep", "--resume", "last", "--plain")))
    with line:
        assert line.end() == 0, line.text
    assert sweep_folders(killed.runs) == [folder]
    [reference] = sweep_folders(alone.runs)
    assert results(folder) == results(reference)
    assert {status for _, status, _, _ in results(folder)} == {"finished"}
    names = sorted(row["name"] for row in killed.rows())
    assert names == sorted(row["name"] for row in alone.rows())
    assert len(names) == 4
