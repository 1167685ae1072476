"""A few steps with each way to augment, on a copy of the network: what a step takes with it."""

import time
from collections.abc import Callable, Iterator

import torch

from cnntop.core.events import AugmentationTried
from cnntop.core.training.batches import Batch, BatchSource
from cnntop.core.training.network import Network
from cnntop.core.training.step_clock import step_clock
from cnntop.core.training.tally import PreparationSums

TRIAL_SECONDS = 0.4
MOST_BATCHES = 60
_WARM_UP_BATCHES = 2
TRIAL_EPOCH = 0
"""Passes count from 1, so that a trial draws nothing that the run will draw."""


def try_out(
    source: BatchSource, network: Network, cancelled: Callable[[], bool] = lambda: False,
    seconds: float | None = None,
) -> AugmentationTried:  # fmt: skip
    """Train a copy of `network` on batches from `source` for some tenths of a second.

    Leaves the network and the global random state as they were. At least one batch is measured,
    however slow; the ones before it are warm-up.
    """
    seconds = TRIAL_SECONDS if seconds is None else seconds
    network = network.copy()
    clock = step_clock(network.device)
    state = torch.random.get_rng_state()
    preparation = PreparationSums()
    steps = 0
    began = time.monotonic()
    network.model.train()
    batches = _endless(source)
    for number in range(_WARM_UP_BATCHES + MOST_BATCHES):
        if number == _WARM_UP_BATCHES:
            clock.outside()
            clock.read()
            began = time.monotonic()
        batch = next(batches)
        clock.lap("wait")
        moved = [one.to(network.device, non_blocking=True) for one in (batch.images, batch.labels)]
        clock.lap("transfer")
        loss, _ = network.forward(moved[0], moved[1])
        network.backward(loss)
        network.update()
        clock.lap("optimizer")
        clock.lap("other")
        if number < _WARM_UP_BATCHES:
            continue
        steps += 1
        preparation.add(batch)
        if cancelled() or time.monotonic() - began >= seconds:
            break
    torch.random.set_rng_state(state)
    clock.outside()
    split = clock.read().split * (1 / steps)
    _, cpu_seconds_per_image = preparation.take(split.wait, images=1)
    return AugmentationTried(
        augment_on=source.augment_on,
        steps=steps,
        wait_seconds=split.wait,
        transfer_seconds=split.transfer,
        compute_seconds=split.compute,
        cpu_seconds_per_image=cpu_seconds_per_image,
    )


def _endless(source: BatchSource) -> Iterator[Batch]:
    while True:
        yield from source.epoch(TRIAL_EPOCH)
