"""epochs.csv: one row an epoch, for people and spreadsheets."""

import csv
import io
import os
from pathlib import Path

from cnntop.core.events import EpochFinished
from cnntop.core.runs.summary import cell

COLUMNS = EpochFinished.__struct_fields__


class EpochTable:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._append(COLUMNS)

    def add(self, epoch: EpochFinished) -> None:
        """Raises OSError if the disk does not take the row."""
        self._append([cell(getattr(epoch, column)) for column in COLUMNS])

    def _append(self, row: tuple[str, ...] | list[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        handle = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            os.write(handle, line.getvalue().encode())
        finally:
            os.close(handle)
