"""Crop and flips over whole batches, with a draw of their own for every image (P6)."""

from collections.abc import Sequence

import torch
from torch.nn import functional

CROP_PADDING = 4
"""Pixels of black border that a random crop may reach into, on each side."""


Draws = dict[str, torch.Tensor]
"""By name, what is drawn for N images: "crop" int64 [N, 2], the top and left of the window in the
padded image, 0 to 8; "hflip" and "vflip" bool [N]."""


def draw(names: Sequence[str], count: int, generator: torch.Generator) -> Draws:
    """Offsets and coins for `count` images, each with its own. torchvision's random transforms
    draw once for a whole batch instead.

    `names` holds any of "crop", "hflip", "vflip". `generator` is a CPU's, so that the draws are
    the same wherever the images are.
    """
    draws: Draws = {}
    if "crop" in names:
        draws["crop"] = torch.randint(2 * CROP_PADDING + 1, (count, 2), generator=generator)
    for flip in ("hflip", "vflip"):
        if flip in names:
            draws[flip] = torch.rand(count, generator=generator) < 0.5
    return draws


def augment(images: torch.Tensor, draws: Draws) -> torch.Tensor:
    """A copy of `images`, uint8 [N, C, H, W], cropped and flipped as drawn; on any device, which
    must be that of `draws` too."""
    if "crop" in draws:
        images = _crop(images, draws["crop"])
    if "hflip" in draws:
        images = _flip(images, -1, draws["hflip"])
    if "vflip" in draws:
        images = _flip(images, -2, draws["vflip"])
    return images


def _crop(images: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """All windows as a view of the padded batch, then one gather that picks a window an image."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (CROP_PADDING,) * 4)
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
        means, deviations = [], []
        for channel in range(train_images.shape[1]):
            pixels = train_images[:, channel].reshape(-1)
            shares = torch.bincount(pixels, minlength=256).double() / len(pixels)
            mean = (shares * levels).sum()
            means.append(mean)
            deviations.append(((levels - mean) ** 2 * shares).sum().sqrt().clamp(min=1.0))
        self.mean = torch.stack(means).float()
        self.deviation = torch.stack(deviations).float()

    def to(self, device: torch.device) -> "Normalization":
        self.mean = self.mean.to(device)
        self.deviation = self.deviation.to(device)
        return self

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [N, C, H, W] to float32 of the same shape, on the device of `to`."""
        mean, deviation = self.mean[:, None, None], self.deviation[:, None, None]
        return images.float().sub_(mean).div_(deviation)
