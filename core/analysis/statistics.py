"""Means, their intervals, and tests of differences between them, by Student's t.

The textbook's formulas; the t distribution itself is scipy's, imported when it is first needed.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
MIN_RUNS = 3
"""With fewer, or fewer pairs, an interval or a test would say more about the two than is known."""

_NO_SPREAD = 1e-12
"""Relative; less is rounding."""


@dataclass(frozen=True)
class Spread:
    """Of `n` figures. `deviation` is that of a sample (n - 1), None of a single one; from `low` to
    `high` goes the interval of the mean at `CONFIDENCE`, both None below `MIN_RUNS`."""

    n: int
    mean: float
    deviation: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """How much higher one mean is than another, and how likely so much or more would be by chance
    if there were none: `p`, two-sided."""

    mean: float
    p: float


def spread(figures: Sequence[float]) -> Spread:
    """Raises ValueError for no figures."""
    if not figures:
        raise ValueError("there are no figures")
    n, mean = len(figures), statistics.fmean(figures)
    if n == 1:
        return Spread(1, mean)
    deviation = statistics.stdev(figures)
    if n < MIN_RUNS:
        return Spread(n, mean, deviation)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * deviation / math.sqrt(n)
    return Spread(n, mean, deviation, mean - half, mean + half)


def paired_difference(figures: Sequence[float], others: Sequence[float]) -> Difference | None:
    """Student's test of pairs. None below `MIN_RUNS` pairs, or where all differ by the same, so
    that there is no telling what chance does. Raises ValueError for unequal lengths."""
    differences = [one - other for one, other in zip(figures, others, strict=True)]
    if len(differences) < MIN_RUNS:
        return None
    mean, deviation = statistics.fmean(differences), statistics.stdev(differences)
    if deviation <= _NO_SPREAD * max(map(abs, (*figures, *others))):
        return None
    error = deviation / math.sqrt(len(differences))
    return Difference(mean, _two_sided(mean / error, len(differences) - 1))


def welch_difference(figures: Sequence[float], others: Sequence[float]) -> Difference | None:
    """Welch's test of two samples whose deviations may differ. None where one of them has less
    than `MIN_RUNS`, or neither has any spread."""
    if min(len(figures), len(others)) < MIN_RUNS:
        return None
    mean = statistics.fmean(figures) - statistics.fmean(others)
    # The squared error of either mean.
    one, other = (statistics.variance(sample) / len(sample) for sample in (figures, others))
    error = math.sqrt(one + other)
    if error <= _NO_SPREAD * max(map(abs, (*figures, *others))):
        return None
    # Welch and Satterthwaite's degrees of freedom.
    freedom = (one + other) ** 2 / (one**2 / (len(figures) - 1) + other**2 / (len(others) - 1))
    return Difference(mean, _two_sided(mean / error, freedom))


def holm(ps: Sequence[float]) -> list[float]:
    """The p values, in their order, corrected for being several: S. Holm, *A Simple Sequentially
    Rejective Multiple Test Procedure*, 1979. The smallest is multiplied by their number, the next
    by one less, and so on; none becomes smaller than one before it, or larger than 1."""
    corrected = [0.0] * len(ps)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = least
    return corrected


def _two_sided(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return 2 * float(stdtr(freedom, -abs(t)))
