"""Tables as CSV: numbers with all their digits, empty for what was not measured, lists by ;."""

import csv
import io
from typing import BinaryIO

from cnntop.core.runs.export.tables import Cell, Table
from cnntop.core.text import defused


def write(table: Table, file: BinaryIO) -> None:
    """Text that a spreadsheet would take for a formula gets a ' before it. Raises OSError."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_written(cell) for cell in row] for row in table.rows)
    text.detach()


def _written(cell: Cell) -> object:
    match cell:
        case str():
            return defused(cell)
        case list():
            return defused(";".join(str(one) for one in cell))
        case _:
            return cell
