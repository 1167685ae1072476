"""The built-in dataset: the same pictures everywhere, and none that colour alone gives away."""

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cnntop.core.datasets import CATALOGUE
from cnntop.core.events import Activity, AnyEvent
from cnntop.core.training.datasets import shapes
from cnntop.core.training.datasets.image_set import Dataset, ImageSet


class Collected:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)


@pytest.fixture(scope="module")
def sink() -> Collected:
    return Collected()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty at first: what is tested is drawn here."""
    return tmp_path_factory.mktemp("drawn") / "cache"


@pytest.fixture(scope="module")
def dataset(sink: Collected, cache: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNTOP_CACHE", str(cache))
        return shapes.load(sink)


@pytest.fixture(autouse=True)
def in_that_cache(cache: Path, own_folders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNTOP_CACHE", str(cache))


def test_dataset_is_what_the_catalogue_promises(dataset: Dataset) -> None:
    info = CATALOGUE["shapes"]
    size = (info.channels, info.image_size, info.image_size)
    assert dataset.name == info.name
    assert len(set(dataset.classes)) == info.classes
    for split, count in ((dataset.train, info.train_images), (dataset.test, info.test_images)):
        assert split.images.shape == (count, *size)
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert torch.bincount(split.labels).tolist() == [count // info.classes] * info.classes


def test_bytes_are_the_same_on_every_machine(dataset: Dataset) -> None:
    # A run's figures are compared across machines, so its pictures must not drift. If the drawing
    # is changed on purpose, measure the accuracies in shapes.py again before pinning new sums.
    train, test = (split.images.numpy().tobytes() for split in (dataset.train, dataset.test))
    assert zlib.crc32(train) == 0xF46A4934
    assert zlib.crc32(test) == 0xADB4C755
    assert zlib.crc32(train + test) == shapes.CHECKSUM


def assert_same(one: Dataset, other: Dataset) -> None:
    for name in ("train", "test"):
        assert torch.equal(getattr(one, name).images, getattr(other, name).images)
        assert torch.equal(getattr(one, name).labels, getattr(other, name).labels)
    assert one.classes == other.classes


def test_they_are_drawn_once_and_kept(dataset: Dataset) -> None:
    quiet = Collected()
    assert_same(shapes.load(quiet), dataset)
    assert quiet.events == []


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_what_is_damaged_is_drawn_anew(dataset: Dataset, damage: str) -> None:
    file = shapes.kept_file()
    kept = bytearray(file.read_bytes())
    if damage == "flipped":
        kept[len(kept) // 3] ^= 1
    else:
        del kept[-1]
    file.write_bytes(kept)
    drawn = Collected()
    assert_same(shapes.load(drawn), dataset)
    assert drawn.events
    assert zlib.crc32(file.read_bytes()) == shapes.CHECKSUM


def test_where_nothing_can_be_kept_they_are_drawn_each_time(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    monkeypatch.setenv("CNNTOP_CACHE", str(in_the_way))
    assert_same(shapes.load(Collected()), dataset)


def test_drawing_twice_gives_the_same_and_another_seed_another() -> None:
    first, again, other = shapes.draw(120, 1), shapes.draw(120, 1), shapes.draw(120, 2)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, other.images)


def test_no_picture_occurs_twice(dataset: Dataset) -> None:
    both = torch.cat([dataset.train.images, dataset.test.images])
    assert len({image.tobytes() for image in both.numpy()}) == len(both)


def test_a_count_that_fills_no_chunk_is_drawn_whole() -> None:
    few = shapes.draw(shapes.CHUNK + 3, 1)
    assert len(few) == shapes.CHUNK + 3
    assert few.labels.tolist() == [i % 10 for i in range(shapes.CHUNK + 3)]
    assert (few.images.flatten(1).float().std(dim=1) > 1).all()


def test_progress_reaches_the_total(dataset: Dataset, sink: Collected) -> None:
    activities = [event for event in sink.events if isinstance(event, Activity)]
    assert activities[0] == Activity("drawing shapes", 0, 12_000, "images")
    assert activities[-1] == Activity("drawing shapes", 12_000, 12_000, "images")


def test_mean_colour_tells_no_class(dataset: Dataset) -> None:
    # Chance is 10 %; 2,000 pictures put the guesses within about 2 % of it.
    assert _nearest_mean_accuracy(dataset, _colour) < 0.13


def test_mean_picture_tells_little(dataset: Dataset) -> None:
    # Shapes wander, turn and change colour, so comparing pixel by pixel must not be enough.
    assert _nearest_mean_accuracy(dataset, _pixels) < 0.15


def test_nearest_mean_would_notice_a_give_away(dataset: Dataset) -> None:
    """The two tests above can fail: a tint a class is found out by both."""
    tints = torch.arange(10, dtype=torch.uint8) * 25
    tinted = Dataset("tinted", dataset.classes, *(_tinted(s, tints) for s in _splits(dataset)))
    assert _nearest_mean_accuracy(tinted, _colour) > 0.9
    assert _nearest_mean_accuracy(tinted, _pixels) > 0.9


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_mirrored_shape_is_the_same_shape_turned(name: str) -> None:
    # Training flips pictures both ways: a flip must not make another class out of one.
    grid = torch.linspace(-1.2, 1.2, 49).numpy()[None]
    x, y = grid[:, None, :].repeat(49, 1), grid[:, :, None].repeat(49, 2)
    inside = shapes.SHAPES[name](x, y)[0] < 0
    flipped = inside[::-1]
    assert 0.05 < inside.mean() < 0.6
    turns = (flipped, flipped[::-1, ::-1])
    assert any((turned == inside).mean() > 0.99 for turned in turns)


def _colour(images: torch.Tensor) -> torch.Tensor:
    return images.float().mean(dim=(2, 3))


def _pixels(images: torch.Tensor) -> torch.Tensor:
    return images.float().flatten(1)


def _splits(dataset: Dataset) -> tuple[ImageSet, ImageSet]:
    return dataset.train, dataset.test


def _tinted(split: ImageSet, tints: torch.Tensor) -> ImageSet:
    tint = tints[split.labels][:, None, None, None]
    return ImageSet((split.images // 16 + tint).to(torch.uint8), split.labels)


def _nearest_mean_accuracy(
    dataset: Dataset, feature: Callable[[torch.Tensor], torch.Tensor]
) -> float:
    """Share of test pictures whose class has the nearest mean of `feature`, uint8 images [N, ...]
    to float [N, F], over the training pictures."""
    train, test = feature(dataset.train.images), feature(dataset.test.images)
    means = torch.stack([train[dataset.train.labels == label].mean(dim=0) for label in range(10)])
    guesses = torch.cdist(test, means).argmin(dim=1)
    return float((guesses == dataset.test.labels).float().mean())
