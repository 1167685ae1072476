"""A disk that takes no more for a while: training goes on, and nothing that matters is lost."""

import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cnntop.core.events import CpuSample, EpochFinished, Notice, Record, RunEnded
from cnntop.core.feed import Stream
from cnntop.core.recipe import resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import fold
from cnntop.core.runs import log as logs
from cnntop.core.runs import recorder as recorders
from cnntop.core.runs.epoch_table import EpochTable, counted_epochs, table_text
from cnntop.core.runs.folder import RunFolder, RunInfo, utc_now
from cnntop.core.runs.log import PatientLog, RunLog, read_log
from cnntop.core.runs.recorder import Recorder
from cnntop.core.runs.repair import repair_run
from cnntop.core.runs.summary import derive_row, read_rows
from tests.runs.test_recorder import STARTED, epoch
from tests.tui.place import Line, Place

ENDLESS = 1_000_000
PATIENCE_SECONDS = 60.0
SAMPLE = CpuSample(0.5, (0.25, 0.75), 1, 2, 3, 0.5)


class SmallDisk:
    """A disk of a megabyte or some, which a file beside the runs fills up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "runs"
        self._filler = path / "filler"

    def fill(self) -> None:
        """To the last page; again where something has freed some."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while file.write(b"x" * 65_536) == 65_536:
                    pass
                while True:
                    file.write(b"x" * 512)
            except OSError:
                pass

    def free(self) -> None:
        self._filler.unlink()


def mounted(path: Path, size: str) -> Iterator[SmallDisk]:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "cnntop-test", str(path)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here; it takes root")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    yield from mounted(tmp_path / "disk", "1m")


@pytest.fixture
def larger_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    yield from mounted(tmp_path / "disk", "4m")


@pytest.fixture
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(recorders, "LAST_TRIES_SECONDS", 0.5)


class Recorded:
    """A recorder with its stream, and all that went through it."""

    def __init__(self, runs_dir: Path) -> None:
        self.records: list[Record] = []
        self.notices: list[Notice] = []
        self.recorder = Recorder(notify=self._notify)
        self.stream = Stream(self.recorder.take, self.records.append)
        runs_dir.mkdir(exist_ok=True)
        self.folder = RunFolder.create(runs_dir, "n")
        recipe = resolve({"train": {"epochs": 2}}, "test")
        run = self.folder.path.name
        info = RunInfo(run, "n", "p", utc_now(), recipe, "cpu", {}, {}, "")
        self.recorder.open(self.folder, info)

    def _notify(self, notice: Notice) -> None:
        self.stream.emit(notice)
        self.notices.append(notice)

    def emit(self, count: int) -> None:
        """So many epochs, each with a sample and a notice of a few hundred bytes."""
        for number in range(1, count + 1):
            self.stream.emit(SAMPLE)
            self.stream.emit(Notice("x" * 300))
            self.stream.emit(epoch(number))

    def until(self, count: int) -> None:
        """Wait for so many notices."""
        waited = 0.0
        while len(self.notices) < count:
            assert waited < PATIENCE_SECONDS
            waited += 0.02
            time.sleep(0.02)

    def table_is_whole(self) -> bool:
        text = (self.folder.path / "epochs.csv").read_bytes()
        return text == table_text(counted_epochs(self.records))


def whole_lines(path: Path) -> bool:
    return path.read_bytes().endswith(b"\n") and len(list(read_log(path))) > 0


@pytest.mark.usefixtures("quick_tries")
def test_what_a_full_disk_does_not_take_is_written_in_order_once_it_does(disk: SmallDisk) -> None:
    run = Recorded(disk.runs)
    run.stream.emit(STARTED)
    run.emit(2)
    disk.fill()
    run.emit(50)
    assert run.recorder.trouble is not None
    assert "No space left on device" in run.recorder.trouble
    run.until(1)
    with run.recorder._lock:  # it tries again all the time, and between two pages a line is torn
        on_disk = list(read_log(run.folder.events))
        assert whole_lines(run.folder.events)
    assert on_disk == run.records[: len(on_disk)]
    assert len(on_disk) < len(run.records)
    assert fold(run.records) == run.recorder.state
    disk.free()
    run.until(2)
    assert run.recorder.trouble is None
    warning, over = run.notices
    assert warning.level == "warning"
    assert warning.text.startswith("the disk does not take the log (No space left on device); ")
    kept = r"; (1 record is|[\d,]+ records are) kept in memory and written when it does$"
    assert re.search(kept, warning.text)  # the disk may have refused one alone by then
    assert over.level == "info"
    assert over.text.startswith("the log is complete again after ")
    run.stream.emit(RunEnded("finished", seconds=1.0))
    run.recorder.close()
    assert list(read_log(run.folder.events)) == run.records
    assert run.table_is_whole()
    assert repair_run(run.folder) == []
    [row] = read_rows(disk.runs)
    assert row == derive_row(run.folder)
    assert row["status"] == "finished"


