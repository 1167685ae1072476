"""Batches: every image once an epoch, the same for the same seed, and three ways that mean one."""

import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import torch

from cnntop.core.recipe import Recipe, resolve
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import Batch, BatchSource
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.preparation import batch_source

CPU = torch.device("cpu")
RESIDENT = ["cpu", "device"]
COUNT = 70
IMAGES = torch.randint(
    1, 256, (COUNT, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(4)
)


def dataset(images: torch.Tensor = IMAGES) -> Dataset:
    """Every image is a class of its own, so that a label says which image it was."""
    split = ImageSet(images, torch.arange(len(images)))
    return Dataset("made-up", tuple(str(n) for n in range(len(images))), split, split)


def recipe(augment_on: str, seed: int = 0, **data: Any) -> Recipe:
    tree: dict[str, dict[str, Any]] = {
        "data": {"batch_size": 16, "augment_on": augment_on} | data,
        "train": {"epochs": 1, "seed": seed},
    }
    if augment_on == "loader":
        tree["data"].setdefault("workers", 0)
    return resolve(tree, "test")


def source(augment_on: str, images: torch.Tensor = IMAGES, **more: Any) -> BatchSource:
    whole = dataset(images)
    normalization = Normalization(whole.train.images)
    return batch_source(recipe(augment_on, **more), whole, normalization, CPU)


@pytest.fixture(params=[*RESIDENT, "loader"])
def any_source(request: pytest.FixtureRequest) -> Iterator[BatchSource]:
    made = source(request.param)
    yield made
    made.close()


def same(one: list[Batch], two: list[Batch]) -> bool:
    return len(one) == len(two) and all(
        torch.equal(a, b) for pair in zip(one, two, strict=True) for a, b in zip(*pair, strict=True)
    )


def order(batches: list[Batch]) -> list[int]:
    return torch.cat([labels for _, labels in batches]).tolist()


def test_auto_augments_where_the_network_trains() -> None:
    assert source("auto").augment_on == "cpu"
    assert [source(place).augment_on for place in ("cpu", "device", "loader")] == [
        "cpu",
        "device",
        "loader",
    ]


def test_every_epoch_visits_every_image_exactly_once(any_source: BatchSource) -> None:
    for epoch in (1, 2):
        assert sorted(order(list(any_source.epoch(epoch)))) == list(range(COUNT))


def test_batches_have_their_size_and_the_last_one_what_is_left(any_source: BatchSource) -> None:
    batches = list(any_source.epoch(1))
    assert [len(images) for images, _ in batches] == [16, 16, 16, 16, 6]
    assert [len(labels) for _, labels in batches] == [16, 16, 16, 16, 6]
    for images, labels in batches:
        assert images.shape[1:] == (3, 16, 16)
        assert labels.dtype == torch.int64


def test_an_epoch_can_be_repeated_alone(any_source: BatchSource) -> None:
    third = list(any_source.epoch(3))
    again = source(any_source.augment_on)
    torch.manual_seed(99)
    assert same(third, list(again.epoch(3)))
    list(again.epoch(1))
    assert same(third, list(again.epoch(3)))


def test_other_epochs_and_seeds_have_another_order_and_other_draws(any_source: BatchSource) -> None:
    first, second = list(any_source.epoch(1)), list(any_source.epoch(2))
    other = list(source(any_source.augment_on, seed=1).epoch(1))
    assert len({tuple(order(batches)) for batches in (first, second, other)}) == 3
    by_label = [dict(pixels(batches)) for batches in (first, second)]
    equal = [n for n in range(COUNT) if torch.equal(by_label[0][n], by_label[1][n])]
    assert len(equal) < COUNT // 4


@pytest.mark.parametrize("augment_on", [*RESIDENT, "loader"])
def test_without_augmentation_images_are_the_datasets(augment_on: str) -> None:
    normalized = Normalization(IMAGES)(IMAGES)
    for label, image in pixels(list(source(augment_on, augment=[]).epoch(1))):
        expected = IMAGES[label] if image.dtype == torch.uint8 else normalized[label]
        torch.testing.assert_close(image, expected, rtol=1e-5, atol=1e-5)


def test_resident_images_stay_bytes_and_the_dataset_as_it_was() -> None:
    before = IMAGES.clone()
    for images, _ in source("cpu").epoch(1):
        assert images.dtype == torch.uint8
        images.zero_()
    assert torch.equal(IMAGES, before)


def test_neighbouring_seeds_share_no_epoch() -> None:
    orders = {
        tuple(order(list(source("cpu", seed=seed).epoch(epoch))))
        for seed in range(4)
        for epoch in range(1, 6)
    }
    assert len(orders) == 20


def test_what_the_loader_draws_depends_on_no_worker_and_no_earlier_epoch() -> None:
    alone = list(source("loader", workers=0).epoch(2))
    two = source("loader", workers=2)
    try:
        list(two.epoch(1))
        assert same(alone, list(two.epoch(2)))
    finally:
        two.close()


def test_workers_do_not_answer_ctrl_c_and_everyone_else_still_does() -> None:
    loader = source("loader", workers=2)
    try:
        batches = loader.epoch(1)
        first = next(batches)
        workers = [one for one in psutil.Process().children(recursive=True) if one.children() == []]
        assert len(workers) >= 2
        for worker in workers:
            worker.send_signal(signal.SIGINT)
        assert sorted(order([first, *batches])) == list(range(COUNT))
    finally:
        loader.close()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


RAMPS = torch.empty((600, 2, 16, 16), dtype=torch.uint8)
RAMPS[:, 0] = 20 + 10 * torch.arange(16)[None, :]  # brighter to the right: shows h-flips
RAMPS[:, 1] = 20 + 10 * torch.arange(16)[:, None]  # brighter downwards: shows v-flips


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_and_cpu_mean_the_same(workers: int) -> None:
    normalization = Normalization(RAMPS)
    found = {}
    for augment_on, more in (("cpu", {}), ("loader", {"workers": workers})):
        made = source(augment_on, RAMPS, batch_size=100, **more)
        try:
            batches = list(made.epoch(1))
        finally:
            made.close()
        assert sorted(order(batches)) == list(range(len(RAMPS)))
        images = torch.cat([images for images, _ in batches])
        found[augment_on] = normalization(images) if images.dtype == torch.uint8 else images
    cpu, loader = found["cpu"], found["loader"]
    assert loader.shape == cpu.shape == RAMPS.shape
    assert loader.min().item() == pytest.approx(cpu.min().item(), abs=1e-4)
    assert loader.mean().item() == pytest.approx(cpu.mean().item(), abs=0.04)
    assert loader.std().item() == pytest.approx(cpu.std().item(), rel=0.04)
    for images in (cpu, loader):
        h, v, left, top = draws(images, normalization)
        # Five standard deviations of 600 fair draws either side.
        assert all(0.4 < coins.float().mean() < 0.6 for coins in (h, v))
        assert 0.16 < (h & v).float().mean() < 0.34
        for offsets in (left, top):
            assert sorted(set(offsets.tolist())) == list(range(-4, 5))
            assert abs(offsets.float().mean()) < 0.53
        # Every image draws for itself, whichever worker it went through.
        assert len(set(zip(*(d.tolist() for d in (h, v, left, top)), strict=True))) > 200


def draws(images: torch.Tensor, normalization: Normalization) -> tuple[torch.Tensor, ...]:
    """What was drawn for each augmented ramp: h-flip, v-flip, left and top offset (-4 to 4)."""
    levels = images * normalization.deviation[:, None, None] + normalization.mean[:, None, None]
    across, down = levels[:, 0, 8, :], levels[:, 1, :, 8]
    found = []
    for ramp in (across, down):
        flipped = ramp[:, 8] < ramp[:, 7]
        column = torch.where(flipped, 15 - 8, 8)
        found.append((flipped, ((ramp[:, 8] - 20) / 10).round().long() - column))
    (h, left), (v, top) = found
    return h, v, left, top


def pixels(batches: list[Batch]) -> Iterator[tuple[int, torch.Tensor]]:
    for images, labels in batches:
        yield from zip(labels.tolist(), images, strict=True)
