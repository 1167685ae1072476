"""A curve whose memory stays flat however long the run is, and which keeps its spikes."""

from dataclasses import dataclass, field

CURVE_BINS = 512


@dataclass(slots=True)
class Bin:
    """Neighbouring points as one: their last x, and minimum, maximum and mean of their values."""

    x: float
    minimum: float
    maximum: float
    total: float
    count: int

    @property
    def mean(self) -> float:
        return self.total / self.count

    def absorb(self, later: "Bin") -> None:
        self.x = later.x
        self.minimum = min(self.minimum, later.minimum)
        self.maximum = max(self.maximum, later.maximum)
        self.total += later.total
        self.count += later.count


@dataclass
class Curve:
    """Points (x, value) with x rising, kept in at most `CURVE_BINS` bins of equal point counts.

    When the bins are full, neighbours are merged in pairs and each bin from then on takes twice
    as many points. Values that were not measured or not finite (None) are left out.
    """

    bins: list[Bin] = field(default_factory=list)
    points_per_bin: int = 1

    def add(self, x: float, value: float | None) -> None:
        if value is None:
            return
        point = Bin(x, value, value, value, 1)
        if self.bins and self.bins[-1].count < self.points_per_bin:
            self.bins[-1].absorb(point)
            return
        if len(self.bins) == CURVE_BINS:
            self._halve()
        self.bins.append(point)

    @property
    def last(self) -> float | None:
        """Mean of the newest bin, or None for an empty curve."""
        return self.bins[-1].mean if self.bins else None

    def __deepcopy__(self, _memo: object) -> "Curve":
        """By hand, because `copy` takes ten times as long, and checkpoints wait for it."""
        bins = [Bin(b.x, b.minimum, b.maximum, b.total, b.count) for b in self.bins]
        return Curve(bins, self.points_per_bin)

    def _halve(self) -> None:
        merged = self.bins[::2]
        for early, late in zip(merged, self.bins[1::2], strict=True):
            early.absorb(late)
        self.bins = merged
        self.points_per_bin *= 2
