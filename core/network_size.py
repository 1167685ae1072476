"""How large the built-in networks are, without torch: what a preset's page shows before a run.

Where torch is at hand `training.work` counts the network itself; a test holds the two together.
"""

from dataclasses import dataclass

from cnntop.core.datasets import CATALOGUE
from cnntop.core.recipe import Model, Recipe

_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


@dataclass
class NetworkSize:
    """Parameters, and multiply-adds of the answer to one image."""

    parameters: int = 0
    multiply_adds: int = 0

    def convolution(
        self, channels_in: int, channels: int, kernel: int, side: int, *, bias: bool = False
    ) -> None:
        """`side` is that of the maps which come out."""
        weights = kernel * kernel * channels_in * channels
        self.parameters += weights + bias * channels
        self.multiply_adds += weights * side * side

    def normalised(self, channels_in: int, channels: int, kernel: int, side: int) -> None:
        """A convolution with batch norm."""
        self.convolution(channels_in, channels, kernel, side)
        self.parameters += 2 * channels

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        self.convolution(inputs, outputs, 1, 1, bias=bias)


def recipe_size(recipe: Recipe) -> NetworkSize | None:
    """Of the recipe's network on its dataset; None where only the dataset or torch can tell."""
    data = CATALOGUE.get(recipe.data.dataset)
    if data is None:
        return None
    side = recipe.data.image_size or data.image_size
    return network_size(recipe.model, data.channels, data.classes, side)


def network_size(model: Model, channels: int, classes: int, image_size: int) -> NetworkSize | None:
    """Of a network for square images; None of one that is not cnntop's own."""
    size = NetworkSize()
    if model.name == "shallow" and model.kernels is not None:
        _shallow(size, model.kernels, channels, classes, image_size)
    elif model.name == "speednet" and model.kernels is not None:
        _speednet(size, model.kernels, channels, classes, image_size)
    elif model.name == "resnet" and model.depth in _STAGES:
        _resnet(size, model.depth, channels, classes, image_size)
    elif model.name == "resnet" and model.depth is not None:
        _narrow_resnet(size, model.depth, channels, classes, image_size)
    else:
        return None
    return size


def _shallow(size: NetworkSize, kernels: int, channels: int, classes: int, side: int) -> None:
    size.convolution(channels, kernels, 5, side - 4, bias=True)
    side = (side - 4) // 2 - 4
    size.convolution(kernels, 16, 5, side, bias=True)
    size.linear(16 * (side // 2) ** 2, 120)
    size.linear(120, 84)
    size.linear(84, classes)


def _speednet(size: NetworkSize, kernels: int, channels: int, classes: int, side: int) -> None:
    side -= 1
    width_in = 8 * channels
    size.convolution(channels, width_in, 2, side, bias=True)
    for width in (kernels, 4 * kernels, 4 * kernels):
        size.normalised(width_in, width, 3, side)
        side //= 2
        size.normalised(width, width, 3, side)
        width_in = width
    size.linear(width_in, classes, bias=False)


def _resnet(size: NetworkSize, depth: int, channels: int, classes: int, side: int) -> None:
    expansion = 4 if depth == 50 else 1
    size.normalised(channels, 64, 3, side)
    width_in = 64
    for stage, blocks in enumerate(_STAGES[depth]):
        width, side_in = 64 << stage, side
        side = side if stage == 0 else -(-side // 2)
        for block in range(blocks):
            if expansion == 4:
                size.normalised(width_in, width, 1, side_in if block == 0 else side)
                size.normalised(width, width, 3, side)
                size.normalised(width, 4 * width, 1, side)
            else:
                size.normalised(width_in, width, 3, side)
                size.normalised(width, width, 3, side)
            if width_in != expansion * width:
                size.normalised(width_in, expansion * width, 1, side)
            width_in = expansion * width
    size.linear(width_in, classes)


def _narrow_resnet(size: NetworkSize, depth: int, channels: int, classes: int, side: int) -> None:
    size.normalised(channels, 16, 3, side)
    width_in = 16
    for stage in range(3):
        width = 16 << stage
        side = side if stage == 0 else -(-side // 2)
        for _ in range((depth - 2) // 6):
            size.normalised(width_in, width, 3, side)
            size.normalised(width, width, 3, side)
            width_in = width
    size.linear(width_in, classes)
