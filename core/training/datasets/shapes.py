"""Shapes: ten kinds of 32x32 colour drawings, made on the spot, the same bytes on every machine.

A picture is a striped background, bits of clutter, one shape (turned, stretched, off centre, in a
colour picked apart from the background's), bits of clutter in front of it, and noise. Every class
looks the same in a mirror, for training flips pictures both ways.

Only operations that IEEE 754 rounds in one way are used on pixels (+ - * / sqrt, comparisons), for
the bytes are pinned; sines and exponentials differ in their last bit between CPUs. Drawing takes
seconds, so the pictures are kept in the cache folder, where the checksum that pins them tells them
from what is damaged or of another version.
"""

import math
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from cnntop.core.datasets import CATALOGUE, cache_folder
from cnntop.core.durable import replace_file
from cnntop.core.feed import ActivityMeter, Sink
from cnntop.core.training.datasets.image_set import Dataset, ImageSet

Floats = NDArray[np.floating[Any]]
"""float32, always; NumPy's stubs lose the width where a Python number joins in."""

# Their stubs answer Any; these names do not.
_sqrt: Callable[[Floats], Floats] = np.sqrt
_absolute: Callable[[Floats], Floats] = np.abs
_larger: Callable[[Floats, Floats | float], Floats] = np.maximum
_smaller: Callable[[Floats, Floats], Floats] = np.minimum

TRAIN_SEED: Final = 20_250_101
TEST_SEED: Final = 20_250_102
CHECKSUM: Final = 0x08C0859E
"""CRC-32 of all pictures, those to train on first. A run's figures are compared across machines and
versions: whoever changes the drawing measures the accuracies below anew."""

SIZE: Final = 32
CHUNK: Final = 50
"""Images drawn together: a plane of so many stays in a core's own cache. Part of the bytes."""

# How hard it is. Contrast matters most to every network; clutter behind the shape and the spread of
# sizes trouble ShallowNet far more than a ResNet. Measured with crop and both flips, SGD, momentum
# 0.9, weight decay 5e-4: ShallowNet with 32 kernels, batch 32, lr 0.01, cosine, 25 epochs: 76.1 %
# and 76.4 % (two seeds); ResNet-18, batch 64, lr 0.05, onecycle, bf16, 13 epochs: 97.0 %.
RADIUS: Final = (6.5, 13.0)
"""Half the width of a shape, in pixels."""
STRETCH: Final = (0.72, 1.0)
"""Height over width, before turning."""
CONTRAST: Final = (0.4, 0.75)
"""Colour distance of the shape from the background, largest channel, of 1."""
TEXTURE: Final = 0.13
"""Largest swing of stripes and gradients about their colour."""
BEHIND: Final = 9
IN_FRONT: Final = 1
"""Bits of clutter behind and in front of the shape."""
NOISE: Final = 0.1
"""Largest noise of a channel."""


def _disc(x: Floats, y: Floats) -> Floats:
    return _sqrt(x * x + y * y) - 0.92


def _ring(x: Floats, y: Floats) -> Floats:
    return _absolute(_sqrt(x * x + y * y) - 0.74) - 0.2


def _crescent(x: Floats, y: Floats) -> Floats:
    x = x - 0.25
    bite = x + 0.55
    return _larger(_sqrt(x * x + y * y) - 0.98, 0.82 - _sqrt(bite * bite + y * y))


def _triangle(x: Floats, y: Floats) -> Floats:
    return _larger(_absolute(x) * 0.866 + y * 0.5, -y) - 0.55


def _square(x: Floats, y: Floats) -> Floats:
    return _larger(_absolute(x), _absolute(y)) - 0.8


def _star(x: Floats, y: Floats) -> Floats:
    # Fold the five arms onto one by mirrors at 36 and 72 degrees; what is left is one slanted edge.
    x = _absolute(x)
    fold = 2 * _larger(x * 0.809017 - y * 0.587785, 0)
    x, y = x - fold * 0.809017, y + fold * 0.587785
    fold = 2 * _larger(-x * 0.809017 - y * 0.587785, 0)
    x, y = _absolute(x + fold * 0.809017), y + fold * 0.587785
    return x * 0.926 + (y - 1.05) * 0.378


