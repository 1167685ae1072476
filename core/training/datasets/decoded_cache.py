"""Decoded images kept on disk, so that the second run on a folder starts at once.

One folder an entry: raw arrays and a `meta.json` that says what they are. An entry is written
aside and renamed, so it is whole or not there; sizes and checksums are compared on reading.
"""

import errno
import hashlib
import math
import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import psutil

from cnntop.core.datasets import cache_folder
from cnntop.core.training.datasets.listing import Listing

FORMAT = 1
"""Counts up when decoding or this layout changes; older entries are then decoded anew."""

_META = "meta.json"

MOST_OF_MEMORY = 0.75
"""Share of the free memory that decoded images may take; more stay on disk and are mapped."""


def fit_in_memory(size_bytes: int) -> bool:
    """Whether images of this size are to be held there."""
    return size_bytes <= MOST_OF_MEMORY * psutil.virtual_memory().available


def room_on_disk(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """An array in a file without a name below the cache folder, which goes with the array.

    Raises OSError where the disk has no room for all of it.
    """
    folder = cache_folder() / "decoded"
    folder.mkdir(parents=True, exist_ok=True)
    size_bytes = math.prod(shape)
    if shutil.disk_usage(folder).free < size_bytes:  # told at once by every file system
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with tempfile.TemporaryFile(dir=folder) as file:
        # All of it now: what a mapping finds no room for on being written ends the process.
        os.posix_fallocate(file.fileno(), 0, size_bytes)
        return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)


@dataclass(frozen=True)
class SplitArrays:
    """One split. `images` uint8 [N, C, S, S], in memory or mapped, `labels` int64 [N], `skipped`
    names of the others."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    skipped: tuple[str, ...]


class _SplitMeta(msgspec.Struct, frozen=True):
    images: tuple[int, int, int, int]
    skipped: tuple[str, ...]
    images_crc32: int
    labels_crc32: int


class _Meta(msgspec.Struct, frozen=True):
    entry: str
    splits: dict[str, _SplitMeta]


def entry_folder(listing: Listing, image_size: int) -> Path:
    """Where the decoded images of this listing at this size are, or would be."""
    place = hashlib.sha256(os.fsencode(listing.folder))
    place.update(f"\0{image_size}\0{FORMAT}".encode())
    content = hashlib.sha256()
    for file in (*listing.train, *listing.test):
        content.update(os.fsencode(file.path))
        content.update(f"\0{file.size_bytes}\0{file.mtime_ns}\0".encode())
    name = f"{place.hexdigest()[:16]}-{content.hexdigest()[:32]}"
    return cache_folder() / "decoded" / name


def read(entry: Path, listing: Listing, image_size: int) -> tuple[SplitArrays, SplitArrays] | None:
    """The train and test arrays of `entry`; None if it is not there, damaged or not ours.

    Images that do not fit in memory are mapped. Their checksum would take as long as reading them
    all, which every start would wait for: it is left out.
    """
    try:
        meta = msgspec.json.decode((entry / _META).read_bytes(), type=_Meta)
        if meta.entry != entry.name:
            return None
        channels = {split.images[1] for split in meta.splits.values()}
        if len(channels) != 1 or not channels <= {1, 3}:
            return None
        train = _read_split(entry, "train", meta.splits["train"])
        test = _read_split(entry, "test", meta.splits["test"])
    except (OSError, KeyError, ValueError, msgspec.DecodeError):
        return None
    for split, files in ((train, listing.train), (test, listing.test)):
        fits = (
            split.images.shape[2:] == (image_size, image_size)
            and 0 < len(split.labels) <= len(files)
            and split.labels.min() >= 0
            and split.labels.max() < len(listing.classes)
        )
        if not fits:
            return None
    return train, test


def _read_split(entry: Path, name: str, meta: _SplitMeta) -> SplitArrays:
    path = entry / f"{name}-images.u8"
    mapped = not fit_in_memory(path.stat().st_size)
    images = _read_array(path, np.dtype(np.uint8), meta.images, mapped)
    labels = _read_array(entry / f"{name}-labels.i64", np.dtype("<i8"), meta.images[:1])
    damaged = not mapped and zlib.crc32(images.data) != meta.images_crc32
    if damaged or zlib.crc32(labels.data) != meta.labels_crc32:
        raise ValueError(f"{name}: wrong checksum")
    return SplitArrays(images, labels, meta.skipped)


def _read_array(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], mapped: bool = False
) -> npt.NDArray[Any]:
    # Compared before reading: a damaged shape must not ask for all memory.
    if min(shape) < 0 or path.stat().st_size != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{path.name}: wrong size")
    if mapped:
        return np.memmap(path, dtype=dtype, mode="r", shape=shape)
    return np.fromfile(path, dtype=dtype).reshape(shape)


def write(entry: Path, train: SplitArrays, test: SplitArrays) -> None:
    """Store both splits as `entry`, and remove entries of the same folder as it was before.

    Raises OSError (full disk, no permission); nothing half-written is left then.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=entry.parent))
    try:
        splits = {"train": train, "test": test}
        for name, split in splits.items():
            _write_file(partial / f"{name}-images.u8", split.images)
            _write_file(partial / f"{name}-labels.i64", split.labels)
        meta = _Meta(entry.name, {name: _split_meta(split) for name, split in splits.items()})
        _write_file(partial / _META, np.frombuffer(msgspec.json.encode(meta), np.uint8))
        _sync(partial)
        place = entry.name.split("-")[0]
        for older in entry.parent.glob(f"{place}-*"):
            shutil.rmtree(older, ignore_errors=True)
        try:
            partial.rename(entry)
        except OSError as error:
            # Another process has just put the same entry there, which is as good.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        _sync(entry.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _split_meta(split: SplitArrays) -> _SplitMeta:
    count, channels, height, width = split.images.shape
    shape = (count, channels, height, width)
    return _SplitMeta(
        shape, split.skipped, zlib.crc32(split.images.data), zlib.crc32(split.labels.data)
    )


def _write_file(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as file:
        array.tofile(file)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
