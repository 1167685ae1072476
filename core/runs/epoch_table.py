"""epochs.csv: one row an epoch, for people and spreadsheets."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cnntop.core.durable import replace_file
from cnntop.core.events import CheckpointSaved, EpochFinished, Record, RunResumed
from cnntop.core.runs.summary import cell

COLUMNS = EpochFinished.__struct_fields__


class EpochTable:
    def __init__(self, path: Path, epochs: Sequence[EpochFinished] = ()) -> None:
        """A table of `epochs` in place of whatever was at `path`. Raises OSError."""
        self._path = path
        rows = [_line(COLUMNS), *(_line(_row(epoch)) for epoch in epochs)]
        replace_file(path, lambda file: file.write("".join(rows).encode()))

    def add(self, epoch: EpochFinished) -> None:
        """Raises OSError if the disk does not take the row."""
        handle = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            os.write(handle, _line(_row(epoch)).encode())
        finally:
            os.close(handle)


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
