"""Ratios of figures measured in pairs: their median, and how far it can be trusted.

Two programs that take turns see the same machine in each turn, so that what disturbs both cancels
out of the turn's ratio. The median of the ratios does not mind the turns in which only one of the
two was disturbed, and its interval assumes nothing about how ratios spread.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class PairedRatio:
    """The median of `pairs` ratios, and the interval from `low` to `high` that covers the true
    median with a probability of at least `CONFIDENCE` (of all the ratios where they are too few
    for that, which is below six)."""

    median: float
    low: float
    high: float
    pairs: int

    @property
    def lost(self) -> float:
        """The ratio as a loss: 0.03 for a ratio of 0.97."""
        return 1.0 - self.median

    @property
    def lost_interval(self) -> tuple[float, float]:
        return 1.0 - self.high, 1.0 - self.low


def paired_ratio(figures: Sequence[float], of: Sequence[float]) -> PairedRatio:
    """`figures` divided by `of`, pair by pair. Raises ValueError for unequal lengths or none."""
    ratios = sorted(one / other for one, other in zip(figures, of, strict=True))
    if not ratios:
        raise ValueError("there are no pairs")
    cut = _cut(len(ratios))
    return PairedRatio(
        statistics.median(ratios), ratios[cut], ratios[len(ratios) - 1 - cut], len(ratios)
    )


def _cut(count: int) -> int:
    """How many of `count` sorted values to leave out at each end of the median's interval.

    The interval misses the median if no more than that many values lie on one side of it, which
    is as likely as so few heads of `count` coins: the interval of the sign test.
    """
    cut = 0
    fewer_heads = 1  # ways to get at most `cut` heads
    while True:
        fewer_heads += math.comb(count, cut + 1)
        if 2 * fewer_heads > (1.0 - CONFIDENCE) * 2**count or 2 * (cut + 1) >= count:
            return cut
        cut += 1