@pytest.mark.usefixtures("quick_tries")
def test_a_disk_with_room_again_at_the_end_gets_it_all(disk: SmallDisk) -> None:
    run = Recorded(disk.runs)
    run.stream.emit(STARTED)
    disk.fill()
    run.emit(50)
    run.stream.emit(RunEnded("finished", seconds=1.0))
    disk.free()
    run.recorder.close()
    assert list(read_log(run.folder.events)) == run.records
    assert run.table_is_whole()
    assert [row["status"] for row in read_rows(disk.runs)] == ["finished"]


@pytest.mark.usefixtures("quick_tries")
def test_a_disk_full_to_the_end_is_told_with_how_much_is_missing(disk: SmallDisk) -> None:
    run = Recorded(disk.runs)
    run.stream.emit(STARTED)
    disk.fill()
    run.emit(50)
    run.stream.emit(RunEnded("finished", seconds=1.0))
    with pytest.raises(OSError, match=r"records could not be written \(No space") as caught:
        run.recorder.close()
    on_disk = list(read_log(run.folder.events))
    missing = len(run.records) - len(on_disk)
    assert str(caught.value).startswith(f"{missing} records ")
    assert on_disk == run.records[: len(on_disk)]
    assert not run.folder.is_alive()
    disk.free()
    assert [row["status"] for row in read_rows(disk.runs)] == ["interrupted"]


@pytest.mark.usefixtures("quick_tries")
def test_samples_are_dropped_where_memory_has_its_bound_and_milestones_never(
    disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "KEPT_RECORDS", 60)
    run = Recorded(disk.runs)
    run.stream.emit(STARTED)
    disk.fill()
    run.emit(28)
    for _ in range(200):
        run.stream.emit(SAMPLE)
    run.until(1)
    disk.free()
    run.until(2)
    run.stream.emit(RunEnded("finished", seconds=1.0))
    run.recorder.close()
    logged = list(read_log(run.folder.events))
    lost = [record for record in run.records if record not in logged]
    assert {type(record.event) for record in lost} == {CpuSample}
    assert f"; {len(lost):,} samples were lost" in run.notices[1].text
    assert [record for record in run.records if record in logged] == logged
    # The oldest of those that waited went first: the last of the 200 are there.
    samples = [record for record in run.records if isinstance(record.event, CpuSample)]
    assert samples[-1] in logged
    assert run.table_is_whole()
    assert fold(logged).best_test_accuracy == run.recorder.state.best_test_accuracy


