"""The network with its optimiser: a step in three parts is one step of torch's own loop."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnntop.core.recipe import Model, Train, resolve
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.models import build
from cnntop.core.training.network import Computation, Network

CPU = torch.device("cpu")
DRAW = torch.Generator().manual_seed(1)
IMAGES = torch.randint(256, (24, 3, 16, 16), dtype=torch.uint8, generator=DRAW)
LABELS = torch.randint(3, (24,), generator=DRAW)
NORMALIZATION = Normalization(IMAGES)


def train(**more: Any) -> Train:
    settings = {"epochs": 1, "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}
    return resolve({"train": settings | more}, "test").train


def network(precision: str = "fp32", name: str = "shallow", **more: Any) -> Network:
    torch.manual_seed(7)
    model = build(Model(name="shallow", kernels=4), 3, 3, 16)
    if name == "resnet":
        model = build(Model(name="resnet", depth=18), 3, 3, 16)
    return Network(model, NORMALIZATION, train(**more), CPU, Computation(precision))


def step(network: Network) -> float:
    loss, _ = network.forward(IMAGES, LABELS)
    network.backward(loss)
    network.update()
    return loss.item()


def weights(network: Network) -> dict[str, torch.Tensor]:
    return {name: one.clone() for name, one in network.model.state_dict().items()}


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def test_steps_are_those_of_torchs_own_loop() -> None:
    ours = network()
    torch.manual_seed(7)
    model = build(Model(name="shallow", kernels=4), 3, 3, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    for _ in range(4):
        loss = functional.cross_entropy(model(NORMALIZATION(IMAGES)), LABELS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert step(ours) == loss.item()
    assert equal(weights(ours), model.state_dict())


def test_loss_and_logits_are_of_the_images_given() -> None:
    ours = network()
    loss, logits = ours.forward(IMAGES, LABELS)
    assert logits.shape == (24, 3)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(functional.cross_entropy(logits, LABELS).item())
    again, same = ours.forward(NORMALIZATION(IMAGES), LABELS)
    assert torch.equal(logits, same), "bytes are normalised, floats are taken to be"
    assert again.item() == loss.item()


def test_only_an_update_changes_the_weights_and_it_leaves_no_gradients() -> None:
    ours = network()
    before = weights(ours)
    loss, _ = ours.forward(IMAGES, LABELS)
    ours.backward(loss)
    assert equal(before, weights(ours))
    assert any(one.grad is not None and one.grad.any() for one in ours.model.parameters())
    ours.update()
    assert not equal(before, weights(ours))
    assert all(one.grad is None for one in ours.model.parameters())


def test_a_rate_holds_from_the_next_update_on() -> None:
    still, moving = network(), network()
    still.set_rate(0.0)
    before = weights(still)
    for one in (still, moving):
        step(one)
    assert equal(before, weights(still))
    assert not equal(before, weights(moving))
    still.set_rate(0.05)
    step(still)
    assert not equal(before, weights(still))


@pytest.mark.parametrize("name", ["shallow", "resnet"])  # resnet: buffers of batch norm as well
def test_a_copy_begins_with_the_same_weights_and_shares_nothing(name: str) -> None:
    ours = network(name=name)
    step(ours)
    before = weights(ours)
    copy = ours.copy()
    assert equal(weights(copy), before)
    for _ in range(3):
        step(copy)
    assert not equal(weights(copy), before)
    assert equal(weights(ours), before)
    # With its momentum too: it goes on as one of which there never was a copy.
    other = network(name=name)
    step(other)
    assert equal(weights(other), before)
    for one in (ours, other):
        step(one)
    assert equal(weights(ours), weights(other))


def test_half_precision_computes_in_it_and_keeps_weights_in_full() -> None:
    """A shallow network's convolutions; its linear layers gain nothing from it."""
    ours = network("bf16")
    maps = []
    ours.model.features[3].register_forward_hook(lambda *given: maps.append(given[-1]))  # type: ignore[index,union-attr]
    loss, logits = ours.forward(IMAGES, LABELS)
    assert maps[0].dtype == torch.bfloat16
    assert (loss.dtype, logits.dtype) == (torch.float32, torch.float32)
    first = step(ours)
    for _ in range(20):
        last = step(ours)
    assert last < first
    assert {one.dtype for one in weights(ours).values()} == {torch.float32}


def test_the_model_is_used_as_it_is() -> None:
    class Known(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.tensor([0.0, 1.0, 2.0]))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.bias.expand(len(images), 3)

    ours = Network(Known(), NORMALIZATION, train(), CPU)
    loss, logits = ours.forward(IMAGES[:2], torch.tensor([2, 2]))
    assert logits.tolist() == [[0.0, 1.0, 2.0]] * 2
    assert loss.item() == pytest.approx(-torch.log_softmax(torch.arange(3.0), 0)[2].item())
