"""summary.csv: one row a run, all derived from the run folders."""

import csv
import fcntl
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnntop.core.analysis.verdict import verdict
from cnntop.core.durable import replace_file
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder, RunInfo, run_folders
from cnntop.core.runs.log import DamagedLogError, read_log
from cnntop.core.text import printable

SUMMARY_FILE = "summary.csv"
COLUMNS = (
    "run", "name", "preset", "status", "started_utc", "seconds", "epochs", "dataset", "model",
    "parameters", "batch_size", "lr", "momentum", "weight_decay", "schedule", "augment",
    "augment_on", "passes", "seed", "device", "device_name", "cpu_name", "threads", "precision",
    "train_loss", "train_accuracy", "test_loss", "test_accuracy", "best_test_accuracy",
    "best_epoch", "epoch_seconds", "images_per_second", "wait_fraction", "transfer_fraction",
    "compute_fraction", "other_fraction", "gpu_utilization", "gpu_memory_peak_bytes",
    "cpu_utilization", "energy_joules", "torch", "cnntop", "git_commit", "host",
    "hidden_wait_fraction", "augment_cpu_seconds_per_image", "forward_fraction",
    "backward_fraction", "optimizer_fraction", "launch_gap_fraction", "evaluate_every", "fixes",
    "verdict",
)  # fmt: skip
"""In this order in the file; new ones go to the end."""

Row = dict[str, str]


def cell(value: object) -> str:
    """A value as the CSV files write it: empty for what was not measured, six digits at most."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def summary_row(info: RunInfo, state: RunState, status: str) -> Row:
    """The row of a run from its run.json and its folded log."""
    data, train, started = info.recipe.data, info.recipe.train, state.started
    last, gpu = state.last_pass, state.gpu
    values: dict[str, object] = {
        "run": info.run,
        "name": info.name,
        "preset": info.preset,
        "status": status,
        "started_utc": info.started_utc,
        "seconds": round(state.elapsed_seconds(), 3) if started else None,
        "epochs": round(state.epochs, 4) if started else None,
        "model": info.recipe.model.label,
        "batch_size": data.batch_size,
        "lr": train.lr,
        "momentum": train.momentum,
        "weight_decay": train.weight_decay,
        "schedule": train.schedule,
        "augment": "+".join(data.augment),
        "augment_on": state.augment_on or info.augment_on,
        "passes": train.passes,
        "seed": train.seed,
        "cpu_name": info.machine.get("cpu_name"),
        "train_loss": last.train_loss if last else state.train_loss.last,
        "train_accuracy": last.train_accuracy if last else state.train_accuracy.last,
        "test_loss": state.test_loss.last,
        "test_accuracy": state.test_accuracy.last,
        "best_test_accuracy": state.best_test_accuracy,
        "best_epoch": state.best_epoch,
        "epoch_seconds": state.complete_epoch_seconds.value,
        "images_per_second": state.images_per_second,
        "cpu_utilization": state.cpu_mean_utilization.value,
        "torch": info.versions.get("torch"),
        "cnntop": info.versions.get("cnntop"),
        "git_commit": info.git_commit,
        "host": info.machine.get("host"),
        "evaluate_every": train.evaluate_every,
        "fixes": "; ".join(f"{fix.key} {fix.before} -> {fix.after}" for fix in state.fixes),
    }
    if started is not None:
        for column in ("dataset", "parameters", "device", "device_name", "precision"):
            values[column] = getattr(started, column)
        values["threads"] = state.threads
    if found := verdict(state):
        values["verdict"] = found.sentence()
    detail = state.detail
    values["augment_cpu_seconds_per_image"] = detail.augment_cpu.value
    for name in ("hidden_wait", "forward", "backward", "optimizer", "launch_gap"):
        values[f"{name}_fraction"] = getattr(detail, name).value
    for part, fraction in state.split.fractions().items():
        values[f"{part}_fraction"] = fraction
    if gpu is not None:
        values["gpu_utilization"] = gpu.mean_utilization.value
        values["gpu_memory_peak_bytes"] = gpu.memory_peak_bytes
        values["energy_joules"] = gpu.energy_joules
    return {column: printable(cell(values.get(column))) for column in COLUMNS}


def write_row(runs_dir: Path, row: Row) -> None:
    """Put `row` into summary.csv in place of its run's earlier one. Raises OSError.

    A lock file beside it keeps writers of other processes from losing each other's rows. Rows of
    runs that were killed are set right on the way. Where there is no summary.csv it gets a row
    for every run folder; one that cannot be read as such is set aside as summary.csv.old first.
    """
    with _locked(runs_dir):
        earlier = _read(runs_dir)
        if earlier is None:
            with suppress(FileNotFoundError):
                (runs_dir / SUMMARY_FILE).replace(runs_dir / f"{SUMMARY_FILE}.old")
            derived = (derive_row(folder) for folder in run_folders(runs_dir))
            earlier = [one for one in derived if one is not None]
        rows = {one["run"]: _set_right(runs_dir, one) for one in earlier}
        rows[row["run"]] = row
        text = _as_csv(list(rows.values()))
        replace_file(runs_dir / SUMMARY_FILE, lambda file: file.write(text.encode()))


def read_rows(runs_dir: Path) -> list[Row]:
    """A row for every run folder, oldest first.

    Rows come from summary.csv where the run has ended; for a run that is under way, was killed or
    has no row, the row is derived from its folder, so that it is as true as the log.
    """
    known = {row["run"]: row for row in _read(runs_dir) or []}
    rows = []
    for folder in run_folders(runs_dir):
        row = known.get(folder.path.name)
        if row is None or row["status"] == "running":
            row = derive_row(folder)
        if row is not None:
            rows.append(row)
    return rows


def derive_row(folder: RunFolder) -> Row | None:
    """A run's row from its folder alone; None if its run.json cannot be read."""
    info = folder.read_info()
    if info is None:
        return None
    alive = folder.is_alive()
    state, unreadable = RunState(), False
    try:
        for record in read_log(folder.events):
            state.apply(record)
    except FileNotFoundError:
        pass  # killed before its first event
    except (OSError, DamagedLogError):
        unreadable = True  # what could be read still counts
    status = state.ended.status if state.ended else "running" if alive else "interrupted"
    row = summary_row(info, state, "unreadable" if unreadable else status)
    # The folder's name is the id; what a copied folder's run.json says is another's.
    return row | {"run": printable(folder.path.name)}


def _set_right(runs_dir: Path, row: Row) -> Row:
    """A row that says "running" of a run that is not, derived anew."""
    folder = RunFolder(runs_dir / row["run"])
    if row["status"] != "running" or folder.is_alive():
        return row
    return derive_row(folder) or row


def _read(runs_dir: Path) -> list[Row] | None:
    """The file's rows; None if it is missing or not a summary."""
    try:
        text = (runs_dir / SUMMARY_FILE).read_text(encoding="utf-8")
        reader = csv.DictReader(io.StringIO(text), restval="")
        rows = list(reader)
    except (FileNotFoundError, UnicodeDecodeError, csv.Error):
        return None
    if "run" not in (reader.fieldnames or ()) or "status" not in (reader.fieldnames or ()):
        return None
    return [{column: printable(row.get(column) or "") for column in COLUMNS} for row in rows]


def _as_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@contextmanager
def _locked(runs_dir: Path) -> Iterator[None]:
    handle = os.open(runs_dir / ".summary.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
