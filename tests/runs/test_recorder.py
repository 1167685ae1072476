"""The recorder: nothing before there is a run, everything from then on."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cnntop.core.events import (
    Activity,
    AnyEvent,
    EpochFinished,
    Notice,
    RunEnded,
    RunStarted,
)
from cnntop.core.feed import Stream
from cnntop.core.recipe import resolve
from cnntop.core.runs import recorder as recorders
from cnntop.core.runs.folder import RunFolder, RunInfo, utc_now
from cnntop.core.runs.log import read_log
from cnntop.core.runs.recorder import Recorder
from cnntop.core.runs.summary import read_rows

STARTED = RunStarted(
    run="r", name="n", preset="p", started_utc="2026-01-01T00:00:00Z", dataset="shapes",
    model="shallow8", parameters=10, batch_size=10, train_images=100, test_images=50,
    steps_per_epoch=10, device="cpu", device_name="c", threads=1, precision="fp32",
    augment_on="cpu", epochs_planned=2,
)  # fmt: skip


def epoch(number: int, **more: Any) -> EpochFinished:
    figures: dict[str, Any] = dict.fromkeys(EpochFinished.__struct_fields__, 0.5)
    return EpochFinished(**(figures | {"epoch": number, "step": 1, "images": 100} | more))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def opened(recorder: Recorder, runs_dir: Path) -> RunFolder:
    runs_dir.mkdir(exist_ok=True)
    folder = RunFolder.create(runs_dir, "n")
    recipe = resolve({"train": {"epochs": 2}}, "test")
    recorder.open(folder, RunInfo(folder.path.name, "n", "p", utc_now(), recipe, "cpu", {}, {}, ""))
    return folder


def logged(folder: RunFolder) -> list[AnyEvent]:
    return [record.event for record in read_log(folder.events)]


def status(folder: RunFolder) -> str:
    found: str = json.loads((folder.path / "status.json").read_text())["status"]
    return found


def test_records_from_before_the_folder_are_in_the_log_too(
    recorder: Recorder, tmp_path: Path
) -> None:
    stream = Stream(recorder.take)
    stream.emit(Activity("importing torch"))
    stream.emit(Notice("early"))
    folder = opened(recorder, tmp_path)
    assert logged(folder) == [Activity("importing torch"), Notice("early")]
    stream.emit(STARTED)
    assert logged(folder) == [Activity("importing torch"), Notice("early"), STARTED]
    assert [record.seq for record in read_log(folder.events)] == [0, 1, 2]


def test_a_run_that_never_came_to_be_leaves_nothing(recorder: Recorder, tmp_path: Path) -> None:
    stream = Stream(recorder.take)
    stream.emit(Notice("no such dataset", "error"))
    stream.emit(RunEnded("failed"))
    recorder.close()
    assert list(tmp_path.iterdir()) == []


def test_each_record_is_on_disk_before_its_writer_goes_on(
    recorder: Recorder, tmp_path: Path
) -> None:
    folder = opened(recorder, tmp_path)
    stream = Stream(recorder.take)
    for count in range(1, 20):
        stream.emit(Notice(str(count)))
        assert len(logged(folder)) == count


def test_status_lock_and_row_follow_the_run(recorder: Recorder, tmp_path: Path) -> None:
    folder = opened(recorder, tmp_path)
    stream = Stream(recorder.take)
    assert (status(folder), folder.is_alive()) == ("running", True)
    assert [row["status"] for row in read_rows(tmp_path)] == ["running"]
    stream.emit(STARTED)
    stream.emit(RunEnded("stopped", seconds=1.0))
    recorder.close()
    assert (status(folder), folder.is_alive()) == ("stopped", False)
    assert [row["status"] for row in read_rows(tmp_path)] == ["stopped"]


def test_the_epoch_table_has_a_row_an_epoch(recorder: Recorder, tmp_path: Path) -> None:
    folder = opened(recorder, tmp_path)
    stream = Stream(recorder.take)
    for event in (STARTED, epoch(1), epoch(2, test_loss=None, test_accuracy=None)):
        stream.emit(event)
    with (folder.path / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(EpochFinished.__struct_fields__)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["test_loss"] for row in rows] == ["0.5", ""]


def test_the_heart_beats_and_stops(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "HEARTBEAT_SECONDS", 0.01)
    folder = opened(recorder, tmp_path)
    (folder.path / "status.json").unlink()
    while not (folder.path / "status.json").exists():
        pass
    assert status(folder) == "running"
    Stream(recorder.take).emit(RunEnded("finished"))
    recorder.close()
    assert status(folder) == "finished"


def test_a_folder_that_cannot_be_begun_is_taken_away(recorder: Recorder, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "n")
    (folder.path / "run.json").mkdir()
    recipe = resolve({"train": {"epochs": 2}}, "test")
    with pytest.raises(OSError, match=r"run\.json"):
        recorder.open(folder, RunInfo("r", "n", "p", utc_now(), recipe, "cpu", {}, {}, ""))
    assert list(tmp_path.iterdir()) == []
    Stream(recorder.take).emit(RunEnded("failed"))
    recorder.close()


def test_a_summary_that_cannot_be_written_does_not_take_the_log_along(
    recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "summary.csv").mkdir()
    opened(recorder, tmp_path)
    with pytest.raises(OSError, match=r"summary\.csv"):
        recorder.write_summary("running")
    stream = Stream(recorder.take)
    stream.emit(RunEnded("failed", "why"))
    with pytest.raises(OSError, match=r"summary\.csv"):
        recorder.close()
    (row,) = [path for path in tmp_path.iterdir() if (path / "run.json").exists()]
    assert logged(RunFolder(row)) == [RunEnded("failed", "why")]
    assert not RunFolder(row).is_alive()
