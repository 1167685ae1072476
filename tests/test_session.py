"""A run from its request to its row, and every way in which one can go wrong."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cnntop.core.events import (
    AnyEvent,
    EpochFinished,
    FixApplied,
    Notice,
    Paused,
    PlanExtended,
    Record,
    RunEnded,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.extension import Extension
from cnntop.core.fix import Fix
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import fold
from cnntop.core.runs import summary
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.log import read_log

ENDLESS = 1_000_000
Make = Callable[..., RunRequest]


def seen(kind: type[AnyEvent], count: int = 1) -> Callable[[list[Record]], bool]:
    return lambda records: sum(isinstance(record.event, kind) for record in records) >= count


def whole(watched: Any) -> Any:
    return watched.end()


def pause_and_resume(watched: Any) -> Any:
    watched.handle.control.pause()  # it stands still after its first step
    watched.until(seen(Paused))
    time.sleep(0.3)
    watched.handle.control.resume()
    return watched.end()


def stop(watched: Any) -> Any:
    watched.until(seen(EpochFinished, 2))
    watched.handle.control.stop()
    return watched.end()


def interrupt(watched: Any) -> Any:
    watched.until(seen(StepsMeasured))
    watched.handle.control.stop("interrupted")
    return watched.end()


def fix_and_stop(watched: Any) -> Any:
    watched.until(seen(StepsMeasured))
    watched.handle.control.apply(Fix("data.augment_on", "cpu", 1.5))
    watched.until(seen(FixApplied))
    epochs = sum(isinstance(record.event, EpochFinished) for record in watched.records)
    watched.until(seen(EpochFinished, epochs + 2))
    watched.handle.control.stop()
    return watched.end()


def steer_and_stop(watched: Any) -> Any:
    watched.until(seen(StepsMeasured))
    watched.handle.control.scale_rate(0.5)
    watched.handle.control.extend(Extension(epochs=3))
    watched.until(seen(PlanExtended))
    watched.handle.control.stop_after_epoch()
    return watched.end()


LIVES: dict[str, tuple[dict[str, Any], Callable[[Any], Any], str]] = {
    "finished": ({"epochs": 4}, whole, "finished"),
    "timed": ({"time": "0.6s"}, whole, "finished"),
    "paused": ({"time": "0.6s"}, pause_and_resume, "finished"),
    "stopped": ({"epochs": ENDLESS}, stop, "stopped"),
    "several passes": (
        {"epochs": 3, "passes": 3, "evaluate_every": 2, "augment_on": "auto"}, whole, "finished",
    ),
    "fixed": (
        {"epochs": ENDLESS, "augment_on": "loader", "workers": 0}, fix_and_stop, "stopped",
    ),
    "steered": ({"epochs": 1_000, "schedule": "cosine"}, steer_and_stop, "stopped"),
    "interrupted": ({"epochs": ENDLESS, "batch_size": 1}, interrupt, "interrupted"),
    "diverged": ({"epochs": 50, "lr": 1e30}, whole, "diverged"),
}  # fmt: skip


@pytest.mark.parametrize("life", LIVES)
def test_live_feed_and_log_fold_to_the_same_state(life: str, start: Any, request_run: Make) -> None:
    settings, live, status = LIVES[life]
    done = live(start(request_run(**settings)))
    assert done.ended.status == status
    assert (done.handle.exit_code == 0) == (status in ("finished", "stopped"))
    logged = list(read_log(done.folder / "events.jsonl"))
    assert logged == done.records
    assert fold(logged) == fold(done.records)
    assert [record.seq for record in logged] == list(range(len(logged)))
    state = fold(logged)
    assert state.phase == status
    assert state.started is not None
    assert state.started.run == done.folder.name
    # The row in the file is the one that the log alone gives.
    derived = summary.derive_row(RunFolder(done.folder))
    assert derived is not None
    assert summary.read_rows(done.folder.parent) == [derived]
    assert derived["status"] == status


def test_the_run_folder_holds_the_run(run: Any, request_run: Make) -> None:
    done = run(request_run("my run"))
    assert sorted(path.name for path in done.folder.iterdir()) == [
        "checkpoint", "epochs.csv", "events.jsonl", "run.json", "run.lock", "status.json",
    ]  # fmt: skip
    info = RunFolder(done.folder).read_info()
    assert info is not None
    assert info.recipe == done.handle.request.recipe
    assert (info.run, info.name, info.augment_on) == (done.folder.name, "my run", "cpu")
    assert torch.__version__.startswith(info.versions["torch"])
    assert info.machine["cores"] >= 1
    status = json.loads((done.folder / "status.json").read_text())
    assert status["status"] == "finished"
    rows = (done.folder / "epochs.csv").read_text().splitlines()
    assert len(rows) == 1 + 2


EMPTY_HERE = {
    "gpu_utilization", "gpu_memory_peak_bytes", "energy_joules", "launch_gap_fraction", "fixes",
    "sweep", "rate_changes", "extended",
}  # fmt: skip


def test_the_row_is_complete_and_its_fractions_close(
    run: Any, request_run: Make, pictures: Path
) -> None:
    done = run(request_run())
    (row,) = summary.read_rows(done.folder.parent)
    parts = [float(row[f"{part}_fraction"]) for part in ("wait", "transfer", "compute", "other")]
    assert sum(parts) == pytest.approx(1.0, abs=0.005)
    empty = {column for column, value in row.items() if value == ""}
    assert empty >= EMPTY_HERE
    # Of a machine that other programs keep busy nobody can tell the limit.
    limits = {"limit_fraction", "limited_by", "limit_flop_per_second", "limit_bytes_per_second"}
    assert empty - EMPTY_HERE <= {"git_commit", "cpu_utilization", *limits}
    steps = [float(row[f"{part}_fraction"]) for part in ("forward", "backward", "optimizer")]
    assert sum(steps) == pytest.approx(1.0, abs=0.005)
    assert min(steps) > 0
    assert 0 <= float(row["hidden_wait_fraction"]) < 1
    assert 0 < float(row["augment_cpu_seconds_per_image"]) < float(row["seconds"]) / (2 * 72)
    assert (row["passes"], row["evaluate_every"]) == ("1", "1")
    assert row["verdict"].endswith(".")
    assert row["dataset"] == f"folder:{pictures.name}"
    assert (row["model"], row["batch_size"]) == ("shallow4", "16")
    assert (row["epochs"], row["augment"], row["seed"]) == ("2", "crop+hflip+vflip", "0")
    assert 0 <= float(row["test_accuracy"]) <= float(row["best_test_accuracy"]) <= 1
    assert float(row["images_per_second"]) > 0


def test_two_runs_at_once_have_a_row_each(start: Any, request_run: Make) -> None:
    both = [start(request_run(name, epochs=10)) for name in ("one", "two")]
    folders = {watched.end().folder for watched in both}
    assert len(folders) == 2
    rows = summary.read_rows(both[0].handle.request.runs_dir)
    assert sorted(row["name"] for row in rows) == ["one", "two"]
    assert {row["status"] for row in rows} == {"finished"}


def test_a_stop_before_the_first_step(start: Any, request_run: Make) -> None:
    watched = start(request_run(epochs=ENDLESS))
    watched.handle.control.stop()
    done = watched.end()
    assert (done.ended.status, done.handle.exit_code) == ("stopped", 0)
    assert done.handle.error is None
    assert len(summary.read_rows(done.handle.request.runs_dir)) <= 1


def refused(done: Any, exit_code: int) -> str:
    """The message of a run that never came to be, which left nothing behind."""
    handle = done.handle
    assert handle.exit_code == exit_code
    assert handle.traceback is None
    assert handle.folder is None
    message = str(handle.error)
    assert "\n" not in message
    assert done.ended == RunEnded("failed", message)
    assert any(record.event == Notice(message, "error") for record in done.records)
    assert not any(isinstance(record.event, RunStarted) for record in done.records)
    if handle.request.runs_dir.is_dir():
        assert list(handle.request.runs_dir.iterdir()) == []
    return message


def test_a_batch_larger_than_the_dataset(run: Any, request_run: Make) -> None:
    message = refused(run(request_run(batch_size=73)), exit_code=2)
    assert message.startswith("data.batch_size: 73 is more than the 72 training images")
    assert "--batch-size 72" in message
    assert run(request_run(batch_size=72)).handle.exit_code == 0


def test_a_device_that_is_not_there(run: Any, request_run: Make) -> None:
    message = refused(run(request_run(device="cuda:77")), exit_code=2)
    assert message.startswith("machine.device: cuda:77")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_where_there_is_none(run: Any, request_run: Make) -> None:
    message = refused(run(request_run(device="cuda")), exit_code=2)
    assert "--device cpu" in message


def test_a_runs_folder_that_cannot_be_written(run: Any, request_run: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for runs_dir in (tmp_path / "file", tmp_path / "file" / "runs"):
        message = refused(run(request_run(runs_dir=runs_dir)), exit_code=2)
        assert "cannot be written" in message
        assert "--runs-dir" in message
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_dataset_that_is_not_there(run: Any, request_run: Make, tmp_path: Path) -> None:
    refused(run(request_run(dir=str(tmp_path / "none"))), exit_code=3)


def test_a_folder_of_one_class(run: Any, request_run: Make, pictures: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / "alone" / split).mkdir(parents=True)
        (tmp_path / "alone" / split / "dark").symlink_to(pictures / split / "dark")
    refused(run(request_run(dir=str(tmp_path / "alone"))), exit_code=2)


@pytest.mark.parametrize("name", ["../../up", "", "a/b\n\x1b[31m", "k" * 500, "\udcff", "."])
def test_any_name_makes_a_folder_below_the_runs(name: str, run: Any, request_run: Make) -> None:
    done = run(request_run(name, epochs=1))
    assert done.handle.exit_code == 0, done.handle.error
    assert done.folder.parent == done.handle.request.runs_dir
    (row,) = summary.read_rows(done.folder.parent)
    assert row["run"] == done.folder.name
    assert "\x1b" not in row["name"]


def test_a_dataset_folder_whose_name_is_not_unicode(
    run: Any, request_run: Make, pictures: Path, tmp_path: Path
) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/fl\xf6wers"))
    odd.symlink_to(pictures)
    done = run(request_run(dir=str(odd), epochs=1))
    assert done.handle.exit_code == 0, done.handle.error
    assert len(summary.read_rows(done.folder.parent)) == 1


def test_a_defect_is_told_and_ends_the_run(
    run: Any, request_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("cnntop.core.training.plan.rate_factor", broken)
    done = run(request_run(schedule="cosine"))
    assert (done.ended.status, done.handle.exit_code) == ("failed", 1)
    assert "ZeroDivisionError: a defect" in done.ended.message
    assert "rate_factor" in (done.handle.traceback or "")
    (row,) = summary.read_rows(done.folder.parent)
    assert row["status"] == "failed"
