"""Rows of runs as people and programs read them: a table, Markdown, CSV, JSON."""

import csv
import io
import json
import math
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cnntop.core.analysis.columns import HEADINGS, is_fraction
from cnntop.core.runs.recipe_columns import RECIPE_TEXT
from cnntop.core.runs.summary import COLUMNS
from cnntop.core.text import defused, printable
from cnntop.tui.format import NOT_MEASURED, clock, duration, percent, rate
from cnntop.tui.terminal import is_terminal

Row = Mapping[str, str]

DROPPED_FIRST = (
    "device_name", "compute_fraction", "seconds", "images_per_second", "started_utc", "epochs",
    "batch_size", "wait_fraction", "dataset", "test_accuracy", "epoch_seconds", "model",
)  # fmt: skip
"""What goes where not all fits the terminal, the least telling first; a line says so."""

TEXT = {
    "run", "name", "preset", "status", "started_utc", "dataset", "model", "schedule", "augment",
    "augment_on", "device", "device_name", "cpu_name", "precision", "torch", "cnntop",
    "git_commit", "host", "fixes", "verdict", "limited_by", *RECIPE_TEXT,
}  # fmt: skip
"""Columns of text; all others have numbers."""


def as_csv(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """What a spreadsheet would take for a formula is defused."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([defused(cell) for cell in map(row.__getitem__, columns)] for row in rows)
    return text.getvalue()


def as_json(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """A list of objects; numbers as numbers, what was not measured as null."""
    values = [
        {column: value(column, row[column]) if row[column] else None for column in columns}
        for row in rows
    ]
    return json.dumps(values, indent=2) + "\n"


def as_markdown(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """The table as GitHub's Markdown, with all of its columns."""
    cells = [[shown(column, row[column]) for column in columns] for row in rows]
    return markdown(columns, [heading(column) for column in columns], cells)


def markdown(columns: Sequence[str], headings: Iterable[str], rows: Iterable[list[str]]) -> str:
    """`columns` say which cells are text; numbers go to the right."""
    rules = [":--" if column in TEXT else "--:" for column in columns]
    lines = (f"| {' | '.join(map(_escaped, cells))} |" for cells in (headings, *rows))
    head, *body = lines
    return "\n".join((head, f"| {' | '.join(rules)} |", *body)) + "\n"


def _escaped(text: str) -> str:
    """Without anything that Markdown, or HTML in it, would take for more than text."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|~!" else c for c in text)


def as_table(rows: Sequence[Row], columns: Sequence[str], fixed: bool) -> str:
    """Aligned text. Unless the columns are `fixed` by the person, as many as fit the terminal."""
    cells = {column: _column_cells(column, rows) for column in columns}
    headings = {column: heading(column) for column in columns}
    return table(cells, headings, () if fixed else DROPPED_FIRST)


def table(
    cells: dict[str, list[str]], headings: dict[str, str], dropped_first: Sequence[str]
) -> str:
    """Aligned columns. On a terminal that is too narrow for all, those of `dropped_first` go, in
    its order, until the rest fits."""
    columns = list(cells)
    widths = {c: max(len(headings[c]), *map(len, cells[c])) for c in columns}
    left_out = 0
    if is_terminal(sys.stdout):
        space = shutil.get_terminal_size().columns
        for column in dropped_first:
            if sum(widths[c] + 2 for c in columns) - 2 <= space:
                break
            if column in columns:
                columns.remove(column)
                left_out += 1
    padded = [_padded(c, [headings[c], *cells[c]], widths[c]) for c in columns]
    lines = ["  ".join(texts).rstrip() for texts in zip(*padded, strict=True)]
    if left_out:
        lines.append(f"({left_out} columns did not fit; --columns or --csv shows all)")
    return "\n".join(lines) + "\n"


def _padded(column: str, texts: Iterable[str], width: int) -> list[str]:
    place = str.ljust if column in TEXT else str.rjust
    return [place(text, width) for text in texts]


def _column_cells(column: str, rows: Iterable[Row]) -> list[str]:
    known: dict[str, str] = {}  # most columns say the same again and again
    found = []
    for row in rows:
        text = row[column]
        if text not in known:
            known[text] = shown(column, text)
        found.append(known[text])
    return found


def heading(column: str) -> str:
    if column.startswith("seconds_to_"):
        return f"to {column.removeprefix('seconds_to_')} %"
    if "_within_" in column:
        return f"in {column.partition('_within_')[2]}"
    key = column.partition(".")[2]
    if key and key not in COLUMNS and key not in HEADINGS.values():
        return key
    return HEADINGS.get(column, column)


def shown(column: str, text: str) -> str:
    """A cell of the table."""
    if not text:
        return NOT_MEASURED
    if column == "started_utc":
        return printable(text[:16].replace("T", " "))
    if column in TEXT:
        return printable(text)
    try:
        number = float(text)
    except ValueError:
        return printable(text)
    written = _written(column)
    if written is not None and math.isfinite(number):
        return written(number)
    return f"{number:.4g}" if "." in text or "e" in text else text


def _written(column: str) -> Callable[[float], str] | None:
    if column == "epoch_seconds" or column.startswith("seconds_to_"):
        return duration
    if column == "seconds":
        return clock
    if column == "images_per_second":
        return rate
    return percent if is_fraction(column) else None


def value(column: str, text: str) -> Any:
    """A cell as a number where its column holds numbers."""
    if column in TEXT:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text  # JSON has no such numbers
    return int(number) if number.is_integer() and "." not in text else number
