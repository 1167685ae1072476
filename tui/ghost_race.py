"""The run on the screen against its ghost: which one that is, and how they stand."""

import threading
from pathlib import Path
from typing import NamedTuple

from cnntop.core.analysis.accuracy_projection import (
    Interval,
    Shape,
    accuracy_points,
    end_epoch,
    next_target,
    project,
)
from cnntop.core.analysis.ghost import (
    Figure,
    Gap,
    Ghost,
    Standing,
    gap_at_epoch,
    gap_at_seconds,
    standing,
)
from cnntop.core.curve import Curve
from cnntop.core.events import RunStarted
from cnntop.core.run_state import RunState
from cnntop.core.runs.earlier_runs import best_ghost, earlier_rows, read_ghost
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.summary import Row

BEST, HIDDEN = "", "-"
"""What can be chosen beside the id of a run: the best earlier one, or none at all."""

DRAWN: tuple[Figure, ...] = ("test_loss", "test_accuracy")
"""What charts show of a ghost."""

_RECKON_SECONDS = 2.0
"""Between two projections of a run whose epochs take no time: one costs some milliseconds."""


class Outlook(NamedTuple):
    """Where the run will be at its planned end, and when at the next accuracy people wait for.
    `points` is the number of evaluations so far; `end` is None while they are too few.
    `target_epoch` is None where the projection does not get there."""

    points: int
    end_epoch: float | None = None
    end: Interval | None = None
    as_ghost: bool = False
    target: float | None = None
    target_epoch: float | None = None


class Race(NamedTuple):
    """How a run and its ghost stand; a gap is None where the ghost has no figure, as is all before
    the first evaluation."""

    ghost: Ghost | None
    own: Standing | None
    by_epoch: Gap | None
    by_seconds: Gap | None
    outlook: Outlook


class GhostRace:
    """Reads the earlier runs of `runs_dir` in a thread of its own once the run has started, so that
    no number of them holds up the screen. `own` is the name of the run's folder, where that may be
    another one than the run's id."""

    def __init__(self, runs_dir: Path | None = None, own: str = "") -> None:
        self.ghost: Ghost | None = None
        self.rows: list[Row] | None = None
        """Of the runs there are to choose from, the best first; None until they are read."""
        self.chosen = BEST
        self._runs_dir = runs_dir
        self._own = own
        self._schedule = ""
        self._started: RunStarted | None = None
        self._changes = self._told = 0
        self._race: Race | None = None
        self._drawn: tuple[object, ...] = ()
        self._reckoned_at = 0.0

    def follow(self, state: RunState) -> bool:
        """Look at the run; returns whether there is something new about its ghost."""
        if self._runs_dir is not None and state.started is not None and self._started is None:
            self._started = state.started
            self._in_thread()
        news, self._told = self._changes != self._told, self._changes
        return news

    def choose(self, chosen: str) -> None:
        """Take another ghost: the id of a run, `BEST` or `HIDDEN`."""
        self.chosen = chosen
        if chosen == HIDDEN:
            self._take(chosen, None)
        elif self._started is not None:
            self._in_thread()

    def race(self, state: RunState, now: float) -> Race:
        """How it stands; reckoned anew for another state, ghost or plan, at the end, and some time
        after another evaluation."""
        evaluations = sum(one.count for one in state.test_accuracy.bins)
        planned = state.started.epochs_planned if state.started else None
        over = state.ended is not None
        drawn = (id(state), evaluations, id(self.ghost), planned, state.asked_last_epoch, over)
        soon = 0 <= now - self._reckoned_at < _RECKON_SECONDS
        early = soon and (drawn[:1], drawn[2:]) == (self._drawn[:1], self._drawn[2:])
        if self._race is None or (drawn != self._drawn and not early):
            self._drawn, self._reckoned_at = drawn, now
            self._race = _race(state, self.ghost, self._schedule, evaluations)
        return self._race

    def curves(self, state: RunState) -> dict[str, Curve]:
        """The ghost's figures as curves to be drawn over those of the run: at the step where the
        run has as many epochs, and as long after its first step."""
        if self.ghost is None or state.started is None:
            return {}
        per_epoch, begun = state.started.steps_per_epoch, state.begun_at_seconds
        curves: dict[str, Curve] = {}
        for name in DRAWN:
            curve = curves[name] = Curve()
            for point in self.ghost.points(name):
                curve.add(round(point.epoch * per_epoch), begun + point.seconds, point.value)
        return {name: curve for name, curve in curves.items() if curve.bins}

    def _in_thread(self) -> None:
        threading.Thread(target=self._read, name="cnntop-ghost", daemon=True).start()

    def _read(self) -> None:
        runs_dir, started, chosen = self._runs_dir, self._started, self.chosen
        assert runs_dir is not None
        assert started is not None
        try:
            rows = self.rows
            if rows is None:
                info = RunFolder(runs_dir / (self._own or started.run)).read_info()
                self._schedule = info.recipe.train.schedule if info is not None else ""
                rows = earlier_rows(runs_dir, started, [self._own])
            if chosen == BEST:
                ghost = best_ghost(runs_dir, rows, started)
            else:
                row = next((row for row in rows if row["run"] == chosen), None)
                ghost = read_ghost(runs_dir, row, started.train_images) if row else None
        except OSError:
            rows, ghost = [], None  # without a runs folder that can be read there is no ghost
        self.rows = rows
        self._take(chosen, ghost)

    def _take(self, chosen: str, ghost: Ghost | None) -> None:
        if chosen == self.chosen:  # it may have been chosen anew while this one was read
            self.ghost = ghost
            self._changes += 1


def _race(state: RunState, ghost: Ghost | None, schedule: str, evaluations: int) -> Race:
    own = standing(state)
    by_epoch = by_seconds = None
    if own is not None and ghost is not None:
        by_epoch, by_seconds = gap_at_epoch(own, ghost), gap_at_seconds(own, ghost)
    shape = _shape(state, ghost, schedule)
    return Race(ghost, own, by_epoch, by_seconds, _outlook(state, shape, evaluations))


def _shape(state: RunState, ghost: Ghost | None, schedule: str) -> Shape | None:
    """The ghost's curve, where it ran by the same schedule for as many epochs, to their end."""
    planned = state.started.epochs_planned if state.started else None
    if ghost is None or planned is None or not schedule or ghost.schedule != schedule:
        return None
    if ghost.planned_epochs != planned or ghost.at_epoch(planned, "test_accuracy") is None:
        return None
    return lambda epoch: ghost.at_epoch(epoch, "test_accuracy")


def _outlook(state: RunState, shape: Shape | None, evaluations: int) -> Outlook:
    end = end_epoch(state)
    if end is None or state.ended is not None:
        return Outlook(evaluations)
    points = accuracy_points(state)
    found = project(points, end, shape) if shape is not None else None
    as_ghost = found is not None
    found = found or project(points, end)
    if found is None:
        return Outlook(evaluations, end)
    target = next_target(state.best_test_accuracy)
    reached = found.epoch_of(target) if target is not None else None
    return Outlook(evaluations, end, found.end, as_ghost, target, reached)
