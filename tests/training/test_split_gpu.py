"""The split on a GPU: known delays in loading, transfer and compute, found where they were put."""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from cnntop.core.control import Control
from cnntop.core.events import AnyEvent, StepsMeasured
from cnntop.core.recipe import resolve
from cnntop.core.split import PARTS, Split
from cnntop.core.training import models
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import Batch, BatchSource
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.network import Network
from cnntop.core.training.preparation import Prepared, Sources

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
STEPS = 300
KEPT_BUSY_SECONDS = 0.004
"""What the GPU computes in every step where its host shall run ahead."""
DELAYS = [0.001, 0.005, 0.02]


def cycles(seconds: float) -> int:
    """For torch.cuda._sleep, calibrated on the spot; the clock is awake by then."""
    times = []
    for _ in range(5):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        torch.cuda._sleep(20_000_000)
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return round(seconds * 20_000_000 / statistics.median(times))


class Slow:
    """Delays of every step: `load` spins on the host, the others are queued on the GPU."""

    def __init__(self) -> None:
        self.load: Callable[[], None] = lambda: None
        self.transfer: Callable[[], None] = lambda: None
        self.compute: Callable[[], None] = lambda: None


class OneBatch:
    """The same batch over and over, so that nothing but a delay has to be waited for."""

    augment_on = "cpu"
    workers = None

    def __init__(self, source: BatchSource, slow: Slow) -> None:
        self._batch = next(source.epoch(1))
        self._slow = slow

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        for _ in range(STEPS):
            self._slow.load()
            yield self._batch._replace(images=cast(torch.Tensor, SlowToMove(self)))

    def move(self, device: torch.device) -> torch.Tensor:
        self._slow.transfer()
        return self._batch.images.to(device, non_blocking=True)

    def close(self) -> None:
        pass


class SlowToMove:
    def __init__(self, batches: OneBatch) -> None:
        self._batches = batches

    def to(self, device: torch.device, **_: Any) -> torch.Tensor:
        return self._batches.move(device)


class SlowNetwork(Network):
    slow: Slow

    def update(self) -> None:
        super().update()
        self.slow.compute()


class Told:
    def __init__(self) -> None:
        self.split, self.steps, self.stamps = Split(), 0, list[float]()

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, StepsMeasured):
            self.stamps.append(time.perf_counter())
            if len(self.stamps) > 1:
                self.split.add(event)
                self.steps += event.steps


def trained(slow: Slow, folder: Path) -> Told:
    device = torch.device("cuda")
    tree = {"data": {"batch_size": 32, "augment_on": "cpu"}, "train": {"epochs": 1}}
    recipe = resolve(tree | {"model": {"kernels": 8}}, "test")
    images = torch.randint(0, 256, (32 * STEPS, 3, 32, 32), dtype=torch.uint8)
    train = ImageSet(images, torch.zeros(len(images), dtype=torch.int64))
    dataset = Dataset("random", tuple("0123456789"), train, ImageSet(images[:8], train.labels[:8]))
    normalization = Normalization(images)
    sources = Sources(recipe, dataset, normalization, device)
    batches = OneBatch(sources.make("cpu"), slow)
    model = models.build(recipe.model, 3, 10, 32)
    network = SlowNetwork(model, normalization, recipe.train, device)
    network.slow = slow
    told = Told()
    prepared = Prepared(recipe, dataset, network, device, sources, batches)
    TrainingLoop(prepared, Control(), told, folder).run()
    return told


def holds(part: str, injected: float, late: Told, usual: Told) -> None:
    changes = {
        name: late.split.parts()[name] / late.steps - usual.split.parts()[name] / usual.steps
        for name in PARTS
    }
    assert changes[part] == pytest.approx(injected, rel=0.01, abs=50e-6), changes
    leaked = sum(abs(change) for name, change in changes.items() if name != part)
    assert leaked <= 0.01 * injected, changes
    assert late.split.seconds == pytest.approx(late.stamps[-1] - late.stamps[0], rel=0.005)


@pytest.mark.parametrize("seconds", DELAYS)
def test_a_delay_in_loading_is_exposed_wait(seconds: float, tmp_path: Path) -> None:
    """The network is so small that the GPU waits for its host in every step."""

    def spin() -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass

    slow = Slow()
    usual = trained(slow, tmp_path)
    slow.load = spin
    holds("wait", seconds, trained(slow, tmp_path), usual)


@pytest.mark.parametrize("seconds", DELAYS)
def test_a_delay_in_compute_is_compute(seconds: float, tmp_path: Path) -> None:
    slow = Slow()
    torch.cuda._sleep(500_000_000)
    least = cycles(KEPT_BUSY_SECONDS)
    slow.compute = lambda: torch.cuda._sleep(least)
    usual = trained(slow, tmp_path)
    more = cycles(KEPT_BUSY_SECONDS + seconds)
    slow.compute = lambda: torch.cuda._sleep(more)
    holds("compute", seconds, trained(slow, tmp_path), usual)


@pytest.mark.parametrize("seconds", DELAYS)
def test_a_larger_copy_is_transfer(seconds: float, tmp_path: Path) -> None:
    """An enlarged copy from pinned memory, so long that it takes about `seconds`."""
    slow = Slow()
    torch.cuda._sleep(500_000_000)
    least = cycles(KEPT_BUSY_SECONDS)
    slow.compute = lambda: torch.cuda._sleep(least)
    source = torch.empty(64_000_000, dtype=torch.uint8, pin_memory=True)
    target = torch.empty_like(source, device="cuda")
    size = round(64_000_000 * seconds / copy_seconds(source, target, 64_000_000))
    size, copies = min(size, 64_000_000), max(1, round(size / 64_000_000))

    def copy() -> None:
        for _ in range(copies):
            target[:size].copy_(source[:size], non_blocking=True)

    usual = trained(slow, tmp_path)
    slow.transfer = copy
    injected = copies * copy_seconds(source, target, size)
    holds("transfer", injected, trained(slow, tmp_path), usual)


def copy_seconds(source: torch.Tensor, target: torch.Tensor, size: int) -> float:
    times = []
    for _ in range(20):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        target[:size].copy_(source[:size], non_blocking=True)
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(times)


def test_a_host_that_loads_while_the_gpu_computes_is_hidden(tmp_path: Path) -> None:
    slow = Slow()
    torch.cuda._sleep(500_000_000)
    busy = cycles(0.02)
    slow.compute = lambda: torch.cuda._sleep(busy)
    slow.load = lambda: time.sleep(0.005)
    told = trained(slow, tmp_path)
    assert told.split.wait <= 0.01 * told.split.seconds