@pytest.fixture
def file_limit() -> Iterator[Callable[[int], None]]:
    """Sets how many bytes a file of this process may have: what is to be had without root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(most_bytes: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))

    try:
        yield limit
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_lines_cut_off_anywhere_are_taken_back(
    tmp_path: Path, file_limit: Callable[[int], None]
) -> None:
    records = [Record(seq, 0.5, Notice("x" * seq)) for seq in range(60)]
    path = tmp_path / "events.jsonl"
    run_log = RunLog(path)
    log = PatientLog(run_log)
    for seq, record in enumerate(records):
        file_limit(path.stat().st_size + 3 * seq)
        log.append(record)
        if log.kept:
            assert log.trouble
            with pytest.raises(OSError, match=r"left|large"):
                log.catch_up()
        assert path.read_bytes().count(b"\n") == len(list(read_log(path)))
        assert not path.read_bytes() or path.read_bytes().endswith(b"\n")
    file_limit(1_000_000)
    log.catch_up()
    log.close()
    assert (log.kept, log.trouble, log.dropped) == (0, "", 0)
    assert list(read_log(path)) == records


def test_rows_cut_off_anywhere_are_taken_back(
    tmp_path: Path, file_limit: Callable[[int], None]
) -> None:
    path = tmp_path / "epochs.csv"
    table, epochs = EpochTable(path), [epoch(number) for number in range(1, 40)]
    for number, row in enumerate(epochs):
        file_limit(path.stat().st_size + 2 * number)
        with pytest.raises(OSError, match=r"left|large"):
            table.add(row)
        assert table.waiting == number + 1
        assert path.read_bytes() == table_text([])
    file_limit(1_000_000)
    table.catch_up()
    assert table.waiting == 0
    assert path.read_bytes() == table_text(epochs)


@pytest.mark.usefixtures("quick_tries")
def test_a_disk_that_does_not_confirm_is_told_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # takes what is written, and cannot be synced
    run = Recorded(tmp_path / "runs")
    run.recorder._log = PatientLog(RunLog(tmp_path / "pipe"))
    for number in range(1, 4):
        run.stream.emit(epoch(number))
    run.until(1)
    run.stream.emit(RunEnded("finished", seconds=1.0))
    run.recorder.close()
    assert [notice.level for notice in run.notices] == ["warning"]
    assert "does not confirm" in run.notices[0].text
    assert "training goes on" in run.notices[0].text


@pytest.mark.usefixtures("quick_tries")
def test_a_run_on_a_disk_full_to_its_end_fails_with_one_message(
    larger_disk: SmallDisk,
    start: Any,
    request_run: Callable[..., RunRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The checkpoint waits too, for the same disk; one of them is patience enough.
    monkeypatch.setattr("cnntop.core.training.saves._LAST_TRIES", 1, raising=False)
    watched = start(request_run(epochs=ENDLESS, runs_dir=larger_disk.runs))
    watched.until(lambda records: any(isinstance(r.event, EpochFinished) for r in records))

    def warned(records: list[Record]) -> bool:
        larger_disk.fill()
        return any(
            isinstance(r.event, Notice) and "does not take the log" in r.event.text for r in records
        )

    watched.until(warned)
    epochs = sum(isinstance(r.event, EpochFinished) for r in watched.records)
    watched.until(
        lambda records: sum(isinstance(r.event, EpochFinished) for r in records) > epochs + 3
    )
    watched.handle.control.stop()
    watched.end()
    assert watched.handle.exit_code == 1
    assert watched.handle.traceback is None
    assert "records could not be written (No space left on device)" in str(watched.handle.error)


def until(line: Line, text: str, before: Callable[[], None]) -> None:
    """Read lines up to one with `text`, and do something before each."""
    assert line.process.stdout is not None
    for one in line.process.stdout:
        before()
        line.text += one
        if text in one:
            return
    raise AssertionError(f"{text!r} was never printed:\n{line.text}")


def test_the_program_trains_on_and_completes_its_log(
    larger_disk: SmallDisk, tmp_path: Path, pictures: Path
) -> None:
    place = Place(tmp_path)
    arguments = [
        *("run", "--preset", "demo", "--data-dir", str(pictures), "--set", "image_size=16"),
        *("--kernels", "4", "--batch-size", "8", "--device", "cpu", "--time", "1h"),
        *("--runs-dir", str(larger_disk.runs), "--plain"),
    ]
    with place.start(*arguments) as line:
        line.read_until("epoch 1")
        until(line, "warning: the disk does not take the log", larger_disk.fill)
        for _ in range(3):
            until(line, "epoch ", larger_disk.fill)
        larger_disk.free()
        line.read_until("the log is complete again after ")
        line.read_until("epoch ")
        line.kill(signal.SIGTERM)
        assert line.end() == 143
    assert "Traceback" not in line.text
    [folder] = [RunFolder(p) for p in larger_disk.runs.iterdir() if p.is_dir()]
    logged = list(read_log(folder.events))
    assert [record.seq for record in logged] == list(range(len(logged)))
    assert isinstance(logged[-1].event, RunEnded)
    assert repair_run(folder) == []
    answer = place.run("compare", "--csv", "--runs-dir", str(larger_disk.runs))
    assert ",interrupted," in answer.out
