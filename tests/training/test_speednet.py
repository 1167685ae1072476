"""SpeedNet: its size by hand, a first layer that whitens, a beginning that passes images on."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnntop.core import recipe
from cnntop.core.errors import UsageError
from cnntop.core.events import AnyEvent
from cnntop.core.recipe import resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.models import build, parameter_count
from cnntop.core.training.network import Network
from cnntop.core.training.preparation import prepare
from cnntop.core.training.speednet import LOGIT_SCALE, WHITENED_IMAGES, SpeedNet
from cnntop.core.training.work import count_work


class Silence:
    def emit(self, event: AnyEvent) -> None:
        pass


def network(
    kernels: int = 8, channels: int = 3, classes: int = 10, image_size: int = 32
) -> SpeedNet:
    torch.manual_seed(3)
    built = build(recipe.Model(name="speednet", kernels=kernels), channels, classes, image_size)
    assert isinstance(built, SpeedNet)
    return built


def smooth_images(count: int = 300, channels: int = 3, size: int = 20) -> torch.Tensor:
    """uint8 noise, blurred and mixed over the channels, so that neighbours are alike."""
    draw = torch.Generator().manual_seed(1)
    noise = torch.rand(count, channels, size + 2, size + 2, generator=draw)
    mixed = noise + noise.mean(1, keepdim=True)
    return (functional.avg_pool2d(mixed, 3, 1) * 127).to(torch.uint8)


def test_size_by_hand() -> None:
    """Of a width of 64: 1,972,792 parameters, of which those that are frozen are counted."""
    convolutions = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256)
    norms = 2 * (2 * 64 + 4 * 256)
    expected = (12 + 1) * 24 + convolutions + norms + 256 * 10
    assert parameter_count(network(64)) == expected == 1_972_792


@pytest.mark.parametrize(
    ("channels", "classes", "size"), [(3, 10, 32), (1, 7, 28), (4, 100, 17), (3, 2, 64)]
)
def test_for_other_images_and_classes(channels: int, classes: int, size: int) -> None:
    built = network(channels=channels, classes=classes, image_size=size)
    assert built(torch.zeros(1, channels, size, size)).shape == (1, classes)


def test_images_too_small_are_refused() -> None:
    with pytest.raises(UsageError, match=r"images of 17 pixels or more, these have 16"):
        network(image_size=16)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_layer_whitens(channels: int) -> None:
    images = smooth_images(channels=channels)
    normalization = Normalization(images)
    built = network(channels=channels)
    built.whiten(images, normalization)
    built.whitening.bias.data.zero_()
    with torch.no_grad():
        answers = built.whitening(normalization(images)).transpose(0, 1).flatten(1)
    half = 4 * channels
    assert torch.allclose(answers[:half], -answers[half:], atol=1e-5), "and the opposite of each"
    moments = answers[:half] @ answers[:half].T / answers.shape[1]
    assert torch.allclose(moments, torch.eye(half), atol=0.02)
    # Before, neighbours were alike.
    pixels = normalization(images)
    assert (pixels[..., 1:] * pixels[..., :-1]).mean() > 0.4


def test_whitening_looks_at_all_of_a_sorted_dataset_and_not_at_every_image() -> None:
    images = torch.zeros(2 * WHITENED_IMAGES, 1, 17, 17, dtype=torch.uint8)
    draw = torch.Generator().manual_seed(1)
    noise = torch.randint(256, (WHITENED_IMAGES, 1, 17, 17), generator=draw, dtype=torch.uint8)
    images[WHITENED_IMAGES:] = noise
    normalization = Normalization(images)
    every, other = network(channels=1), network(channels=1)
    every.whiten(images, normalization)
    other.whiten(images[::2], normalization)
    assert torch.equal(every.whitening.weight, other.whitening.weight)
    begin = network(channels=1)
    begin.whiten(images[:WHITENED_IMAGES], normalization)
    assert not torch.allclose(begin.whitening.weight, other.whitening.weight, rtol=0.1)


def test_no_direction_without_variance_is_blown_up() -> None:
    images = torch.full((10, 3, 20, 20), 9, dtype=torch.uint8)
    built = network()
    built.whiten(images, Normalization(images))
    assert built.whitening.weight.isfinite().all()
    assert built.whitening.weight.abs().max() < 50


def test_a_run_begins_with_its_images_whitened(request_run: Callable[..., RunRequest]) -> None:
    request = request_run(model={"name": "speednet", "kernels": 4}, image_size=20)
    prepared = prepare(request.recipe, Silence(), lambda: False)
    images, model = prepared.dataset.train.images, prepared.network.model
    expected = network(4, classes=2, image_size=20)
    expected.whiten(images, Normalization(images))
    assert isinstance(model, SpeedNet)
    assert torch.equal(model.whitening.weight, expected.whitening.weight)


@pytest.mark.parametrize("kernels", [8, 64])
def test_convolutions_begin_by_passing_on_their_input(kernels: int) -> None:
    built = network(kernels)
    found = [one for one in built.blocks.modules() if isinstance(one, nn.Conv2d)]
    assert len(found) == 6
    for one in found:
        maps = torch.randn(2, one.in_channels, 6, 6)
        same = min(one.in_channels, one.out_channels)
        assert torch.equal(one(maps)[:, :same], maps[:, :same])
        assert one(maps)[:, same:].any() or same == one.out_channels


def test_logits_are_scaled() -> None:
    built = network().eval()
    images = torch.randn(2, 3, 32, 32)
    whole = built.classifier(built.blocks(built.whitening(images)))
    assert torch.allclose(built(images), whole * LOGIT_SCALE)


def test_what_learns_and_what_is_frozen() -> None:
    built = network()
    built(torch.randn(4, 3, 32, 32)).square().sum().backward()
    learns = {name for name, one in built.named_parameters() if one.grad is not None}
    frozen = {name for name, one in built.named_parameters()} - learns
    norms = [name for name, one in built.named_modules() if isinstance(one, nn.BatchNorm2d)]
    assert frozen == {"whitening.weight", *(f"{name}.weight" for name in norms)}
    parameters = dict(built.named_parameters())
    assert all(parameters[name].grad.any() for name in learns)  # type: ignore[union-attr]


def test_its_work_can_be_counted() -> None:
    """Forward, and twice as much backward; of the first layer, which is frozen, only forward."""
    tree: dict[str, Any] = {"data": {"batch_size": 4}, "train": {"epochs": 1}}
    recipe = resolve(tree, "test")
    normalization = Normalization(smooth_images())
    counted = Network(network(8), normalization, recipe.train, torch.device("cpu"))
    work = count_work(counted, (3, 32, 32), recipe)
    first = 12 * 24 * 31 * 31
    rest = 9 * (24 * 8 * 31**2 + 8 * 8 * 15**2 + 8 * 32 * 15**2)
    rest += 9 * (32 * 32 * 7**2 * 2 + 32 * 32 * 3**2) + 32 * 10
    assert work.flop == pytest.approx(2 * (first + 3 * rest))


def test_it_learns_from_images_as_they_come() -> None:
    """Bright above dark or the other way round, in noise: no pixel alone tells it."""
    draw = torch.Generator().manual_seed(4)
    labels = torch.randint(2, (64,), generator=draw)
    images = torch.randint(0, 120, (64, 3, 20, 20), generator=draw, dtype=torch.uint8)
    for half in (0, 1):
        images[labels == half, :, 10 * half : 10 * half + 10] += 60
    normalization = Normalization(images)
    built = network(classes=2, image_size=20)
    built.whiten(images, normalization)
    optimizer = torch.optim.SGD([one for one in built.parameters() if one.requires_grad], 1.0)
    for _ in range(40):
        loss = functional.cross_entropy(built(normalization(images)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
