"""Which images a folder holds, by split and class, found without opening any."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cnntop.core.datasets import CATALOGUE
from cnntop.core.errors import Cancelled, DatasetError, UsageError
from cnntop.core.text import printable

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

LAYOUT = "train/<class>/<image> and test/<class>/<image> (or val/)"


@dataclass(frozen=True)
class ImageFile:
    """One image. `path` is relative to the dataset's folder; size and time tell it changed."""

    path: str
    label: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Listing:
    """Both splits in a stable order. `classes` are the names of the folders below train/."""

    folder: Path
    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]


def scan(folder: Path, cancelled: Callable[[], bool]) -> Listing:
    """List the images of `folder`: nested files too, links followed, hidden files left out.

    Raises DatasetError when the folder or one below it is missing or cannot be read, UsageError
    when it is not laid out as a dataset, and Cancelled.
    """
    try:
        return _scan(folder, cancelled)
    except OSError as error:
        where = printable(str(error.filename or folder))
        raise DatasetError(
            f"cannot read {where}: {(error.strerror or str(error)).lower()}"
        ) from None


def _scan(folder: Path, cancelled: Callable[[], bool]) -> Listing:
    shown = printable(str(folder))
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise DatasetError(f"the image folder {shown} {problem}")
    folder = folder.resolve()
    if not (folder / "train").is_dir():
        for info in CATALOGUE.values():
            if any((folder / file).exists() for file in info.files):
                raise UsageError(
                    f"{shown} has no train/ folder but holds {info.title.split(':')[0]}: "
                    f"add --dataset {info.name}"
                )
        raise UsageError(f"{shown} has no train/ folder; it needs {LAYOUT}")
    test_name = next((name for name in ("test", "val") if (folder / name).is_dir()), None)
    if test_name is None:
        raise UsageError(f"{shown} has no test/ or val/ folder; it needs {LAYOUT}")
    train = _split(folder, "train", cancelled)
    test = _split(folder, test_name, cancelled)
    for name, files in (("train", train), (test_name, test)):
        if not any(files.values()):
            raise UsageError(f"no images in {shown}/{name}; it needs {LAYOUT}, png, jpeg or webp")
    if len(train) == 1:
        raise UsageError(
            f"only one class in {shown}/train ({printable(next(iter(train)))}); "
            "there must be two or more, each a folder of its own"
        )
    empty = [label for label, files in train.items() if not files]
    if empty:
        raise UsageError(
            f"no images in {shown}/train/{printable(empty[0])}: add some or remove that folder"
        )
    unknown = [label for label, files in test.items() if files and label not in train]
    if unknown:
        names = ", ".join(printable(label) for label in unknown[:5])
        raise UsageError(
            f"{shown}/{test_name} has classes that train/ lacks: {names}; "
            "both must name their class folders alike"
        )
    return Listing(folder, tuple(train), _flat(train), _flat(test))


def _flat(split: dict[str, list[ImageFile]]) -> tuple[ImageFile, ...]:
    return tuple(file for files in split.values() for file in files)


def _split(folder: Path, name: str, cancelled: Callable[[], bool]) -> dict[str, list[ImageFile]]:
    """Sorted class names with their images, sorted by path. May raise OSError."""
    with os.scandir(folder / name) as entries:
        labels = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    split = {}
    for label in labels:
        found = _walk(folder, f"{name}/{label}", label, set(), cancelled)
        split[label] = sorted(found, key=lambda file: file.path)
    return split


def _walk(
    folder: Path,
    relative: str,
    label: str,
    seen: set[tuple[int, int]],
    cancelled: Callable[[], bool],
) -> Iterator[ImageFile]:
    # A link may point at a folder above it: `seen` keeps that from going round for ever.
    here = (folder / relative).stat()
    if (here.st_dev, here.st_ino) in seen:
        return
    seen.add((here.st_dev, here.st_ino))
    with os.scandir(folder / relative) as entries:
        for entry in entries:
            if cancelled():
                raise Cancelled
            if entry.name.startswith("."):
                continue
            path = f"{relative}/{entry.name}"
            if entry.is_dir():
                yield from _walk(folder, path, label, seen, cancelled)
            elif entry.name.lower().endswith(SUFFIXES):
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    # A link to nothing: listed, so that decoding counts and names it.
                    yield ImageFile(path, label, 0, 0)
                    continue
                # Opening a pipe or a device would wait or worse.
                if stat.S_ISREG(status.st_mode):
                    yield ImageFile(path, label, status.st_size, status.st_mtime_ns)
