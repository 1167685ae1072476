"""What datasets there are and whether they are here, without loading any (or torch)."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset of the catalogue. Below its folder, `files` exist once it is here and `archives`
    are what is downloaded."""

    name: str
    title: str
    classes: int
    channels: int
    image_size: int
    train_images: int
    test_images: int
    download_bytes: int = 0
    files: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()


_CIFAR10 = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"]
_FASHION = [
    f"{split}-{kind}-ubyte"
    for split in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]
_SVHN = ("train_32x32.mat", "test_32x32.mat")

CATALOGUE = {
    info.name: info
    for info in (
        DatasetInfo(
            "cifar10", "CIFAR-10: 32x32 colour photographs", 10, 3, 32, 50_000, 10_000,
            170_498_071, tuple(f"cifar-10-batches-py/{name}" for name in _CIFAR10),
            ("cifar-10-python.tar.gz",),
        ),
        DatasetInfo(
            "cifar100", "CIFAR-100: 32x32 colour photographs", 100, 3, 32, 50_000, 10_000,
            169_001_437, tuple(f"cifar-100-python/{name}" for name in ("train", "test", "meta")),
            ("cifar-100-python.tar.gz",),
        ),
        DatasetInfo(
            "fashion_mnist", "Fashion-MNIST: 28x28 grey clothes", 10, 1, 28, 60_000, 10_000,
            30_878_645, tuple(f"FashionMNIST/raw/{name}" for name in _FASHION),
            tuple(f"FashionMNIST/raw/{name}.gz" for name in _FASHION),
        ),
        DatasetInfo(
            "svhn", "SVHN: 32x32 colour house numbers", 10, 3, 32, 73_257, 26_032,
            246_345_350, _SVHN, _SVHN,
        ),
        DatasetInfo(
            "shapes", "Shapes: 32x32 colour drawings, generated, no download", 10, 3, 32,
            10_000, 2_000,
        ),
    )
}  # fmt: skip


def cache_folder() -> Path:
    """Where downloads and decoded images are kept: $CNNTOP_CACHE, else the user's cache folder."""
    chosen = os.environ.get("CNNTOP_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("cnntop"))


def dataset_folder(name: str, chosen: str | None) -> Path:
    """The folder that holds (or will hold) the files of a catalogue dataset."""
    return Path(chosen).expanduser() if chosen else cache_folder() / "datasets" / name


def is_here(name: str, chosen: str | None = None) -> bool:
    """Whether a dataset can be used without a download. For "folder", whether `chosen` exists."""
    if name == "folder":
        return chosen is not None and Path(chosen).expanduser().is_dir()
    folder = dataset_folder(name, chosen)
    return all((folder / file).exists() for file in CATALOGUE[name].files)
