"""Batches: every image once an epoch, the same for the same seed, and three ways that mean one."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
import torch

from cnntop.core.recipe import Recipe, resolve
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import Batch, BatchSource, epoch_order
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.loader import Pictures
from cnntop.core.training.preparation import Sources

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


def source(
    augment_on: str, images: torch.Tensor = IMAGES, device: torch.device = CPU, **more: Any
) -> BatchSource:
    whole = dataset(images)
    normalization = Normalization(whole.train.images)
    return Sources(recipe(augment_on, **more), whole, normalization, device).make(augment_on)


@pytest.fixture(params=[*RESIDENT, "loader"])
def any_source(request: pytest.FixtureRequest) -> Iterator[BatchSource]:
    made = source(request.param)
    yield made
    made.close()


@pytest.fixture(scope="module")
def two_workers() -> Iterator[BatchSource]:
    made = source("loader", workers=2)
    yield made
    made.close()


def same(one: list[Batch], two: list[Batch]) -> bool:
    return len(one) == len(two) and all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)
        for a, b in zip(one, two, strict=True)
    )


def order(batches: list[Batch]) -> list[int]:
    return torch.cat([batch.labels for batch in batches]).tolist()


def test_every_epoch_visits_every_image_exactly_once(any_source: BatchSource) -> None:
    for epoch in (1, 2):
        assert sorted(order(list(any_source.epoch(epoch)))) == list(range(COUNT))


def test_batches_have_their_size_and_the_last_one_what_is_left(any_source: BatchSource) -> None:
    batches = list(any_source.epoch(1))
    assert [len(batch.images) for batch in batches] == [16, 16, 16, 16, 6]
    assert [len(batch.labels) for batch in batches] == [16, 16, 16, 16, 6]
    for batch in batches:
        assert batch.images.shape[1:] == (3, 16, 16)
        assert batch.labels.dtype == torch.int64


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
    for batch in source("cpu").epoch(1):
        assert batch.images.dtype == torch.uint8
        batch.images.zero_()
    assert torch.equal(IMAGES, before)


def test_neighbouring_seeds_share_no_epoch() -> None:
    orders = {
        tuple(order(list(source("cpu", seed=seed).epoch(epoch))))
        for seed in range(4)
        for epoch in range(1, 6)
    }
    assert len(orders) == 20


def test_what_the_loader_draws_depends_on_no_worker_and_no_earlier_epoch(
    two_workers: BatchSource,
) -> None:
    alone = list(source("loader", workers=0).epoch(2))
    list(two_workers.epoch(1))
    assert same(alone, list(two_workers.epoch(2)))
    next(two_workers.epoch(1))
    assert same(alone[3:], list(two_workers.epoch(2, first_batch=3)))


def test_workers_do_not_answer_ctrl_c_and_everyone_else_still_does(
    two_workers: BatchSource,
) -> None:
    batches = two_workers.epoch(1)
    first = next(batches)
    workers = worker_processes()
    assert len(workers) == 2
    for worker in workers:
        worker.send_signal(signal.SIGINT)
    assert sorted(order([first, *batches])) == list(range(COUNT))
    assert worker_processes() == workers
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_the_three_ways_have_one_order_and_cpu_and_device_one_meaning_to_the_bit() -> None:
    cpu, device, loader = (
        [list(source(way).epoch(epoch)) for epoch in (1, 2)] for way in ("cpu", "device", "loader")
    )
    for epoch in (0, 1):
        assert same(cpu[epoch], device[epoch])
        assert order(cpu[epoch]) == order(loader[epoch])
        assert order(cpu[epoch]) == epoch_order(COUNT, 0, epoch + 1).tolist()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_makes_the_batches_of_the_cpu_and_does_not_say_when() -> None:
    found = list(source("device", device=torch.device("cuda")).epoch(3))
    assert all(batch.images.device.type == batch.labels.device.type == "cuda" for batch in found)
    assert same(
        [Batch(b.images.cpu(), b.labels.cpu()) for b in found], list(source("cpu").epoch(3))
    )
    assert all(batch[2:] == (None, None, None) for batch in found)


@pytest.mark.parametrize("first_batch", [0, 1, 4, 5, 9])
def test_a_pass_begun_in_its_middle_is_the_tail_of_the_whole(
    any_source: BatchSource, first_batch: int
) -> None:
    whole = list(any_source.epoch(2))
    assert same(list(any_source.epoch(2, first_batch)), whole[first_batch:])
    assert same(list(source(any_source.augment_on).epoch(2, first_batch)), whole[first_batch:])


def test_no_source_touches_the_generator_that_dropout_draws_from(any_source: BatchSource) -> None:
    before = torch.get_rng_state()
    list(any_source.epoch(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_source_tells_where_it_augments_and_with_how_many_workers() -> None:
    for way in (*RESIDENT, "loader"):
        assert source(way).augment_on == way
    assert [source(way).workers for way in RESIDENT] == [None, None]
    assert [source("loader", workers=count).workers for count in (0, 2)] == [0, 2]


@pytest.mark.parametrize("then", ["loader", "device"])
def test_a_swap_in_the_middle_of_a_pass_sees_each_image_once(then: str) -> None:
    batches = source("cpu").epoch(1)
    seen = [next(batches), next(batches), *source(then).epoch(1, first_batch=2)]
    assert order(seen) == epoch_order(COUNT, 0, 1).tolist()


def test_closing_in_the_middle_of_a_pass_ends_the_workers_at_once_and_leaves_the_rest() -> None:
    images = torch.randint(0, 256, (4_000, 3, 32, 32), dtype=torch.uint8)
    others = worker_processes()
    loader = source("loader", images, batch_size=100, workers=2)
    batches = loader.epoch(1)
    first = next(batches)
    workers = [worker for worker in worker_processes() if worker not in others]
    assert len(workers) == 2
    began = time.monotonic()
    loader.close()
    assert not any(worker.is_running() for worker in workers)
    # Each ends with the batch that it works on; 5 s is where torch would lose patience.
    assert time.monotonic() - began < 4.0
    assert next(batches, None) is None
    assert first.images.isfinite().all()
    seen = [first, *source("cpu", images, batch_size=100).epoch(1, first_batch=1)]
    assert order(seen) == epoch_order(len(images), 0, 1).tolist()
    loader.close()


def test_times_are_those_of_the_work(any_source: BatchSource) -> None:
    began = time.perf_counter()
    batches = list(any_source.epoch(1))
    ended = time.perf_counter()
    timed = [batch for batch in batches if batch.cpu_seconds is not None]
    assert batches[0] in timed
    stamps = [stamp for b in timed for stamp in (b.begun_seconds, b.ready_seconds)]
    assert [began, *stamps, ended] == sorted([began, *stamps, ended])
    for batch in timed:
        assert 0 < batch.cpu_seconds < ended - began


def test_workers_tell_times_by_the_same_clock(two_workers: BatchSource) -> None:
    began = time.perf_counter()
    batches = list(two_workers.epoch(1))
    ended = time.perf_counter()
    for batch in batches:
        assert began < batch.begun_seconds < batch.ready_seconds < ended
        assert 0 < batch.cpu_seconds <= batch.ready_seconds - batch.begun_seconds + 1e-4


@pytest.mark.parametrize("augment_on", ["cpu", "loader"])
def test_one_thread_prepares_a_batch_and_the_training_keeps_its_threads(
    augment_on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of "cpu" numpy's own, which has no others."""
    within = set()

    def noted(pictures: Pictures, *key: int) -> Any:
        within.add(torch.get_num_threads())
        return picture(pictures, *key)

    picture = Pictures._picture
    monkeypatch.setattr(Pictures, "_picture", noted)
    made = source(augment_on)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for _ in made.epoch(1):
            assert torch.get_num_threads() == 3
            with ThreadPoolExecutor(1) as another:
                assert another.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
    assert within == ({1} if augment_on == "loader" else set())


def worker_processes() -> list[psutil.Process]:
    """The loader's workers: under the fork server, with no processes of their own."""
    return [
        one
        for server in psutil.Process().children()
        if "forkserver" in " ".join(server.cmdline())
        for one in server.children()
    ]


def pixels(batches: list[Batch]) -> Iterator[tuple[int, torch.Tensor]]:
    for batch in batches:
        yield from zip(batch.labels.tolist(), batch.images, strict=True)
