"""A batch in parts: what the whole batch gives but for rounding, and the same bits every time."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from cnntop.core import recipe
from cnntop.core.recipe import Recipe, resolve
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.computation import _candidates
from cnntop.core.training.models import build
from cnntop.core.training.network import Computation, Network

IMAGES = torch.randint(256, (32, 3, 16, 16), generator=torch.Generator().manual_seed(4)).byte()
LABELS = torch.arange(32) % 3
PARTS = Computation(channels_last=True, fused=True, threads=3, parts=True)


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Of which 32 images and the 7 of a last batch make parts of different sizes."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def network(computation: Computation, name: str = "shallow", **train: Any) -> Network:
    torch.manual_seed(7)
    settings = {"epochs": 1, "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}
    model = build(recipe.Model(name=name, kernels=4, depth=18), 3, 3, 16)  # type: ignore[arg-type]
    found = resolve({"train": settings | train}, "test").train
    device = torch.device("cpu")
    return Network(model, Normalization(IMAGES), found, device, computation)


def losses(network: Network, sizes: tuple[int, ...] = (32, 7, 1, 32)) -> list[float]:
    network.model.train()
    found = []
    for size in sizes:
        loss, logits = network.forward(IMAGES[:size], LABELS[:size])
        assert logits.shape == (size, 3)
        network.backward(loss)
        network.update()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("train", [{}, {"label_smoothing": 0.2}])
def test_parts_are_the_whole_but_for_rounding(train: dict[str, Any]) -> None:
    parts, whole = network(PARTS, **train), network(Computation(threads=3), **train)
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-5)
    for one, other in zip(parts.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert torch.get_num_threads() == 3


def test_the_same_seed_gives_the_same_bits() -> None:
    assert losses(network(PARTS)) == losses(network(PARTS))


def test_answers_to_a_test_set_are_the_same_too() -> None:
    found = []
    for computation in (PARTS, Computation()):
        one = network(computation, label_smoothing=0.2)
        one.model.eval()
        with torch.inference_mode():
            found.append(one.forward(IMAGES, LABELS))
    assert all(one.is_inference() for one in found[0])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_what_goes_wrong_in_any_part_is_raised() -> None:
    ours = network(PARTS)
    for wrong in (0, 20, 31):
        labels = LABELS.clone()
        labels[wrong] = 3
        with pytest.raises(IndexError):
            ours.forward(IMAGES, labels)
    assert losses(ours) == losses(network(PARTS))


@pytest.mark.parametrize(
    ("name", "threads", "offered"),
    [("shallow", 3, {1: False, 3: True}), ("shallow", 1, {1: False}), ("resnet", 3, {3: False})],
)
def test_only_where_every_image_is_by_itself(
    name: str, threads: int, offered: dict[int, bool]
) -> None:
    """Batch norm looks at the batch; and one thread has nothing to share out."""
    plain = Computation(threads=threads)
    found = _candidates(Recipe(), network(plain, name), plain)
    for count, parts in offered.items():
        assert any(one.parts for one in found if one.threads == count) == parts
