"""Augmentation the paper's way: torchvision's transforms on one picture at a time, in workers."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset
from torchvision.transforms import v2

from cnntop.core import recipe
from cnntop.core.errors import CnntopError
from cnntop.core.machine.identity import cores
from cnntop.core.training.augmentation import CROP_PADDING, Normalization
from cnntop.core.training.batches import Batch, epoch_seed
from cnntop.core.training.datasets import ImageSet


class LoaderBatches:
    """One image at a time as a picture, through torchvision's transforms, in worker processes:
    the way the paper did it. Yields normalised float32 images."""

    augment_on = "loader"

    def __init__(
        self, images: ImageSet, data: recipe.Data, seed: int, normalization: Normalization,
        device: torch.device,
    ) -> None:  # fmt: skip
        self._seed = seed
        self._order = _EpochOrder(len(images))
        workers = min(4, cores()) if data.workers is None else data.workers
        pictures = _Pictures(images, _transform(data, images, normalization))
        self._loader: DataLoader[Any] = DataLoader(
            pictures,
            data.batch_size,
            sampler=self._order,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            # A plain fork of a process with threads can deadlock in the child.
            multiprocessing_context="forkserver" if workers else None,
        )

    def epoch(self, epoch: int) -> Iterator[Batch]:
        self._order.seed = epoch_seed(self._seed, epoch)
        with _interrupts_blocked():
            batches = iter(self._loader)  # the first call starts the workers
        try:
            yield from batches
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise CnntopError(
                f"a DataLoader worker died: {error}. The likely cause is too little memory, in all "
                "or in /dev/shm; try fewer --workers, or --set augment_on=cpu, which needs none."
            ) from error

    def close(self) -> None:
        del self._loader


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal, and only the main one shall answer it.

    Workers started inside inherit that this thread blocks SIGINT. The resource tracker comes
    first, because starting it unblocks SIGINT (CPython 3.11 to 3.13).
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _EpochOrder(Sampler[tuple[int, int]]):
    """The images in an order drawn from `seed`, each with a seed of its own: what is drawn for an
    image then depends on neither the workers nor the epochs before."""

    def __init__(self, count: int) -> None:
        self.seed = 0
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self.seed)
        seeds = torch.randint(2**62, (self._count,), generator=generator).tolist()
        order = torch.randperm(self._count, generator=generator).tolist()
        return zip(order, seeds, strict=True)


class _Pictures(TorchDataset[tuple[Any, int]]):
    def __init__(self, images: ImageSet, transform: v2.Transform) -> None:
        # Shared memory, so that workers started afresh get a handle and not a copy.
        self._images = images.images.share_memory_()
        self._labels: Sequence[int] = images.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Any, int]:
        """The image `key[0]` as tensor with its label, augmented as the seed `key[1]` draws."""
        index, seed = key
        torch.default_generator.manual_seed(seed)
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
