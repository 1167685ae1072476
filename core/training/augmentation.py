"""Crop and flips over whole batches, with a draw of their own for every image (P6)."""

from collections.abc import Sequence

import torch
from torch.nn import functional

CROP_PADDING = 4
"""Pixels of black border that a random crop may reach into, on each side."""


def augment(images: torch.Tensor, names: Sequence[str], generator: torch.Generator) -> torch.Tensor:
    """A randomly cropped and flipped copy of `images`, uint8 [N, C, H, W], any device.

    `names` holds any of "crop", "hflip", "vflip". torchvision's random transforms draw once for a
    whole batch; here every image gets its own offsets and its own two coins. `generator` must be
    on the images' device.
    """
    if "crop" in names:
        images = _crop(images, generator)
    if "hflip" in names:
        images = _flip(images, -1, generator)
    if "vflip" in names:
        images = _flip(images, -2, generator)
    return images


def _crop(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """All windows as a view of the padded batch, then one gather that picks a window an image."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (CROP_PADDING,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    offsets = torch.randint(
        2 * CROP_PADDING + 1, (2, count), generator=generator, device=images.device
    )
    every = torch.arange(count, device=images.device)
    return windows[every, :, offsets[0], offsets[1]]


def _flip(images: torch.Tensor, axis: int, generator: torch.Generator) -> torch.Tensor:
    coins = torch.rand(len(images), generator=generator, device=images.device) < 0.5
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
