"""Crop and flips on a CPU, as little more than copies of the pixels."""

import numpy as np
import torch

from cnntop.core.recipe import CropBorder
from cnntop.core.training.augmentation import CROP_PADDING, Draws

BLOCK_BYTES = 768 * 1024
"""Of images that are augmented at once: 256 of 32x32 in colour. With what is made of them on the
way they still fit a core's second cache; fewer would feel what each call costs."""


class Augmenter:
    """Makes of images in memory what `augmentation.augment` makes of them, to the bit.

    The images of a block are copied into a frame of black, those to be mirrored behind the others
    and mirrored on the way. Each row of a result is then one run of bytes in the block, wherever
    its window lies and whichever way up, and a single gather of runs makes them all.

    In numpy, of which a call costs less than of torch, which lets go of the interpreter's lock as
    well, and which keeps to the thread it is called in.
    """

    def __init__(
        self, images: torch.Tensor, *, crop: bool, crop_border: CropBorder = "black"
    ) -> None:
        """`images`: uint8 [N, C, H, W] on the CPU. `crop`: whether there will be draws of it."""
        self._images = images.numpy()
        channels, height, width = images.shape[1:]
        image_bytes = channels * height * width
        self._size = max(1, min(len(images), BLOCK_BYTES // image_bytes))
        self._border = border = CROP_PADDING if crop else 0
        block = np.zeros(
            (self._size, channels, height + 2 * border, width + 2 * border), dtype=np.uint8
        )
        self._reflected = block if crop and crop_border == "reflect" else None
        self._inside = block[:, :, border : border + height, border : border + width]
        self._strides = block.strides
        # Every `width` neighbouring bytes as one element, beginning at any byte.
        self._runs: np.ndarray[tuple[int], np.dtype[np.void]] = np.ndarray(
            (block.size - width + 1,), dtype=f"V{width}", buffer=block.data, strides=(1,)
        )
        _, plane, row, _ = block.strides
        down = np.arange(channels)[:, None] * plane + np.arange(height) * row
        # int64 [2, C * H]: where the rows of an image begin, upright and upside down.
        self._rows = np.stack([down, down[:, ::-1]]).reshape(2, -1)

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
                rows = self._rows_of(
                    numbers[part], {name: one[part] for name, one in drawn.items()}
                )
                made[part] = rows.view(np.uint8).reshape(-1, *made.shape[1:])
            else:
                made[part] = self._images[numbers[part]]
        return result

    def _rows_of(
        self, numbers: np.ndarray, draws: dict[str, np.ndarray]
    ) -> np.ndarray[tuple[int, int], np.dtype[np.void]]:
        """The rows [K, C * H] of the results, an element each, for at most a block of images."""
        count = len(numbers)
        mirrored = draws.get("hflip", np.zeros(count, dtype=np.bool_))
        order = np.argsort(mirrored, kind="stable")
        taken = self._images[numbers[order]]
        plain = count - np.count_nonzero(mirrored)
        self._inside[:plain] = taken[:plain]
        self._inside[plain:count] = taken[plain:, ..., ::-1]
        if self._reflected is not None:
            _reflect(self._reflected[:count], self._border)
        image, _, row, _ = self._strides
        begins = np.empty(count, dtype=np.int64)
        begins[order] = np.arange(count) * image
        if "crop" in draws:
            top, left = draws["crop"].T
            # In a mirrored image the window lies as far from the other side.
            begins += top * row + np.where(mirrored, 2 * self._border - left, left)
        upside_down = draws.get("vflip", np.zeros(count, dtype=np.bool_))
        return self._runs[begins[:, None] + self._rows[upside_down.astype(np.intp)]]


def _reflect(block: np.ndarray, border: int) -> None:
    """Fill the frames' borders with the mirror image of what is inside, first above and below, then
    on both sides from there, the corners with them."""
    for frames in (block[..., border:-border].swapaxes(2, 3), block):
        for step in range(1, border + 1):
            frames[..., border - step] = frames[..., border + step]
            frames[..., -border - 1 + step] = frames[..., -border - 1 - step]
