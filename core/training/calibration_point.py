"""A network at a batch size, measured: the run's own loop, evaluation and checkpoints."""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch

from cnntop.core.analysis.profile import Rounds, Steps
from cnntop.core.control import Control
from cnntop.core.events import AnyEvent, CheckpointSaved, LimitsMeasured, StepsMeasured
from cnntop.core.recipe import Recipe
from cnntop.core.training.datasets import ImageSet
from cnntop.core.training.evaluation import EVALUATION_BATCH, evaluate
from cnntop.core.training.foreign_model import LoadedCode
from cnntop.core.training.input_paths import Loaded
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.memory import memory_watched
from cnntop.core.training.preparation import Prepared, build


class Point:
    """A network at a batch size, ready to train, and what was measured of it."""

    def __init__(
        self, recipe: Recipe, loaded: Loaded, folder: Path, code: LoadedCode | None = None
    ) -> None:
        """With `code` the network is what that makes, not the recipe's own."""
        self.recipe = recipe
        self.step_seconds: list[float] = []
        self.evaluation_seconds: list[float] = []
        self.checkpoint_seconds: list[float] = []
        self._folder = folder
        told = _Limits()
        with memory_watched(recipe, "building the network"):
            prepared = build(recipe, loaded.dataset, loaded.device, told, lambda: False, code=code)
        self.flop_per_image = told.flop_per_image
        self._augment_on, self._workers = prepared.batches.augment_on, prepared.batches.workers
        prepared.batches.close()
        # Between its slots none but the network stays: sources may hold memory of the GPU.
        self._prepared = replace(prepared, batches=prepared.sources.make("cpu"))

    def slot(self, seconds: float) -> None:
        """Train for so long, beyond a warm-up, and evaluate for a fraction of it."""
        prepared = self._prepared
        torch.set_num_threads(prepared.network.computation.threads)
        live = replace(prepared, batches=prepared.sources.make(self._augment_on))
        slot = Slot(seconds, 2 * (self._workers or 0))
        try:
            TrainingLoop(live, slot.control, slot, self._folder).run()
        finally:
            live.batches.close()
        self.step_seconds.append(slot.step_seconds)
        self.checkpoint_seconds += slot.checkpoint_seconds
        self.evaluation_seconds.append(_evaluation_seconds(prepared, seconds / 4))

    def steps(self) -> Steps:
        return Steps(
            batch_size=self.recipe.data.batch_size,
            augment_on=self._augment_on,
            computed=self._prepared.network.computation.label,
            step_seconds=rounded(self.step_seconds),
        )


class _Limits:
    """Hears what a network computes, while a run is built."""

    flop_per_image: float | None = None

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, LimitsMeasured):
            self.flop_per_image = event.flop_per_image


class Slot:
    """Hears a loop, times it, and ends it after `seconds` and two steps. Its first stretch, and as
    many steps as workers had in stock, are warm-up.

    All time between two events is the steps' but what a checkpoint takes: where a slot spans
    several passes, what each of them begins and ends with is in its steps.
    """

    def __init__(self, seconds: float, warm_up_steps: int) -> None:
        self.control = Control()
        self.checkpoint_seconds: list[float] = []
        self._wanted_seconds = seconds
        self._warm_up_steps = warm_up_steps
        self._warmed_steps = self._steps = 0
        self._seconds = 0.0
        self._at = time.perf_counter()

    @property
    def step_seconds(self) -> float:
        return self._seconds / self._steps

    def emit(self, event: AnyEvent) -> None:
        now = time.perf_counter()
        took, self._at = now - self._at, now
        if isinstance(event, CheckpointSaved):
            self.checkpoint_seconds.append(took)
        elif self._warmed_steps > self._warm_up_steps:
            self._seconds += took
            self._steps += event.steps if isinstance(event, StepsMeasured) else 0
            if self._seconds >= self._wanted_seconds and self._steps > 1:
                self.control.stop()
        elif isinstance(event, StepsMeasured):
            self._warmed_steps += event.steps


def _evaluation_seconds(prepared: Prepared, seconds: float) -> float:
    """Of an image, from as many test images as take about `seconds`."""
    test, size = prepared.dataset.test, EVALUATION_BATCH[prepared.device.type]

    def timed(images: int) -> float:
        part = ImageSet(test.images[:images], test.labels[:images])
        begun = time.perf_counter()
        evaluate(prepared.network, part, _Limits(), lambda: True)
        return (time.perf_counter() - begun) / len(part)

    first = timed(size)  # which also is warm-up
    batches = max(1, round(seconds / first / size))
    return timed(min(len(test), batches * size))


def rounded(figures: Iterable[float]) -> Rounds:
    """To what they are worth."""
    return tuple(float(f"{figure:.5g}") for figure in figures)
