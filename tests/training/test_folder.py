"""A folder of real image files, read through the same door as training does."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnntop.core.errors import Cancelled, DatasetError, UsageError
from cnntop.core.events import Activity, AnyEvent, Notice
from cnntop.core.training import datasets
from cnntop.core.training.datasets import Dataset, decoding

COLOURS = {"blue": (20, 40, 220), "green": (30, 200, 50), "red": (230, 30, 20)}


class Collect:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    @property
    def warnings(self) -> list[str]:
        found = [event for event in self.events if isinstance(event, Notice)]
        assert all(notice.level == "warning" for notice in found)
        return [notice.text for notice in found]

    def decoded(self) -> list[Activity]:
        return [e for e in self.events if isinstance(e, Activity) and e.name == "decoding images"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNTOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """Three classes of plain colour: four training images and two test images each."""
    folder = tmp_path / "flowers"
    for split, count in (("train", 4), ("test", 2)):
        for label, colour in COLOURS.items():
            for number in range(count):
                paint(folder / split / label / f"{number}.png", colour)
    return folder


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Permissions do not hold root back, so step down to another user where tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach and write, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def paint(path: Path, colour: tuple[int, ...] | int, size: tuple[int, int] = (8, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(path)


def load(
    folder: Path,
    image_size: int = 8,
    sink: Collect | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Dataset:
    return datasets.load("folder", folder, image_size, sink or Collect(), cancelled)


def same(one: Dataset, other: Dataset) -> bool:
    return all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)
        for a, b in ((one.train, other.train), (one.test, other.test))
    )


def test_colour_images_come_with_their_labels(flowers: Path) -> None:
    dataset = load(flowers)
    assert dataset.name == "folder:flowers"
    assert dataset.classes == ("blue", "green", "red")
    assert dataset.train.images.shape == (12, 3, 8, 8)
    assert dataset.train.images.dtype == torch.uint8
    assert dataset.test.images.shape == (6, 3, 8, 8)
    assert dataset.train.labels.dtype == torch.int64
    assert dataset.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for split in (dataset.train, dataset.test):
        for image, label in zip(split.images, split.labels.tolist(), strict=True):
            assert tuple(image[:, 3, 5].tolist()) == COLOURS[dataset.classes[label]]


def test_every_format_suffix_case_and_nesting_is_read(flowers: Path) -> None:
    colour = (200, 100, 50)
    for name in ("a.JPG", "b.jpeg", "c.WebP", "deep/er/d.Png"):
        paint(flowers / "train" / "red" / name, colour)
    for name in (".hidden.png", ".hidden/e.png", "notes.txt"):
        path = flowers / "train" / "red" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not an image")
    (flowers / "train" / ".hidden").mkdir()
    sink = Collect()
    dataset = load(flowers, sink=sink)
    assert dataset.classes == ("blue", "green", "red")
    assert (dataset.train.labels == 2).sum() == 8
    assert sink.warnings == []
    found = [
        image
        for image in dataset.train.images
        if (image[:, 4, 4].int() - torch.tensor(colour)).abs().max() <= 12
    ]
    assert len(found) == 4


def test_the_shorter_side_is_fitted_and_the_middle_kept(flowers: Path) -> None:
    picture = Image.new("RGB", (40, 10), (0, 0, 0))
    picture.paste((255, 255, 255), (15, 0, 25, 10))
    picture.save(flowers / "train" / "blue" / "0.png")
    first = load(flowers).train.images[0]
    assert first.float().mean() > 250


def test_a_large_jpeg_keeps_its_picture(flowers: Path) -> None:
    picture = Image.new("RGB", (640, 480), (10, 10, 10))
    picture.paste((240, 240, 240), (320, 0, 640, 480))
    picture.save(flowers / "train" / "blue" / "0.jpg")
    (flowers / "train" / "blue" / "0.png").unlink()
    first = load(flowers).train.images[0].float()
    assert first[:, :, :3].mean() < 30
    assert first[:, :, 5:].mean() > 220


def test_exif_rotation_is_applied(flowers: Path) -> None:
    picture = Image.new("RGB", (16, 16), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 16, 8))  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: white goes to the right
    picture.save(flowers / "train" / "blue" / "0.png", exif=exif)
    first = load(flowers).train.images[0].float()
    assert first[:, :, :3].mean() < 20
    assert first[:, :, 5:].mean() > 235


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_seen_on_white(flowers: Path, mode: str) -> None:
    picture = Image.new(mode, (8, 8), 0)
    options = {"transparency": 0} if mode == "P" else {}
    picture.save(flowers / "train" / "blue" / "0.png", **options)
    assert (load(flowers).train.images[0] == 255).all()


def test_a_damaged_exif_block_does_not_warn_on_the_screen(
    flowers: Path, recwarn: pytest.WarningsRecorder
) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + b"\x0f\x01\x02\0\xff\0\0\0\xff\xff\0\0"
    Image.new("RGB", (8, 8)).save(flowers / "train" / "blue" / "a.jpg", exif=exif)
    assert len(load(flowers).train) == 13
    assert len(recwarn) == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "LA", "I;16"])
def test_images_that_are_all_grey_have_one_channel(tmp_path: Path, mode: str) -> None:
    for split in ("train", "test"):
        for label, shade in (("dark", 0), ("light", 200)):
            path = tmp_path / "grey" / split / label / "1.png"
            path.parent.mkdir(parents=True)
            if mode == "I;16":
                Image.fromarray(np.full((8, 8), shade * 257, dtype=np.uint16)).save(path)
            else:
                Image.new("L", (8, 8), shade).convert(mode, dither=Image.Dither.NONE).save(path)
    dataset = load(tmp_path / "grey")
    assert dataset.train.images.shape == (2, 1, 8, 8)
    assert dataset.train.images[0].max() == 0
    assert dataset.train.images[1].min() == (255 if mode == "1" else 200)
    assert same(dataset, load(tmp_path / "grey"))


def test_one_colour_image_in_the_test_split_makes_all_rgb(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("a", "b"):
            paint(tmp_path / "mixed" / split / label / "1.png", 77)
    paint(tmp_path / "mixed" / "test" / "b" / "2.png", COLOURS["red"])
    dataset = load(tmp_path / "mixed")
    assert dataset.train.images.shape == (2, 3, 8, 8)
    assert (dataset.train.images == 77).all()
    assert dataset.test.images.shape == (3, 3, 8, 8)


def test_val_stands_in_for_test(flowers: Path) -> None:
    (flowers / "test").rename(flowers / "val")
    assert len(load(flowers).test) == 6


def test_the_image_size_defaults_to_32(flowers: Path) -> None:
    dataset = datasets.load("folder", flowers, None, Collect())
    assert dataset.train.images.shape == (12, 3, 32, 32)


def test_names_with_escapes_are_made_printable(flowers: Path) -> None:
    for split in ("train", "test"):
        (flowers / split / "red").rename(flowers / split / "r\x1b[2Jed")
    evil = flowers.rename(flowers.with_name("fl\nowers"))
    dataset = load(evil)
    assert dataset.name == "folder:fl?owers"
    assert dataset.classes == ("blue", "green", "r?[2Jed")


def test_a_link_to_the_folder_above_does_not_go_round(flowers: Path) -> None:
    (flowers / "train" / "red" / "again").symlink_to(flowers / "train" / "red")
    assert len(load(flowers).train) == 12


def test_a_pipe_named_like_an_image_does_not_block(flowers: Path) -> None:
    os.mkfifo(flowers / "train" / "red" / "pipe.png")
    assert len(load(flowers).train) == 12


def test_progress_is_reported_to_the_last_image(flowers: Path) -> None:
    sink = Collect()
    load(flowers, sink=sink)
    first, *_, last = sink.decoded()
    assert (first.done, first.total, first.unit) == (0, 18, "images")
    assert (last.done, last.total) == (18, 18)


# The cache


def test_a_cache_hit_decodes_nothing(flowers: Path) -> None:
    before = load(flowers)
    for path in flowers.rglob("*.png"):  # same size and time, but no image any more
        status = path.stat()
        path.write_bytes(b"x" * status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    sink = Collect()
    assert same(load(flowers, sink=sink), before)
    assert sink.decoded() == []
    assert sink.warnings == []


def test_a_changed_file_is_decoded_again_and_the_old_entry_goes(flowers: Path, cache: Path) -> None:
    load(flowers)
    path = flowers / "train" / "blue" / "0.png"
    paint(path, (1, 2, 3))
    os.utime(path, ns=(0, 0))
    assert tuple(load(flowers).train.images[0][:, 0, 0].tolist()) == (1, 2, 3)
    assert len(list((cache / "decoded").iterdir())) == 1


def test_sizes_are_kept_side_by_side(flowers: Path) -> None:
    load(flowers, 8)
    load(flowers, 12)
    for size in (8, 12):
        sink = Collect()
        assert load(flowers, size, sink).train.images.shape[-1] == size
        assert sink.decoded() == []


@pytest.mark.parametrize("name", ["train-images.u8", "test-labels.i64", "meta.json"])
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_cache_is_rebuilt(flowers: Path, cache: Path, name: str, harm: str) -> None:
    before = load(flowers)
    (path,) = cache.rglob(name)
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[:-1])
    elif harm == "flip":
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    else:
        path.unlink()
    sink = Collect()
    assert same(load(flowers, sink=sink), before)
    assert sink.decoded()
    assert sink.warnings == []
    healed = Collect()
    assert same(load(flowers, sink=healed), before)
    assert healed.decoded() == []


def test_a_foreign_entry_is_not_believed(flowers: Path, tmp_path: Path, cache: Path) -> None:
    """Another folder's arrays, whole and with right checksums, in the place of ours."""
    before = load(flowers)
    (ours,) = (cache / "decoded").iterdir()
    other = tmp_path / "other"
    shutil.copytree(flowers, other)
    paint(other / "train" / "blue" / "0.png", (9, 9, 9))
    assert not same(load(other), before)
    (theirs,) = (entry for entry in (cache / "decoded").iterdir() if entry != ours)
    for file in theirs.iterdir():
        shutil.copy(file, ours)
    assert same(load(flowers), before)


