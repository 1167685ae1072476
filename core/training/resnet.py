"""Residual networks for small images (He et al., arXiv:1512.03385): ResNet-18, -34 and -50 with a
stem for 32x32, and the narrow family of 6n+2 layers that the paper trained on CIFAR-10."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


def _projected(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    """The paper's option B: a 1x1 convolution where the shape changes, else the identity."""
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
        nn.BatchNorm2d(channels_out),
    )


class ZeroPadded(nn.Module):
    """The paper's option A, without parameters: every other pixel where the image is halved, and
    zeros for the channels that are new."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self._new_channels = channels_out - channels_in
        self._stride = stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if not self._new_channels:
            return maps
        kept = maps[:, :, :: self._stride, :: self._stride]
        return functional.pad(kept, (0, 0, 0, 0, 0, self._new_channels))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut, by default an identity or 1x1
    projection."""

    def __init__(
        self, channels_in: int, channels: int, stride: int,
        shortcut: Callable[[int, int, int], nn.Module] = _projected,
    ) -> None:  # fmt: skip
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = shortcut(channels_in, channels, stride)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.residual(maps) + self.shortcut(maps))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with batch norm, the last four times as wide, around an
    identity or 1x1-projection shortcut. The 3x3 has the stride, as in torchvision and unlike in
    the paper, whose first 1x1 would skip three of four pixels."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        channels_out = 4 * channels
        self.residual = nn.Sequential(
            nn.Conv2d(channels_in, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = _projected(channels_in, channels_out, stride)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.residual(maps) + self.shortcut(maps))


class ResNet(nn.Module):
    """Residual network for small images: 3x3 stem without pooling, four stages with 64, 128, 256
    and 512 channels (basic blocks; the outputs of bottlenecks are four times as wide), global
    average pooling (P3, P4)."""

    BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}  # noqa: RUF012  a constant

    def __init__(self, depth: int, channels: int, classes: int) -> None:
        super().__init__()
        block, expansion = (BasicBlock, 1) if depth < 50 else (Bottleneck, 4)
        layers = _stem(channels, 64)
        width_in = 64
        for stage, blocks in enumerate(self.BLOCKS[depth]):
            width = 64 << stage
            for number in range(blocks):
                layers.append(block(width_in, width, _stride(stage, number)))
                width_in = expansion * width
        self.features = nn.Sequential(*layers)
        self.classifier = _classifier(width_in, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float [N, C, H, W] to logits [N, classes]."""
        logits: torch.Tensor = self.classifier(self.features(images))
        return logits


class NarrowResNet(nn.Module):
    """The CIFAR-10 network of the paper's section 4.2: 6n+2 layers in three stages with 16, 32 and
    64 channels, shortcuts without parameters, filters initialised for ReLU (arXiv:1502.01852)."""

    def __init__(self, depth: int, channels: int, classes: int) -> None:
        super().__init__()
        layers = _stem(channels, 16)
        width_in = 16
        for stage in range(3):
            width = 16 << stage
            for number in range((depth - 2) // 6):
                layers.append(BasicBlock(width_in, width, _stride(stage, number), ZeroPadded))
                width_in = width
        self.features = nn.Sequential(*layers)
        self.classifier = _classifier(width_in, classes)
        for module in self.features.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float [N, C, H, W] to logits [N, classes]."""
        logits: torch.Tensor = self.classifier(self.features(images))
        return logits


def _stem(channels: int, width: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU()]


def _stride(stage: int, number: int) -> int:
    """The first block of each stage but the first halves the image."""
    return 2 if stage > 0 and number == 0 else 1


def _classifier(width: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
