"""`cnntop compare`: the runs as a table, CSV or JSON."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnntop.core.errors import UsageError
from cnntop.core.runs.selection import select
from cnntop.core.runs.summary import COLUMNS, Row, read_rows
from cnntop.core.text import nearest, printable
from cnntop.tui.format import NOT_MEASURED, clock, duration, percent, rate
from cnntop.tui.terminal import is_terminal

SHOWN = (
    "name", "status", "started_utc", "dataset", "model", "batch_size", "epochs",
    "test_accuracy", "best_test_accuracy", "epoch_seconds", "images_per_second", "wait_fraction",
    "compute_fraction", "seconds", "device_name",
)  # fmt: skip
"""Columns of the table, the most telling first: what does not fit the terminal goes from the
middle of the list as `_DROPPED_FIRST` says, and a line says so."""

_DROPPED_FIRST = (
    "device_name", "compute_fraction", "seconds", "images_per_second", "started_utc", "epochs",
    "batch_size", "wait_fraction", "dataset", "test_accuracy", "epoch_seconds", "model",
)  # fmt: skip
_HEADINGS = {
    "started_utc": "started (UTC)",
    "batch_size": "batch",
    "test_accuracy": "test",
    "best_test_accuracy": "best",
    "epoch_seconds": "epoch",
    "images_per_second": "images/s",
    "wait_fraction": "wait",
    "transfer_fraction": "transfer",
    "compute_fraction": "compute",
    "other_fraction": "other",
    "seconds": "time",
    "device_name": "device",
}
_TEXT = {
    "run", "name", "preset", "status", "started_utc", "dataset", "model", "schedule", "augment",
    "augment_on", "device", "device_name", "cpu_name", "precision", "torch", "cnntop",
    "git_commit", "host",
}  # fmt: skip


def chosen_rows(
    runs_dir: Path, wanted: Sequence[str], sort: str | None, reverse: bool
) -> list[Row]:
    """The runs that were asked for (all by default), newest first or sorted by a column.

    Numbers sort from high to low, text from a to z, and what was not measured comes last.
    """
    try:
        rows = read_rows(runs_dir)[::-1]
    except OSError as error:
        reason = error.strerror or str(error)
        folder = printable(str(runs_dir))
        raise UsageError(f"runs folder {folder} cannot be read: {reason}.") from None
    if wanted:
        picked = {row["run"]: row for name in wanted for row in select(rows, name)}
        rows = list(picked.values())
    if sort is not None:
        column = _column(sort)
        known = [row for row in rows if row[column]]
        descending = (column not in _TEXT) != reverse
        known.sort(key=lambda row: _rank(_value(column, row[column])), reverse=descending)
        rows = known + [row for row in rows if not row[column]]
    elif reverse:
        rows.reverse()
    return rows


def chosen_columns(text: str | None, default: Sequence[str]) -> list[str]:
    """The columns of "a,b,c". Raises UsageError with a suggestion for one there is none of."""
    if text is None:
        return list(default)
    chosen = [_column(name.strip()) for name in text.split(",") if name.strip()]
    if not chosen:
        raise UsageError("--columns names no column; write --columns name,lr,test_accuracy.")
    return chosen


def as_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """A list of objects; numbers as numbers, what was not measured as null."""
    values = [
        {column: _value(column, row[column]) if row[column] else None for column in columns}
        for row in rows
    ]
    return json.dumps(values, indent=2) + "\n"


def as_table(rows: Sequence[Row], columns: Sequence[str], fixed: bool) -> str:
    """Aligned text. Unless the columns are `fixed` by the person, as many as fit the terminal."""
    columns = list(columns)
    cells = {column: [_shown(column, row[column]) for row in rows] for column in columns}
    widths = {c: max(len(_heading(c)), *map(len, cells[c])) for c in columns}
    left_out = []
    if not fixed and is_terminal(sys.stdout):
        space = shutil.get_terminal_size().columns
        for column in _DROPPED_FIRST:
            if sum(widths[c] + 2 for c in columns) - 2 <= space:
                break
            if column in columns:
                columns.remove(column)
                left_out.append(column)
    lines = ["  ".join(_aligned(c, _heading(c), widths[c]) for c in columns).rstrip()]
    for index in range(len(rows)):
        texts = (_aligned(c, cells[c][index], widths[c]) for c in columns)
        lines.append("  ".join(texts).rstrip())
    if left_out:
        lines.append(f"({len(left_out)} columns did not fit; --columns or --csv shows all)")
    return "\n".join(lines) + "\n"


def _heading(column: str) -> str:
    return _HEADINGS.get(column, column)


def _aligned(column: str, text: str, width: int) -> str:
    return f"{text:<{width}}" if column in _TEXT else f"{text:>{width}}"


def _shown(column: str, value: str) -> str:
    if not value:
        return NOT_MEASURED
    if column == "started_utc":
        return printable(value[:16].replace("T", " "))
    if column in _TEXT:
        return printable(value)
    try:
        number = float(value)
    except ValueError:
        return printable(value)
    if column == "epoch_seconds":
        return duration(number)
    if column == "seconds":
        return clock(number)
    if column == "images_per_second":
        return rate(number)
    if column.endswith(("_accuracy", "_fraction", "_utilization")):
        return percent(number)
    return f"{number:.4g}" if "." in value or "e" in value else value


def _value(column: str, text: str) -> Any:
    """A cell as a number where its column holds numbers."""
    if column in _TEXT:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and "." not in text else number


def _rank(value: Any) -> tuple[bool, Any]:
    """Sort key that keeps numbers apart from text which someone wrote into a column of theirs."""
    return not isinstance(value, str), value


def _column(name: str) -> str:
    if name not in COLUMNS:
        raise UsageError(f"unknown column {printable(name)!r}. {nearest(name, COLUMNS)}")
    return name
