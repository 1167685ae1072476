"""Accuracy, wait and epoch seconds against the minibatch: the paper's main claim, tested.

The paper says that larger minibatches let the network wait longer for augmentation, make epochs
slower and reach less accuracy in the same time. Its own Figure 4 shows ShallowNet's epochs faster
at 128 than at 32. Here it is what the runs say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cnntop.core.analysis.report.difference import Difference, difference, spread_of
from cnntop.core.analysis.report.measured import MeasuredRun, by_seed, differing
from cnntop.core.analysis.statistics import Spread
from cnntop.core.text import natural_order

PAPER_PAIR = (32, 128)
"""The batch sizes which the paper compares."""
EQUAL_TIME = 1.1
"""Times count as equal if the longest is at most so many times the shortest: a run's last
evaluation comes after its time limit."""

Subject = Literal["epochs", "wait", "accuracy"]
Verdict = Literal["holds", "does not hold", "undecided", "not measured"]


@dataclass(frozen=True)
class BatchRow:
    """What the runs of one batch size measured; `seconds` are the shortest and longest of them,
    None unless all are known. Accuracies count once a seed."""

    batch_size: int
    runs: int
    seconds: tuple[float, float] | None
    epoch_seconds: Spread | None
    wait_fraction: Spread | None
    test_accuracy: Spread | None


@dataclass(frozen=True)
class Claim:
    """A claim of the paper on two batch sizes: what is measured, or else why nothing is."""

    subject: Subject
    small: int
    large: int
    verdict: Verdict
    measured: Difference | None = None
    reason: str = ""
    lacks_figures: bool = False


@dataclass(frozen=True)
class Series:
    """Runs that differ in nothing but batch size and seed."""

    machine: str
    trained_on: str
    augmented_on: str
    dataset: str
    model: str
    details: str
    limit: str
    is_papers: bool
    rows: tuple[BatchRow, ...]
    claims: tuple[Claim, ...]

    @property
    def is_equal_time(self) -> bool:
        """Whether all its runs took the same time."""
        ends = [row.seconds for row in self.rows]
        return _is_equal(end for pair in ends if pair for end in pair) and None not in ends

    @property
    def best(self) -> BatchRow | None:
        """Of the highest mean accuracy."""
        known = [row for row in self.rows if row.test_accuracy]
        return max(known, key=lambda row: _mean(row.test_accuracy), default=None)


@dataclass(frozen=True)
class BatchSizes:
    """`single` runs have no other that differs from them in batch size alone; `changed` ones were
    changed by a fix while they ran."""

    series: tuple[Series, ...]
    single: int
    changed: int


def batch_sizes(runs: Iterable[MeasuredRun]) -> BatchSizes:
    """The series of `runs`: the measured ones before the paper's, those of most runs first."""
    found: dict[tuple[object, ...], list[MeasuredRun]] = {}
    changed = 0
    for run in runs:
        if run.was_changed:
            changed += 1
        else:
            found.setdefault(_key(run), []).append(run)
    comparable = [some for some in found.values() if len({run.batch_size for run in some}) > 1]
    told = (*_VARIED, "dataset", "network", "kernels", "depth", "threads")
    details = differing((some[0] for some in comparable if not some[0].is_papers), told)
    comparable.sort(key=lambda some: (some[0].is_papers, -len(some), natural_order(some[0].model)))
    single = sum(not run.is_papers for some in found.values() for run in some) - sum(
        not run.is_papers for some in comparable for run in some
    )
    return BatchSizes(tuple(_series(some, details) for some in comparable), single, changed)


_VARIED = ("batch_size", "workers")


def _key(run: MeasuredRun) -> tuple[object, ...]:
    settings = frozenset((key, value) for key, value in run.settings.items() if key not in _VARIED)
    return run.is_papers, run.machine, run.trained_on, run.model, run.dataset, run.limit, settings


def _series(runs: Sequence[MeasuredRun], details: Sequence[str]) -> Series:
    first = runs[0]
    by_size: dict[int, list[MeasuredRun]] = {}
    for run in sorted(runs, key=lambda run: run.batch_size):
        by_size.setdefault(run.batch_size, []).append(run)
    sizes = list(by_size)
    small, large = PAPER_PAIR if set(PAPER_PAIR) <= set(sizes) else (sizes[0], sizes[-1])
    told = [first.threads] if first.threads else []
    told += [f"{key} {first.settings.get(key) or 'none'}" for key in details]
    return Series(
        machine=first.machine,
        trained_on=first.trained_on,
        augmented_on=first.augmented_on,
        dataset=first.dataset,
        model=first.model,
        details=", ".join(told) if not first.is_papers else "",
        limit=first.limit,
        is_papers=first.is_papers,
        rows=tuple(_row(size, some) for size, some in by_size.items()),
        claims=_claims(by_size[small], by_size[large]),
    )


def _row(size: int, runs: Sequence[MeasuredRun]) -> BatchRow:
    seconds = [run.seconds for run in runs if run.seconds is not None]
    return BatchRow(
        size,
        len(runs),
        (min(seconds), max(seconds)) if len(seconds) == len(runs) else None,
        spread_of(run.epoch_seconds for run in runs),
        spread_of(run.wait_fraction for run in runs),
        spread_of(by_seed(runs)),
    )


def _claims(small: Sequence[MeasuredRun], large: Sequence[MeasuredRun]) -> tuple[Claim, ...]:
    epochs = difference(
        [run.epoch_seconds for run in small], [run.epoch_seconds for run in large], ratio=True
    )
    wait = difference([run.wait_fraction for run in small], [run.wait_fraction for run in large])
    accuracy = difference(by_seed(small), by_seed(large))
    sizes = small[0].batch_size, large[0].batch_size
    return (
        _claim("epochs", sizes, epochs, claimed=1, missing="there is no whole epoch of both"),
        _claim("wait", sizes, wait, claimed=1, missing="there is no split of both"),
        _accuracy_claim(sizes, accuracy, [run.seconds for run in (*small, *large)]),
    )


def _accuracy_claim(
    sizes: tuple[int, int], measured: Difference | None, seconds: Sequence[float | None]
) -> Claim:
    known = [one for one in seconds if one is not None]
    if measured is not None and not (known and len(known) == len(seconds) and _is_equal(known)):
        return Claim(
            "accuracy", *sizes, "not measured", reason="they were not trained for the same time"
        )
    return _claim("accuracy", sizes, measured, claimed=-1, missing="there is no accuracy of both")


def _claim(
    subject: Subject, sizes: tuple[int, int], measured: Difference | None, claimed: int,
    missing: str,
) -> Claim:  # fmt: skip
    if measured is None:
        return Claim(subject, *sizes, "not measured", reason=missing, lacks_figures=True)
    verdict: Verdict = "undecided"
    if measured.direction:
        verdict = "holds" if measured.direction == claimed else "does not hold"
    elif measured.low is None or measured.low == measured.high:
        verdict = "does not hold"  # the same on both sides
    return Claim(subject, *sizes, verdict, measured)


def _is_equal(seconds: Iterable[float]) -> bool:
    known = list(seconds)
    return max(known, default=0.0) <= EQUAL_TIME * min(known, default=0.0)


def _mean(found: Spread | None) -> float:
    return -1.0 if found is None else found.mean
