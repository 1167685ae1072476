"""How a sweep stands, read from its folder and those of its runs alone.

The process that runs the sweep, its screen and whoever watches from elsewhere read it the same way.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from cnntop.core.errors import CnntopError
from cnntop.core.events import EpochFinished, Record, RunResumed, Status
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RUN_FILE, RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.core.sweep.definition import Definition, Point
from cnntop.core.sweep.folder import Ending, SweepFolder

PointStatus = Literal["to come", "starting", "running", "unreadable"] | Status
SETTLED: tuple[PointStatus, ...] = ("finished", "stopped", "diverged")
"""Results: there is nothing to be gained from going on. "stopped" is what a person wanted."""


@dataclass(frozen=True)
class PointState:
    """A point and what its run has come to. `run` is None where none has begun; `evaluations` are
    (epoch, test accuracy), `eta_seconds` of the run; `message` says what went wrong."""

    point: Point
    status: PointStatus = "to come"
    run: RunFolder | None = None
    evaluations: tuple[tuple[int, float], ...] = ()
    epochs: float = 0.0
    seconds: float = 0.0
    epoch_seconds: float | None = None
    eta_seconds: float | None = None
    progress: float | None = None
    message: str = ""

    @property
    def accuracy(self) -> float | None:
        """The best test accuracy that was reached inside the limit."""
        return max((accuracy for _, accuracy in self.evaluations), default=None)

    def accuracy_within(self, epochs: int) -> float | None:
        """The best of the first `epochs`."""
        reached = (accuracy for epoch, accuracy in self.evaluations if epoch <= epochs)
        return max(reached, default=None)

    @property
    def active(self) -> bool:
        return self.status in ("starting", "running")


@dataclass(frozen=True)
class SweepState:
    """The sweep at one moment, its points in the order of the plan."""

    definition: Definition
    points: tuple[PointState, ...]
    startup_seconds: float = 0.0
    """What a run takes beyond its training: imports, decoding, its last words. Measured."""

    def counts(self) -> Counter[PointStatus]:
        return Counter(state.status for state in self.points)

    @property
    def active(self) -> list[PointState]:
        return [state for state in self.points if state.active]

    def by_cell(self) -> dict[str, list[PointState]]:
        """The runs at each place of the grid, a seed each."""
        found: dict[str, list[PointState]] = {cell: [] for cell in self.definition.cells}
        for state in self.points:
            found[state.point.cell].append(state)
        return found


@dataclass
class _Track:
    """What was read of one run's log so far."""

    folder: RunFolder
    follower: LogFollower
    state: RunState = field(default_factory=RunState)
    evaluations: list[tuple[int, int, float]] = field(default_factory=list)
    """Epoch, step, accuracy of the epochs that count."""

    def take(self, record: Record) -> None:
        self.state.apply(record)
        match record.event:
            case EpochFinished(test_accuracy=accuracy) as epoch if accuracy is not None:
                self.evaluations.append((epoch.epoch, epoch.step, accuracy))
            case RunResumed() as resumed:
                self.evaluations = [one for one in self.evaluations if one[1] <= resumed.step]


class SweepReader:
    """Reads how the sweep stands, again and again. Any number of them may; none holds anything
    but, for a moment, the lock of a point's output."""

    def __init__(self, folder: SweepFolder) -> None:
        self.definition = folder.read()
        self._folder = folder
        self._points = self.definition.points()
        self._seen: set[str] = set()
        self._runs: dict[int, RunFolder] = {}
        self._tracks: dict[int, _Track] = {}
        self._over: dict[int, tuple[int, PointState]] = {}

    def read(self) -> SweepState:
        # Who lives comes first: what it wrote before its end is then all read below.
        busy = {p.number: self._folder.is_busy(p.number) for p in self._points}
        endings: dict[int, list[Ending]] = {}
        for ending in self._folder.endings():
            endings.setdefault(ending.number, []).append(ending)
        self._find_runs()
        states = tuple(
            self._read_point(point, busy[point.number], endings.get(point.number, []))
            for point in self._points
        )
        spans = [
            endings[state.point.number][0].seconds - state.seconds
            for state in states
            if state.status == "finished" and len(endings.get(state.point.number, [])) == 1
        ]
        startup = max(0.0, sum(spans) / len(spans)) if spans else 0.0
        return SweepState(self.definition, states, startup)

    def _find_runs(self) -> None:
        """Look at every run folder once, and at those without a run.json until they have one."""
        for name in os.listdir(self._folder.runs_dir):  # noqa: PTH208  several times a second
            if name in self._seen:
                continue
            run = RunFolder(self._folder.runs_dir / name)
            if not (run.path / RUN_FILE).is_file():
                continue
            self._seen.add(name)
            info = run.read_info()
            if info is None or info.run != name:
                continue  # damaged, or a copy of another run's folder
            sweep, _, number = info.sweep_point.partition("/")
            if sweep == self._folder.path.name and number.isdecimal():
                self._runs.setdefault(int(number), run)

    def _read_point(self, point: Point, busy: bool, endings: list[Ending]) -> PointState:
        run = self._runs.get(point.number)
        if run is not None and not run.path.is_dir():  # removed, as by `cnntop gc`
            del self._runs[point.number]
            self._tracks.pop(point.number, None)
            self._over.pop(point.number, None)
            run = None
        if run is None:
            return _without_run(point, busy, endings)
        size = _size(run)
        known = self._over.get(point.number)
        if known is not None and known[0] == size and not busy:
            return known[1]
        state = self._follow(point, run, busy)
        if not busy:
            self._over[point.number] = size, state
            self._tracks.pop(point.number, None)  # its curves are large
        return state

    def _follow(self, point: Point, run: RunFolder, busy: bool) -> PointState:
        track = self._tracks.get(point.number)
        if track is None:
            track = self._tracks[point.number] = _Track(run, LogFollower(run))
        unreadable = ""
        try:
            # Until there is nothing more: what is damaged is told by the call after the last good.
            while records := track.follower.drain():
                for record in records:
                    track.take(record)
        except (OSError, CnntopError) as error:
            unreadable = str(error)
        told = track.state
        status: PointStatus
        if unreadable:
            status = "unreadable"
        elif busy:
            status = "running" if told.started is not None and told.ended is None else "starting"
        else:
            status = told.ended.status if told.ended is not None else "interrupted"
        message = unreadable or (told.ended.message if told.ended is not None else "")
        return PointState(
            point, status, run,
            tuple((epoch, accuracy) for epoch, _, accuracy in track.evaluations),
            told.epochs, told.elapsed_seconds(), told.complete_epoch_seconds.value,
            told.eta_seconds(), told.progress(), message,
        )  # fmt: skip


def _without_run(point: Point, busy: bool, endings: list[Ending]) -> PointState:
    if busy:
        return PointState(point, "starting")
    if not endings or endings[-1].exit_code == 0:
        return PointState(point)  # none yet, or one that was removed
    last = endings[-1]
    # Killed, by a signal or by what it does with one, before it had begun: as if it had not been.
    killed = last.exit_code < 0 or last.exit_code > 128
    return PointState(point) if killed else PointState(point, "failed", message=last.message)


def _size(run: RunFolder) -> int:
    try:
        return run.events.stat().st_size
    except OSError:
        return 0
