"""Where augmented batches come from: three ways to augment, one meaning (P6, P11).

Each source yields `(images, labels)` for one epoch in an order drawn from the recipe's seed and
the epoch's number alone, so that any epoch can be repeated without the ones before it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision.transforms import v2

from cnntop.core import recipe
from cnntop.core.machine.identity import cores
from cnntop.core.training.augmentation import CROP_PADDING, Normalization, augment
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.workers import ignore_interrupts

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
        generator = torch.Generator(self._device).manual_seed(_epoch_seed(self._seed, epoch))
        order = torch.randperm(len(self._labels), generator=generator, device=self._device)
        for chosen in order.split(self._data.batch_size):
            images = augment(self._images[chosen], self._data.augment, generator)
            yield images, self._labels[chosen]

    def close(self) -> None:
        pass


class LoaderBatches:
    """One image at a time as a picture, through torchvision's transforms, in worker processes:
    the way the paper did it. Yields normalised float32 images."""

    augment_on = "loader"

    def __init__(
        self, images: ImageSet, data: recipe.Data, seed: int, normalization: Normalization,
        device: torch.device,
    ) -> None:  # fmt: skip
        self._seed = seed
        self._generator = torch.Generator()
        workers = min(4, cores()) if data.workers is None else data.workers
        pictures = _Pictures(images, _transform(data, images, normalization))
        self._loader: DataLoader[Any] = DataLoader(
            pictures,
            data.batch_size,
            shuffle=True,
            generator=self._generator,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            worker_init_fn=ignore_interrupts,
            # A plain fork of a process with threads can deadlock in the child.
            multiprocessing_context="forkserver" if workers else None,
        )

    def epoch(self, epoch: int) -> Iterator[Batch]:
        # Shuffling and the workers' seeds are both drawn from this generator.
        self._generator.manual_seed(_epoch_seed(self._seed, epoch))
        if self._loader.num_workers == 0:
            torch.manual_seed(_epoch_seed(self._seed, epoch))
        yield from self._loader

    def close(self) -> None:
        del self._loader


class _Pictures(TorchDataset[tuple[Any, int]]):
    def __init__(self, images: ImageSet, transform: v2.Transform) -> None:
        # Shared memory, so that workers started afresh get a handle and not a copy.
        self._images = images.images.share_memory_()
        self._labels: Sequence[int] = images.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self._transform(self._images[index]), self._labels[index]


def _transform(data: recipe.Data, images: ImageSet, normalization: Normalization) -> v2.Transform:
    steps: list[Any] = [v2.ToPILImage()]
    if "crop" in data.augment:
        height, width = images.images.shape[2:]
        steps.append(v2.RandomCrop((height, width), padding=CROP_PADDING))
    if "hflip" in data.augment:
        steps.append(v2.RandomHorizontalFlip())
    if "vflip" in data.augment:
        steps.append(v2.RandomVerticalFlip())
    steps += [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((normalization.mean / 255).tolist(), (normalization.deviation / 255).tolist()),
    ]
    return v2.Compose(steps)


def batch_source(
    chosen: recipe.Recipe,
    dataset: Dataset,
    normalization: Normalization,
    device: torch.device,
) -> BatchSource:
    """The source for the recipe's `augment_on`; "auto" augments where the network trains."""
    data, seed = chosen.data, chosen.train.seed
    if data.augment_on == "loader":
        return LoaderBatches(dataset.train, data, seed, normalization, device)
    augment_on = data.augment_on
    if augment_on == "auto":
        augment_on = "device" if device.type == "cuda" else "cpu"
    where = device if augment_on == "device" else torch.device("cpu")
    return ResidentBatches(dataset.train, data, seed, where, augment_on)


def _epoch_seed(seed: int, epoch: int) -> int:
    return seed * _EPOCH_STRIDE + epoch
