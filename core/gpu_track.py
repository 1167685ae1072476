"""What is kept of a GPU over a run, however long: one sample, one curve and a few sums."""

from dataclasses import dataclass, field

from cnntop.core.curve import Curve
from cnntop.core.events import GpuSample


@dataclass
class Mean:
    """A running mean; None until the first value."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass
class GpuTrack:
    """What is kept of one GPU: its newest sample, its utilisation curve, and run-long figures."""

    sample: GpuSample
    utilization: Curve = field(default_factory=Curve)
    mean_utilization: Mean = field(default_factory=Mean)
    memory_peak_bytes: int | None = None
    energy_at_start_joules: float | None = None

    @property
    def energy_joules(self) -> float | None:
        """Energy drawn since the first step, or None where the GPU does not count it."""
        if self.energy_at_start_joules is None or self.sample.energy_joules is None:
            return None
        return self.sample.energy_joules - self.energy_at_start_joules
