"""What is kept of a GPU over a run, however long: one sample, a few curves and a few sums."""

import copy
from dataclasses import dataclass, field

from cnntop.core.curve import Curve
from cnntop.core.events import GpuSample

GPU_CURVES = ("utilization", "memory_used_bytes", "power_watts", "temperature_celsius")
"""Figures of a sample that a curve is kept of, by its name in both."""


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
    """What is kept of one GPU: its newest sample, its curves, and run-long figures."""

    sample: GpuSample
    utilization: Curve = field(default_factory=Curve)
    memory_used_bytes: Curve = field(default_factory=Curve)
    power_watts: Curve = field(default_factory=Curve)
    temperature_celsius: Curve = field(default_factory=Curve)
    mean_utilization: Mean = field(default_factory=Mean)
    memory_peak_bytes: int | None = None
    energy_at_start_joules: float | None = None

    def take(self, sample: GpuSample, step: int, at_seconds: float) -> None:
        """Keep a newer sample, and its figures in the curves."""
        self.sample = sample
        for name in GPU_CURVES:
            getattr(self, name).add(step, at_seconds, getattr(sample, name))

    def curves(self) -> dict[str, Curve]:
        """Copies of the curves, by name."""
        return {name: copy.deepcopy(getattr(self, name)) for name in GPU_CURVES}

    def take_back(self, curves: dict[str, Curve] | None) -> None:
        """Go back to such copies; to empty curves where there are none."""
        for name in GPU_CURVES:
            setattr(self, name, Curve() if curves is None else copy.deepcopy(curves[name]))

    @property
    def energy_joules(self) -> float | None:
        """Energy drawn since the first step, or None where the GPU does not count it."""
        if self.energy_at_start_joules is None or self.sample.energy_joules is None:
            return None
        return self.sample.energy_joules - self.energy_at_start_joules
