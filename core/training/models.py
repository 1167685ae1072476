"""The paper's ShallowNet, and which network a recipe means."""

import torch
from torch import nn

from cnntop.core import recipe
from cnntop.core.errors import UsageError
from cnntop.core.training.foreign_model import build_torchvision
from cnntop.core.training.resnet import NarrowResNet, ResNet
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


def build(model: recipe.Model, channels: int, classes: int, image_size: int) -> nn.Module:
    """The recipe's network, freshly initialised from torch's global random state. Raises UsageError
    for images that it does not take, and for a network from code, which no recipe brings in."""
    if model.name == "resnet":
        assert model.depth is not None
        family = ResNet if model.depth in ResNet.BLOCKS else NarrowResNet
        return family(model.depth, channels, classes)
    if model.name == "torchvision":
        assert model.architecture is not None
        return build_torchvision(model.architecture, channels, classes, image_size)
    if model.name == "code":
        raise UsageError("model.name: a network from code comes by --model alone.")
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