def test_a_cache_that_cannot_be_written_is_a_warning(flowers: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    sink = Collect()
    assert len(load(flowers, sink=sink).train) == 12
    (text,) = sink.warnings
    assert "cannot be kept" in text
    assert str(cache) in text


def test_two_at_once_both_get_it_right(flowers: Path, cache: Path) -> None:
    reference = load(flowers)
    for _ in range(5):
        for entry in (cache / "decoded").iterdir():
            for file in entry.iterdir():
                file.write_bytes(b"")
        with ThreadPoolExecutor(2) as pool:
            results = [pool.submit(load, flowers) for _ in range(2)]
        assert all(same(result.result(), reference) for result in results)
    assert list((cache / "decoded").glob(".partial-*")) == []


# Stopping


def test_cancelling_stops_at_the_next_image_and_leaves_nothing(flowers: Path, cache: Path) -> None:
    calls: list[bool] = []

    def cancelled() -> bool:
        calls.append(len(calls) >= 30)  # 18 looks while listing, then in the middle of decoding
        return calls[-1]

    sink = Collect()
    with pytest.raises(Cancelled):
        load(flowers, sink=sink, cancelled=cancelled)
    assert sink.decoded()
    assert calls.count(True) == 1
    assert list(cache.rglob("*")) == []


def test_cancelling_stops_the_listing(flowers: Path) -> None:
    sink = Collect()
    with pytest.raises(Cancelled):
        load(flowers, sink=sink, cancelled=lambda: True)
    assert sink.decoded() == []


# Errors


def test_no_folder_named() -> None:
    with pytest.raises(UsageError, match="needs a folder of images"):
        datasets.load("folder", None, None, Collect())


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere does not exist"):
        load(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="is not a folder"):
        load(tmp_path / "file")


def test_no_train_folder(flowers: Path) -> None:
    (flowers / "train").rename(flowers / "training")
    with pytest.raises(UsageError, match=r"has no train/ folder; it needs train/<class>"):
        load(flowers)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("cifar-10-batches-py/data_batch_1", "cifar10"),
        ("cifar-100-python/train", "cifar100"),
        ("FashionMNIST/raw/train-images-idx3-ubyte", "fashion_mnist"),
        ("train_32x32.mat", "svhn"),
    ],
)
def test_a_download_in_place_of_the_folder(tmp_path: Path, file: str, name: str) -> None:
    path = tmp_path / "data" / file
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(UsageError, match=rf"add --dataset {name}$"):
        load(tmp_path / "data")


