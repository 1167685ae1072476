"""Datasets as the training loop wants them: every image in memory, as bytes, decoded once."""

from collections.abc import Callable
from pathlib import Path

import torch

from cnntop.core.datasets import CATALOGUE, dataset_folder
from cnntop.core.errors import Cancelled, UsageError
from cnntop.core.feed import ActivityMeter, Sink
from cnntop.core.text import nearest, printable
from cnntop.core.training.datasets.image_set import Dataset, ImageSet

__all__ = ["Dataset", "ImageSet", "load"]

FOLDER_IMAGE_SIZE = 32
"""Side in pixels that a folder's images are brought to when nothing else is asked for."""

_RESIZE_CHUNK = 1024


def load(
    name: str,
    folder: Path | None,
    image_size: int | None,
    sink: Sink,
    cancelled: Callable[[], bool] = lambda: False,
) -> Dataset:
    """The dataset `name`, downloaded or decoded if need be; progress goes to `sink`.

    `name` is "folder" or a name of the catalogue. `folder` holds the images ("folder") or the
    downloaded files (the others; None: the cache folder). `image_size` is the side of the square
    images in pixels; None keeps the dataset's own (a folder has none: 32).

    Raises UsageError (unknown name, no folder named, a folder that is no dataset), DatasetError
    (not here and not to be had, or not readable) and Cancelled soon after `cancelled` turns true.
    """
    folder = folder.expanduser() if folder else None
    if name == "folder":
        if folder is None:
            raise UsageError('the dataset "folder" needs a folder of images: add --data-dir DIR')
        from cnntop.core.training.datasets.folder import load as load_folder

        return load_folder(folder, image_size or FOLDER_IMAGE_SIZE, sink, cancelled)
    if name not in CATALOGUE:
        known = [*CATALOGUE, "folder"]
        raise UsageError(f"there is no dataset {printable(name)!r}. {nearest(name, known)}")
    if name == "shapes":
        from cnntop.core.training.datasets.shapes import load as load_shapes

        dataset = load_shapes(sink)
    else:
        from cnntop.core.training.datasets.vision import load as load_vision

        dataset = load_vision(name, folder or dataset_folder(name, None), sink, cancelled)
    if image_size is None or image_size == dataset.train.images.shape[-1]:
        return dataset
    meter = ActivityMeter(sink, "resizing images", len(dataset.train) + len(dataset.test), "images")
    return Dataset(
        dataset.name,
        dataset.classes,
        _resized(dataset.train, image_size, meter, cancelled),
        _resized(dataset.test, image_size, meter, cancelled),
    )


def _resized(
    split: ImageSet, image_size: int, meter: ActivityMeter, cancelled: Callable[[], bool]
) -> ImageSet:
    # Imported here because it costs a second, and most runs resize nothing.
    from torchvision.transforms.v2.functional import resize

    count, channels = split.images.shape[:2]
    images = torch.empty((count, channels, image_size, image_size), dtype=torch.uint8)
    for start in range(0, count, _RESIZE_CHUNK):
        if cancelled():
            raise Cancelled
        chunk = split.images[start : start + _RESIZE_CHUNK]
        images[start : start + len(chunk)] = resize(chunk, [image_size, image_size], antialias=True)
        meter.advance(len(chunk))
    return ImageSet(images, split.labels)
