"""A small network that learns fast: the one of the CIFAR-10 speedruns."""

import torch
from torch import nn
from torch.nn import functional

from cnntop.core.training.augmentation import Normalization

LEAST_IMAGE_SIZE = 17
"""Of smaller ones the last block would leave a point, and of a batch of one no variance."""
WHITENED_IMAGES, WHITENED_AT_ONCE = 5_000, 100
"""Training images that the whitening is computed from, at most."""
WHITENING_FLOOR = 5e-4
"""Added to the variance along each direction, so that noise is not blown up where there is next to
none."""
NORM_MOMENTUM = 0.4
"""torch's, the weight of the newest batch: a run of some hundred steps has no time for less."""
LOGIT_SCALE = 1 / 9


class SpeedNet(nn.Module):
    """A first 2x2 convolution that whitens, three blocks of two 3x3 convolutions each, a linear
    layer. The blocks are `kernels`, four times and four times as many wide, each halves the image,
    and what is left of one (3x3 of 32x32) is pooled to a point.

    After airbench94 (K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
    arXiv:2404.00498), of which shape and figures are; whitening and scaled logits came with
    D. Page's "How to train your ResNet" and tysam-code/hlb-CIFAR10.
    """

    def __init__(self, kernels: int, channels: int, classes: int, image_size: int) -> None:
        super().__init__()
        whitened = 2 * 4 * channels
        wide = 4 * kernels
        side = (image_size - 1) // 2 // 2 // 2
        self.whitening = nn.Conv2d(channels, whitened, 2)
        self.whitening.weight.requires_grad_(False)
        self.blocks = nn.Sequential(
            nn.GELU(),
            _block(whitened, kernels),
            _block(kernels, wide),
            _block(wide, wide),
            nn.MaxPool2d(side),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(wide, classes, bias=False)

    @torch.no_grad()
    def whiten(self, images: torch.Tensor, normalization: Normalization) -> None:
        """Make the first convolution's filters such that what they give for `images`, uint8
        [N, C, H, W], has variance one and no correlations. They stay as they are from then on.

        They are the directions in which the images' 2x2 patches vary, each divided by its
        deviation, and their opposites, because the activation lets one side pass only.
        """
        chosen = images[:: -(-len(images) // WHITENED_IMAGES)]  # of every class, however sorted
        moments = torch.zeros(4 * images.shape[1], 4 * images.shape[1], dtype=torch.float64)
        count = 0
        for part in chosen.split(WHITENED_AT_ONCE):
            patches = functional.unfold(normalization(part), 2).transpose(1, 2).flatten(0, 1)
            moments += (patches.T @ patches).double()
            count += len(patches)
        variances, directions = torch.linalg.eigh(moments / count)
        filters = directions.T / (variances[:, None] + WHITENING_FLOOR).sqrt()
        filters = torch.cat([filters, -filters]).view(self.whitening.weight.shape)
        self.whitening.weight.copy_(filters)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float [N, C, H, W] to logits [N, classes]."""
        logits: torch.Tensor = self.classifier(self.blocks(self.whitening(images)))
        return logits * LOGIT_SCALE


def _block(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        _passing_on(channels_in, channels),
        nn.MaxPool2d(2),
        _shifting(channels),
        nn.GELU(),
        _passing_on(channels, channels),
        _shifting(channels),
        nn.GELU(),
    )


def _passing_on(channels_in: int, channels: int) -> nn.Conv2d:
    """A 3x3 convolution that begins by handing on its input in the first channels; the others, if
    there are more, are random."""
    convolution = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight[:channels_in])
    return convolution


def _shifting(channels: int) -> nn.BatchNorm2d:
    """Batch norm that learns an offset and no scale, which the next convolution has anyhow."""
    norm = nn.BatchNorm2d(channels, eps=1e-12, momentum=NORM_MOMENTUM)
    norm.weight.requires_grad_(False)
    return norm