def test_no_test_folder(flowers: Path) -> None:
    (flowers / "test").rename(flowers / "tests")
    with pytest.raises(UsageError, match=r"has no test/ or val/ folder"):
        load(flowers)


def test_one_class(flowers: Path) -> None:
    for split in ("train", "test"):
        for label in ("green", "blue"):
            (flowers / split / label).rename(flowers / f"{split}-{label}")
    with pytest.raises(UsageError, match=r"only one class in .*flowers/train \(red\)"):
        load(flowers)


def test_a_test_class_that_train_lacks(flowers: Path) -> None:
    paint(flowers / "test" / "pink" / "1.png", (255, 128, 128))
    with pytest.raises(UsageError, match=r"flowers/test has classes that train/ lacks: pink"):
        load(flowers)


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_images(flowers: Path, split: str) -> None:
    for path in (flowers / split).rglob("*.png"):
        path.rename(path.with_suffix(".bmp"))
    with pytest.raises(UsageError, match=rf"no images in .*flowers/{split};"):
        load(flowers)


def test_an_empty_training_class(flowers: Path) -> None:
    (flowers / "train" / "azure").mkdir()
    with pytest.raises(UsageError, match=r"no images in .*flowers/train/azure"):
        load(flowers)


def test_a_class_without_test_images_is_a_warning(flowers: Path) -> None:
    for path in (flowers / "test" / "green").iterdir():
        path.unlink()
    for _ in ("decoded", "from the cache"):
        sink = Collect()
        assert load(flowers, sink=sink).test.labels.tolist() == [0, 0, 2, 2]
        (text,) = sink.warnings
        assert "test/ has no images of green" in text


