"""Image files of any size and colour made into one block of bytes.

One after the other, on the caller's thread: Pillow holds the interpreter lock while it decodes, so
that a pool of threads measured slower (2.9 s instead of 1.9 s for 20,000 32x32 JPEG files on two
cores), and processes cost their import of torch.
"""

import struct
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cnntop.core.errors import Cancelled, DatasetError
from cnntop.core.feed import ActivityMeter
from cnntop.core.text import printable

SKIPPED_FRACTION = 0.01
SKIPPED_IMAGES = 10
"""Images of a split that may fail to decode: this fraction or this many, whichever is more."""

_NAMED = 3
_FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow raises for damaged files; found by feeding it half a million damaged ones.
_UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True)
class Decoded:
    """What came out of one split.

    `images` is uint8 [N, 3, S, S]; `kept` are the indices of the paths they came from; `skipped`
    names the others with reasons. `lasting` is False where a file could not even be read, which
    may be different next time.
    """

    images: npt.NDArray[np.uint8]
    kept: npt.NDArray[np.int64]
    skipped: tuple[str, ...]
    lasting: bool


def decode(
    folder: Path,
    paths: Sequence[str],
    images: npt.NDArray[np.uint8],
    meter: ActivityMeter,
    cancelled: Callable[[], bool],
) -> Decoded:
    """Decode `paths` (relative to `folder`) into `images`, uint8 [N, 3, S, S], as squares of S
    pixels.

    Raises DatasetError when more fail than may be skipped, and Cancelled.
    """
    limit = max(SKIPPED_IMAGES, int(SKIPPED_FRACTION * len(paths)))
    image_size = images.shape[-1]
    skipped: dict[int, str] = {}
    lasting = True
    with warnings.catch_warnings():
        # Pillow warns on stderr, in the middle of the screen; one of its warnings is a refusal.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for index, path in enumerate(paths):
            if cancelled():
                raise Cancelled
            try:
                images[index] = _pixels(folder / path, image_size)
            except _UNDECODABLE as error:
                skipped[index] = f"{printable(path)} ({_reason(error)})"
                lasting = lasting and getattr(error, "errno", None) is None
                if len(skipped) > limit:
                    raise DatasetError(
                        f"more than {limit} of {len(paths):,} images below "
                        f"{printable(str(folder))} cannot be decoded: {few(skipped.values())}; "
                        "remove or replace them"
                    ) from None
            meter.advance(1)
    kept = np.array([i for i in range(len(paths)) if i not in skipped], dtype=np.int64)
    if skipped:
        for place, index in enumerate(kept):  # a copy of all could be more than memory holds
            images[place] = images[index]
    return Decoded(images[: len(kept)], kept, tuple(skipped.values()), lasting)


def few(names: Collection[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(list(names)[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def _pixels(path: Path, image_size: int) -> npt.NDArray[np.uint8]:
    """uint8 [3, S, S]: upright, the shorter side fitted, the middle cut out."""
    side = (image_size, image_size)
    with Image.open(path, formats=_FORMATS) as opened:
        # Large JPEG files are decoded at 1/2 to 1/8 of their size, still twice what is needed.
        opened.draft(None, (2 * image_size, 2 * image_size))
        image: Image.Image = opened
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            image = ImageOps.exif_transpose(image)
        image = _rgb(image)
        if image.size != side:
            image = ImageOps.fit(image, side)
        return np.asarray(image).transpose(2, 0, 1)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        # What lies under transparent pixels is arbitrary; a person sees them on white.
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return "too many pixels"
    if isinstance(error, UnidentifiedImageError):
        return "not a png, jpeg or webp image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return printable(str(error)) or type(error).__name__
