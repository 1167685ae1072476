"""Rows of runs folders that are looked at again and again."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from cnntop.core.events import AnyEvent, EpochFinished, Record, RunEnded
from cnntop.core.runs import row_watch
from cnntop.core.runs.epoch_table import EpochTable
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder
from cnntop.core.runs.log import RunLog
from cnntop.core.runs.row_watch import FOLDER, RowWatch
from cnntop.core.runs.summary import SUMMARY_FILE, Row, drop_row
from tests.kept_runs import epoch, keep_run
from tests.tui import story


class LiveRun:
    """A run under way: a folder, the lock on it, and a log and epochs that grow."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        (folder.path / EPOCHS_FILE).unlink()
        self.lock = folder.lock()
        self._log = RunLog(folder.events)
        self._epochs = EpochTable(folder.path / EPOCHS_FILE)
        self._seq = 0
        self.tell(msgspec.structs.replace(story.STARTED, train_images=100))

    def tell(self, event: AnyEvent) -> None:
        self._log.append(Record(self._seq, float(self._seq), event))
        self._seq += 1
        if isinstance(event, EpochFinished):
            self._epochs.add(event)

    def end(self) -> None:
        os.close(self.lock)
        self._log.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveRun]:
    folder = keep_run(tmp_path, 9, {"model.kernels": 8})
    drop_row(tmp_path, folder.path.name)
    run = LiveRun(folder)
    yield run
    with suppress(OSError):  # the test may have ended it
        run.end()


def test_all_at_first_then_only_what_is_new(tmp_path: Path) -> None:
    first, second = (keep_run(tmp_path, number, {"train.seed": number}) for number in (1, 2))
    watch = RowWatch([tmp_path])
    rows = watch.read()
    assert rows is not None
    assert [row[FOLDER] for row in rows] == [str(second.path), str(first.path)]
    assert watch.read() is None

    third = keep_run(tmp_path, 3, {"train.seed": 3})
    later = watch.read()
    assert later is not None
    assert [row["run"] for row in later] == [f.path.name for f in (third, second, first)]
    assert later[1] is rows[0], "what was looked up for a row is kept with it"
    assert watch.read() is None


def test_none_at_all_is_told_once(tmp_path: Path) -> None:
    watch = RowWatch([tmp_path / "nowhere"])
    assert watch.read() == []
    assert watch.read() is None


def test_a_run_that_is_in_two_folders_once(tmp_path: Path) -> None:
    keep_run(tmp_path / "one", 1, {})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    keep_run(tmp_path / "two", 2, {})
    rows = RowWatch([tmp_path / "one", tmp_path / "two"]).read()
    assert rows is not None
    assert [Path(row[FOLDER]).parent.name for row in rows] == ["two", "one"]


@pytest.mark.parametrize("settled", [True, False])
def test_a_run_under_way_is_read_on_with_each_epoch(
    tmp_path: Path, live: LiveRun, settled: bool
) -> None:
    ended = keep_run(tmp_path, 1, {})
    if settled:
        for path in (tmp_path, tmp_path / SUMMARY_FILE):
            os.utime(path, (1.7e9, 1.7e9))
    watch = RowWatch([tmp_path])
    rows = watch.read()
    assert rows is not None
    assert [row["status"] for row in rows] == ["running", "finished"]
    assert rows[0]["test_accuracy"] == ""
    live.tell(story.cpu())
    if settled:
        assert watch.read() is None, "no epoch has ended"

    live.tell(epoch(1, 2.0, 0.625))
    later = watch.read()
    assert later is not None
    assert later[0]["test_accuracy"] == "0.625"
    assert later[1] is rows[1]
    assert later[1]["run"] == ended.path.name


@pytest.mark.parametrize("killed", [True, False])
def test_the_end_of_a_run_under_way_is_seen(tmp_path: Path, live: LiveRun, killed: bool) -> None:
    watch = RowWatch([tmp_path])
    rows = watch.read()
    assert rows is not None
    assert rows[0]["status"] == "running"
    if not killed:
        live.tell(RunEnded("stopped", "", 4.0))
    live.end()
    later = watch.read()
    assert later is not None
    assert [row["status"] for row in later] == ["interrupted" if killed else "stopped"]


def test_a_run_that_ends_while_the_rows_are_read_is_seen_the_next_time(
    tmp_path: Path, live: LiveRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path, tmp_path / SUMMARY_FILE):
        os.utime(path, (1.7e9, 1.7e9))
    watch = RowWatch([tmp_path])
    same_or = row_watch._same_or

    def ends(before: Row | None, row: Row) -> Row:
        with suppress(OSError):
            live.end()
        return same_or(before, row)

    monkeypatch.setattr(row_watch, "_same_or", ends)
    rows = watch.read()
    assert rows is not None
    assert rows[0]["status"] == "running"
    later = watch.read()
    assert later is not None
    assert later[0]["status"] == "interrupted"


def test_a_run_that_was_removed_is_gone(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {})
    second = keep_run(tmp_path, 2, {})
    watch = RowWatch([tmp_path])
    watch.read()
    shutil.rmtree(second.path)
    rows = watch.read()
    assert rows is not None
    assert len(rows) == 1


def test_a_run_whose_folder_is_filled_a_moment_after_it_was_made(tmp_path: Path) -> None:
    source = keep_run(tmp_path / "elsewhere", 2, {})
    keep_run(tmp_path / "runs", 1, {})
    watch = RowWatch([tmp_path / "runs"])
    (tmp_path / "runs" / source.path.name).mkdir()
    rows = watch.read()
    assert rows is not None
    assert len(rows) == 1
    for file in source.path.iterdir():
        shutil.copy(file, tmp_path / "runs" / source.path.name)
    assert (tmp_path / "runs" / SUMMARY_FILE).exists()
    later = watch.read()
    assert later is not None
    assert len(later) == 2


def test_an_old_log_of_another_run_is_not_taken_for_its_own(tmp_path: Path, live: LiveRun) -> None:
    """Two runs under way at once are told apart."""
    other_folder = keep_run(tmp_path, 5, {"model.kernels": 32})
    drop_row(tmp_path, other_folder.path.name)
    other = LiveRun(other_folder)
    try:
        watch = RowWatch([tmp_path])
        watch.read()
        other.tell(epoch(1, 2.0, 0.25))
        live.tell(epoch(1, 2.0, 0.75))
        rows = watch.read()
    finally:
        other.end()
    assert rows is not None
    assert {row["model"]: row["test_accuracy"] for row in rows} == {
        "shallow8": "0.75", "shallow32": "0.25",
    }  # fmt: skip