def test_damaged_images_are_counted_named_and_left_out(flowers: Path) -> None:
    whole = (flowers / "train" / "red" / "0.png").read_bytes()
    (flowers / "train" / "red" / "0.png").write_bytes(whole[:40])
    (flowers / "train" / "red" / "1\x1b.png").write_text("no image")
    Image.new("RGB", (8, 8)).save(flowers / "train" / "red" / "2.png", format="GIF")
    (flowers / "train" / "blue" / "9.jpg").touch()
    for _ in ("decoded", "from the cache"):
        sink = Collect()
        dataset = load(flowers, sink=sink)
        assert dataset.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 2
        assert tuple(dataset.train.images[-1][:, 0, 0].tolist()) == COLOURS["red"]
        (text,) = sink.warnings
        assert text.startswith("4 of 14 images in train/ cannot be decoded and are left out: ")
        assert "train/blue/9.jpg (not a png, jpeg or webp image)" in text
        assert "train/red/1?.png" in text
        assert text.endswith("and 1 more")


def test_more_damaged_images_than_may_be_skipped(flowers: Path) -> None:
    for number in range(decoding.SKIPPED_IMAGES + 1):
        (flowers / "train" / "red" / f"x{number:02}.png").write_text("no image")
    with pytest.raises(DatasetError, match=r"more than 10 of 23 images .* cannot be decoded") as e:
        load(flowers)
    assert "train/red/x00.png" in str(e.value)
    (flowers / "train" / "red" / "x00.png").unlink()
    assert len(load(flowers).train) == 12


