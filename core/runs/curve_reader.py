"""How a run's figures went, for laying several runs over each other."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cnntop.core.errors import CnntopError
from cnntop.core.events import EpochFinished, Record, RunResumed, RunStarted, StepsMeasured
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder
from cnntop.core.runs.follower import LogFollower

Unit = Literal["step", "epoch", "seconds"]
METRICS = (
    "test_accuracy", "test_loss", "train_loss", "train_accuracy", "images_per_second",
    "epoch_seconds",
)  # fmt: skip
MOST_MOMENTS = 512
"""Of a curve; where there are more, neighbours are merged."""
FEW_EPOCHS = 24
"""A run of no more is read from its log, which tells what went on between their ends ..."""
LOG_BYTES = 8 << 20
"""... unless the log is longer than this: two tenths of a second or so of reading."""

_OF_STEPS = ("train_loss", "train_accuracy", "images_per_second")
_COLUMNS = (
    "epoch", "step", "images", "epoch_seconds", "evaluation_seconds",
    "train_loss", "train_accuracy", "test_loss", "test_accuracy",
)  # fmt: skip


class Moment(NamedTuple):
    """A figure at a moment of the run. `seconds` is the wall time of training till then, pauses
    left out and evaluations not; `epoch` may be a part of one. `low` and `high` are the least and
    the most of what `mean` is of."""

    step: float
    epoch: float
    seconds: float
    low: float
    mean: float
    high: float


Curves = Mapping[str, Sequence[Moment]]
"""By metric, one of `METRICS`, in order. What was not measured has no moment."""


class CurveReader:
    """The curves of a run that is over or goes on: from epochs.csv, or from the log where that is
    missing or damaged, or has few epochs. Empty ones where neither can be read."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._follower: LogFollower | None = None
        self._track = _Track()
        self._stamp: tuple[int, int] | None = None

    def read(self) -> Curves | None:
        """None where there is nothing new since the last call."""
        if self._follower is None:
            stamp = self._epochs_stamp()
            if stamp is not None and stamp == self._stamp:
                return None
            self._stamp = stamp
            try:
                rows = _table(self._folder)
            except (OSError, ValueError, csv.Error):
                rows = []
            if len(rows) > FEW_EPOCHS or (rows and self._log_bytes() > LOG_BYTES):
                self._track = _Track()
                for row in rows:
                    self._track.epoch(row)
                return self._track.curves()
            self._follower, self._track = LogFollower(self._folder), _Track()
            return self._follow(self._follower) or self._track.curves()
        return self._follow(self._follower)

    def _follow(self, follower: LogFollower) -> Curves | None:
        """The curves, if the log has grown."""
        grown = False
        try:
            while records := follower.drain():
                grown = True
                for record in records:
                    self._track.take(record)
        except (OSError, CnntopError):
            pass  # what could be read still counts
        return self._track.curves() if grown else None

    def _epochs_stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._folder.path / EPOCHS_FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _log_bytes(self) -> int:
        try:
            return self._folder.events.stat().st_size
        except OSError:
            return LOG_BYTES + 1


def _table(folder: RunFolder) -> list[dict[str, float | None]]:
    """What epochs.csv has of `_COLUMNS`. Raises OSError, ValueError, csv.Error."""
    with (folder.path / EPOCHS_FILE).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    places = {column: header.index(column) for column in _COLUMNS}
    if any(len(line) != len(header) for line in lines):
        raise ValueError("a torn row")
    return [{column: _number(line[at]) for column, at in places.items()} for line in lines]


def _number(text: str) -> float | None:
    number = float(text) if text else None
    return number if number is not None and math.isfinite(number) else None


@dataclass
class _Track:
    """Takes a run's epochs, or its records, in order."""

    moments: dict[str, list[Moment]] = field(default_factory=lambda: {name: [] for name in METRICS})
    steps_per_epoch: int = 0
    epoch_began_seconds: float = 0.0
    seconds: float = 0.0
    told_of_steps: bool = False

    def take(self, record: Record) -> None:
        match record.event:
            case RunStarted() as started:
                self.steps_per_epoch = started.steps_per_epoch
            case StepsMeasured() as stretch if self.steps_per_epoch:
                self._stretch(stretch)
            case EpochFinished() as epoch:
                self.epoch({column: getattr(epoch, column) for column in _COLUMNS})
            case RunResumed() as resumed:
                self._go_back(resumed)

    def epoch(self, row: Mapping[str, float | None]) -> None:
        """The end of one; its training figures count where its steps were not told."""
        seconds = row["epoch_seconds"] or 0.0
        self.epoch_began_seconds += seconds
        self.seconds = self.epoch_began_seconds
        at = row["step"] or 0.0, row["epoch"] or 0.0, self.seconds
        trained = seconds - (row["evaluation_seconds"] or 0.0)
        images = row["images"] or 0.0
        for name in METRICS:
            value = row.get(name)
            if name == "images_per_second":
                value = images / trained if trained > 0 and images else None
            if name not in _OF_STEPS or not self.told_of_steps:
                self._add(name, at, value)

    def _stretch(self, stretch: StepsMeasured) -> None:
        self.told_of_steps = True
        seconds = (
            stretch.wait_seconds + stretch.transfer_seconds
            + stretch.compute_seconds + stretch.other_seconds
        )  # fmt: skip
        self.seconds += seconds
        epoch = min(float(stretch.epoch), stretch.step / self.steps_per_epoch)
        at = float(stretch.step), epoch, self.seconds
        self._add("train_loss", at, stretch.loss)
        self._add("train_accuracy", at, stretch.accuracy)
        self._add("images_per_second", at, stretch.images / seconds if seconds > 0 else None)

    def _go_back(self, resumed: RunResumed) -> None:
        """The steps after those of the checkpoint are taken once more."""
        for moments in self.moments.values():
            while moments and moments[-1].step > resumed.step:
                moments.pop()
        ended = self.moments["epoch_seconds"]
        self.epoch_began_seconds = ended[-1].seconds if ended else 0.0
        self.seconds = resumed.trained_seconds

    def _add(self, name: str, at: tuple[float, float, float], value: float | None) -> None:
        if value is None:
            return
        moments = self.moments[name]
        moments.append(Moment(*at, value, value, value))
        if len(moments) > 8 * MOST_MOMENTS:
            moments[:] = _merged(moments, 4 * MOST_MOMENTS)

    def curves(self) -> Curves:
        return {name: _merged(moments, MOST_MOMENTS) for name, moments in self.moments.items()}


def _merged(moments: Sequence[Moment], most: int) -> list[Moment]:
    """At most so many, each the last of its neighbours, with the range and mean of all."""
    size = -(-len(moments) // most)
    if size <= 1:
        return list(moments)
    return [_as_one(moments[at : at + size]) for at in range(0, len(moments), size)]


def _as_one(group: Sequence[Moment]) -> Moment:
    step, epoch, seconds, *_ = group[-1]
    low, high = min(each.low for each in group), max(each.high for each in group)
    return Moment(step, epoch, seconds, low, sum(each.mean for each in group) / len(group), high)
