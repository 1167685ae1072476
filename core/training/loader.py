"""Augmentation the paper's way: torchvision's transforms on one picture at a time, in workers."""

import multiprocessing
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler, default_collate
from torch.utils.data import Dataset as TorchDataset
from torchvision.transforms import v2

from cnntop.core import recipe
from cnntop.core.errors import CnntopError
from cnntop.core.machine.identity import cores
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import (
    Batch,
    alone,
    epoch_order,
    mirrored,
    pass_generator,
    timed,
)
from cnntop.core.training.datasets import ImageSet

_LOOK_SECONDS = 1.0


class LoaderBatches:
    """One image at a time as a picture, through torchvision's transforms, in worker processes:
    the way the paper did it. Yields normalised float32 images."""

    augment_on = "loader"

    def __init__(
        self, pictures: TorchDataset[Batch], count: int, data: recipe.Data, seed: int,
        device: torch.device,
    ) -> None:  # fmt: skip
        """`pictures`, of `count` images, gives a batch for a list of keys, as `Pictures` does."""
        self.workers = min(4, cores()) if data.workers is None else data.workers
        self._order = _PassOrder(count, data, seed)
        self._loader: DataLoader[Any] | None = DataLoader(
            pictures,
            batch_size=None,  # the order gives whole batches
            sampler=self._order,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=device.type == "cuda",
            # A plain fork of a process with threads can deadlock in the child.
            multiprocessing_context="forkserver" if self.workers else None,
            # Its own, because the default one draws the network's dropout.
            generator=torch.Generator(),
        )
        self._processes: list[BaseProcess] = []
        self._pass: Generator[Batch] | None = None

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        self._pass = self._batches(epoch, first_batch)
        return self._pass

    def _batches(self, epoch: int, first_batch: int) -> Generator[Batch]:
        assert self._loader is not None, "closed"
        self._order.epoch, self._order.first_batch = epoch, first_batch
        with _loss_told(self.workers):
            others = multiprocessing.active_children()
            with _interrupts_blocked():
                # The first call starts the workers, the others wait for a word of each.
                batches = iter(self._loader)
            self._processes += [
                one for one in multiprocessing.active_children() if one not in others
            ]
            yield from ahead(batches, self._require_alive) if self.workers else batches

    def _require_alive(self) -> None:
        """Raises RuntimeError in torch's words. It looks by itself, but only every five seconds."""
        for one in self._processes:
            if one.exitcode is not None:
                raise RuntimeError(f"DataLoader worker {one.pid}: exit code {one.exitcode}")

    def close(self) -> None:
        # torch ends the workers, after the batch that each works on, when nobody holds its
        # iterator: neither a pass under way nor the loader.
        if self._pass is not None:
            self._pass.close()
        self._loader = None


def ahead(batches: Iterator[Batch], look: Callable[[], None] = lambda: None) -> Generator[Batch]:
    """`batches`, fetched by a thread of its own while the network computes.

    Taking a batch over from another process costs some tenths of a millisecond to a millisecond,
    however long ago it was ready. Ends the thread when it is closed; raises what `batches` raises.
    When a batch keeps it waiting, `look` is called now and then; if that raises, the thread is left
    to end by itself, because what it waits for may never come.
    """
    ready: queue.Queue[Batch | Exception | None] = queue.Queue(maxsize=2)
    closed = threading.Event()

    def fetch() -> None:
        try:
            for batch in batches:
                ready.put(batch)
                if closed.is_set():
                    return
            ready.put(None)
        except Exception as error:  # noqa: BLE001  raised where the batch is asked for
            ready.put(error)

    fetcher = threading.Thread(target=fetch, name="cnntop-fetcher", daemon=True)
    fetcher.start()
    lost = False
    try:
        while True:
            try:
                batch = ready.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                lost = True
                look()
                lost = False
                continue
            if batch is None:
                return
            if isinstance(batch, Exception):
                raise batch
            yield batch
    finally:
        closed.set()
        while fetcher.is_alive() and not lost:
            with suppress(queue.Empty):
                ready.get(timeout=0.01)  # what it holds may be all that keeps it from seeing


