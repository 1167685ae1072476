"""How long a sweep will take: by its time limits, by earlier runs, and by its own as they end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnntop.core.machine.identity import host_name
from cnntop.core.recipe import Recipe
from cnntop.core.runs.summary import Row
from cnntop.core.sweep.definition import Definition
from cnntop.core.sweep.halving import planned_epochs, rungs
from cnntop.core.sweep.progress import SETTLED, PointState, SweepState


@dataclass(frozen=True)
class Total:
    """Seconds of training of the runs that are known of, one after the other, and how many runs
    nothing is known of. `exact`: time limits say so."""

    seconds: float
    unknown: int
    exact: bool


class Forecast:
    """`epoch_seconds` is by place of the grid, from the newest earlier run of the same network,
    data and batch size on this machine."""

    def __init__(self, definition: Definition, rows: Sequence[Row]) -> None:
        self._definition = definition
        self._points = definition.points()
        self._limits: dict[str, float | None] = {}
        self._epochs: dict[str, int | None] = {}
        self._epoch_seconds: dict[str, float | None] = {}
        here = [row for row in rows if row["host"] == host_name()]
        for point in self._points:
            if point.cell not in self._limits:
                recipe = point.recipe()
                self._limits[point.cell] = recipe.train.time_limit_seconds
                self._epochs[point.cell] = recipe.train.epochs
                self._epoch_seconds[point.cell] = _earlier_epoch_seconds(recipe, here)

    def total(self) -> Total:
        """Before anything has run."""
        known = [(point, self._run_seconds(point.cell)) for point in self._points]
        seconds = sum(one for _, one in known if one is not None)
        if self._definition.halving is not None:
            seconds *= self._halved_epochs() / sum(self._epochs[p.cell] or 0 for p in self._points)
        unknown = sum(one is None for _, one in known)
        return Total(seconds, unknown, all(limit is not None for limit in self._limits.values()))

    def remaining_seconds(self, sweep: SweepState, slots: int) -> float | None:
        """Until the sweep is over, with `slots` runs at once; None while there is no telling."""
        paces = dict(self._epoch_seconds)
        for state in sweep.points:
            if state.epochs >= 1:
                paces[state.point.cell] = state.seconds / state.epochs
        known = [pace for pace in paces.values() if pace is not None]
        mean = sum(known) / len(known) if known else None
        if self._definition.halving is not None:
            left = self._halved_epochs() - sum(state.epochs for state in sweep.points)
            return None if mean is None else max(0.0, left) * mean / slots
        total = 0.0
        for state in sweep.points:
            if state.status in SETTLED:
                continue
            seconds = self._left_seconds(state, paces[state.point.cell] or mean)
            if seconds is None:
                return None
            total += seconds + sweep.startup_seconds * (state.status != "running")
        return total / slots

    def _left_seconds(self, state: PointState, pace: float | None) -> float | None:
        cell = state.point.cell
        if state.status == "running" and state.eta_seconds is not None:
            return state.eta_seconds
        limit, epochs = self._limits[cell], self._epochs[cell]
        if limit is not None:
            return max(0.0, limit - state.seconds)
        return None if pace is None or epochs is None else max(0.0, epochs - state.epochs) * pace

    def _run_seconds(self, cell: str) -> float | None:
        limit, epochs, pace = self._limits[cell], self._epochs[cell], self._epoch_seconds[cell]
        if limit is not None:
            return limit
        return None if epochs is None or pace is None else epochs * pace

    def _halved_epochs(self) -> float:
        """That all runs of a halving sweep train together."""
        eta, on = self._definition.halving, len(self._limits)
        assert eta is not None
        trained, before = 0, 0
        for epochs in rungs(planned_epochs(self._definition), eta, on):
            trained += on * (epochs - before)
            on, before = -(-on // eta), epochs
        return float(trained * self._definition.seeds)


def _earlier_epoch_seconds(recipe: Recipe, rows: Sequence[Row]) -> float | None:
    for row in reversed(rows):
        if _is_like(row, recipe):
            try:
                return float(row["epoch_seconds"])
            except ValueError:
                continue
    return None


def _is_like(row: Row, recipe: Recipe) -> bool:
    data, device = recipe.data, recipe.machine.device.partition(":")[0]
    dataset = data.dataset
    if dataset == "folder" and data.dir:
        dataset = f"folder:{Path(data.dir).name}"
    return (
        row["dataset"] == dataset
        and row["model"] == recipe.model.label
        and row["batch_size"] == str(data.batch_size)
        and row["passes"] == str(recipe.train.passes)
        and row["precision"] == recipe.machine.precision
        and (device == "auto" or row["device"].startswith(device))
    )
