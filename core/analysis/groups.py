"""Runs of one recipe but for the seed, say, as a group: its means, and whether groups differ."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cnntop.core.analysis.columns import is_lower_better
from cnntop.core.analysis.statistics import (
    Difference,
    Spread,
    holm,
    paired_difference,
    spread,
    welch_difference,
)

Row = Mapping[str, str]
Repeat = tuple[str, ...]
"""What one repetition in a group has of its own, such as its seed."""

COUNTED = ("finished", "paper")
"""Statuses of the runs whose figures are those of their recipe."""


@dataclass(frozen=True)
class Group:
    """`runs` that finished, of which all has the same recipe but for the columns `over`.
    `left_out` counts the others by status: how far they came says little of the recipe."""

    over: tuple[str, ...]
    runs: tuple[Row, ...]
    left_out: Mapping[str, int]
    example: Row
    """Any of its runs, for what all of them share."""

    @property
    def n(self) -> int:
        """Repetitions. Runs with the same seed, too, are no more than one."""
        return len({self._repeat(row) for row in self.runs})

    def figures(self, column: str) -> dict[Repeat, float]:
        """The column's figure of each repetition that has one: the mean of its runs."""
        found: dict[Repeat, list[float]] = {}
        for row in self.runs:
            figure = _figure(row[column])
            if figure is not None:
                found.setdefault(self._repeat(row), []).append(figure)
        return {repeat: math.fsum(each) / len(each) for repeat, each in found.items()}

    def spread(self, column: str) -> Spread | None:
        """None where no run has a figure in the column."""
        figures = list(self.figures(column).values())
        return spread(figures) if figures else None

    def _repeat(self, row: Row) -> Repeat:
        return tuple(row[column] for column in self.over)


@dataclass(frozen=True)
class Contrast:
    """How much higher a group's mean is than the baseline's. `p` is corrected for the number of
    groups that were tested (Holm)."""

    difference: float
    p: float
    test: Literal["paired", "Welch"]


def grouped(
    rows: Iterable[Row], over: Sequence[str], key: Callable[[Row], tuple[str, ...]]
) -> list[Group]:
    """Rows of one `key` together, groups in the order in which they come."""
    members: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        members.setdefault(key(row), []).append(row)
    groups = []
    for each in members.values():
        finished = tuple(row for row in each if row["status"] in COUNTED)
        left_out = Counter(row["status"] for row in each if row["status"] not in COUNTED)
        groups.append(Group(tuple(over), finished, left_out, (finished or each)[0]))
    return groups


def ranked(groups: Iterable[Group], column: str) -> list[Group]:
    """The best mean first. A group of which a repetition has no figure, such as one that never
    came to an accuracy, comes after those that are whole."""
    sign = 1 if is_lower_better(column) else -1

    def rank(group: Group) -> tuple[bool, bool, float]:
        found = group.spread(column)
        if found is None:
            return True, True, 0.0
        return False, found.n < group.n, sign * found.mean

    return sorted(groups, key=rank)


def contrasts(groups: Sequence[Group], baseline: Group, column: str) -> list[Contrast | None]:
    """Each group against `baseline`; None for itself, and where nothing can be tested: too few
    repetitions, one without a figure, no spread at all."""
    tested = [None if group is baseline else _tested(group, baseline, column) for group in groups]
    corrected = iter(holm([found.p for found, _ in filter(None, tested)]))
    return [found and Contrast(found[0].mean, next(corrected), found[1]) for found in tested]


def _tested(
    group: Group, baseline: Group, column: str
) -> tuple[Difference, Literal["paired", "Welch"]] | None:
    """By pairs where each repetition of the smaller group is one of the other too."""
    one, other = group.figures(column), baseline.figures(column)
    if len(one) < group.n or len(other) < baseline.n:
        return None
    shared = one.keys() & other.keys()
    if len(shared) == min(len(one), len(other)):
        repeats = sorted(shared)
        found = paired_difference([one[r] for r in repeats], [other[r] for r in repeats])
        return None if found is None else (found, "paired")
    found = welch_difference(list(one.values()), list(other.values()))
    return None if found is None else (found, "Welch")


def _figure(text: str) -> float | None:
    try:
        figure = float(text)
    except ValueError:
        return None
    return figure if math.isfinite(figure) else None
