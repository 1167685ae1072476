"""Sizes told without torch are those of the networks that torch builds."""

import pytest
import torch

from cnntop.core import preset
from cnntop.core.network_size import network_size, recipe_size
from cnntop.core.recipe import Model, resolve
from cnntop.core.training.models import build, parameter_count
from cnntop.core.training.work import count_multiply_adds

MODELS = [
    *(Model(name="shallow", kernels=kernels) for kernels in (8, 1024)),
    *(Model(name="speednet", kernels=kernels) for kernels in (3, 64)),
    *(Model(name="resnet", depth=depth) for depth in (18, 20, 32, 34, 50, 56, 110)),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.label)
@pytest.mark.parametrize(("channels", "classes", "side"), [(3, 10, 32), (1, 7, 21), (3, 100, 64)])
def test_is_what_torch_counts(model: Model, channels: int, classes: int, side: int) -> None:
    with torch.device("meta"):
        built = build(model, channels, classes, side)
    size = network_size(model, channels, classes, side)
    assert size is not None
    assert size.parameters == parameter_count(built)
    assert size.multiply_adds == count_multiply_adds(built, (channels, side, side))


def test_of_a_preset_on_its_dataset() -> None:
    size = recipe_size(preset.find("resnet18-cifar100").resolve())
    assert size is not None
    assert size.parameters == 11_220_132
    grey = resolve({"data": {"dataset": "fashion_mnist"}, "train": {"epochs": 1}}, "test")
    size, larger = (
        recipe_size(one)
        for one in (grey, resolve({"data": {"dataset": "fashion_mnist", "image_size": 32},
                                   "train": {"epochs": 1}}, "test"))
    )  # fmt: skip
    assert size is not None
    assert larger is not None
    assert size.multiply_adds < larger.multiply_adds


def test_none_where_only_the_dataset_or_torch_can_tell() -> None:
    train = {"epochs": 1}
    folder = {"data": {"dataset": "folder", "dir": "x"}, "train": train}
    other = {"model": {"name": "torchvision", "architecture": "vgg11"}, "train": train}
    assert recipe_size(resolve(folder, "test")) is None
    assert recipe_size(resolve(other, "test")) is None
