"""Crop and flips on a CPU, as little more than copies of the pixels."""

import math

import numpy as np
import torch

from cnntop.core.recipe import CropBorder
from cnntop.core.training.augmentation import CROP_PADDING, Draws

BLOCK_BYTES = 768 * 1024
"""Of images that are augmented at once: 256 of 32x32 in colour. With what is made of them on the
way they still fit a core's second cache; fewer would feel what each call costs."""


class Augmenter:
    """Makes of images in memory what `augmentation.augment` makes of them, to the bit.

    The images of a block are copied into a frame of black and flipped on the way. A window is then
    one run of bytes in the block for each channel, of which the rows are all but the border at
    their ends: one gather takes the runs, and one copy the rows out of them.

    In numpy, of which a call costs less than of torch, which lets go of the interpreter's lock as
    well, and which keeps to the thread it is called in. It takes its time for every run of bytes
    that it copies at once, more than for the bytes: so a row is one element wherever it can be.
    """

    def __init__(
        self, images: torch.Tensor, *, crop: bool, crop_border: CropBorder = "black"
    ) -> None:
        """`images`: uint8 [N, C, H, W] on the CPU. `crop`: whether there will be draws of it."""
        self._images = images.numpy()
        channels, height, width = images.shape[1:]
        image_bytes = channels * height * width
        self._size = size = max(1, min(len(images), BLOCK_BYTES // image_bytes))
        self._border = border = CROP_PADDING if crop else 0
        block = np.zeros((size, channels, height + 2 * border, width + 2 * border), dtype=np.uint8)
        self._reflected = block if crop and crop_border == "reflect" else None
        self._strides = strides = block.strides
        first = border * strides[2] + border
        self._row = np.dtype(f"V{width}")
        # The place of the images in their frames: as rows, and in the widest words that fill one.
        self._rows: np.ndarray = np.ndarray(
            (size, channels, height), self._row, block.data, first, strides[:3]
        )
        self._word = word = math.gcd(width, 8)
        self._words: np.ndarray = np.ndarray(
            (size, channels, height, width // word), f"<u{word}", block.data, first,
            (*strides[:3], word),
        )  # fmt: skip
        run = (height - 1) * strides[2] + width
        # A channel of a window as one element, beginning at any byte.
        self._runs: np.ndarray = np.ndarray(
            (block.size - run + 1,), f"V{run}", block.data, strides=(1,)
        )
        self._planes = np.arange(channels) * strides[1]

    def __call__(self, chosen: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Copies of the images with the numbers `chosen`, int64 [K], augmented as drawn for each
        of them: uint8 [K, C, H, W]."""
        numbers = chosen.numpy()
        drawn = {name: one.numpy() for name, one in draws.items()}
        # torch's memory, so that its lack is told as everywhere else.
        result = torch.empty((len(numbers), *self._images.shape[1:]), dtype=torch.uint8)
        made = result.numpy()
        for begin in range(0, len(numbers), self._size):
            part = slice(begin, begin + self._size)
            if draws:
                drawn_here = {name: one[part] for name, one in drawn.items()}
                made.view(self._row)[part, ..., 0] = self._rows_of(numbers[part], drawn_here)
            else:
                made[part] = self._images[numbers[part]]
        return result

    def _rows_of(self, numbers: np.ndarray, draws: dict[str, np.ndarray]) -> np.ndarray:
        """The rows [K, C, H] of the results, an element each, for at most a block of images."""
        count = len(numbers)
        none = np.zeros(count, dtype=np.bool_)
        mirrored, upside_down = draws.get("hflip", none), draws.get("vflip", none)
        kind = 2 * mirrored.astype(np.int8) + upside_down
        order = np.argsort(kind, kind="stable")
        self._place(
            np.ascontiguousarray(self._images[numbers[order]]),
            np.bincount(kind, minlength=4).tolist(),
        )
        if self._reflected is not None:
            _reflect(self._reflected[:count], self._border)
        image, _, row, _ = self._strides
        begins = np.empty(count, dtype=np.int64)
        begins[order] = np.arange(count) * image
        if "crop" in draws:
            top, left = draws["crop"].T
            # In a flipped image the window lies as far from the other side.
            most = 2 * self._border
            begins += np.where(upside_down, most - top, top) * row
            begins += np.where(mirrored, most - left, left)
        runs = self._runs[begins[:, None] + self._planes]
        run, (channels, height) = runs.itemsize, self._rows.shape[1:]
        return np.ndarray(
            (count, channels, height), self._row, runs.data, 0, (channels * run, run, row)
        )

    def _place(self, images: np.ndarray, counts: list[int]) -> None:
        """Copy images into their frames: so many as they are, then upside down, mirrored, both."""
        rows = images.view(self._row)[..., 0]
        # Read from the one end and written from the other, a word's bytes turn round.
        words = images.view(f">u{self._word}")[..., ::-1]
        begin = 0
        for kind, count in enumerate(counts):
            part = slice(begin, begin + count)
            begin += count
            source, target = (words, self._words) if kind >= 2 else (rows, self._rows)
            target[part] = source[part, :, ::-1] if kind % 2 else source[part]


def _reflect(block: np.ndarray, border: int) -> None:
    """Fill the frames' borders with the mirror image of what is inside, first above and below, then
    on both sides from there, the corners with them."""
    for frames in (block[..., border:-border].swapaxes(2, 3), block):
        for step in range(1, border + 1):
            frames[..., border - step] = frames[..., border + step]
            frames[..., -border - 1 + step] = frames[..., -border - 1 - step]
