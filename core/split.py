"""Where wall time went: the four parts that close to it by construction."""

from dataclasses import dataclass, field, fields
from typing import Protocol

PARTS = ("wait", "transfer", "compute", "other")
"""In the order every screen, table and file uses."""


class Timed(Protocol):
    """An event that carries the four parts."""

    @property
    def wait_seconds(self) -> float: ...
    @property
    def transfer_seconds(self) -> float: ...
    @property
    def compute_seconds(self) -> float: ...
    @property
    def other_seconds(self) -> float: ...


class Detailed(Timed, Protocol):
    """An event that carries figures beyond the four parts; None is what was not measured."""

    @property
    def images(self) -> int: ...
    @property
    def hidden_wait_seconds(self) -> float | None: ...
    @property
    def augment_cpu_seconds(self) -> float | None: ...
    @property
    def forward_seconds(self) -> float | None: ...
    @property
    def backward_seconds(self) -> float | None: ...
    @property
    def optimizer_seconds(self) -> float | None: ...
    @property
    def launch_gap_seconds(self) -> float | None: ...


@dataclass
class Split:
    """Seconds by part.

    `wait`: the network stands still because the augmented batch is not there (*exposed* wait).
    `transfer`: moving the batch to the device. `compute`: forward, backward, optimiser. `other`:
    all the rest, such as metrics, logging, checkpoints and evaluation.
    """

    wait: float = 0.0
    transfer: float = 0.0
    compute: float = 0.0
    other: float = 0.0

    def add(self, timed: Timed) -> None:
        self.wait += timed.wait_seconds
        self.transfer += timed.transfer_seconds
        self.compute += timed.compute_seconds
        self.other += timed.other_seconds

    def __add__(self, more: "Split") -> "Split":
        return Split(
            self.wait + more.wait,
            self.transfer + more.transfer,
            self.compute + more.compute,
            self.other + more.other,
        )

    def __mul__(self, factor: float) -> "Split":
        return Split(
            self.wait * factor, self.transfer * factor, self.compute * factor, self.other * factor
        )

    @property
    def seconds(self) -> float:
        return self.wait + self.transfer + self.compute + self.other

    def parts(self) -> dict[str, float]:
        """Seconds by part."""
        return {name: getattr(self, name) for name in PARTS}

    def fractions(self) -> dict[str, float | None]:
        """Share of each part, 0 to 1; None before any time was measured."""
        total = self.seconds
        return {n: seconds / total if total > 0 else None for n, seconds in self.parts().items()}


@dataclass
class Ratio:
    """A sum over a sum, of those stretches alone in which the figure was measured."""

    total: float = 0.0
    base: float = 0.0

    def add(self, total: float | None, base: float) -> None:
        if total is not None:
            self.total += total
            self.base += base

    def __add__(self, more: "Ratio") -> "Ratio":
        return Ratio(self.total + more.total, self.base + more.base)

    @property
    def value(self) -> float | None:
        return self.total / self.base if self.base > 0 else None


@dataclass
class StepDetail:
    """What is known of the steps beyond the four parts.

    `hidden_wait`: share of the steps' time in which batches were prepared while the network did
    not wait for them. `augment_cpu`: CPU seconds an image. `forward`, `backward`, `optimizer` and
    `launch_gap`: shares of compute.
    """

    hidden_wait: Ratio = field(default_factory=Ratio)
    augment_cpu: Ratio = field(default_factory=Ratio)
    forward: Ratio = field(default_factory=Ratio)
    backward: Ratio = field(default_factory=Ratio)
    optimizer: Ratio = field(default_factory=Ratio)
    launch_gap: Ratio = field(default_factory=Ratio)

    def add(self, event: Detailed) -> None:
        compute = event.compute_seconds
        seconds = event.wait_seconds + event.transfer_seconds + compute + event.other_seconds
        self.hidden_wait.add(event.hidden_wait_seconds, seconds)
        self.augment_cpu.add(event.augment_cpu_seconds, event.images)
        self.forward.add(event.forward_seconds, compute)
        self.backward.add(event.backward_seconds, compute)
        self.optimizer.add(event.optimizer_seconds, compute)
        self.launch_gap.add(event.launch_gap_seconds, compute)

    def __add__(self, more: "StepDetail") -> "StepDetail":
        names = [one.name for one in fields(self)]
        return StepDetail(**{name: getattr(self, name) + getattr(more, name) for name in names})
