"""Where augmented batches come from: three ways to augment, one meaning (P6, P11).

Each source yields `(images, labels)` for one epoch in an order drawn from the recipe's seed and
the epoch's number alone, so that any epoch can be repeated without the ones before it.
"""

from collections.abc import Iterator
from typing import Protocol

import torch

from cnntop.core import recipe
from cnntop.core.training.augmentation import augment
from cnntop.core.training.datasets import ImageSet

Batch = tuple[torch.Tensor, torch.Tensor]
"""Images, uint8 or already normalised float32 [N, C, H, W], and int64 labels [N]."""

_EPOCH_STRIDE = 1_000_003
"""A prime, so that the seeds of neighbouring runs and epochs do not coincide."""


class BatchSource(Protocol):
    augment_on: str

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one pass over the training set; the last one may be smaller."""

    def close(self) -> None:
        """Let go of worker processes, if there are any."""


class ResidentBatches:
    """All images in the memory of one device, augmented there a batch at a time."""

    def __init__(
        self, images: ImageSet, data: recipe.Data, seed: int, device: torch.device, augment_on: str
    ) -> None:
        self.augment_on = augment_on
        self._images = images.images.to(device)
        self._labels = images.labels.to(device)
        self._data = data
        self._seed = seed
        self._device = device

    def epoch(self, epoch: int) -> Iterator[Batch]:
        generator = torch.Generator(self._device).manual_seed(epoch_seed(self._seed, epoch))
        order = torch.randperm(len(self._labels), generator=generator, device=self._device)
        for chosen in order.split(self._data.batch_size):
            images = augment(self._images[chosen], self._data.augment, generator)
            yield images, self._labels[chosen]

    def close(self) -> None:
        pass


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of all that is drawn in one pass, from the recipe's seed and the epoch's number."""
    return seed * _EPOCH_STRIDE + epoch
