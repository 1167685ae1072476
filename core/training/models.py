"""The paper's two networks, and which one a recipe means."""

import torch
from torch import nn

from cnntop.core import recipe
from cnntop.core.errors import UsageError
from cnntop.core.training.speednet import LEAST_IMAGE_SIZE, SpeedNet


class ShallowNet(nn.Module):
    """Two 5x5 convolutions with ReLU and 2x2 max-pooling, then three linear layers (P1).

    For 32x32 images the second pooling leaves 16 maps of 5x5. The shape is the paper's, after
    PyTorch's introductory CIFAR network; `kernels` is the width of the first convolution.

    The layers have the paper's order. With `pools_first` they are computed with each pooling before
    its ReLU, which gives the same to the bit, gradients too, and leaves a quarter to the ReLU.
    """

    pools_first = True

    def __init__(self, kernels: int, channels: int, classes: int, image_size: int) -> None:
        super().__init__()
        side = ((image_size - 4) // 2 - 4) // 2
        self.features = nn.Sequential(
            nn.Conv2d(channels, kernels, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(kernels, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float [N, C, H, W] to logits [N, classes]."""
        first, relu, pool, second, *_ = self.features
        if self.pools_first:
            maps = relu(pool(second(relu(pool(first(images))))))
        else:
            maps = self.features(images)
        # On a CPU these layers are too small to gain from bf16 what it costs to make it of them.
        with torch.autocast("cpu", enabled=False):
            logits: torch.Tensor = self.classifier(maps.float() if maps.is_cpu else maps)
        return logits


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm around an identity or 1x1-projection shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.residual(maps) + self.shortcut(maps))


class ResNet(nn.Module):
    """Residual network for small images: 3x3 stem without pooling, four stages of basic blocks
    with 64, 128, 256 and 512 channels, global average pooling (P3; He et al., arXiv:1512.03385).
    """

    BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # noqa: RUF012  a constant, never changed

    def __init__(self, depth: int, channels: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(channels, 64, 3, 1, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
        ]
        width_in = 64
        for stage, blocks in enumerate(self.BLOCKS[depth]):
            width = 64 << stage
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(BasicBlock(width_in, width, stride))
                width_in = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width_in, classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float [N, C, H, W] to logits [N, classes]."""
        logits: torch.Tensor = self.classifier(self.features(images))
        return logits


def build(model: recipe.Model, channels: int, classes: int, image_size: int) -> nn.Module:
    """The recipe's network, freshly initialised from torch's global random state. Raises UsageError
    for images that are too small for it."""
    if model.name == "resnet":
        assert model.depth is not None
        return ResNet(model.depth, channels, classes)
    assert model.kernels is not None
    if model.name == "speednet":
        if image_size < LEAST_IMAGE_SIZE:
            raise UsageError(
                f"model.name: speednet takes images of {LEAST_IMAGE_SIZE} pixels or more, these "
                f"have {image_size}; add --set image_size=24."
            )
        return SpeedNet(model.kernels, channels, classes, image_size)
    return ShallowNet(model.kernels, channels, classes, image_size)


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
