"""Where augmented batches come from: three ways to augment, one meaning (P6, P11).

The order of a pass and what is drawn for its images come from the recipe's seed and the pass's
number alone, and for each image from its place in the order. So a pass can be repeated, begun in
its middle, or taken over by another source there. The order is the same in all three ways; the
draws are too on "cpu" and "device", and as likely on "loader", where torchvision makes them.
"""

import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Literal, NamedTuple, Protocol

import torch

from cnntop.core import recipe
from cnntop.core.training.augmentation import Draws, augment, draw
from cnntop.core.training.chunks import ahead, chunks
from cnntop.core.training.datasets import ImageSet

TIMED_EVERY_SECONDS = 0.02
"""How often a batch of a chunk has the chunk's times, after the chunk's first one. Taking them in
costs a microsecond or some more, which every batch of a small network would feel."""


class Batch(NamedTuple):
    """Images, uint8 or already normalised float32 [N, C, H, W], their labels, int64 [N], and when
    and with how much work they were made ready.

    The times are None for batches of which they are told with another one of the same chunk, and on
    a GPU, where a call returns before its work is done.
    """

    images: torch.Tensor
    labels: torch.Tensor
    begun_seconds: float | None = None
    """`time.perf_counter()` when the work began: on Linux one clock for all processes. As late as
    `ready_seconds` where the network stood still for it, so that none of it is hidden."""
    ready_seconds: float | None = None
    """The same clock when it was done; of batches that were made together, with the last."""
    cpu_seconds: float | None = None
    """CPU time of that work, in the thread or worker that did it; of batches that were made
    together, this one's share by its images."""


class BatchSource(Protocol):
    augment_on: str

    @property
    def workers(self) -> int | None:
        """Worker processes of the loader, 0 if it works in this one; None where there is none."""

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of one pass over the training set; the last one may be smaller.

        It begins with batch number `first_batch`, counted from 0, and gives from there the same
        batches to the bit as the whole pass. One pass at a time.
        """

    def close(self) -> None:
        """End a pass that is under way, and the thread or the processes that work for it."""


class ResidentBatches:
    """All images in the memory of one device, augmented there: on a GPU a batch at a time, on a CPU
    ahead of the network."""

    workers = None

    def __init__(
        self, images: ImageSet, data: recipe.Data, seed: int, device: torch.device, augment_on: str
    ) -> None:
        self.augment_on = augment_on
        self._images = images.to(device)
        self._data = data
        self._seed = seed
        self._device = device
        self._pass: Generator[Batch] | None = None

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        self.close()
        count = len(self._images)
        order = epoch_order(count, self._seed, epoch)
        # All of the pass at once: a batch in its middle then needs nothing of those before.
        draws = pass_draws(self._data, order, self._seed, epoch)
        batches = self._on_cpu if self._device.type == "cpu" else self._on_gpu
        self._pass = batches(order, draws, first_batch)
        return self._pass

    def _on_cpu(self, order: torch.Tensor, draws: Draws, first_batch: int) -> Generator[Batch]:
        size, border = self._data.batch_size, self._data.crop_border
        for chunk in ahead(chunks(self._images, order, draws, size, first_batch, border)):
            timed_at = 0.0
            for images, labels in chunk.batches:
                if (now := time.perf_counter()) < timed_at:
                    yield Batch(images, labels)
                    continue
                timed_at = now + TIMED_EVERY_SECONDS
                cpu_seconds = chunk.cpu_seconds_per_image * len(labels)
                yield Batch(images, labels, chunk.begun_seconds, chunk.ready_seconds, cpu_seconds)

    def _on_gpu(self, order: torch.Tensor, draws: Draws, first_batch: int) -> Generator[Batch]:
        size, (images, labels) = self._data.batch_size, (self._images.images, self._images.labels)
        order = order.to(self._device)
        draws = {name: one.to(self._device) for name, one in draws.items()}
        for begin in range(first_batch * size, len(order), size):
            part = slice(begin, begin + size)
            drawn = {name: one[part] for name, one in draws.items()}
            augmented = augment(images[order[part]], drawn, self._data.crop_border)
            yield Batch(augmented, labels[order[part]])

    def close(self) -> None:
        if self._pass is not None:
            self._pass.close()


def epoch_order(count: int, seed: int, epoch: int) -> torch.Tensor:
    """The images of a pass in the order in which every source gives them: a permutation, int64
    [count], on the CPU."""
    return torch.randperm(count, generator=pass_generator(seed, epoch, "order"))


def pass_draws(data: recipe.Data, order: torch.Tensor, seed: int, epoch: int) -> Draws:
    """What is drawn in a pass for each place in its `order`."""
    draws = draw(data.augment, len(order), pass_generator(seed, epoch, "draws"), data.crop_padding)
    if "altflip" in data.augment:
        draws["hflip"] = mirrored(order, seed, epoch)
    return draws


def mirrored(order: torch.Tensor, seed: int, epoch: int) -> torch.Tensor:
    """Which images, in the `order` of a pass, are mirrored in it: bool [N]. A coin for each image
    says it of the even passes, and the odd ones turn every image round, so that two passes show
    both sides of all (K. Jordan, arXiv:2404.00498)."""
    coins = torch.rand(len(order), generator=pass_generator(seed, 0, "mirror")) < 0.5
    return coins[order] ^ (epoch % 2 == 1)


def pass_generator(
    seed: int, epoch: int, purpose: Literal["order", "draws", "mirror"]
) -> torch.Generator:
    """A CPU's generator for all that is drawn in one pass for `purpose`.

    Hashed, because torch uses only 32 bits of a CPU's seed: of sums and products those of
    neighbouring runs and passes could coincide.
    """
    digest = hashlib.blake2b(f"{purpose} {seed} {epoch}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little"))


def timed(prepare: Callable[[], Batch]) -> Batch:
    """The batch that `prepare` makes, with its times. It runs where torch has one thread, so that
    one thread's CPU time is all of it: in a worker, or `alone`."""
    begun, cpu_before = time.perf_counter(), time.thread_time()
    images, labels, *_ = prepare()
    cpu_seconds = time.thread_time() - cpu_before
    return Batch(images, labels, begun, time.perf_counter(), cpu_seconds)


def alone(prepare: Callable[[], Batch]) -> Batch:
    """The batch that `prepare` makes where torch has one thread: right here if that is so, else in
    a thread kept for that."""
    if torch.get_num_threads() == 1:
        return prepare()
    return _one_thread().submit(prepare).result()


@cache
def _one_thread() -> ThreadPoolExecutor:
    """A thread for which torch's number of threads is 1.

    Setting that number for the training's thread and back for each batch would be simpler, but
    made the steps in between some 3 to 10 % slower on two cores; handing over takes 0.1 ms.
    """
    threads = torch.get_num_threads()
    executor = ThreadPoolExecutor(1, "prepare batch")
    executor.submit(torch.get_num_threads).result()  # else its first use would set the number
    executor.submit(torch.set_num_threads, 1).result()
    torch.set_num_threads(threads)  # torch took the 1 for all threads to come as well
    return executor
