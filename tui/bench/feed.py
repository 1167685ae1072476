"""Images a second of each way from images in memory to a batch, alone and in turns."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnntop.core.analysis.pairs import PairedRatio, paired_ratio
from cnntop.core.recipe import Recipe
from cnntop.tui.bench.exits import signals_as_exits
from cnntop.tui.bench.race import Arm, Go, Ready, Slot, race
from cnntop.tui.launch import Launch

PIL, PIL_WORKERS = "pil", "pil_workers"
"""Names of arms: the plain loop's input in its own process, and in two more."""


@dataclass(frozen=True)
class Plan:
    """`rounds` turns of each way, each of `slot_seconds` and at least `least_batches` batches."""

    preset: str = "shallow32"
    settings: dict[str, Any] = field(default_factory=dict)
    rounds: int = 7
    slot_seconds: float = 2.0
    least_batches: int = 20

    def recipe(self) -> Recipe:
        """Raises UsageError."""
        return Launch(self.preset, Path(), settings=self.settings).recipe()


PLAN = Plan()


@dataclass(frozen=True)
class Measured:
    """The slots of each way belong together by their place."""

    recipe: Recipe
    ready: dict[str, Ready]
    slots: dict[str, list[Slot]]
    others_cores: float

    def images_per_second(self, name: str) -> float:
        return statistics.median(slot.images_per_second for slot in self.slots[name])

    def cpu_seconds_per_image(self, name: str) -> float:
        return statistics.median(1.0 / slot.images_per_cpu_second for slot in self.slots[name])

    def speed(self, name: str) -> PairedRatio:
        """Images a second over those of PIL."""
        return paired_ratio(*([s.images_per_second for s in self.slots[n]] for n in (name, PIL)))

    def speed_per_core(self, name: str) -> PairedRatio:
        """Images a CPU second over those of PIL."""
        both = ([s.images_per_cpu_second for s in self.slots[n]] for n in (name, PIL))
        return paired_ratio(*both)


def measure(plan: Plan, tell: Callable[[str], None]) -> Measured:
    """Run all of `plan`; `tell` hears how far it is. Raises CnntopError, and SystemExit for a
    signal; leaves neither processes nor files behind."""
    recipe = plan.recipe()
    with signals_as_exits(), race() as arms:
        tell("getting ready")
        arms.join({PIL: Arm("pil", recipe)})  # a dataset that is to be made is made once
        ways = {PIL_WORKERS: Arm("pil", recipe, 2), "loader": Arm("loader", recipe)}
        ways["cpu"] = Arm("cpu", recipe)
        if arms.ready[PIL].device.startswith("cuda"):
            ways["device"] = Arm("device", recipe)
        arms.join(ways)
        others_cores = arms.others_cores()
        names = [PIL, *ways]
        slots: dict[str, list[Slot]] = {name: [] for name in names}
        tell(f"{', '.join(names)} in turns")
        for _ in range(plan.rounds):
            for name, slot in arms.round(names, Go(plan.slot_seconds, plan.least_batches)).items():
                slots[name].append(slot)
        return Measured(recipe, arms.ready, slots, others_cores())
