"""Batches made ready in the CPU's memory, some at a time and ahead of the network."""

import os
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import torch

from cnntop.core.machine.identity import cores
from cnntop.core.recipe import CropBorder
from cnntop.core.training.augmentation import Draws
from cnntop.core.training.augmenter import BLOCK_BYTES, Augmenter
from cnntop.core.training.datasets import ImageSet

MOST_BATCHES = 32
"""Of a chunk, where a batch is a few images only: as many again would gain next to nothing."""


class Chunk(NamedTuple):
    """Some batches that follow upon each other, and what making them ready took."""

    batches: list[tuple[torch.Tensor, torch.Tensor]]
    """Views of one memory: images, uint8 [N, C, H, W], and labels, int64 [N]."""
    begun_seconds: float
    """`time.perf_counter()` when the work began; as late as `ready_seconds` where the network stood
    still for it."""
    ready_seconds: float
    """The same clock when it was done."""
    cpu_seconds_per_image: float


def chunks(
    images: ImageSet,
    order: torch.Tensor,
    draws: Draws,
    batch_size: int,
    first_batch: int = 0,
    crop_border: CropBorder = "black",
) -> Iterator[Chunk]:
    """The images in their `order`, int64 [N], from batch number `first_batch` on, augmented as
    drawn for each place in the order.

    As many batches at a time as are augmented in one go, so that small ones do not each pay for
    every call; a batch that is larger comes alone.
    """
    augmenter = Augmenter(images.images, crop="crop" in draws, crop_border=crop_border)
    batch_bytes = batch_size * images.images[0].nbytes
    size = batch_size * max(1, min(MOST_BATCHES, BLOCK_BYTES // batch_bytes))
    for begin in range(first_batch * batch_size, len(order), size):
        begun, cpu_before = time.perf_counter(), time.thread_time()
        part = slice(begin, begin + size)
        chosen = order[part]
        augmented = augmenter(chosen, {name: one[part] for name, one in draws.items()})
        labels = images.labels[chosen]
        views = zip(augmented.split(batch_size), labels.split(batch_size), strict=True)
        batches = list(views)
        cpu_seconds = time.thread_time() - cpu_before
        yield Chunk(batches, begun, time.perf_counter(), cpu_seconds / len(chosen))


def ahead(chunks: Iterator[Chunk]) -> Generator[Chunk]:
    """`chunks`, all but the first made by a thread of its own while the network is at the one
    before.

    One chunk is kept in stock. Raises what `chunks` raises. The thread ends with the last chunk, or
    when this is closed; that waits for the chunk it is at.
    """
    if cores() == 1:  # nothing would be hidden, and what it takes be told as the network's time
        yield from map(_waited_for, chunks)
        return
    first = next(chunks, None)  # of a thread that has yet to begin it would come later
    if first is None:
        return
    with ThreadPoolExecutor(1, "cnntop-batches", _yield_to_the_network) as thread:
        coming = thread.submit(next, chunks, None)
        yield _waited_for(first)
        while (ready := coming.result()) is not None:
            coming = thread.submit(next, chunks, None)
            yield ready


def _yield_to_the_network() -> None:
    """Have this thread begin when a core is free. As any other it would take the core of the one
    that wakes it, which is the network's own: where torch keeps all cores busy, hiding nothing."""
    if sys.platform == "linux":
        with suppress(OSError):  # not everywhere allowed
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _waited_for(chunk: Chunk) -> Chunk:
    """It was made while the network stood still."""
    return chunk._replace(begun_seconds=chunk.ready_seconds)