@contextmanager
def _loss_told(workers: int) -> Iterator[None]:
    """While entered, what breaks because a worker died is raised as CnntopError."""
    try:
        yield
    except (RuntimeError, OSError, EOFError) as error:
        # torch has words for a worker that is gone. Where it notices by a connection to it that
        # breaks, because a batch is just being taken over, it has none.
        in_words = "DataLoader worker" in str(error)
        if not workers or (isinstance(error, RuntimeError) and not in_words):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[-1]
        raise CnntopError(
            f"a DataLoader worker died ({reason}). The likely cause is too little memory, in all "
            "or in /dev/shm; try fewer --workers, or --set augment_on=cpu, which needs none."
        ) from error


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl-C and a hang-up reach every process of the terminal, and only the main one shall answer
    them.

    Workers started inside inherit that this thread blocks SIGINT and SIGHUP. The resource tracker
    comes first, because starting it unblocks SIGINT (CPython 3.11 to 3.13). It inherits standard
    error by its number, which the stand-in that a screen puts in its place does not have.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        with redirect_stderr(sys.__stderr__):
            resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


Key = tuple[int, int, bool]
"""An image's index, a seed of its own, and whether it is the pass's turn to mirror it: what is
drawn for it then depends on neither the workers nor the images before."""


class _PassOrder(Sampler[list[Key]]):
    """The batches of pass `epoch` from number `first_batch` on, each as a list of keys."""

    def __init__(self, count: int, data: recipe.Data, seed: int) -> None:
        self.epoch = 0
        self.first_batch = 0
        self._count = count
        self._batch_size = data.batch_size
        self._alternates = "altflip" in data.augment
        self._seed = seed

    def __iter__(self) -> Iterator[list[Key]]:
        order = epoch_order(self._count, self._seed, self.epoch)
        generator = pass_generator(self._seed, self.epoch, "draws")
        seeds = torch.randint(2**62, (self._count,), generator=generator)
        turns = torch.zeros(self._count, dtype=torch.bool)
        if self._alternates:
            turns = mirrored(order, self._seed, self.epoch)
        keys = list(zip(order.tolist(), seeds.tolist(), turns.tolist(), strict=True))
        size = self._batch_size
        for begin in range(self.first_batch * size, self._count, size):
            yield keys[begin : begin + size]


class Pictures(TorchDataset[Batch]):
    """Images as pictures, augmented one by one."""

    def __init__(self, images: ImageSet, data: recipe.Data, normalization: Normalization) -> None:
        # Shared memory, so that workers started afresh get a handle and not a copy.
        self._images = images.images.share_memory_()
        self._labels: Sequence[int] = images.labels.tolist()
        self._transform = _transform(data, images, normalization)

    def __getitem__(self, keys: list[Key]) -> Batch:
        """A whole batch, so that the worker can time it. torch's own way to put images together
        does so in shared memory right away, if this is a worker."""
        # In this process the default generator also draws the network's dropout.
        with torch.random.fork_rng(devices=[]):
            return alone(lambda: timed(lambda: self._collated(keys)))

    def _collated(self, keys: list[Key]) -> Batch:
        return Batch(*default_collate([self._picture(*key) for key in keys]))

    def _picture(self, index: int, seed: int, mirror: bool) -> tuple[Any, int]:
        """One image as tensor with its label, augmented as `seed` draws."""
        torch.default_generator.manual_seed(seed)
        image = self._images[index]
        return self._transform(image.flip(-1) if mirror else image), self._labels[index]


def _transform(data: recipe.Data, images: ImageSet, normalization: Normalization) -> v2.Transform:
    steps: list[Any] = [v2.ToPILImage()]
    if "crop" in data.augment:
        height, width = images.images.shape[2:]
        mode = "constant" if data.crop_border == "black" else "reflect"
        crop = v2.RandomCrop((height, width), data.crop_padding, padding_mode=mode)
        steps.append(crop)
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
