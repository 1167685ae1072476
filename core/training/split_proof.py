"""Proof of the split: known delays in, the measured split out, through the real training loop.

Each figure is a median over pairs of steps next to each other, one with the delay and one without,
so that neither a slow machine nor a disturbed step moves it.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import get_args

import msgspec
import torch

from cnntop.core.control import Control
from cnntop.core.events import AnyEvent, StepsMeasured
from cnntop.core.machine.identity import cpu_name
from cnntop.core.recipe import resolve
from cnntop.core.split import PARTS, Split
from cnntop.core.training import models
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import BatchSource
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.delays import (
    DelayedBatches,
    DelayedNetwork,
    DelayedPart,
    SlowPictures,
    Turn,
    Turns,
)
from cnntop.core.training.loader import LoaderBatches, Pictures
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.preparation import Prepared, Sources
from cnntop.core.training.step_clock import StepClock
from cnntop.core.training.stopwatch import HostStopwatch

PAIRS = {0.001: 300, 0.005: 100, 0.02: 40}
"""Delays in seconds and how many pairs of steps prove each."""
COMPUTE_SECONDS = 0.008
"""What a step computes without them, so that the delays lie below and above it."""
_WARM_UP_STEPS = 20


@dataclass(frozen=True)
class DelayRow:
    """A delay and what became of it; seconds a step, medians. `leak_fraction` is what the other
    three parts changed by, taken together, as a share of the delay."""

    part: DelayedPart
    injected_seconds: float
    measured_seconds: float
    leak_fraction: float

    @property
    def holds(self) -> bool:
        error = abs(self.measured_seconds - self.injected_seconds)
        return error <= max(0.01 * self.injected_seconds, 50e-6) and self.leak_fraction <= 0.01


@dataclass(frozen=True)
class HiddenRow:
    """Workers that take `loading_seconds` a batch beside a longer compute: what of it the network
    waited for, and what was measured as hidden. Seconds a step, medians."""

    loading_seconds: float
    step_seconds: float
    wait_seconds: float
    hidden_wait_seconds: float

    @property
    def holds(self) -> bool:
        return self.wait_seconds <= 0.01 * self.step_seconds


@dataclass(frozen=True)
class DifferenceRow:
    """A step with fresh batches against one with a batch that is there already: the time between
    them and the exposed wait that the split tells. Seconds a step, medians."""

    name: str
    step_seconds: float
    difference_seconds: float
    wait_seconds: float

    @property
    def holds(self) -> bool:
        error = abs(self.difference_seconds - self.wait_seconds)
        return error <= 0.02 * self.step_seconds


@dataclass(frozen=True)
class SplitProof:
    rows: tuple[DelayRow, ...]
    closure_fraction: float
    hidden: HiddenRow
    differences: tuple[DifferenceRow, ...]
    device_name: str

    @property
    def closes(self) -> bool:
        return self.closure_fraction >= 0.995

    @property
    def holds(self) -> bool:
        every = (*(row.holds for row in self.rows), *(row.holds for row in self.differences))
        return self.closes and self.hidden.holds and all(every)


def prove(progress: Callable[[str], None], pairs: dict[float, int] = PAIRS) -> SplitProof:
    """Run the whole proof on the CPU, on one thread; `pairs` says how many for each delay.

    Tells `progress` what comes next. Sets torch's number of threads.
    """
    torch.set_num_threads(1)
    progress("delays in loading, transfer and compute")
    rows, closure = _delay_rows(pairs)
    progress("work that workers hide")
    count = max(pairs.values()) // 2
    hidden = _hidden_row(2 * count // 3)
    ways: tuple[tuple[str, MakeSource, int], ...] = (
        ("cpu", _on_cpu, 1),
        ("loader, no workers", partial(_loader, 0, 0.0), 1),
        # Workers come in turns and have batches in stock, so that whole blocks are compared.
        ("loader, two workers", partial(_loader, 2, 0.06), 10),
    )
    differences = []
    for name, source, block in ways:
        progress(f"fresh batches against one that is there already: {name}")
        differences.append(_difference_row(name, source, block, count // block))
    return SplitProof(rows, closure, hidden, tuple(differences), cpu_name())


class _LapByLap(HostStopwatch):
    """The real stopwatch, each lap also kept by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[dict[str, float]] = []

    def lap(self, name: str) -> None:
        before = self._last
        super().lap(name)
        seconds = (self._last - before) / 1e9
        if name == "wait":
            self.steps.append(dict.fromkeys(PARTS, 0.0))
        if self.steps and name != "outside":
            part = "compute" if name in ("forward", "backward", "optimizer") else name
            self.steps[-1][part] += seconds


class _Stamps:
    """Notes when each stretch of steps was told."""

    def __init__(self) -> None:
        self.told: list[tuple[float, StepsMeasured]] = []

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, StepsMeasured):
            self.told.append((time.perf_counter(), event))


@dataclass(frozen=True)
class _Step:
    """A step's turn, the laps of its parts, and its time on a clock of our own."""

    turn: Turn
    parts: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class _Trained:
    """All steps of a run, and its stretches as they were told."""

    steps: list[_Step]
    stretches: list[StepsMeasured]
    wall_seconds: float
    """Of the stretches, on a clock of our own."""


MakeSource = Callable[[Sources], BatchSource]