def test_the_limit_grows_with_the_split(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SKIPPED_IMAGES", 1)
    monkeypatch.setattr(decoding, "SKIPPED_FRACTION", 0.15)
    for number in range(2):  # 2 of 14 is below 15 %, and above one image
        (flowers / "train" / "red" / f"x{number}.png").write_text("no image")
    assert len(load(flowers).train) == 12
    (flowers / "train" / "red" / "x2.png").write_text("no image")
    with pytest.raises(DatasetError, match="more than 2 of 15"):
        load(flowers)


@pytest.mark.parametrize("split", ["train", "test"])
def test_nothing_left_after_skipping(flowers: Path, split: str) -> None:
    for path in (flowers / split).rglob("*.png"):
        if split == "test" or path.parent.name == "green":
            path.write_text("no image")
    where = r"/train/green" if split == "train" else "test image"
    with pytest.raises(DatasetError, match=rf"no .*{where}.* can be decoded"):
        load(flowers)


@pytest.mark.parametrize("times", [1.5, 3])  # Pillow warns above the limit, refuses above twice
def test_a_decompression_bomb_is_not_decoded(
    flowers: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, times: float
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    paint(flowers / "train" / "red" / "bomb.png", COLOURS["red"], (int(10_000 * times), 1))
    sink = Collect()
    assert len(load(flowers, sink=sink).train) == 12
    assert "train/red/bomb.png (too many pixels)" in sink.warnings[0]
    assert len(recwarn) == 0


def test_a_link_to_nothing_is_left_out_but_tried_again(flowers: Path, tmp_path: Path) -> None:
    (flowers / "train" / "red" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    sink = Collect()
    assert len(load(flowers, sink=sink).train) == 12
    assert "train/red/link.png (no such file or directory)" in sink.warnings[0]
    again = Collect()
    load(flowers, sink=again)
    assert again.decoded()


def test_an_unreadable_folder(open_folder: Path, unprivileged: None) -> None:
    for label in ("a", "b"):
        for split in ("train", "test"):
            paint(open_folder / split / label / "1.png", 10)
    closed = open_folder / "train" / "b"
    closed.chmod(0)
    try:
        with pytest.raises(DatasetError, match=r"cannot read .*train/b: permission denied"):
            load(open_folder)
    finally:
        closed.chmod(0o755)


def test_more_than_the_memory_holds(flowers: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"GB, more than memory holds.* choose a smaller image size"
    ):
        load(flowers, 2_000_000)


@pytest.mark.images
@pytest.mark.skipif("CNNTOP_TEST_IMAGES" not in os.environ, reason="CNNTOP_TEST_IMAGES is not set")
@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.long)])
def test_real_images_are_those_of_the_files(tmp_path: Path, every: int) -> None:
    """Each twentieth of them, or all."""
    source, folder = Path(os.environ["CNNTOP_TEST_IMAGES"]), tmp_path / "images"
    for number, file in enumerate(sorted(source.glob("t*/*/*"))):
        if number % every == 0:
            link = folder / file.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    started = time.perf_counter()
    sink = Collect()
    cold = load(folder, 32, sink)
    cold_seconds = time.perf_counter() - started
    started = time.perf_counter()
    warm = load(folder, 32)
    warm_seconds = time.perf_counter() - started
    assert same(cold, warm)
    assert sink.warnings == []
    assert warm_seconds < cold_seconds
    files = sorted((folder / "train").glob("*/*"))
    assert len(cold.train) == len(files)
    for index in range(0, len(files), 97):
        label = cold.classes[int(cold.train.labels[index])]
        assert files[index].parent.name == label
        pixels = np.asarray(Image.open(files[index]).convert("RGB"))
        if pixels.shape == (32, 32, 3):
            assert (cold.train.images[index].permute(1, 2, 0).numpy() == pixels).all()
