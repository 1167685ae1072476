"""The paper's networks: sizes by hand and by the literature."""

from typing import Any

import pytest
import torch
from torch import nn

from cnntop.core import recipe
from cnntop.core.training.models import ShallowNet, build, parameter_count
from cnntop.core.training.resnet import BasicBlock, ZeroPadded


def network(channels: int = 3, classes: int = 10, image_size: int = 32, **model: Any) -> nn.Module:
    return build(recipe.Model(**model), channels, classes, image_size)


def shallow_parameters(kernels: int, channels: int, classes: int, side: int) -> int:
    """P1, counted by hand: weights and a bias for every output."""
    first = (5 * 5 * channels + 1) * kernels
    second = (5 * 5 * kernels + 1) * 16
    linear = (16 * side * side + 1) * 120 + (120 + 1) * 84 + (84 + 1) * classes
    return first + second + linear


@pytest.mark.parametrize("kernels", [8, 16, 32, 64, 128, 256, 512, 1024])
@pytest.mark.parametrize("classes", [10, 100])
def test_shallow_has_the_papers_size(kernels: int, classes: int) -> None:
    model = network(name="shallow", kernels=kernels, classes=classes)
    assert parameter_count(model) == shallow_parameters(kernels, 3, classes, side=5)


def test_shallow_of_six_kernels_is_the_tutorials_network() -> None:
    assert parameter_count(network(name="shallow", kernels=6)) == 62_006


@pytest.mark.parametrize(("size", "side"), [(16, 1), (28, 4), (32, 5), (64, 13)])
def test_shallow_for_other_image_sizes(size: int, side: int) -> None:
    model = network(1, 10, size, name="shallow", kernels=8)
    assert parameter_count(model) == shallow_parameters(8, 1, 10, side)
    assert model(torch.zeros(2, 1, size, size)).shape == (2, 10)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pooling_first_changes_no_bit(layout: torch.memory_format) -> None:
    """Nor of the gradients, where maps have ties: above and below 0, at 0, and -0.0."""
    torch.manual_seed(3)
    images = torch.randn(16, 3, 32, 32)
    images[:, :, :9] = 0  # as a crop's border
    images = images.to(memory_format=layout)
    model = network(name="shallow", kernels=8).to(memory_format=layout)
    assert isinstance(model, ShallowNet)
    with torch.no_grad():
        model.features[0].bias[:4] = torch.tensor([0.0, -0.0, 0.5, -0.5])  # type: ignore[index]
    found = []
    for pools_first in (True, False):
        model.pools_first = pools_first
        model.zero_grad()
        logits = model(images)
        logits.square().sum().backward()
        found.append([logits, *(one.grad for one in model.parameters())])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(
    ("depth", "classes", "parameters"),
    [
        (18, 10, 11_173_962),
        (18, 100, 11_220_132),
        (34, 10, 21_282_122),
        (34, 100, 21_328_292),
        (50, 10, 23_520_842),
        (50, 100, 23_705_252),
        (20, 10, 269_722),
        (32, 10, 464_154),
        (56, 10, 853_018),
        (110, 10, 1_727_962),
        (110, 100, 1_733_812),
    ],
)
def test_resnet_has_the_size_of_the_literature(depth: int, classes: int, parameters: int) -> None:
    model = network(name="resnet", depth=depth, classes=classes)
    assert parameter_count(model) == parameters


@pytest.mark.parametrize(
    ("depth", "expected"),
    [(18, 0.5554e9), (34, 1.1595e9), (50, 1.298e9), (56, 125.49e6), (110, 252.89e6)],
)
def test_resnet_multiply_adds(depth: int, expected: float) -> None:
    counted = multiply_adds(network(name="resnet", depth=depth), torch.zeros(1, 3, 32, 32))
    assert counted == pytest.approx(expected, rel=0.005)


def test_shallow_multiply_adds() -> None:
    by_hand = 28 * 28 * 128 * 75 + 10 * 10 * 16 * 25 * 128 + 400 * 120 + 120 * 84 + 840
    model = network(name="shallow", kernels=128)
    assert multiply_adds(model, torch.zeros(1, 3, 32, 32)) == by_hand


@pytest.mark.parametrize(
    ("depth", "projected"),
    [(18, 3), (34, 3), (50, 4), (20, 0), (32, 0), (56, 0), (110, 0)],
)
def test_resnet_has_as_many_layers_as_its_name_says(depth: int, projected: int) -> None:
    model = network(name="resnet", depth=depth)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    projections = [
        m for name, m in model.named_modules() if "shortcut" in name and isinstance(m, nn.Conv2d)
    ]
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    assert len(projections) == projected
    assert all(m.kernel_size == (1, 1) for m in projections)
    assert len(convolutions) - len(projections) + len(linear) == depth


def test_he_et_als_shortcut_takes_every_other_pixel_and_zeros() -> None:
    """Their option A. With a residual of nothing the block is its shortcut, and ReLU."""
    block = BasicBlock(16, 32, 2, ZeroPadded).eval()
    last = block.residual[-1]
    assert isinstance(last, nn.BatchNorm2d)
    nn.init.zeros_(last.weight)
    maps = torch.rand(2, 16, 9, 9)
    shortcut = block(maps)
    assert torch.equal(shortcut[:, :16], maps[:, :, ::2, ::2])
    assert not shortcut[:, 16:].any()
    assert shortcut.shape == (2, 32, 5, 5)


def test_he_et_als_filters_keep_the_variance_through_relu() -> None:
    convolution = network(name="resnet", depth=20).features[-1].residual[0]
    expected = (2 / (9 * 64)) ** 0.5
    assert convolution.weight.std().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("depth", [18, 20, 50])
@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 28), (3, 16), (3, 41)])
def test_resnet_for_other_image_sizes(channels: int, size: int, depth: int) -> None:
    model = network(channels, 7, size, name="resnet", depth=depth).eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, channels, size, size)).shape == (2, 7)


@pytest.mark.parametrize(
    "model",
    [
        {"name": "shallow", "kernels": 8},
        {"name": "resnet", "depth": 18},
        {"name": "resnet", "depth": 50},
        {"name": "resnet", "depth": 20},
        {"name": "torchvision", "architecture": "squeezenet1_1"},
    ],
)
def test_every_parameter_learns(model: dict[str, Any]) -> None:
    torch.manual_seed(0)
    built = network(**model)
    built(torch.randn(4, 3, 32, 32)).square().sum().backward()
    still = [name for name, p in built.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_the_same_seed_builds_the_same_network() -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(network(name="shallow", kernels=8).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not all(torch.equal(states[0][key], states[2][key]) for key in states[0])


def multiply_adds(model: nn.Module, images: torch.Tensor) -> int:
    """Multiplications of the convolutions and linear layers for one pass over `images`."""
    total = 0

    def count(module: nn.Module, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d | nn.Linear)
        total += module.weight[0].numel() * output.numel()

    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    with torch.inference_mode():
        model.eval()(images)
    return total
