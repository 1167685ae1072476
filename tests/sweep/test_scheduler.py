"""Processes of a sweep: one after the other, side by side, killed, failing, left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from cnntop.core.runs.folder import RunFolder
from cnntop.core.sweep.definition import Draft
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.halving import cut
from cnntop.core.sweep.progress import SweepState
from cnntop.core.sweep.scheduler import MOST_KILLS, Job, Scheduler
from tests.sweep import stand_in

PATIENCE_SECONDS = 60.0


def create(tmp_path: Path, points: int = 2, **given: Any) -> SweepFolder:
    grid = {"model.kernels": list(range(1, points + 1))}
    definition = Draft(preset="demo", grid=grid, settings={"train.epochs": 4}, **given).definition()
    return SweepFolder.create(tmp_path, definition, [])


def to_the_end(
    folder: SweepFolder, command: Callable[[Job], list[str]], *devices: str
) -> tuple[Scheduler, SweepState]:
    scheduler = Scheduler(folder, devices, command)
    scheduler.start()
    assert scheduler.wait(PATIENCE_SECONDS)
    return scheduler, scheduler.state


@contextmanager
def going_on(scheduler: Scheduler) -> Iterator[Scheduler]:
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.kill()
        assert scheduler.wait(PATIENCE_SECONDS)


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def results(state: SweepState) -> list[tuple[str, str, float | None]]:
    return [(one.point.label, one.status, one.accuracy) for one in state.points]


def expected(points: int, epochs: int = 4) -> list[tuple[str, str, float | None]]:
    return [
        (f"kernels={n} seed=0", "finished", stand_in.accuracy(n, epochs))
        for n in range(1, points + 1)
    ]


def runs_of(folder: SweepFolder) -> int:
    """Run folders, of which a sweep has one a point."""
    return len([path for path in folder.runs_dir.iterdir() if (path / "run.json").exists()])


def test_each_is_run_once_and_nothing_is_run_again(tmp_path: Path) -> None:
    folder = create(tmp_path)
    _, state = to_the_end(folder, stand_in.command(folder, 4))
    assert results(state) == expected(2)
    _, again = to_the_end(folder, stand_in.command(folder, 4))
    assert results(again) == expected(2)
    assert runs_of(folder) == 2
    assert len(folder.endings()) == 2


def test_as_many_at_once_as_there_are_devices(tmp_path: Path) -> None:
    folder = create(tmp_path, points=3)
    given: list[str] = []
    at_once: list[int] = []
    stand = stand_in.command(folder, 4, pause=0.1)

    def command(job: Job) -> list[str]:
        given.append(job.device)
        at_once.append(sum(folder.is_busy(number) for number in range(1, 4)))
        return stand(job)

    _, state = to_the_end(folder, command, "cuda:0", "cuda:1")
    assert results(state) == expected(3)
    assert sorted(given[:2]) == ["cuda:0", "cuda:1"]
    assert max(at_once) == 2  # its own output is locked by then, and one other's


def test_one_that_goes_on_does_so_on_its_own_device(tmp_path: Path) -> None:
    folder = create(tmp_path)
    run = RunFolder.create(tmp_path, "mine")
    run.write_info(stand_in.info(run.path.name, f"{folder.path.name}/1", "cuda:1"))
    stand_in.write(run, [stand_in.STARTED])
    given: dict[int, str] = {}
    stand = stand_in.command(folder, 4)

    def command(job: Job) -> list[str]:
        given[job.due.state.point.number] = job.device
        return stand(job)

    to_the_end(folder, command, "cuda:0", "cuda:1")
    assert given == {1: "cuda:1", 2: "cuda:0"}


def test_one_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    folder = create(tmp_path)
    _, state = to_the_end(folder, stand_in.command(folder, 4, p1={"killed_after": 2}))
    assert results(state) == expected(2)
    assert runs_of(folder) == 2
    assert [ending.exit_code for ending in folder.endings()] == [-9, 0, 0]


def test_one_that_is_killed_every_time_is_left(tmp_path: Path) -> None:
    folder = create(tmp_path)
    kill = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    stand = stand_in.command(folder, 4)
    _, state = to_the_end(
        folder, lambda job: kill if job.due.state.point.number == 1 else stand(job)
    )
    assert [one.status for one in state.points] == ["to come", "finished"]
    assert [ending.number for ending in folder.endings()].count(1) == MOST_KILLS


def test_one_that_fails_is_left_for_the_next_time(tmp_path: Path) -> None:
    folder = create(tmp_path)
    failing = {"status": "failed", "message": "worker gone", "exit": 1}
    _, state = to_the_end(folder, stand_in.command(folder, 4, p2=failing))
    assert [one.status for one in state.points] == ["finished", "failed"]
    assert state.points[1].message == "worker gone"
    assert len(folder.endings()) == 2
    _, state = to_the_end(folder, stand_in.command(folder, 4))
    assert results(state) == expected(2)
    assert runs_of(folder) == 2


def test_one_that_cannot_begin_holds_up_no_other(tmp_path: Path) -> None:
    folder = create(tmp_path)
    _, state = to_the_end(
        folder, stand_in.command(folder, 4, p2={"early": "too wide for this", "exit": 2})
    )
    assert [one.status for one in state.points] == ["finished", "failed"]
    assert state.points[1].message == "too wide for this"


def test_where_the_very_first_cannot_begin_the_sweep_ends_and_says_why(tmp_path: Path) -> None:
    folder = create(tmp_path)
    early = {"early": "no cifar10 here\nWays out:", "exit": 3}
    scheduler, _ = to_the_end(folder, stand_in.command(folder, 4, p1=early))
    assert scheduler.error is not None
    assert scheduler.error.exit_code == 3
    assert str(scheduler.error).startswith("no cifar10 here. No run of the sweep has begun")
    assert "--data-dir" in str(scheduler.error)
    assert len(folder.endings()) == 1
    _, state = to_the_end(folder, stand_in.command(folder, 4))  # now it is
    assert results(state) == expected(2)


def test_a_stop_is_a_signal_to_the_run_and_the_rest_comes_later(tmp_path: Path) -> None:
    folder = create(tmp_path)
    scheduler = Scheduler(folder, [], stand_in.command(folder, 4, pause=2.0))
    with going_on(scheduler):
        until(lambda: scheduler.state.points[0].accuracy is not None)
        scheduler.stop()
        assert scheduler.wait(PATIENCE_SECONDS)
    assert [one.status for one in scheduler.state.points] == ["interrupted", "to come"]
    _, state = to_the_end(folder, stand_in.command(folder, 4))
    assert results(state) == expected(2)
    assert runs_of(folder) == 2


def test_a_run_whose_sweep_was_killed_goes_on_and_is_waited_for(tmp_path: Path) -> None:
    folder = create(tmp_path)
    definition = folder.read()
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from cnntop.core.sweep.folder import SweepFolder\n"
        "from cnntop.core.sweep.scheduler import Scheduler\n"
        "from tests.sweep import stand_in\n"
        "folder = SweepFolder(Path(sys.argv[1]))\n"
        "scheduler = Scheduler(folder, [], stand_in.command(folder, 4, pause=0.25))\n"
        "scheduler.start()\n"
        "scheduler.wait(60)\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, str(folder.path)]
    killed = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(root)})

    def run_has_begun() -> bool:
        """Before it has a run folder: nothing but the lock tells that it is there."""
        children = psutil.Process(killed.pid).children()
        return any(child.cmdline() not in ([], command) for child in children)

    until(run_has_begun)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert folder.is_busy(1)
    _, state = to_the_end(folder, stand_in.command(folder, 4))
    assert results(state) == expected(2)
    assert runs_of(folder) == 2
    assert [ending.number for ending in folder.endings()] == [2]  # the first was no child of it
    assert definition == folder.read()


def test_a_run_that_someone_went_on_with_by_hand_is_waited_for(tmp_path: Path) -> None:
    folder = create(tmp_path, points=1)
    run = RunFolder.create(tmp_path, "mine")
    run.write_info(stand_in.info(run.path.name, f"{folder.path.name}/1"))
    lock = run.lock()
    stand_in.write(run, [stand_in.STARTED])
    scheduler = Scheduler(folder, [], stand_in.command(folder, 4))
    with going_on(scheduler):
        assert not scheduler.wait(0.7)
        assert not folder.output(1).exists()
        os.close(lock)
        assert scheduler.wait(PATIENCE_SECONDS)
    assert results(scheduler.state) == expected(1)


def test_two_sweeps_of_the_same_side_by_side_keep_apart(tmp_path: Path) -> None:
    one, other = create(tmp_path), create(tmp_path)
    first = Scheduler(one, [], stand_in.command(one, 4))
    with going_on(first):
        _, state = to_the_end(other, stand_in.command(other, 4))
        assert first.wait(PATIENCE_SECONDS)
    assert results(state) == results(first.state) == expected(2)
    assert {s.run for s in state.points}.isdisjoint({s.run for s in first.state.points})
    assert runs_of(one) == 4


def test_halving_goes_on_with_the_best(tmp_path: Path) -> None:
    folder = create(tmp_path, points=4, halving=2)
    # Rungs after 1, 2 and 4 epochs; the higher the number the better. The best is killed once.
    command = stand_in.command(folder, p4={"killed_after": 1})
    _, state = to_the_end(folder, command)
    assert [one.epochs for one in state.points] == [1.0, 1.0, 2.0, 4.0]
    assert cut(state) == {"kernels=1": 1, "kernels=2": 1, "kernels=3": 2}
    assert runs_of(folder) == 4
    begun = [ending.number for ending in folder.endings()]
    assert sorted(begun) == [1, 2, 3, 3, 4, 4, 4]
    _, again = to_the_end(folder, command)
    assert again.points == state.points
