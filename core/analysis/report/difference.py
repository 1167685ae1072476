"""How far apart two sets of repeats are, with an interval where they allow one."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnntop.core.analysis.statistics import CONFIDENCE, MIN_RUNS, Spread, spread


@dataclass(frozen=True)
class Difference:
    """What `large` is more than `small`, or (`is_ratio`) how many times as much."""

    value: float
    small: Spread
    large: Spread
    low: float | None = None
    high: float | None = None
    is_ratio: bool = False

    @property
    def direction(self) -> int:
        """1 for more, -1 for less, 0 where the interval has both in it (or both are equal)."""
        even = 1.0 if self.is_ratio else 0.0
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return (low > even) - (high < even)


def spread_of(figures: Iterable[float | None]) -> Spread | None:
    """Of those that were measured; None of none."""
    known = [figure for figure in figures if figure is not None]
    return spread(known) if known else None


def difference(
    small: Sequence[float | None], large: Sequence[float | None], ratio: bool = False
) -> Difference | None:
    """Between the means of two sets of runs, with Welch's interval (B. L. Welch, "The
    generalization of Student's problem ...", Biometrika 34, 1947) if both have three or more. With
    `ratio` all figures are above 0 and it is that of their geometric means.
    """
    sides = [[f for f in side if f is not None] for side in (small, large)]
    ends = [spread_of(side) for side in sides]
    if ends[0] is None or ends[1] is None:
        return None
    if ratio:
        sides = [[math.log(figure) for figure in side] for side in sides]
    value = statistics.fmean(sides[1]) - statistics.fmean(sides[0])
    low, high = _welch(value, sides[0], sides[1])
    if ratio:
        value, low, high = math.exp(value), _exp(low), _exp(high)
    return Difference(value, ends[0], ends[1], low, high, ratio)


def _exp(value: float | None) -> float | None:
    return None if value is None else math.exp(min(value, 700.0))


def _welch(
    value: float, small: Sequence[float], large: Sequence[float]
) -> tuple[float | None, float | None]:
    if min(len(small), len(large)) < MIN_RUNS:
        return None, None
    parts = [statistics.variance(side) / len(side) for side in (small, large)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return value, value
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(parts, (small, large), strict=True)
    )
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    return value - half, value + half
