"""Accuracy over two swept keys of the recipe, and what accuracy costs in seconds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnntop.core.analysis.report.batch_size import EQUAL_TIME
from cnntop.core.analysis.report.difference import spread_of
from cnntop.core.analysis.report.measured import MeasuredRun, by_seed, differing
from cnntop.core.analysis.statistics import Spread
from cnntop.core.errors import UsageError
from cnntop.core.text import natural_order, nearest, printable

X, Y = "kernels", "batch_size"

Found = dict[tuple[str, str], list[MeasuredRun]]
"""Runs by their values of the two keys."""


@dataclass(frozen=True)
class Cell:
    """Runs of the same settings but for the seed: the test accuracy and the seconds they took."""

    test_accuracy: Spread
    seconds: float | None


@dataclass(frozen=True)
class HeatMap:
    """Accuracies where only the keys `x` and `y`, and seeds, differ. `cells` are by (x, y)."""

    x: str
    y: str
    x_values: tuple[str, ...]
    y_values: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    dataset: str
    network: str
    machine: str
    trained_on: str
    details: str

    @property
    def best(self) -> tuple[str, str]:
        return max(self.cells, key=lambda at: self.cells[at].test_accuracy.mean)

    @property
    def seconds(self) -> tuple[float, float] | None:
        """The shortest and the longest time of a cell."""
        known = [cell.seconds for cell in self.cells.values() if cell.seconds is not None]
        return (min(known), max(known)) if known else None


@dataclass(frozen=True)
class Candidate:
    """Settings with what they reach, in the choice between accuracy and time."""

    label: str
    test_accuracy: Spread
    seconds: float
    is_on_front: bool


@dataclass(frozen=True)
class Choice:
    """All settings trained on the same images by the same processor, the fastest first. On the
    front are those that no other beats: more accurate in as little time (within `EQUAL_TIME`), or
    as accurate in less."""

    dataset: str
    machine: str
    trained_on: str
    candidates: tuple[Candidate, ...]

    @property
    def is_equal_time(self) -> bool:
        """Whether all took as long, so that there is nothing to choose but accuracy."""
        return self.candidates[-1].seconds <= EQUAL_TIME * self.candidates[0].seconds


@dataclass(frozen=True)
class SweepReport:
    """`single` runs have no other that differs from them in `x` and `y` alone; of `unmeasured`
    ones there is no accuracy; `changed` ones were changed by a fix while they ran."""

    x: str
    y: str
    maps: tuple[HeatMap, ...]
    choices: tuple[Choice, ...]
    single: int
    unmeasured: int
    changed: int


def sweep_report(runs: Sequence[MeasuredRun], x: str = X, y: str = Y) -> SweepReport:
    """Of `runs`, over the keys `x` and `y`. Raises UsageError for keys that no run has."""
    x, y = (_key(name, runs) for name in (x, y))
    if x == y:
        raise UsageError(f"--x and --y are both {x}; name two keys.")
    known = [run for run in runs if run.test_accuracy is not None and not run.was_changed]
    found: dict[tuple[object, ...], Found] = {}
    for run in known:
        at = (run.settings.get(x, ""), run.settings.get(y, ""))
        if all(at):
            found.setdefault(_rest(run, x, y), {}).setdefault(at, []).append(run)
    swept = [cells for cells in found.values() if len(cells) > 1]
    swept.sort(key=lambda cells: -len(cells))
    details = differing((_first(cells) for cells in swept), (x, y, "dataset", "network"))
    in_maps = sum(len(some) for cells in swept for some in cells.values())
    changed = sum(run.was_changed for run in runs)
    return SweepReport(
        x,
        y,
        tuple(_heat_map(cells, x, y, details) for cells in swept),
        _choices(known),
        len(known) - in_maps,
        len(runs) - len(known) - changed,
        changed,
    )


def _key(name: str, runs: Sequence[MeasuredRun]) -> str:
    short = name.rpartition(".")[2]
    keys = sorted({key for run in runs for key, value in run.settings.items() if value})
    if runs and short not in keys:
        raise UsageError(f"no run has a key {printable(name)!r}. {nearest(short, keys)}")
    return short


def _rest(run: MeasuredRun, x: str, y: str) -> tuple[object, ...]:
    rest = frozenset((key, value) for key, value in run.settings.items() if key not in (x, y))
    return run.machine, run.trained_on, run.limit, rest


def _first(cells: Found) -> MeasuredRun:
    return next(iter(cells.values()))[0]


def _heat_map(cells: Found, x: str, y: str, details: Sequence[str]) -> HeatMap:
    first = _first(cells)
    told = [first.limit] if first.limit else []
    told += [f"{key} {first.settings.get(key) or 'none'}" for key in details]
    return HeatMap(
        x,
        y,
        tuple(sorted({at[0] for at in cells}, key=_value_order)),
        tuple(sorted({at[1] for at in cells}, key=_value_order)),
        {at: cell for at, some in cells.items() if (cell := _cell(some))},
        first.dataset,
        first.settings.get("network", first.model),
        first.machine,
        first.trained_on,
        ", ".join(told),
    )


def _value_order(value: str) -> tuple[bool, float, list[str | int]]:
    """Numbers by size, before words."""
    try:
        return False, float(value), []
    except ValueError:
        return True, 0.0, natural_order(value)


def _cell(runs: Sequence[MeasuredRun]) -> Cell | None:
    accuracy = spread_of(by_seed(runs))
    seconds = spread_of(run.seconds for run in runs)
    return None if accuracy is None else Cell(accuracy, seconds.mean if seconds else None)


def _choices(runs: Iterable[MeasuredRun]) -> tuple[Choice, ...]:
    places: dict[tuple[str, str, str], list[MeasuredRun]] = {}
    for run in runs:
        if run.seconds is not None:
            places.setdefault((run.dataset, run.machine, run.trained_on), []).append(run)
    return tuple(_choice(*place, some) for place, some in sorted(places.items()))


def _choice(dataset: str, machine: str, trained_on: str, runs: Sequence[MeasuredRun]) -> Choice:
    alike: dict[tuple[object, ...], list[MeasuredRun]] = {}
    for run in runs:
        alike.setdefault((run.limit, frozenset(run.settings.items())), []).append(run)
    details = differing(runs, ("dataset", "network", "kernels", "depth", "batch_size"))
    limits = len({run.limit for run in runs}) > 1
    cells = [
        (cell.test_accuracy, cell.seconds, _label(some[0], details, limits))
        for some in alike.values()
        if (cell := _cell(some)) and cell.seconds is not None
    ]
    cells.sort(key=lambda one: (one[1], -one[0].mean))
    return Choice(dataset, machine, trained_on, _candidates(cells))


def _candidates(cells: Sequence[tuple[Spread, float, str]]) -> tuple[Candidate, ...]:
    """Of settings with their accuracy and seconds, the fastest first."""
    found, ahead = [], 0
    best_before = best_in_time = -1.0
    for accuracy, seconds, label in cells:
        while ahead < len(cells) and cells[ahead][1] <= EQUAL_TIME * seconds:
            best_in_time = max(best_in_time, cells[ahead][0].mean)
            ahead += 1
        is_on_front = accuracy.mean > best_before and accuracy.mean >= best_in_time
        found.append(Candidate(label, accuracy, seconds, is_on_front))
        best_before = max(best_before, accuracy.mean)
    return tuple(found)


def _label(run: MeasuredRun, details: Sequence[str], limits: bool) -> str:
    told = [run.model, f"batch {run.batch_size}"]
    told += [f"{key} {run.settings.get(key) or 'none'}" for key in details]
    return ", ".join(told + ([run.limit] if limits and run.limit else []))
