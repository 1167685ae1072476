"""A folder of images, one folder a class, as a dataset."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from cnntop.core.errors import DatasetError
from cnntop.core.events import Activity, Notice
from cnntop.core.feed import ActivityMeter, Sink
from cnntop.core.text import printable
from cnntop.core.training.datasets import decoded_cache
from cnntop.core.training.datasets.decoded_cache import SplitArrays
from cnntop.core.training.datasets.decoding import Decoded, decode, few
from cnntop.core.training.datasets.image_set import Dataset, ImageSet
from cnntop.core.training.datasets.listing import ImageFile, Listing, scan

_CHUNK = 4096


def load(
    folder: Path,
    image_size: int,
    sink: Sink,
    cancelled: Callable[[], bool] = lambda: False,
) -> Dataset:
    """The images of `folder`, as squares of `image_size` pixels.

    Reads `train/<class>/` and `test/<class>/`, or `val/<class>/` where there is no test/: png, jpeg
    and webp of any size, nested folders too. The shorter side is fitted and the middle cut out.
    Images are grey (1 channel) if all of both splits are, else RGB. Decoded once, then kept below
    the cache folder until a file's name, size or time changes. More than memory holds stay there,
    and are read as training asks for them.

    Raises DatasetError (missing, unreadable, too many damaged images), UsageError (not laid out as
    a dataset) and Cancelled soon after `cancelled` turns true.
    """
    sink.emit(Activity("listing images"))
    listing = scan(folder, cancelled)
    entry = decoded_cache.entry_folder(listing, image_size)
    splits = decoded_cache.read(entry, listing, image_size)
    if splits is None:
        splits = _decode(listing, image_size, entry, sink, cancelled)
    train, test = splits
    _report(listing, train, test, sink)
    return Dataset(
        f"folder:{printable(listing.folder.name)}",
        tuple(printable(label) for label in listing.classes),
        _image_set(train),
        _image_set(test),
    )


def _image_set(split: SplitArrays) -> ImageSet:
    with warnings.catch_warnings():
        # That mapped images cannot be written to, which nobody wants.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        images = torch.from_numpy(split.images)
    return ImageSet(images, torch.from_numpy(split.labels), isinstance(split.images, np.memmap))


def _decode(
    listing: Listing,
    image_size: int,
    entry: Path,
    sink: Sink,
    cancelled: Callable[[], bool],
) -> tuple[SplitArrays, SplitArrays]:
    count = len(listing.train) + len(listing.test)
    needed = count * 3 * image_size**2
    in_memory = decoded_cache.fit_in_memory(needed)

    def room(*shape: int) -> npt.NDArray[np.uint8]:
        if in_memory:
            return np.empty(shape, dtype=np.uint8)
        try:
            return decoded_cache.room_on_disk(shape)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DatasetError(
                f"{count:,} images of {image_size}x{image_size} are {needed / 1e9:,.1f} GB, more "
                f"than memory holds, and the cache folder has no room for them ({reason}); choose "
                "a smaller image size, or set CNNTOP_CACHE to a folder on a larger disk"
            ) from None

    meter = ActivityMeter(sink, "decoding images", count, "images")
    train, test = (
        decode(
            listing.folder,
            [file.path for file in files],
            room(len(files), 3, image_size, image_size),
            meter,
            cancelled,
        )
        for files in (listing.train, listing.test)
    )
    channels = 1 if _is_grey(train.images) and _is_grey(test.images) else 3
    splits = (
        _arrays(listing, listing.train, train, channels, room),
        _arrays(listing, listing.test, test, channels, room),
    )
    _require_images(listing, *splits)
    if train.lasting and test.lasting:
        sink.emit(Activity("keeping decoded images"))
        try:
            decoded_cache.write(entry, *splits)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            where = printable(str(entry.parent))
            text = f"decoded images cannot be kept in {where} ({reason}); the next run decodes anew"
            sink.emit(Notice(text, "warning"))
        else:
            if not in_memory:  # as the next run will have them, and not twice on the disk
                return decoded_cache.read(entry, listing, image_size) or splits
    return splits


def _is_grey(images: npt.NDArray[np.uint8]) -> bool:
    # By content rather than by file: grey sets are often stored as colour or with a palette.
    chunks = (images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK))
    return all(bool((chunk == chunk[:, :1]).all()) for chunk in chunks)


def _arrays(
    listing: Listing, files: tuple[ImageFile, ...], decoded: Decoded, channels: int,
    room: Callable[..., npt.NDArray[np.uint8]],
) -> SplitArrays:  # fmt: skip
    index = {label: number for number, label in enumerate(listing.classes)}
    labels = np.array([index[file.label] for file in files], dtype=np.int64)[decoded.kept]
    images = decoded.images
    if channels < images.shape[1]:
        images = room(len(images), channels, *images.shape[2:])
        images[:] = decoded.images[:, :channels]
    return SplitArrays(images, labels, decoded.skipped)


def _require_images(listing: Listing, train: SplitArrays, test: SplitArrays) -> None:
    shown = printable(str(listing.folder))
    lost = set(range(len(listing.classes))) - set(train.labels.tolist())
    if lost:
        label = printable(listing.classes[min(lost)])
        raise DatasetError(
            f"no image of {shown}/train/{label} can be decoded: {few(train.skipped)}; replace them"
        )
    if not len(test.labels):
        raise DatasetError(
            f"no test image of {shown} can be decoded: {few(test.skipped)}; replace them"
        )


def _report(listing: Listing, train: SplitArrays, test: SplitArrays, sink: Sink) -> None:
    # Said on every run, also where the images come from the cache.
    for split, files in ((train, listing.train), (test, listing.test)):
        if split.skipped:
            part = files[0].path.split("/")[0]
            text = (
                f"{len(split.skipped):,} of {len(files):,} images in {part}/ cannot be decoded "
                f"and are left out: {few(split.skipped)}"
            )
            sink.emit(Notice(text, "warning"))
    seen = set(test.labels.tolist())
    untested = [label for i, label in enumerate(listing.classes) if i not in seen]
    if untested:
        part = listing.test[0].path.split("/")[0]
        names = few([printable(label) for label in untested])
        sink.emit(
            Notice(f"{part}/ has no images of {names}; accuracy says nothing about them", "warning")
        )