def _cross(x: Floats, y: Floats) -> Floats:
    x, y = _absolute(x), _absolute(y)
    return _larger(_larger(x, y) - 0.98, _smaller(x, y) - 0.3)


def _heart(x: Floats, y: Floats) -> Floats:
    # Two discs and the wedge whose edges touch them, cut off level with the discs' middles.
    x = _absolute(x)
    lobe_x, lobe_y = x - 0.47, y - 0.3
    lobe = _sqrt(lobe_x * lobe_x + lobe_y * lobe_y) - 0.52
    wedge = _larger((x - y) * 0.7071 - 0.64, (x + y) * 0.7071 - 0.544)
    return _smaller(lobe, _larger(wedge, lobe_y))


def _arrow(x: Floats, y: Floats) -> Floats:
    y = _absolute(y)
    shaft = _larger(y - 0.22, _absolute(x + 0.4) - 0.62)
    head = _larger(-x, x * 0.7071 + y * 0.7071 - 0.68)
    return _smaller(shaft, head)


def _hourglass(x: Floats, y: Floats) -> Floats:
    y = _absolute(y)
    return _larger(y - 0.92, (_absolute(x) - y * 0.85 - 0.06) * 0.76)


SHAPES: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {
    "disc": _disc,
    "ring": _ring,
    "crescent": _crescent,
    "triangle": _triangle,
    "square": _square,
    "star": _star,
    "cross": _cross,
    "heart": _heart,
    "arrow": _arrow,
    "hourglass": _hourglass,
}
"""Class name to distance from its outline (below 0 inside), where 1 is the shape's radius."""


def load(sink: Sink) -> Dataset:
    """Both splits: uint8 [10000, 3, 32, 32] and [2000, 3, 32, 32], each class equally often.

    Label `i` is class `i` of `classes`. The splits come from different seeds.
    """
    info = CATALOGUE["shapes"]
    splits = _read(kept_file())
    if splits is None:
        total = info.train_images + info.test_images
        meter = ActivityMeter(sink, "drawing shapes", total, "images")
        train = draw(info.train_images, TRAIN_SEED, meter.advance)
        test = draw(info.test_images, TEST_SEED, meter.advance)
        splits = train, test
        with suppress(OSError):  # then the next start draws them again
            _keep(kept_file(), *splits)
    return Dataset(info.name, tuple(SHAPES), *splits)


def kept_file() -> Path:
    """Where the pictures of both splits are kept: their bytes, one after the other."""
    return cache_folder() / "shapes.u8"


def _read(file: Path) -> tuple[ImageSet, ImageSet] | None:
    """None where the file is not there or has something else in it."""
    info = CATALOGUE["shapes"]
    shape = (info.train_images + info.test_images, info.channels, SIZE, SIZE)
    try:
        if file.stat().st_size != math.prod(shape):
            return None
        images = np.fromfile(file, np.uint8).reshape(shape)
    except (OSError, ValueError):  # ValueError: it was cut off meanwhile
        return None
    if zlib.crc32(images.data) != CHECKSUM:
        return None
    train, test = np.split(images, [info.train_images])
    return _set_of(train), _set_of(test)


def _keep(file: Path, train: ImageSet, test: ImageSet) -> None:
    """Raises OSError. A machine that draws other bytes keeps none: nothing would know them."""
    parts = train.images.numpy(), test.images.numpy()
    if zlib.crc32(parts[1].data, zlib.crc32(parts[0].data)) != CHECKSUM:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, lambda opened: opened.writelines(part.data for part in parts))


