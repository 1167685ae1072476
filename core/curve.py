"""A curve whose memory stays flat however long the run is, and which keeps its spikes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import compress
from operator import add

import msgspec

CURVE_BINS = 512


class Bin(msgspec.Struct, frozen=True, gc=False):
    """Neighbouring points as one: where the last of them stands, and minimum, maximum, sum and
    number of their values. `seconds` is on the stream's clock.

    Frozen, so that a copy of a curve shares its bins: checkpoints wait for such copies.
    """

    step: int
    seconds: float
    minimum: float
    maximum: float
    total: float
    count: int

    @property
    def mean(self) -> float:
        return self.total / self.count

    def joined(self, later: "Bin") -> "Bin":
        """One bin of this one and its `later` neighbour."""
        return Bin(
            later.step,
            later.seconds,
            min(self.minimum, later.minimum),
            max(self.maximum, later.maximum),
            self.total + later.total,
            self.count + later.count,
        )


@dataclass
class Curve:
    """Values over the run's steps and its time, kept in at most `CURVE_BINS` bins of equal point
    counts.

    Steps and seconds never fall from one point to the next. When the bins are full, neighbours are
    merged in pairs and each bin from then on takes twice as many points. Values that were not
    measured or not finite (None) are left out.
    """

    bins: list[Bin] = field(default_factory=list)
    points_per_bin: int = 1

    def add(self, step: int, seconds: float, value: float | None) -> None:
        if value is None:
            return
        bins = self.bins
        if bins and (last := bins[-1]).count < self.points_per_bin:
            # As `joined` would; in one go, because a long log has millions of points.
            low = value if value < last.minimum else last.minimum
            high = value if value > last.maximum else last.maximum
            bins[-1] = Bin(step, seconds, low, high, last.total + value, last.count + 1)
            return
        if len(bins) == CURVE_BINS:
            self._halve()
        self.bins.append(Bin(step, seconds, value, value, value, 1))

    def extend(
        self, steps: Sequence[int], seconds: Sequence[float], values: Sequence[float | None]
    ) -> None:
        """As `add` for each of them: the very same bins, in a part of the time."""
        kept = [value for value in values if value is not None]
        if len(kept) < len(values):
            there = [value is not None for value in values]
            steps, seconds = list(compress(steps, there)), list(compress(seconds, there))
        at = 0
        while at < len(kept):
            room = self.points_per_bin - self.bins[-1].count if self.bins else 0
            if not room and len(self.bins) == CURVE_BINS:
                self._halve()
            taken = kept[at : at + (room or self.points_per_bin)]
            at += len(taken)
            before = [self.bins.pop()] if room else []
            self.bins.append(
                Bin(
                    steps[at - 1],
                    seconds[at - 1],
                    min([one.minimum for one in before] + taken),
                    max([one.maximum for one in before] + taken),
                    # One after the other, as `add` does: `sum` may round in another way.
                    reduce(add, [one.total for one in before] + taken),
                    sum(one.count for one in before) + len(taken),
                )
            )

    @property
    def last(self) -> float | None:
        """Mean of the newest bin, or None for an empty curve."""
        return self.bins[-1].mean if self.bins else None

    def __deepcopy__(self, _memo: object) -> "Curve":
        return Curve(self.bins.copy(), self.points_per_bin)

    def _halve(self) -> None:
        pairs = zip(self.bins[::2], self.bins[1::2], strict=True)
        self.bins = [early.joined(late) for early, late in pairs]
        self.points_per_bin *= 2
