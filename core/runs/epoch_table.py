"""epochs.csv: one row an epoch, for people and spreadsheets."""

import csv
import errno
import io
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from cnntop.core.durable import file_mode, replace_file
from cnntop.core.events import CheckpointSaved, EpochFinished, Record, RunResumed
from cnntop.core.runs.summary import cell

COLUMNS = EpochFinished.__struct_fields__


class EpochTable:
    def __init__(self, path: Path, epochs: Sequence[EpochFinished] = ()) -> None:
        """A table of `epochs` in place of whatever was at `path`. Raises OSError."""
        self._path = path
        self._waiting: list[bytes] = []
        self._torn_at: int | None = None
        text = table_text(epochs)
        replace_file(path, lambda file: file.write(text))

    @property
    def waiting(self) -> int:
        """How many rows the disk has not taken yet."""
        return len(self._waiting)

    def add(self, epoch: EpochFinished) -> None:
        """Raises OSError if the disk does not take the row, which then waits for `catch_up`."""
        self._waiting.append(_line(_row(epoch)).encode())
        self.catch_up()

    def catch_up(self) -> None:
        """Write the rows that wait. Raises OSError; the table then ends before them."""
        if not self._waiting:
            return
        rows = b"".join(self._waiting)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        handle = os.open(self._path, flags, file_mode(self._path.parent))
        try:
            if self._torn_at is not None:
                os.ftruncate(handle, self._torn_at)
                self._torn_at = None
            written = os.write(handle, rows)
            if written < len(rows):  # the part of a row is taken away before the next one
                self._torn_at = os.fstat(handle).st_size - written
                with suppress(OSError):
                    os.ftruncate(handle, self._torn_at)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(handle)
        self._waiting.clear()


def table_text(epochs: Iterable[EpochFinished]) -> bytes:
    """The whole file of `epochs`."""
    return "".join((_line(COLUMNS), *(_line(_row(epoch)) for epoch in epochs))).encode()


def counted_epochs(records: Iterable[Record]) -> list[EpochFinished]:
    """The epochs of a log that count: not those after a checkpoint that the run went back to."""
    epochs: list[EpochFinished] = []
    known_at: dict[int, int] = {}
    for record in records:
        match record.event:
            case EpochFinished() as epoch:
                epochs.append(epoch)
            case CheckpointSaved() as checkpoint if not checkpoint.path.endswith("best.pt"):
                known_at[checkpoint.step] = len(epochs)
            case RunResumed() as resumed:
                del epochs[known_at.get(resumed.step, 0) :]
    return epochs


def _row(epoch: EpochFinished) -> list[str]:
    return [cell(getattr(epoch, column)) for column in COLUMNS]


def _line(row: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue()