def _train(
    turns: list[Turn], batch_size: int, source: MakeSource, compute_seconds: float = COMPUTE_SECONDS
) -> _Trained:
    """Train ShallowNet 8 for one pass, one step a turn; warm-up comes before and is left out."""
    plan = Turns([Turn() for _ in range(_WARM_UP_STEPS)] + turns + [Turn()])
    prepared = _prepared(plan, batch_size, source, compute_seconds)
    watch, stamps = _LapByLap(), _Stamps()
    with tempfile.TemporaryDirectory() as folder:
        loop = TrainingLoop(prepared, Control(), stamps, Path(folder), StepClock(watch))
        try:
            loop.run()
        finally:
            prepared.batches.close()
    steps = [
        _Step(turn, parts, after.asked_at - turn.asked_at)
        for turn, after, parts in zip(plan.all, plan.all[1:], watch.steps, strict=False)
    ]
    first, last = stamps.told[0][0], stamps.told[-1][0]
    stretches = [event for _, event in stamps.told[1:]]
    return _Trained(steps[_WARM_UP_STEPS:], stretches, last - first)


def _prepared(plan: Turns, batch_size: int, source: MakeSource, compute_seconds: float) -> Prepared:
    recipe = resolve(
        {
            "model": {"name": "shallow", "kernels": 8},
            "data": {"batch_size": batch_size, "augment_on": "cpu"},
            "train": {"epochs": 1},
        },
        "bench split",
    )
    device = torch.device("cpu")
    count = (len(plan.all) + 2) * batch_size
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    train = ImageSet(images, torch.randint(0, 10, (count,)))
    test = ImageSet(images[:10], train.labels[:10])
    dataset = Dataset("random", tuple("0123456789"), train, test)
    normalization = Normalization(images)
    model = models.build(recipe.model, 3, 10, 32)
    network = DelayedNetwork(model, normalization, recipe.train, device)
    network.turns, network.step_seconds = plan, compute_seconds
    sources = Sources(recipe, dataset, normalization, device)
    batches = DelayedBatches(source(sources), plan)
    return Prepared(recipe, dataset, network, device, sources, batches)


def _on_cpu(sources: Sources) -> BatchSource:
    return sources.make("cpu")


def _loader(workers: int, delay_seconds: float, sources: Sources) -> BatchSource:
    data = msgspec.structs.replace(sources.recipe.data, workers=workers)
    images = sources.dataset.train
    pictures = SlowPictures(Pictures(images, data, sources.normalization), delay_seconds)
    return LoaderBatches(pictures, len(images), data, 0, sources.device)


def _delay_rows(pairs: dict[float, int]) -> tuple[tuple[DelayRow, ...], float]:
    draw = random.Random(0)
    kinds: list[tuple[DelayedPart, float]] = list(product(get_args(DelayedPart), pairs))
    order = [kind for kind in kinds for _ in range(pairs[kind[1]])]
    draw.shuffle(order)
    turns: list[Turn] = []
    for part, seconds in order:
        pair = [Turn(part, seconds, fresh_batch=False), Turn(fresh_batch=False)]
        draw.shuffle(pair)
        turns += pair
    trained = _train(turns, batch_size=4, source=_on_cpu)
    steps = trained.steps
    found: dict[tuple[DelayedPart, float], list[tuple[_Step, _Step]]] = {kind: [] for kind in kinds}
    for kind, one, other in zip(order, steps[::2], steps[1::2], strict=True):
        found[kind].append((one, other) if one.turn.part else (other, one))
    told = _told(trained).seconds
    closure = min(told / trained.wall_seconds, trained.wall_seconds / told)
    return tuple(_delay_row(kind[0], pairs) for kind, pairs in found.items()), closure


def _told(trained: _Trained) -> Split:
    split = Split()
    for stretch in trained.stretches:
        split.add(stretch)
    return split


def _delay_row(part: DelayedPart, pairs: list[tuple[_Step, _Step]]) -> DelayRow:
    injected = statistics.median(late.turn.delayed_seconds for late, _ in pairs)
    off = {
        name: statistics.median(
            late.parts[name] - usual.parts[name] - (late.turn.delayed_seconds * (name == part))
            for late, usual in pairs
        )
        for name in PARTS
    }
    leaked = sum(abs(seconds) for name, seconds in off.items() if name != part)
    return DelayRow(part, injected, injected + off[part], leaked / injected)


def _hidden_row(count: int) -> HiddenRow:
    loading, compute = 0.04, 0.06
    trained = _train([Turn() for _ in range(count)], 8, partial(_loader, 2, loading), compute)
    steps = sum(stretch.steps for stretch in trained.stretches)
    hidden = sum(stretch.hidden_wait_seconds or 0.0 for stretch in trained.stretches)
    told = _told(trained)
    return HiddenRow(loading, told.seconds / steps, told.wait / steps, hidden / steps)


def _difference_row(name: str, source: MakeSource, block: int, count: int) -> DifferenceRow:
    """From `count` pairs of blocks of `block` steps, one with fresh batches, one without."""
    turns = [Turn(fresh_batch=at // block % 2 == 0) for at in range(2 * block * count)]
    steps = _train(turns, 32, source).steps
    blocks = [steps[at : at + block] for at in range(0, len(steps), block)]
    seconds = [statistics.mean(step.seconds for step in block) for block in blocks]
    waits = [statistics.mean(step.parts["wait"] for step in block) for block in blocks]
    fresh, resident = seconds[::2], seconds[1::2]
    return DifferenceRow(
        name,
        statistics.median(fresh),
        statistics.median(a - b for a, b in zip(fresh, resident, strict=True)),
        statistics.median(waits[::2]),
    )
