"""Each way from images in memory to a batch that a network can take, without the network."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from cnntop.core.events import AnyEvent
from cnntop.core.recipe import Recipe
from cnntop.core.training import device as devices
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import BatchSource
from cnntop.core.training.datasets import Dataset, load
from cnntop.core.training.preparation import Sources

PathName = Literal["pil", "loader", "cpu", "device"]
"""The plain loop's, and cnntop's three."""


class _Silence:
    def emit(self, event: AnyEvent) -> None:
        pass


@dataclass(frozen=True)
class Loaded:
    """A recipe's images, and where it trains on them."""

    dataset: Dataset
    device: torch.device

    @property
    def device_name(self) -> str:
        return devices.device_name(self.device)

    @property
    def threads(self) -> int:
        return torch.get_num_threads()


def load_images(recipe: Recipe) -> Loaded:
    """As a run does it, torch's threads included. Raises UsageError and DatasetError."""
    if recipe.machine.threads is not None:
        torch.set_num_threads(recipe.machine.threads)
    device = devices.choose(recipe.machine.device)
    data = recipe.data
    folder = None if data.dir is None else Path(data.dir)
    return Loaded(load(data.dataset, folder, data.image_size, _Silence()), device)


class InputPath:
    """Batches as float32, normalised, on the device that would train. `workers` is what its loader
    has; for "pil" it is to be given."""

    def __init__(
        self, name: PathName, recipe: Recipe, loaded: Loaded, workers: int | None = None
    ) -> None:
        dataset, self._device = loaded.dataset, loaded.device
        self._normalization = Normalization(dataset.train.images).to(self._device)
        self.workers = workers
        self._pil: Iterable[Any] | None = None
        self._source: BatchSource | None = None
        if name == "pil":
            # Imported here because torchvision's transforms take seconds to import.
            from cnntop.core.training.plain_loop import training_batches

            self._pil = training_batches(recipe, dataset.train, workers or 0)
        else:
            sources = Sources(recipe, dataset, self._normalization, self._device)
            self._source = sources.make(name)
            self.workers = self._source.workers

    def epoch(self, epoch: int) -> Iterator[int]:
        """Have each batch of a pass ready, and yield the number of its images."""
        batches = self._pil if self._source is None else self._source.epoch(epoch)
        assert batches is not None
        for images, labels, *_ in batches:
            moved = images.to(self._device, non_blocking=True)
            labels.to(self._device, non_blocking=True)
            if moved.dtype == torch.uint8:
                self._normalization(moved)
            yield len(labels)

    def close(self) -> None:
        """End a pass of cnntop's ways that is under way, and the processes that work for it."""
        if self._source is not None:
            self._source.close()

    def settle(self) -> None:
        """Wait until the device has done what it was told."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
