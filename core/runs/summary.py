"""summary.csv: one row a run, all derived from the run folders."""

import csv
import fcntl
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnntop.core.analysis.limit import run_limit
from cnntop.core.analysis.verdict import verdict
from cnntop.core.durable import file_mode, replace_file
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder, RunInfo, run_folders, run_ids
from cnntop.core.runs.log import DamagedLogError, read_log
from cnntop.core.text import defused, fused, printable
from cnntop.core.trail import extended_plan, times

SUMMARY_FILE = "summary.csv"
LOCK_FILE = ".summary.lock"
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
    "verdict", "limit_fraction", "limited_by", "flop_per_image", "bytes_per_image",
    "limit_flop_per_second", "limit_bytes_per_second", "multiply_adds", "sweep",
    "rate_changes", "extended",
    "process_memory_peak_bytes",
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
        "process_memory_peak_bytes": state.process_memory_peak_bytes,
        "torch": info.versions.get("torch"),
        "cnntop": info.versions.get("cnntop"),
        "git_commit": info.git_commit,
        "host": info.machine.get("host"),
        "evaluate_every": train.evaluate_every,
        "sweep": info.sweep_point.partition("/")[0],
        "fixes": "; ".join(f"{fix.key} {fix.before} -> {fix.after}" for fix in state.fixes),
        "rate_changes": "; ".join(
            f"{times(one.factor)} after step {one.step}" for one in state.rate_changes
        ),
        "extended": extended_plan(state.extensions),
    }
    if started is not None:
        for column in (
            "dataset", "parameters", "multiply_adds", "device", "device_name", "precision",
        ):  # fmt: skip
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
    values |= _limit_values(state)
    if gpu is not None:
        values["gpu_utilization"] = gpu.mean_utilization.value
        values["gpu_memory_peak_bytes"] = gpu.memory_peak_bytes
        values["energy_joules"] = gpu.energy_joules
    return {column: printable(cell(values.get(column))) for column in COLUMNS}


def _limit_values(state: RunState) -> dict[str, object]:
    limits, limit = state.limits, run_limit(state)
    if limits is None:
        return {}
    return {
        "limit_fraction": limit.fraction if limit else None,
        "limited_by": limit.kind if limit and limit.fraction is not None else None,
        "flop_per_image": limits.flop_per_image,
        "bytes_per_image": limits.bytes_per_image,
        "limit_flop_per_second": limits.flop_per_second,
        "limit_bytes_per_second": limits.bytes_per_second,
    }


def write_row(runs_dir: Path, row: Row) -> None:
    """Put `row` into summary.csv in place of its run's earlier one. Raises OSError.

    A lock file beside it keeps writers of other processes from losing each other's rows. Rows of
    runs that were killed are set right on the way. Where there is no summary.csv, or it is not as
    cnntop wrote it, it gets a row for every run folder, from that folder; what was there is set
    aside as summary.csv.old first.
    """
    with _locked(runs_dir) as lock:
        rows, as_written = _read(runs_dir)
        if not as_written:
            with suppress(FileNotFoundError):
                (runs_dir / SUMMARY_FILE).replace(runs_dir / f"{SUMMARY_FILE}.old")
            rows |= _derived(runs_dir)
        rows = {run: _set_right(runs_dir, one) for run, one in rows.items()}
        rows[row["run"]] = row
        folder = runs_dir / row["run"]
        _write(runs_dir, lock, rows, file_mode(folder) if folder.is_dir() else 0o600)


def drop_row(runs_dir: Path, run: str) -> None:
    """Take a run's row out of summary.csv, if it has one. Raises OSError."""
    with _locked(runs_dir) as lock:
        rows, as_written = _read(runs_dir)
        if as_written and rows.pop(run, None) is not None:
            _write(runs_dir, lock, rows)


def rebuild(runs_dir: Path, damaged: Path) -> str:
    """Write the row of every run folder anew, if summary.csv says something else; what was found
    wrong, or "". What was there is kept as `damaged`. Raises OSError.

    Rows of runs whose folder is gone are all that there is of them, and stay; so do those of runs
    whose log was damaged after its end.
    """
    with _locked(runs_dir) as lock:
        path = runs_dir / SUMMARY_FILE
        there = path.exists()
        earlier, as_written = _read(runs_dir)
        rows = earlier if as_written else {}
        rows = rows | {
            run: row for run, row in _derived(runs_dir).items() if _is_better(row, rows.get(run))
        }
        if as_written and rows == earlier:
            return ""
        if not there:
            found = "missing"
        elif not as_written:
            found = "not as it was written"
        else:
            count = sum(earlier.get(run) != row for run, row in rows.items())
            found = f"{count} row{'s' * (count != 1)} not as the run folders say"
        if there:
            path.replace(damaged)
        _write(runs_dir, lock, rows)
        return found


def _is_better(derived: Row, before: Row | None) -> bool:
    if before is None or before["status"] == "unreadable":
        return True
    if before["status"] == "running":  # and still is: its end will write it
        return derived["status"] != "running"
    return derived["status"] != "unreadable"


def _derived(runs_dir: Path) -> dict[str, Row]:
    rows = (derive_row(folder) for folder in run_folders(runs_dir))
    return {row["run"]: row for row in rows if row is not None}


