"""A batch in parts, each of which a thread of its own computes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

from cnntop.core.machine.identity import cores

Compute = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Mean loss and logits [N, classes] of N images and labels."""

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")


class Parts:
    """Computes batches in as many parts as torch has threads, all at once.

    torch shares out every operation of a network among its threads. Where operations take some tens
    of microseconds, that costs a good part of what it gains, and all threads wait for the one whose
    core another program takes meanwhile. Here they meet twice a step, and each has its own part of
    the batch in its core's cache.

    It is for networks that treat every image by itself; the gradients are then, but for rounding,
    those of the whole batch. They are added up in one order, so the same seed gives the same bits.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(
            cores(), "cnntop-part", initializer=torch.set_num_threads, initargs=(1,)
        )
        self._losses: list[torch.Tensor] = []

    def forward(
        self, compute: Compute, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss, without a way back, and logits of the whole batch."""
        inference = torch.is_inference_mode_enabled()

        def answer(part: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
            with torch.inference_mode(inference):  # a thread knows nothing of the others' modes
                loss, logits = compute(*part)
                return loss * (len(logits) / len(labels)), logits.detach()

        with one_thread_each() as count:
            parts = zip(images.chunk(count), labels.chunk(count), strict=True)
            answers = self._at_once(answer, list(parts))
        self._losses = [loss for loss, _ in answers]
        logits = torch.cat([part for _, part in answers])
        return torch.stack([loss.detach() for loss in self._losses]).sum(), logits

    def backward(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give `parameters` the gradients of the last `forward`."""
        with one_thread_each():
            total, *others = self._at_once(
                lambda loss: torch.autograd.grad(loss, parameters), self._losses
            )
            for more in others:
                torch._foreach_add_(total, more)
        self._losses = []
        for parameter, gradient in zip(parameters, total, strict=True):
            parameter.grad = gradient

    def _at_once(self, work: Callable[[_Given], _Found], parts: Sequence[_Given]) -> list[_Found]:
        """What `work` makes of each part; the first one in this thread."""
        others = [self._threads.submit(work, one) for one in parts[1:]]
        first = work(parts[0])
        return [first, *(one.result() for one in others)]


@contextmanager
def one_thread_each() -> Iterator[int]:
    """While entered, each operation is computed by the thread that calls it. Yields how many
    threads there are for one otherwise."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield count
    finally:
        torch.set_num_threads(count)
