"""cnntop against a plain loop: same network, batch, images and machine, in turns of seconds."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnntop.core.analysis.pairs import PairedRatio, paired_ratio
from cnntop.core.errors import UsageError
from cnntop.core.machine.identity import cores
from cnntop.core.recipe import Recipe
from cnntop.core.split import Split
from cnntop.tui.bench.exits import signals_as_exits
from cnntop.tui.bench.race import Arm, Go, Ready, Slot, Trained, race
from cnntop.tui.launch import Launch

PRESETS = ("shallow8", "shallow32", "shallow128", "resnet18")
_ENDLESS_EPOCHS = 1_000_000

CNNTOP, RESIDENT = "cnntop", "on one batch"
"""Names of arms: the run, and the same run without input."""


def plain(workers: int) -> str:
    """The name of the plain loop with so many workers."""
    return f"plain, {workers} workers"


@dataclass(frozen=True)
class Plan:
    """What to compare and how much of it: for each network at least `pairs` rounds in which every
    arm has a turn of `slot_seconds` and `least_steps` steps, and more until `network_seconds` are
    over. Then, if `accuracy_epochs` are given, both train for so many with each of `seeds` seeds.
    """

    presets: tuple[str, ...] = PRESETS
    settings: dict[str, Any] = field(default_factory=dict)
    network_seconds: float = 0.0
    accuracy_epochs: int | None = None
    seeds: int = 3
    pairs: int = 6
    slot_seconds: float = 4.0
    least_steps: int = 20

    def recipe(self, preset: str, **train: Any) -> Recipe:
        """Of a run that never ends by itself, but for what `train` says. Raises UsageError."""
        own = {"epochs": _ENDLESS_EPOCHS, "evaluate_every": _ENDLESS_EPOCHS} | train
        settings = self.settings | {f"train.{key}": value for key, value in own.items()}
        recipe = Launch(preset, Path(), settings=settings).recipe()
        if recipe.train.passes != 1:
            raise UsageError(
                f"preset {preset}: train.passes is {recipe.train.passes}, and the plain loop "
                "trains once on each batch; choose a preset with passes = 1."
            )
        if recipe.model.name == "speednet" or recipe.train.label_smoothing:
            raise UsageError(
                f"preset {preset} trains with techniques that the plain loop does not have; choose "
                "one of the shallow and resnet presets."
            )
        return recipe


PLAN = Plan()


@dataclass(frozen=True)
class Accuracies:
    """What both sides reach after `epochs` epochs, a seed each."""

    epochs: int
    cnntop: list[Trained]
    plain: list[Trained]

    @property
    def difference(self) -> float:
        """Of the means; above 0 where cnntop's is the better one."""
        ours, theirs = (
            statistics.mean(one.test_accuracy for one in side) for side in (self.cnntop, self.plain)
        )
        return ours - theirs


@dataclass(frozen=True)
class Measured:
    """A network, measured. The arms' slots belong together by their place; `workers` are those of
    the plain loops."""

    preset: str
    recipe: Recipe
    ready: Ready
    workers: tuple[int, ...]
    slots: dict[str, list[Slot]]
    others_cores: float
    accuracies: Accuracies | None = None

    @property
    def label(self) -> str:
        return f"{self.recipe.model.label}, batch {self.recipe.data.batch_size}"

    @property
    def best_workers(self) -> int:
        """With which the plain loop comes closest to cnntop, or leaves it behind furthest."""
        return min(self.workers, key=lambda number: self.speed(plain(number)).median)

    def images_per_second(self, name: str) -> float:
        return statistics.median(slot.images_per_second for slot in self.slots[name])

    def split(self, name: str) -> Split:
        """Where the time of an arm's slots went."""
        split = Split()
        for slot in self.slots[name]:
            assert slot.split_seconds is not None
            split += Split(**slot.split_seconds)
        return split

    def speed(self, of: str) -> PairedRatio:
        """Images a second of cnntop over those of another arm."""
        both = ([s.images_per_second for s in self.slots[name]] for name in (CNNTOP, of))
        return paired_ratio(*both)


def measure(
    plan: Plan, tell: Callable[[str], None], show: Callable[[Measured], None]
) -> list[Measured]:
    """Run all of `plan`; `tell` hears how far it is, `show` each network's figures. Raises
    CnntopError, and SystemExit for a signal; leaves neither processes nor files behind."""
    for preset in plan.presets:
        plan.recipe(preset)  # a mistake is told before anything is measured
    found = []
    with signals_as_exits():
        for preset in plan.presets:
            found.append(_measure_one(plan, preset, tell))
            show(found[-1])
    return found


def _measure_one(plan: Plan, preset: str, tell: Callable[[str], None]) -> Measured:
    recipe = plan.recipe(preset)
    go = Go(plan.slot_seconds, plan.least_steps)
    with race() as arms:
        tell(f"{preset}: getting ready")
        arms.join({CNNTOP: Arm("cnntop", recipe)})  # a dataset that is to be made is made once
        numbers = tuple(sorted({0, 2, max(2, cores())}))
        loops = {plain(number): Arm("plain", recipe, number) for number in numbers}
        arms.join({RESIDENT: Arm("resident", recipe)} | loops)
        others_cores = arms.others_cores()
        tell(f"{preset}: {', '.join(arms.ready)} in turns")
        slots: dict[str, list[Slot]] = {name: [] for name in arms.ready}
        until = time.monotonic() + plan.network_seconds
        while len(slots[CNNTOP]) < plan.pairs or time.monotonic() < until:
            for name, slot in arms.round(list(slots), go).items():
                slots[name].append(slot)
        ready = arms.ready[CNNTOP]
        measured = Measured(preset, recipe, ready, numbers, slots, others_cores())
    if plan.accuracy_epochs is None:
        return measured
    accuracies = _accuracies(plan, preset, measured.best_workers, tell)
    return replace(measured, accuracies=accuracies)


def _accuracies(plan: Plan, preset: str, workers: int, tell: Callable[[str], None]) -> Accuracies:
    epochs = plan.accuracy_epochs
    assert epochs is not None
    found = Accuracies(epochs, [], [])
    for seed in range(plan.seeds):
        recipe = plan.recipe(preset, epochs=epochs, evaluate_every=epochs, seed=seed)
        tell(f"{preset}: test accuracy after {epochs} epochs, seed {seed}")
        with race() as arms:
            ours = Arm("cnntop", recipe, whole=True)
            found.cnntop.append(arms.trained(CNNTOP, ours))
            theirs = Arm("plain", recipe, workers, whole=True)
            found.plain.append(arms.trained(plain(workers), theirs))
    return found
