"""Where augmented batches come from: three ways to augment, one meaning (P6, P11).

The order of a pass and what is drawn for its images come from the recipe's seed and the pass's
number alone, and for each image from its place in the order. So a pass can be repeated, begun in
its middle, or taken over by another source there. The order is the same in all three ways; the
draws are too on "cpu" and "device", and as likely on "loader", where torchvision makes them.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Literal, NamedTuple, Protocol

import torch

from cnntop.core import recipe
from cnntop.core.training.augmentation import augment, draw
from cnntop.core.training.datasets import ImageSet

TIMED_EVERY_SECONDS = 0.02
"""How often a batch is timed that the training's own thread prepares. Its CPU time costs two calls
into the kernel, which every batch of a small network would feel."""


class Batch(NamedTuple):
    """Images, uint8 or already normalised float32 [N, C, H, W], their labels, int64 [N], and when
    and with how much work they were made ready.

    The times are None where they were not taken: for most batches that are augmented in the
    training's own thread, and on a GPU, where a call returns before its work is done.
    """

    images: torch.Tensor
    labels: torch.Tensor
    begun_seconds: float | None = None
    """`time.perf_counter()` when the work began: on Linux one clock for all processes. As late as
    `ready_seconds` where the network stood still for it, so that none of it is hidden."""
    ready_seconds: float | None = None
    """The same clock when it was done."""
    cpu_seconds: float | None = None
    """CPU time of that work, in the thread or worker that did it."""


class BatchSource(Protocol):
    augment_on: str

    @property
    def workers(self) -> int | None:
        """Worker processes of the loader, 0 if it works in this one; None where there is none."""

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of one pass over the training set; the last one may be smaller.

        It begins with batch number `first_batch`, counted from 0, and gives from there the same
        batches to the bit as the whole pass. One pass at a time. Call it anew when torch's number
        of threads has changed.
        """

    def close(self) -> None:
        """End worker processes, if there are any, and with them a pass that is under way."""


class ResidentBatches:
    """All images in the memory of one device, augmented there a batch at a time."""

    workers = None

    def __init__(
        self, images: ImageSet, data: recipe.Data, seed: int, device: torch.device, augment_on: str
    ) -> None:
        self.augment_on = augment_on
        self._images = images.images.to(device)
        self._labels = images.labels.to(device)
        self._data = data
        self._seed = seed
        self._device = device

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        count, size = len(self._labels), self._data.batch_size
        order = epoch_order(count, self._seed, epoch).to(self._device)
        # All of the pass at once: a batch in its middle then needs nothing of those before.
        drawn = draw(self._data.augment, count, pass_generator(self._seed, epoch, "draws"))
        draws = {name: one.to(self._device) for name, one in drawn.items()}
        on_cpu = self._device.type == "cpu"
        timed_at = 0.0
        part = slice(0)
        handed_over = on_cpu and torch.get_num_threads() > 1

        def prepare() -> Batch:
            chosen = order[part]
            drawn = {name: one[part] for name, one in draws.items()}
            return Batch(augment(self._images[chosen], drawn), self._labels[chosen])

        for begin in range(first_batch * size, count, size):
            part = slice(begin, begin + size)
            if not on_cpu:
                yield prepare()
            elif (now := time.perf_counter()) < timed_at:
                yield alone(prepare) if handed_over else prepare()
            else:
                timed_at = now + TIMED_EVERY_SECONDS
                batch = alone(lambda: timed(prepare))
                yield batch._replace(begun_seconds=batch.ready_seconds)

    def close(self) -> None:
        pass


def epoch_order(count: int, seed: int, epoch: int) -> torch.Tensor:
    """The images of a pass in the order in which every source gives them: a permutation, int64
    [count], on the CPU."""
    return torch.randperm(count, generator=pass_generator(seed, epoch, "order"))


def pass_generator(seed: int, epoch: int, purpose: Literal["order", "draws"]) -> torch.Generator:
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