def draw(count: int, seed: int, advance: Callable[[int], None] = lambda _: None) -> ImageSet:
    """`count` pictures, uint8 [count, 3, 32, 32]; the classes take turns, so labels are 0 1 .. 9 0.

    `advance` hears how many more are drawn.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    labels = _labels(count)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        images[part] = _pictures(rng, labels[part])
        advance(len(labels[part]))
    return _set_of(images)


def _set_of(images: NDArray[np.uint8]) -> ImageSet:
    return ImageSet(torch.from_numpy(images), torch.from_numpy(_labels(len(images))))


def _labels(count: int) -> NDArray[np.int64]:
    """The classes take turns."""
    return np.arange(count, dtype=np.int64) % len(SHAPES)


def _pictures(rng: np.random.Generator, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """One picture for each of `labels`, uint8 [len(labels), 3, 32, 32]."""
    count = len(labels)
    ground = _uniform(rng, 0.2, 0.8, count, 3, 1, 1)
    away = _uniform(rng, -1, 1, count, 3, 1, 1)
    away /= _absolute(away).max(axis=1, keepdims=True)
    figure = np.clip(ground + away * _uniform(rng, *CONTRAST, count, 1, 1, 1), 0, 1)

    picture = _paint(rng, ground)
    for _ in range(BEHIND):
        _lay_over(picture, _clutter(rng, count), _uniform(rng, 0, 1, count, 3, 1, 1))
    _lay_over(picture, _shapes(rng, labels), _paint(rng, figure))
    for _ in range(IN_FRONT):
        _lay_over(picture, _clutter(rng, count), _uniform(rng, 0, 1, count, 3, 1, 1))

    noise = rng.integers(0, 256, picture.shape, np.uint8).astype(np.float32)
    picture += (noise - 127.5) * (NOISE / 127.5)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _paint(rng: np.random.Generator, colour: Floats) -> Floats:
    """`colour` [n, 3, 1, 1] with a gradient and stripes through it, [n, 3, 32, 32]."""
    count = len(colour)
    along, _ = _axes(rng, count, reach=0)
    across, _ = _axes(rng, count, reach=0)
    phase = across * _uniform(rng, 0.08, 0.3, count, 1, 1) + _uniform(rng, 0, 1, count, 1, 1)
    wave = _absolute(phase - np.floor(phase) - 0.5) * 4 - 1
    slope = along * (1 / 16)
    tint = _uniform(rng, -TEXTURE, TEXTURE, count, 3, 1, 1)
    stripes = _uniform(rng, -TEXTURE, TEXTURE, count, 3, 1, 1)
    return colour + tint * slope[:, None] + stripes * wave[:, None]


def _shapes(rng: np.random.Generator, labels: NDArray[np.int64]) -> Floats:
    """How much of each pixel the shape of each label covers, 0 to 1, [n, 32, 32]."""
    count = len(labels)
    radius = _uniform(rng, *RADIUS, count, 1, 1)
    x, y = _axes(rng, count, reach=SIZE / 2 - 2 - radius)
    x /= radius
    y /= radius * _uniform(rng, *STRETCH, count, 1, 1)
    distance = np.empty_like(x)
    for label, shape in enumerate(SHAPES.values()):
        mine = labels == label
        distance[mine] = shape(x[mine], y[mine])
    return np.clip(0.5 - distance * radius, 0, 1)


def _clutter(rng: np.random.Generator, count: int) -> Floats:
    """How much of each pixel a bar or an arc covers, 0 to 1, [count, 32, 32]."""
    x, y = _axes(rng, count, reach=16)
    length = _uniform(rng, 2, 7, count, 1, 1)
    width = _uniform(rng, 0.6, 1.6, count, 1, 1)
    bent = rng.integers(0, 2, (count, 1, 1)) == 1
    bar = _larger(_absolute(x) - length, _absolute(y) - width)
    arc = _larger(_absolute(_sqrt(x * x + y * y) - length) - width, -y)
    return np.clip(0.5 - np.where(bent, arc, bar), 0, 1)


def _lay_over(picture: Floats, cover: Floats, colour: Floats) -> None:
    """Paints `colour` onto `picture` [n, 3, 32, 32] where `cover` [n, 32, 32] is above 0."""
    picture += (colour - picture) * cover[:, None]


def _axes(rng: np.random.Generator, count: int, reach: Floats | float) -> tuple[Floats, Floats]:
    """Pixel coordinates about a point within `reach` of the middle, turned: two [count, 32, 32]."""
    angle = rng.random(count) * (2 * np.pi)
    # Rounded, so that a last bit which differs between CPUs is gone.
    cos = np.round(np.cos(angle), 6).astype(np.float32)[:, None, None]
    sin = np.round(np.sin(angle), 6).astype(np.float32)[:, None, None]
    pixels = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    x = pixels[None, None, :] - reach * _uniform(rng, -1, 1, count, 1, 1)
    y = pixels[None, :, None] - reach * _uniform(rng, -1, 1, count, 1, 1)
    return x * cos + y * sin, y * cos - x * sin


def _uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> Floats:
    return low + (high - low) * rng.random(shape, dtype=np.float32)