def read_rows(runs_dir: Path, derive: Callable[[RunFolder], Row | None] | None = None) -> list[Row]:
    """A row for every run folder, oldest first.

    Rows come from summary.csv where the run has ended; for a run that is under way, was killed or
    has no row, the row is derived from its folder, so that it is as true as the log. So are all
    where summary.csv is not as cnntop wrote it.

    `derive` takes the place of `derive_row`, for who looks again and again. Raises OSError.
    """
    derive = derive or derive_row
    rows_there, as_written = _read(runs_dir)
    known = rows_there if as_written else {}
    rows = []
    for run in run_ids(runs_dir):
        row = known.get(run)
        if row is None or row["status"] == "running":
            row = derive(RunFolder(runs_dir / run))
        if row is not None:
            rows.append(row)
    return rows


def written_rows(runs_dir: Path) -> list[Row]:
    """The rows that summary.csv has of runs whose folder is there, oldest first, as they are, and
    nothing that had to be read from a log. Raises OSError."""
    rows, _ = _read(runs_dir)
    return [rows[run] for run in run_ids(runs_dir) if run in rows]


def derive_row(folder: RunFolder) -> Row | None:
    """A run's row from its folder alone; None if there is nothing of a run in it. Where run.json
    or the log is damaged, or was, the row's status is "unreadable"."""
    info = folder.read_info()
    if info is None and not folder.events.is_file():
        return None
    alive = folder.is_running()
    state, unreadable = RunState(), folder.lacks_lines
    try:
        for record in read_log(folder.events):
            state.apply(record)
    except FileNotFoundError:
        pass  # killed before its first event
    except (OSError, DamagedLogError):
        unreadable = True  # what could be read still counts
    status = state.ended.status if state.ended else "running" if alive else "interrupted"
    if info is None:
        row = _row_without_recipe(state)
    else:
        row = summary_row(info, state, "unreadable" if unreadable else status)
    # The folder's name is the id; what a copied folder's run.json says is another's.
    return row | {"run": printable(folder.path.name)}


def _row_without_recipe(state: RunState) -> Row:
    """What the log alone can tell of which run it is."""
    values: dict[str, object] = {"status": "unreadable"}
    if state.started is not None:
        for column in ("name", "preset", "started_utc", "dataset", "model", "batch_size"):
            values[column] = getattr(state.started, column)
    return {column: printable(cell(values.get(column))) for column in COLUMNS}


def _set_right(runs_dir: Path, row: Row) -> Row:
    """A row that says "running" of a run that is not, derived anew."""
    folder = RunFolder(runs_dir / row["run"])
    if row["status"] != "running" or folder.is_running():
        return row
    return derive_row(folder) or row


def _read(runs_dir: Path) -> tuple[dict[str, Row], bool]:
    """The file's rows by run, as far as it is a summary, and whether it is as cnntop wrote it."""
    try:
        text, as_written = _read_bytes(runs_dir)
        header, *lines = csv.reader(io.StringIO(text.decode()))
    except (FileNotFoundError, ValueError, csv.Error):  # missing, not UTF-8, empty or no CSV
        return {}, False
    if "run" not in header or "status" not in header:
        return {}, False
    found = [_read_row(header, line) for line in lines if line]
    return {row["run"]: row for row in found}, as_written


def _read_bytes(runs_dir: Path) -> tuple[bytes, bool]:
    """What the file holds, and whether that is what cnntop wrote. Raises FileNotFoundError."""
    path = runs_dir / SUMMARY_FILE
    text = path.read_bytes()
    while True:
        try:
            known = (runs_dir / LOCK_FILE).read_bytes().split()
        except OSError:
            known = []
        if not known or _checksum(text) in known:
            return text, True
        before, text = text, path.read_bytes()
        if text == before:  # else it was written twice since, and the checksums are of those two
            return text, False


def _read_row(header: list[str], line: list[str]) -> Row:
    together = "".join(line)
    if "'" in together or not together.isprintable():
        line = [printable(fused(cell)) for cell in line]
    row = dict(zip(header, line, strict=False))
    if tuple(row) == COLUMNS:
        return row
    return {column: row.get(column, "") for column in COLUMNS}


def _write(runs_dir: Path, lock: int, rows: dict[str, Row], for_whom: int = 0o600) -> None:
    """Replace the file, to be read by whom it was for and by `for_whom`. The lock file has the
    checksums of it and of the one before, so that a reader who comes in between, or after a crash,
    finds that of the file which is there."""
    path = runs_dir / SUMMARY_FILE
    text = _as_csv(list(rows.values())).encode()
    checksums = [*os.pread(lock, 64, 0).split()[-1:], _checksum(text)]
    os.pwrite(lock, b" ".join(checksums), 0)
    mode = for_whom | (path.stat().st_mode & 0o666 if path.exists() else 0)
    replace_file(path, lambda file: file.write(text), mode)


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


def _as_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: defused(text) for column, text in row.items()} for row in rows)
    return text.getvalue()


@contextmanager
def _locked(runs_dir: Path) -> Iterator[int]:
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
    handle = os.open(runs_dir / LOCK_FILE, flags, file_mode(runs_dir))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)
