"""Earlier runs to hold a run against: finding the best of them, and reading what each reached."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cnntop.core.analysis.ghost import FIGURES, Ghost, GhostEpoch, number, rivals
from cnntop.core.events import RunStarted
from cnntop.core.recipe import Data
from cnntop.core.runs.epoch_table import counted_epochs
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder, RunInfo
from cnntop.core.runs.log import DamagedLogError, read_log
from cnntop.core.runs.summary import Row, written_rows

_MOST_LOOKED_AT = 50
"""Of the best runs, whose recipes are looked at for one with the same test set."""


def earlier_rows(runs_dir: Path, started: RunStarted, own: Sequence[str] = ()) -> list[Row]:
    """The rows of the runs in `runs_dir` that could be the ghost of the run that `started`, as
    `rivals` ranks them. `own` are more ids that are the run itself. Raises OSError.

    From summary.csv alone, which ten thousand runs have read in a moment: a run without a row is
    not known yet.
    """
    rows = {row["run"]: row for row in written_rows(runs_dir)}
    return [rows[run] for run in rivals([*rows.values()], started.dataset, [*own, started.run])]


def best_ghost(runs_dir: Path, rows: Sequence[Row], started: RunStarted) -> Ghost | None:
    """The best of `rows` that began before `started`; one with the same test set and the same way
    of looking at it, if any has. None where there is none that can be read."""
    info = RunFolder(runs_dir / started.run).read_info()
    before = [row for row in rows if row["started_utc"] <= started.started_utc]
    others = []
    for row in before[:_MOST_LOOKED_AT]:
        its = RunFolder(runs_dir / row["run"]).read_info()
        if info is not None and its is not None and _test_set(info) != _test_set(its):
            others.append(row)
        elif (ghost := read_ghost(runs_dir, row, started.train_images)) is not None:
            return ghost
    rest = (read_ghost(runs_dir, row, started.train_images) for row in others)
    return next((ghost for ghost in rest if ghost is not None), None)


def read_ghost(runs_dir: Path, row: Mapping[str, str], train_images: int) -> Ghost | None:
    """The run with that row, and what it reached: from epochs.csv, or from the log where that is
    missing or damaged. `train_images` is the size of a whole pass. None for a run without any
    epoch that can be read."""
    folder = RunFolder(runs_dir / row["run"])
    try:
        epochs = _table(folder)
    except (OSError, ValueError, csv.Error):
        epochs = _log(folder)
    reached = list(_reached(epochs, train_images))
    if not reached:
        return None
    info = folder.read_info()
    train = info.recipe.train if info is not None else None
    return Ghost(
        row["run"],
        row["name"],
        reached,
        number(row["best_test_accuracy"]),
        number(row["seconds"]),
        row["device_name"],
        train.schedule if train else "",
        train.epochs if train else None,
    )


def _test_set(info: RunInfo) -> tuple[object, ...]:
    """What decides which test images there are, and how they are looked at."""
    data = info.recipe.data
    folder = data.dir if data.dataset == "folder" else None
    return data.dataset, folder, data.image_size or Data().image_size, info.recipe.train.test_views


class _Pass(NamedTuple):
    """A row of epochs.csv, as far as it matters here; `figures` are in the order of `FIGURES`."""

    step: int
    images: int
    seconds: float
    figures: tuple[float | None, ...]


def _reached(passes: Sequence[_Pass], train_images: int) -> Iterator[GhostEpoch]:
    images, seconds = 0, 0.0
    for one in passes:
        images += one.images
        seconds += one.seconds
        figures = dict(zip(FIGURES, one.figures, strict=True))
        yield GhostEpoch(images / train_images, one.step, seconds, **figures)


_NUMBERS = ("step", "images", "epoch_seconds")


def _table(folder: RunFolder) -> list[_Pass]:
    """Raises OSError, ValueError, csv.Error."""
    with (folder.path / EPOCHS_FILE).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    at = [header.index(name) for name in (*_NUMBERS, *FIGURES)]
    if any(len(line) != len(header) for line in lines):
        raise ValueError("a torn row")
    return [_read([line[place] for place in at]) for line in lines]


def _read(cells: Sequence[str]) -> _Pass:
    """Raises ValueError."""
    step, images, seconds, *figures = cells
    found = tuple(float(figure) if figure else None for figure in figures)
    if not all(math.isfinite(figure or 0.0) for figure in (float(seconds), *found)):
        raise ValueError("not a number")
    return _Pass(int(step), int(images), float(seconds), found)


def _log(folder: RunFolder) -> list[_Pass]:
    try:
        epochs = counted_epochs(read_log(folder.events))
    except (OSError, DamagedLogError):
        return []
    return [
        _Pass(
            one.step, one.images, one.epoch_seconds, tuple(getattr(one, name) for name in FIGURES)
        )
        for one in epochs
    ]
