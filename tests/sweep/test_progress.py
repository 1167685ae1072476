"""How a sweep stands, as its folder and those of its runs tell it."""

import shutil
from pathlib import Path

import pytest

from cnntop.core.events import RunEnded
from cnntop.core.runs.folder import RunFolder
from cnntop.core.sweep.definition import Draft
from cnntop.core.sweep.folder import Ending, SweepFolder
from cnntop.core.sweep.progress import PointState, SweepReader
from tests.sweep import stand_in


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    definition = Draft(preset="demo", grid={"model.kernels": [8, 16, 32]}).definition()
    return SweepFolder.create(tmp_path, definition, [])


def begin(sweep: SweepFolder, number: int, epochs: int = 2, mark: str = "") -> RunFolder:
    """A run of the point, as it is after so many epochs."""
    run = RunFolder.create(sweep.runs_dir, "any")
    run.write_info(stand_in.info(run.path.name, mark or f"{sweep.path.name}/{number}"))
    stand_in.write(run, [stand_in.STARTED])
    for epoch in range(1, epochs + 1):
        stand_in.write(run, stand_in.epoch(number, epoch))
    return run


def look(sweep: SweepFolder, number: int = 1) -> PointState:
    return SweepReader(sweep).read().points[number - 1]


def test_before_anything(folder: SweepFolder) -> None:
    state = SweepReader(folder).read()
    assert [point.status for point in state.points] == ["to come"] * 3
    assert state.points[0].accuracy is None


def test_the_same_reader_sees_a_run_begin_go_on_and_end(folder: SweepFolder) -> None:
    reader = SweepReader(folder)
    with folder.open_output(2):
        assert reader.read().points[1].status == "starting"
        run = begin(folder, 2)
        state = reader.read().points[1]
        assert (state.status, state.epochs, state.run) == ("running", 2.0, run)
        stand_in.write(run, stand_in.epoch(2, 3))
        assert reader.read().points[1].accuracy == stand_in.accuracy(2, 3)
    assert reader.read().points[1].status == "interrupted"
    with folder.open_output(2):  # gone on with
        stand_in.write(run, [stand_in.resumed(2, 3)])
        state = reader.read().points[1]
        assert state.status == "running"
        assert [epoch for epoch, _ in state.evaluations] == [1, 2]  # the third no longer counts
        stand_in.write(run, [RunEnded("finished", "", 6.0)])
    state = reader.read().points[1]
    assert (state.status, state.seconds) == ("finished", 6.0)
    assert state == look(folder, 2)


def test_runs_of_others_are_no_runs_of_this_one(folder: SweepFolder) -> None:
    run = begin(folder, 1, mark="20260101-000000-other-abcd-sweep/1")
    begin(folder, 1, mark="")
    shutil.copytree(run.path, folder.runs_dir / "20260101-000000-copy-abcd")
    begin(folder, 1, mark=f"{folder.path.name}x/1")
    begin(folder, 1, mark=f"{folder.path.name}/99")
    plain = RunFolder.create(folder.runs_dir, "plain")
    plain.write_info(stand_in.info(plain.path.name, ""))
    mine = begin(folder, 3)
    shutil.copytree(mine.path, folder.runs_dir / "20260101-000000-mine-abcd")
    state = SweepReader(folder).read()
    assert [point.run for point in state.points[1:]] == [None, mine]


def test_one_that_was_removed_is_to_come_again(folder: SweepFolder) -> None:
    run = begin(folder, 1)
    reader = SweepReader(folder)
    assert reader.read().points[0].status == "interrupted"
    shutil.rmtree(run.path)
    assert reader.read().points[0].status == "to come"


def test_a_damaged_log_is_told(folder: SweepFolder) -> None:
    run = begin(folder, 1)
    with run.events.open("ab") as file:
        file.write(b'{"no": "event"}\n')
    state = look(folder)
    assert state.status == "unreadable"
    assert "line 6" in state.message
    assert state.accuracy == stand_in.accuracy(1, 2)  # what could be read


def test_one_that_ended_before_it_began(folder: SweepFolder) -> None:
    folder.note(Ending(1, 2, "no such device", 1.0))
    folder.note(Ending(2, -9, "", 1.0))
    folder.note(Ending(3, 130, "", 1.0))
    states = SweepReader(folder).read().points
    assert (states[0].status, states[0].message) == ("failed", "no such device")
    assert [state.status for state in states[1:]] == ["to come", "to come"]


def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(folder: SweepFolder) -> None:
    folder.note(Ending(1, 2, "first", 1.0))
    with (folder.path / "endings.jsonl").open("ab") as file:
        file.write(b'{"number":2,"exit_c')
    folder.note(Ending(3, 2, "third", 1.0))
    assert [ending.message for ending in folder.endings()] == ["first", "third"]


def test_what_starting_takes_is_measured(folder: SweepFolder) -> None:
    run = begin(folder, 1)
    stand_in.write(run, [RunEnded("finished", "", 4.0)])
    folder.note(Ending(1, 0, "", 7.5))
    assert SweepReader(folder).read().startup_seconds == pytest.approx(3.5)
