"""Which places of a sweep's grid are the best, by the accuracy reached inside the limit."""

import statistics
from dataclasses import dataclass

from cnntop.core.sweep.halving import cut
from cnntop.core.sweep.progress import PointState, SweepState


@dataclass(frozen=True)
class Ranked:
    """A place of the grid. `accuracy` is the mean over its seeds of each one's best test accuracy,
    `deviation` their standard deviation (None under two), `epochs` and `seconds` means of the runs
    that have begun; `cut_after` epochs it was cut, None where it was not."""

    cell: str
    runs: list[PointState]
    accuracy: float | None
    deviation: float | None
    epochs: float
    seconds: float
    cut_after: int | None = None

    @property
    def scored(self) -> int:
        """Seeds that have an accuracy."""
        return sum(run.accuracy is not None for run in self.runs)


def ranking(sweep: SweepState) -> list[Ranked]:
    """All places of the grid, the best first: those that were cut after those that went on, since
    their accuracy is that of fewer epochs; those without any last."""
    gone = cut(sweep)
    found = [_ranked(cell, runs, gone.get(cell)) for cell, runs in sweep.by_cell().items()]
    return sorted(found, key=_order)


def _ranked(cell: str, runs: list[PointState], cut_after: int | None) -> Ranked:
    accuracies = [run.accuracy for run in runs if run.accuracy is not None]
    begun = [run for run in runs if run.epochs > 0]
    return Ranked(
        cell,
        runs,
        statistics.fmean(accuracies) if accuracies else None,
        statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        statistics.fmean(run.epochs for run in begun) if begun else 0.0,
        statistics.fmean(run.seconds for run in begun) if begun else 0.0,
        cut_after,
    )


def _order(one: Ranked) -> tuple[bool, float, float]:
    rung = float("inf") if one.cut_after is None else one.cut_after
    return one.accuracy is None, -rung, -(one.accuracy or 0.0)
