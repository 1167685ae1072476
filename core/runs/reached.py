"""How soon a run came to an accuracy, and how far it came in a time."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cnntop.core.events import Record
from cnntop.core.runs.epoch_table import counted_epochs
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder
from cnntop.core.runs.log import DamagedLogError, read_log


@dataclass(frozen=True)
class Evaluation:
    """`seconds` is the wall time of training till its end, from the first step, pauses left out
    and evaluations not. `accuracy` is that on the test set, 0 to 1."""

    seconds: float
    accuracy: float


def evaluations(folder: RunFolder) -> list[Evaluation]:
    """Those that count, in order: from epochs.csv, or from the log where that is missing or
    damaged. None for a run of which neither can be read."""
    try:
        epochs = _table(folder)
    except (OSError, ValueError, csv.Error):
        epochs = _log(folder)
    found, seconds = [], 0.0
    for epoch_seconds, accuracy in epochs:
        seconds += epoch_seconds
        if accuracy is not None:
            found.append(Evaluation(seconds, accuracy))
    return found


def seconds_to(accuracy: float, reached: Sequence[Evaluation]) -> float | None:
    """Till the first evaluation at `accuracy` or above; None if there was none."""
    return next((each.seconds for each in reached if each.accuracy >= accuracy), None)


def best_within(seconds: float, reached: Sequence[Evaluation]) -> float | None:
    """The best accuracy of the evaluations that were over in time; None if none was."""
    return max((each.accuracy for each in reached if each.seconds <= seconds), default=None)


def _table(folder: RunFolder) -> list[tuple[float, float | None]]:
    """Seconds and test accuracy of each epoch. Raises OSError, ValueError, csv.Error."""
    with (folder.path / EPOCHS_FILE).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    seconds, accuracy = header.index("epoch_seconds"), header.index("test_accuracy")
    if any(len(line) != len(header) for line in lines):
        raise ValueError("a torn row")
    found = [
        (float(row[seconds]), float(row[accuracy]) if row[accuracy] else None) for row in lines
    ]
    if not all(math.isfinite(figure or 0.0) for epoch in found for figure in epoch):
        raise ValueError("not a number")
    return found


def _log(folder: RunFolder) -> list[tuple[float, float | None]]:
    epochs = counted_epochs(_readable(read_log(folder.events)))
    return [(epoch.epoch_seconds, epoch.test_accuracy) for epoch in epochs]


def _readable(records: Iterable[Record]) -> Iterator[Record]:
    """Up to the first that is not."""
    try:
        yield from records
    except (OSError, DamagedLogError):
        return
