"""Known delays for the proof of the split: put into loading, transfer and compute of real steps."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch.utils.data import Dataset as TorchDataset

from cnntop.core.training.batches import Batch, BatchSource
from cnntop.core.training.loader import Key, Pictures
from cnntop.core.training.network import Network

DelayedPart = Literal["wait", "transfer", "compute"]


_MATRIX = torch.rand(48, 48)
_PRODUCT = torch.empty(48, 48)


def work(seconds: float) -> float:
    """Keep this thread busy for `seconds` with small matrix products, which as a network's own
    work let go of the interpreter's lock. Returns what it took in truth, some us more."""
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        torch.mm(_MATRIX, _MATRIX, out=_PRODUCT)
    return spent


@dataclass
class Turn:
    """What one step is to do: delay a part, or take the batch of the step before once more.

    `delayed_seconds` is what the delay took in truth, `asked_at` when the loop asked for the
    step's batch, on `time.perf_counter`.
    """

    part: DelayedPart | None = None
    seconds: float = 0.0
    fresh_batch: bool = True
    delayed_seconds: float = 0.0
    asked_at: float = 0.0

    def delay(self, part: DelayedPart) -> None:
        if part == self.part:
            self.delayed_seconds = work(self.seconds)


class Turns:
    """The turns of a run, one a step; `current` is the one under way."""

    def __init__(self, turns: list[Turn]) -> None:
        self.all = turns
        self.current = Turn()


class DelayedBatches:
    """Batches of another source, some of them late, slow to move, or not fresh at all."""

    def __init__(self, source: BatchSource, turns: Turns) -> None:
        self.augment_on = source.augment_on
        self._source = source
        self._turns = turns

    @property
    def workers(self) -> int | None:
        return self._source.workers

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """As many batches as there are turns, whatever the source's own number."""
        batches = self._source.epoch(epoch, first_batch)
        batch = next(batches)
        for turn in self._turns.all:
            turn.asked_at = time.perf_counter()
            self._turns.current = turn
            turn.delay("wait")
            if turn.fresh_batch:
                batch = next(batches)
            # All that the loop does to images before they are on the device is to move them.
            yield batch._replace(images=cast(torch.Tensor, _SlowToMove(batch.images, turn)))

    def close(self) -> None:
        self._source.close()


class _SlowToMove:
    def __init__(self, images: torch.Tensor, turn: Turn) -> None:
        self._images = images
        self._turn = turn

    def to(self, device: torch.device, non_blocking: bool) -> torch.Tensor:
        self._turn.delay("transfer")
        return self._images.to(device, non_blocking=non_blocking)


class DelayedNetwork(Network):
    """A network whose steps take `step_seconds`, known to the microsecond however long its own
    work takes within them, and now and then a delay more."""

    turns: Turns
    step_seconds: float
    _begun = 0.0

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self._begun = time.perf_counter()
        return super().forward(images, labels)

    def update(self) -> None:
        super().update()
        work(self.step_seconds - (time.perf_counter() - self._begun))
        self.turns.current.delay("compute")


class SlowPictures(TorchDataset[Batch]):
    """For the loader's workers: pictures of which each batch takes `seconds` longer. They sleep,
    so that the delay takes no core from the network."""

    def __init__(self, pictures: Pictures, seconds: float) -> None:
        self._pictures = pictures
        self._seconds = seconds

    def __getitem__(self, keys: list[Key]) -> Batch:
        begun = time.perf_counter()
        time.sleep(self._seconds)
        return self._pictures[keys]._replace(begun_seconds=begun)
