"""Chunks: the plain way's batches to the bit, and a thread ahead that leaves nothing behind."""

import threading
import time
from collections.abc import Iterator
from itertools import chain

import pytest
import torch

from cnntop.core.recipe import resolve
from cnntop.core.training import chunks as module
from cnntop.core.training.augmentation import Draws, augment, draw
from cnntop.core.training.augmenter import BLOCK_BYTES
from cnntop.core.training.batches import TIMED_EVERY_SECONDS, ResidentBatches
from cnntop.core.training.chunks import MOST_BATCHES, Chunk, ahead, chunks
from cnntop.core.training.datasets import ImageSet

ALL = ("crop", "hflip", "vflip")
DRAW = torch.Generator().manual_seed(7)


def image_set(count: int = 700, side: int = 32) -> ImageSet:
    images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=DRAW)
    return ImageSet(images, torch.arange(count))


IMAGES = image_set()
ORDER = torch.randperm(len(IMAGES), generator=DRAW)


@pytest.fixture(params=[1, 2])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(module, "cores", lambda: request.param)
    return int(request.param)


@pytest.mark.parametrize("names", [(), ("crop",), ("hflip",), ("crop", "vflip"), ALL])
@pytest.mark.parametrize("batch_size", [1, 8, 100, 256, 300, 700])
def test_batches_are_those_of_the_plain_way_to_the_bit(
    batch_size: int, names: tuple[str, ...], cores: int
) -> None:
    draws = draw(names, len(ORDER), torch.Generator().manual_seed(3))
    for first_batch in {0, 1, 400 // batch_size}:
        made = ahead(chunks(IMAGES, ORDER, draws, batch_size, first_batch))
        batches = [batch for chunk in made for batch in chunk.batches]
        begins = range(first_batch * batch_size, len(ORDER), batch_size)
        for begin, (images, labels) in zip(begins, batches, strict=True):
            chosen = ORDER[begin : begin + batch_size]
            drawn = {name: one[begin : begin + batch_size] for name, one in draws.items()}
            assert torch.equal(images, augment(IMAGES.images[chosen], drawn))
            assert torch.equal(labels, IMAGES.labels[chosen])


@pytest.mark.parametrize(
    ("side", "batch_size", "batches"),
    [(32, 32, 8), (32, 8, MOST_BATCHES), (32, 512, 1), (224, 1, 5), (224, 64, 1)],
)
def test_a_chunk_is_no_larger_than_a_block_or_a_batch(
    side: int, batch_size: int, batches: int
) -> None:
    images = image_set(batch_size * (batches + 1), side)
    chunk = next(chunks(images, torch.arange(len(images)), {}, batch_size))
    assert len(chunk.batches) == batches
    seen = sum(images.nbytes for images, _ in chunk.batches)
    assert seen <= max(BLOCK_BYTES, images.images[:batch_size].nbytes)


def test_a_chunk_tells_what_it_took(cores: int) -> None:
    before, cpu_before = time.perf_counter(), time.process_time()
    found = list(ahead(chunks(IMAGES, ORDER, draws(), 100)))
    cpu_seconds = sum(
        chunk.cpu_seconds_per_image * len(labels) for chunk in found for _, labels in chunk.batches
    )
    assert 0 < cpu_seconds < time.process_time() - cpu_before
    stamps = [stamp for one in found for stamp in (one.begun_seconds, one.ready_seconds)]
    stamps = [before, *stamps, time.perf_counter()]
    assert stamps == sorted(stamps)
    hidden = [chunk.ready_seconds > chunk.begun_seconds for chunk in found]
    assert hidden == [False] + [cores > 1] * (len(found) - 1), "the first one is waited for"


def draws() -> Draws:
    return draw(ALL, len(ORDER), torch.Generator().manual_seed(3))


def source(batch_size: int) -> ResidentBatches:
    recipe = resolve({"data": {"batch_size": batch_size}, "train": {"epochs": 1}}, "test")
    return ResidentBatches(IMAGES, recipe.data, 0, torch.device("cpu"), "cpu")


def test_of_short_batches_only_some_tell_times() -> None:
    """Those of each chunk's first one stand for the whole chunk."""
    batches = list(source(1).epoch(1))
    told = [number for number, batch in enumerate(batches) if batch.cpu_seconds is not None]
    firsts = range(0, len(IMAGES), MOST_BATCHES)
    assert set(firsts) <= set(told)
    assert len(told) < len(batches) // 2
    assert len({batches[number].begun_seconds for number in told}) == len(firsts)


def test_of_long_batches_each_tells_times() -> None:
    made = source(100)
    for batch in made.epoch(1):
        assert batch.cpu_seconds is not None
        time.sleep(2 * TIMED_EVERY_SECONDS)


def test_closing_or_beginning_anew_ends_a_pass_and_its_thread() -> None:
    before = set(threading.enumerate())
    made = source(50)
    first, second = made.epoch(1), made.epoch(2)
    assert next(first, None) is None
    next(second)
    made.close()
    assert next(second, None) is None
    assert set(threading.enumerate()) <= before
    assert len(list(made.epoch(3))) == 14
    assert set(threading.enumerate()) <= before


class Counted:
    """Three chunks, and how many were asked for; the third one fails if told so."""

    def __init__(self, *, broken: bool = False) -> None:
        self.asked = 0
        self._broken = broken

    def __iter__(self) -> Iterator[Chunk]:
        for number in range(3):
            self.asked += 1
            if self._broken and number == 2:
                raise ValueError("no third")
            yield Chunk([], number, number, 0.0)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "cores", lambda: 2)
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def asked_in_the_end(counted: Counted, times: int) -> bool:
    until = time.monotonic() + 10
    while counted.asked < times and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.05)
    return counted.asked == times


@pytest.mark.usefixtures("two_cores")
def test_one_chunk_is_made_ahead_and_no_more() -> None:
    counted = Counted()
    made = ahead(iter(counted))
    assert counted.asked == 0
    next(made)
    assert asked_in_the_end(counted, 2)
    assert len(list(made)) == 2


@pytest.mark.usefixtures("two_cores")
def test_what_breaks_in_the_thread_is_raised_where_the_chunk_is_asked_for() -> None:
    counted = Counted(broken=True)
    made = ahead(iter(counted))
    next(made)
    assert next(made).begun_seconds == 1
    assert asked_in_the_end(counted, 3)
    with pytest.raises(ValueError, match="no third"):
        next(made)


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_nothing_is_left_of_a_pass_that_nobody_wants_any_more(taken: int) -> None:
    closed, dropped = ahead(iter(Counted())), ahead(iter(Counted()))
    for _ in range(taken):
        next(closed), next(dropped)
    closed.close()
    del dropped
    assert next(chain(closed), None) is None


@pytest.mark.usefixtures("two_cores")
def test_work_in_the_thread_goes_on_while_the_network_computes() -> None:
    begun = [threading.Event() for _ in range(4)]

    def told() -> Iterator[Chunk]:
        for number, event in enumerate(begun):
            event.set()
            yield Chunk([], number, number, 0.0)

    made = ahead(told())
    for following in begun[1:]:
        next(made)
        assert following.wait(10), "nobody asks for it: the network computes"
