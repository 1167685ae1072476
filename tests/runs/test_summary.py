"""summary.csv: the promised columns, nothing invented, no row lost."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cnntop.core.analysis.verdict import verdict
from cnntop.core.events import (
    AnyEvent,
    CpuSample,
    EpochFinished,
    FixApplied,
    FixMeasured,
    GpuSample,
    LimitsMeasured,
    Record,
    RunEnded,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.recipe import resolve
from cnntop.core.run_state import RunState, fold
from cnntop.core.runs.folder import RunFolder, RunInfo
from cnntop.core.runs.log import RunLog
from cnntop.core.runs.summary import (
    COLUMNS,
    SUMMARY_FILE,
    cell,
    derive_row,
    read_rows,
    summary_row,
    write_row,
)

PROMISED = """run, name, preset, status, started_utc, seconds, epochs, dataset, model, parameters,
    batch_size, lr, momentum, weight_decay, schedule, augment, augment_on, passes, seed, device,
    device_name, cpu_name, threads, precision, train_loss, train_accuracy, test_loss,
    test_accuracy, best_test_accuracy, best_epoch, epoch_seconds, images_per_second,
    wait_fraction, transfer_fraction, compute_fraction, other_fraction, gpu_utilization,
    gpu_memory_peak_bytes, cpu_utilization, energy_joules, torch, cnntop, git_commit, host"""
MEASURED = (
    "train_loss", "train_accuracy", "test_loss", "test_accuracy", "best_test_accuracy",
    "best_epoch", "epoch_seconds", "images_per_second", "wait_fraction", "transfer_fraction",
    "compute_fraction", "other_fraction", "gpu_utilization", "gpu_memory_peak_bytes",
    "cpu_utilization", "energy_joules", "hidden_wait_fraction", "augment_cpu_seconds_per_image",
    "forward_fraction", "backward_fraction", "optimizer_fraction", "launch_gap_fraction", "fixes",
    "verdict", "limit_fraction", "limited_by", "flop_per_image", "bytes_per_image",
    "limit_flop_per_second", "limit_bytes_per_second", "multiply_adds", "rate_changes", "extended",
    "process_memory_peak_bytes",
)  # fmt: skip
LATER = (
    "hidden_wait_fraction", "augment_cpu_seconds_per_image", "forward_fraction",
    "backward_fraction", "optimizer_fraction", "launch_gap_fraction", "evaluate_every", "fixes",
    "verdict", "limit_fraction", "limited_by", "flop_per_image", "bytes_per_image",
    "limit_flop_per_second", "limit_bytes_per_second", "multiply_adds", "sweep", "rate_changes",
    "extended", "process_memory_peak_bytes",
)  # fmt: skip
"""Columns that came after the first version, at the end."""
STARTED = RunStarted(
    run="r", name="n", preset="p", started_utc="2026-01-01T00:00:00Z", dataset="shapes",
    model="shallow8", parameters=1234, batch_size=32, train_images=100, test_images=50,
    steps_per_epoch=4, device="cuda:0", device_name="A GPU", threads=3, precision="fp32",
    augment_on="device", epochs_planned=2, gpu_uuid="GPU-1",
)  # fmt: skip


def info(run: str = "r") -> RunInfo:
    tree: dict[str, Any] = {"model": {"kernels": 8}, "train": {"epochs": 2, "seed": 5}}
    machine = {"host": "here", "cpu_name": 'A "CPU", fast'}
    versions = {"torch": "2.10", "cnntop": "0.1.0"}
    recipe = resolve(tree, "test")
    return RunInfo(run, "n", "p", "2026-01-01T00:00:00Z", recipe, "device", machine, versions, "")


def epoch(number: int, accuracy: float, images: int = 100) -> EpochFinished:
    return EpochFinished(
        epoch=number, step=4 * number, images=images, lr=0.001, train_loss=1.23456789,
        train_accuracy=0.4, test_loss=1.5, test_accuracy=accuracy, epoch_seconds=10.0,
        evaluation_seconds=2.0, wait_seconds=1.0, transfer_seconds=2.0, compute_seconds=3.0,
        other_seconds=4.0,
    )  # fmt: skip


LIFE: list[AnyEvent] = [
    STARTED,
    CpuSample(0.25, (0.25,), 1, 2, 1, 0.5),
    GpuSample(0, "GPU-1", "A GPU", 0.5, memory_used_bytes=700, energy_joules=100.0),
    epoch(1, 0.75),
    GpuSample(0, "GPU-1", "A GPU", 0.75, memory_used_bytes=500, energy_joules=160.5),
    epoch(2, 0.5),
    RunEnded("finished", seconds=21.0),
]


def records(events: list[AnyEvent]) -> list[Record]:
    return [Record(seq, float(seq), event) for seq, event in enumerate(events)]


def folder_of(runs_dir: Path, run: str, events: list[AnyEvent]) -> RunFolder:
    (runs_dir / run).mkdir(parents=True)
    folder = RunFolder(runs_dir / run)
    folder.write_info(info(run))
    log = RunLog(folder.events)
    for record in records(events):
        log.append(record)
    log.close()
    return folder


def test_the_columns_are_those_promised_in_their_order(tmp_path: Path) -> None:
    promised = tuple(column.strip() for column in PROMISED.split(","))
    assert len(promised) == 44
    assert promised + LATER == COLUMNS
    write_row(tmp_path, summary_row(info(), RunState(), "running"))
    header = (tmp_path / "summary.csv").read_text().splitlines()[0]
    assert header == ",".join(COLUMNS)


def test_a_whole_run() -> None:
    row = summary_row(info(), fold(records(LIFE)), "finished")
    expected = {
        "run": "r", "status": "finished", "seconds": "21", "epochs": "2", "dataset": "shapes",
        "model": "shallow8", "parameters": "1234", "batch_size": "32", "lr": "0.001",
        "weight_decay": "0.0005", "augment": "crop+hflip+vflip", "augment_on": "device",
        "passes": "1", "seed": "5", "device": "cuda:0", "device_name": "A GPU", "threads": "3",
        "precision": "fp32", "train_loss": "1.23457", "train_accuracy": "0.4",
        "test_accuracy": "0.5", "best_test_accuracy": "0.75", "best_epoch": "1",
        "epoch_seconds": "10", "images_per_second": "12.5", "wait_fraction": "0.1",
        "transfer_fraction": "0.2", "compute_fraction": "0.3", "other_fraction": "0.4",
        "gpu_utilization": "0.625", "gpu_memory_peak_bytes": "700", "cpu_utilization": "0.25",
        "energy_joules": "60.5", "torch": "2.10", "cnntop": "0.1.0", "git_commit": "",
        "host": "here", "process_memory_peak_bytes": "1",
    }  # fmt: skip
    assert {column: row[column] for column in expected} == expected


def test_what_was_not_measured_is_empty() -> None:
    lives: list[list[AnyEvent]] = [[], [msgspec.structs.replace(STARTED, gpu_uuid=None)]]
    for events in lives:
        row = summary_row(info(), fold(records(events)), "interrupted")
        assert {row[column] for column in MEASURED} == {""}
        assert row["model"] == "shallow8"


DETAILED = msgspec.structs.replace(
    epoch(1, 0.75), hidden_wait_seconds=0.5, augment_cpu_seconds=0.25, forward_seconds=0.75,
    backward_seconds=1.5, optimizer_seconds=0.75, launch_gap_seconds=0.0,
)  # fmt: skip


def test_figures_beyond_the_split() -> None:
    row = summary_row(info(), fold(records([STARTED, DETAILED])), "finished")
    expected = {
        "hidden_wait_fraction": "0.05", "augment_cpu_seconds_per_image": "0.0025",
        "forward_fraction": "0.25", "backward_fraction": "0.5", "optimizer_fraction": "0.25",
        "launch_gap_fraction": "0", "evaluate_every": "1", "fixes": "",
    }  # fmt: skip
    assert {column: row[column] for column in expected} == expected


def test_the_machines_limit() -> None:
    """200 images of 600 operations and 30 bytes in 6 s of computing."""
    limits = LimitsMeasured(600.0, 30.0, 80_000.0, 10_000.0, 3)
    row = summary_row(info(), fold(records([limits, *LIFE])), "finished")
    expected = {
        "limit_fraction": "0.25", "limited_by": "arithmetic", "flop_per_image": "600",
        "bytes_per_image": "30", "limit_flop_per_second": "80000",
        "limit_bytes_per_second": "10000",
    }  # fmt: skip
    assert {column: row[column] for column in expected} == expected
    busy = msgspec.structs.replace(limits, flop_per_second=None)
    row = summary_row(info(), fold(records([busy, *LIFE])), "finished")
    unknown = ("limit_fraction", "limited_by", "limit_flop_per_second")
    assert [row[column] for column in unknown] == ["", "", ""]
    assert row["flop_per_image"] == "600"


def test_fixes_and_the_settings_after_them() -> None:
    fixes: list[AnyEvent] = [
        FixApplied("data.augment_on", "device", "loader", 4, 10.0),
        FixApplied("machine.threads", "3", "2", 5, None, 1.5),
        FixMeasured("machine.threads", "3", "2", 8, 10.0, 20.0),
    ]
    row = summary_row(info(), fold(records([STARTED, *fixes, *LIFE[1:]])), "finished")
    assert row["fixes"] == "data.augment_on device -> loader; machine.threads 3 -> 2"
    assert (row["augment_on"], row["threads"]) == ("loader", "2")


def test_a_verdict_is_the_sentence_that_its_log_gives() -> None:
    stretches: list[AnyEvent] = [
        StepsMeasured(
            epoch=1, step=9 * n, steps=9, images=9, loss=1.0, accuracy=0.5, lr=0.1,
            wait_seconds=0.5, transfer_seconds=0.0, compute_seconds=0.5, other_seconds=0.0,
        )
        for n in range(1, 7)
    ]  # fmt: skip
    state = fold(records([STARTED, *stretches]))
    found = verdict(state)
    assert found is not None
    row = summary_row(info(), state, "running")
    assert row["verdict"] == found.sentence()
    assert row["verdict"].startswith("Input-bound: 50 % of each step waits")
    assert "Press" not in row["verdict"], "there is no key in a file"


def test_another_gpu_of_the_machine_is_not_the_runs() -> None:
    other = GpuSample(1, "GPU-2", "another", 0.9, 1, 2, energy_joules=3.0)
    row = summary_row(info(), fold(records([STARTED, other])), "running")
    assert row["gpu_utilization"] == row["gpu_memory_peak_bytes"] == row["energy_joules"] == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (0, "0"), (0.0, "0"), (1 / 3, "0.333333"), (1e-7, "1e-07"), ("", ""),
        (123456789, "123456789"), (5e-4, "0.0005"), (12345678.9, "1.23457e+07"),
    ],
)  # fmt: skip
def test_cells(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_row_takes_the_place_of_its_runs_earlier_one(tmp_path: Path) -> None:
    for run, status in (("a", "running"), ("b", "running"), ("a", "finished")):
        write_row(tmp_path, summary_row(info(run), RunState(), status))
    with (tmp_path / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["status"]) for row in rows] == [("a", "finished"), ("b", "running")]
    assert rows[0]["cpu_name"] == 'A "CPU", fast'


def test_writers_in_many_processes_lose_no_row(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from cnntop.core.runs.summary import COLUMNS, write_row\n"
        "for n in range(15):\n"
        "    run = f'{sys.argv[2]}-{n}'\n"
        "    for status in ('running', 'finished'):\n"
        "        row = dict.fromkeys(COLUMNS, '') | {'run': run, 'status': status}\n"
        "        write_row(Path(sys.argv[1]), row)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(n)]) for n in range(6)]
    assert [writer.wait(120) for writer in writers] == [0] * 6
    with (tmp_path / "summary.csv").open(newline="") as file:
        rows = {row["run"]: row["status"] for row in csv.DictReader(file)}
    assert rows == {f"{n}-{m}": "finished" for n in range(6) for m in range(15)}
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"summary.csv", ".summary.lock"}


def test_rows_come_back_from_the_folders_alone(tmp_path: Path) -> None:
    for run in ("a", "b"):
        folder = folder_of(tmp_path, run, LIFE)
        write_row(tmp_path, summary_row(info(run), fold(records(LIFE)), "finished"))
    before = read_rows(tmp_path)
    (tmp_path / "summary.csv").unlink()
    assert read_rows(tmp_path) == before
    assert [row["run"] for row in before] == ["a", "b"]
    assert derive_row(folder) == before[1]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"name,amount\nrent,7\n"])
def test_the_next_run_rebuilds_a_summary_that_is_gone_or_none(
    tmp_path: Path, content: bytes | None
) -> None:
    for run in ("a", "b"):
        folder_of(tmp_path, run, LIFE)
    if content is not None:
        (tmp_path / "summary.csv").write_bytes(content)
    assert len(read_rows(tmp_path)) == 2
    write_row(tmp_path, summary_row(info("c"), RunState(), "running"))
    with (tmp_path / "summary.csv").open(newline="") as file:
        rows = [(row["run"], row["status"]) for row in csv.DictReader(file)]
    assert rows == [("a", "finished"), ("b", "finished"), ("c", "running")]
    if content is not None:
        assert (tmp_path / "summary.csv.old").read_bytes() == content


def test_a_run_that_was_killed_is_interrupted_whatever_its_row_says(tmp_path: Path) -> None:
    folder_of(tmp_path, "a", LIFE[:4])
    write_row(tmp_path, summary_row(info("a"), RunState(), "running"))
    (row,) = read_rows(tmp_path)
    assert (row["status"], row["epochs"], row["test_accuracy"]) == ("interrupted", "1", "0.75")


def test_a_run_that_lives_is_running(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a", LIFE[:4])
    folder.lock()
    assert [row["status"] for row in read_rows(tmp_path)] == ["running"]


def test_folders_that_are_no_runs_have_no_row(tmp_path: Path) -> None:
    folder_of(tmp_path, "a", LIFE)
    (tmp_path / "a" / "events.jsonl").unlink()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    (tmp_path / "empty").mkdir()
    assert [(row["run"], row["status"]) for row in read_rows(tmp_path)] == [("a", "interrupted")]
    assert read_rows(tmp_path / "none") == []


def test_a_log_that_cannot_be_read_to_its_end_says_so(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a", LIFE)
    lines = folder.events.read_bytes().splitlines(keepends=True)
    folder.events.write_bytes(b"".join(lines[:4]) + b"{}\n" + b"".join(lines[4:]))
    [row] = read_rows(tmp_path)
    assert row["status"] == "unreadable"
    assert row["dataset"] == "shapes", "what could be read still counts"


def test_the_row_of_a_killed_run_is_set_right_by_the_next_one(tmp_path: Path) -> None:
    folder_of(tmp_path, "killed", LIFE[:3])
    write_row(tmp_path, summary_row(info("killed"), RunState(), "running"))
    write_row(tmp_path, summary_row(info("next"), fold(records(LIFE)), "finished"))
    text = (tmp_path / "summary.csv").read_text()
    assert [line.split(",")[3] for line in text.splitlines()[1:]] == ["interrupted", "finished"]


def test_a_file_that_is_written_twice_while_it_is_read_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *later = (summary_row(info(run), RunState(), "finished") for run in "abc")
    for run in "abc":  # of their folders alone no such rows could be made
        (tmp_path / run).mkdir()
        (tmp_path / run / "run.json").touch()
    write_row(tmp_path, first)
    read_bytes = Path.read_bytes

    def overtaken(path: Path) -> bytes:
        text = read_bytes(path)
        if path.name == SUMMARY_FILE:
            rows, later[:] = list(later), []  # the writers read it, too
            for row in rows:
                write_row(tmp_path, row)
        return text

    monkeypatch.setattr(Path, "read_bytes", overtaken)
    assert [row["status"] for row in read_rows(tmp_path)] == ["finished"] * 3


def test_a_copied_folder_is_a_run_of_its_own(tmp_path: Path) -> None:
    shutil.copytree(folder_of(tmp_path, "a", LIFE).path, tmp_path / "copy")
    assert [row["run"] for row in read_rows(tmp_path)] == ["a", "copy"]
