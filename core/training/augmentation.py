"""Crop and flips over whole batches, with a draw of their own for every image (P6)."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from cnntop.core.recipe import CropBorder
from cnntop.core.sections import MOST_CROP_PADDING

CROP_PADDING = MOST_CROP_PADDING
"""Pixels of border that a random crop may reach into, on each side."""


_COUNTED_AT_ONCE = 4096
"""Images."""

Draws = dict[str, torch.Tensor]
"""By name, what is drawn for N images: "crop" int64 [N, 2], the top and left of the window in the
padded image, 0 to 8; "hflip" and "vflip" bool [N]."""


def draw(
    names: Sequence[str], count: int, generator: torch.Generator, reach: int = CROP_PADDING
) -> Draws:
    """Offsets and coins for `count` images, each with its own. torchvision's random transforms
    draw once for a whole batch instead.

    `names` holds any of "crop", "hflip", "vflip"; others draw nothing. `generator` is a CPU's, so
    that the draws are the same wherever the images are. A window lies `reach` pixels from the
    image's own place at most, up to the border's width.
    """
    draws: Draws = {}
    if "crop" in names:
        offsets = torch.randint(2 * reach + 1, (count, 2), generator=generator)
        draws["crop"] = offsets + (CROP_PADDING - reach)
    for flip in ("hflip", "vflip"):
        if flip in names:
            draws[flip] = torch.rand(count, generator=generator) < 0.5
    return draws


def augment(images: torch.Tensor, draws: Draws, border: CropBorder = "black") -> torch.Tensor:
    """A copy of `images`, uint8 [N, C, H, W], cropped and flipped as drawn; on any device, which
    must be that of `draws` too. On a CPU an `Augmenter` does the same in a tenth of the time."""
    if "crop" in draws:
        images = _crop(images, draws["crop"], border)
    if "hflip" in draws:
        images = _flip(images, -1, draws["hflip"])
    if "vflip" in draws:
        images = _flip(images, -2, draws["vflip"])
    return images


def _crop(images: torch.Tensor, offsets: torch.Tensor, border: CropBorder) -> torch.Tensor:
    """All windows as a view of the padded batch, then one gather that picks a window an image."""
    count, _, height, width = images.shape
    sides = (CROP_PADDING,) * 4
    if border == "reflect":  # which torch does not for bytes
        padded = functional.pad(images.float(), sides, "reflect").to(images.dtype)
    else:
        padded = functional.pad(images, sides)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    every = torch.arange(count, device=images.device)
    return windows[every, :, offsets[:, 0], offsets[:, 1]]


def _flip(images: torch.Tensor, axis: int, coins: torch.Tensor) -> torch.Tensor:
    return torch.where(coins[:, None, None, None], images.flip(axis), images)


class Normalization:
    """Maps bytes to zero mean and unit variance a channel, over the training images."""

    def __init__(self, train_images: torch.Tensor) -> None:
        """`train_images`: uint8 [N, C, H, W]. The statistics are exact, from byte counts."""
        levels = torch.arange(256, dtype=torch.float64)
        chunks = train_images.split(_COUNTED_AT_ONCE)  # of more than memory holds, too
        means, deviations = [], []
        for channel in range(train_images.shape[1]):
            counts = [torch.bincount(one[:, channel].flatten(), minlength=256) for one in chunks]
            shares = torch.stack(counts).sum(0).double() / train_images[:, channel].numel()
            mean = (shares * levels).sum()
            means.append(mean)
            deviations.append(((levels - mean) ** 2 * shares).sum().sqrt().clamp(min=1.0))
        # Mean and deviation, float32 [C, 1, 1]: small batches would feel it if they shaped them.
        self._each = [torch.stack(one).float()[:, None, None] for one in (means, deviations)]

    @property
    def mean(self) -> torch.Tensor:
        """float32 [C]."""
        return self._each[0].flatten()

    @property
    def deviation(self) -> torch.Tensor:
        """float32 [C]."""
        return self._each[1].flatten()

    def to(self, device: torch.device) -> "Normalization":
        self._each = [one.to(device) for one in self._each]
        return self

    def __call__(
        self, images: torch.Tensor, layout: torch.memory_format = torch.preserve_format
    ) -> torch.Tensor:
        """uint8 [N, C, H, W] to float32 of the same shape, on the device of `to`, in `layout`."""
        mean, deviation = self._each
        normalized = images.float().sub_(mean).div_(deviation)
        # Only now: with the channels last a CPU took three times as long for the lines above.
        return normalized.to(memory_format=layout)
