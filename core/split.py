"""Where wall time went: the four parts that close to it by construction."""

from dataclasses import dataclass
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


@dataclass
class Split:
    """Seconds by part.

    `wait`: the network stands still because the augmented batch is not there. `transfer`: moving
    the batch to the device. `compute`: forward, backward, optimiser. `other`: all the rest, such
    as metrics, logging, checkpoints and evaluation.
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
