"""Which parameter takes which step: rates, decay, momentum, and what is frozen."""

from typing import Any

import pytest
import torch
from torch import nn

from cnntop.core.recipe import Train, resolve
from cnntop.core.training.optimizer import Optimizer


def train(**more: Any) -> Train:
    settings = {"epochs": 1, "lr": 0.1, "momentum": 0.0, "weight_decay": 0.5}
    return resolve({"train": settings | more}, "test").train


def model() -> nn.Sequential:
    """A convolution without bias, batch norm, a linear layer with bias; every number is one."""
    layers = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.Linear(3, 2))
    for one in layers.parameters():
        nn.init.ones_(one)
    return layers


def gradients(layers: nn.Module, value: float) -> None:
    for one in layers.parameters():
        one.grad = torch.full_like(one, value)


def moved(layers: nn.Sequential, by: Optimizer, gradient: float) -> list[float]:
    """What one step adds to each parameter: filters, norm's scale and shift, weight, bias."""
    before = [one.detach().clone() for one in layers.parameters()]
    gradients(layers, gradient)
    by.step()
    steps = [after.detach() - b for after, b in zip(layers.parameters(), before, strict=True)]
    assert all(torch.allclose(one, one.flatten()[0]) for one in steps)
    return [float(one.flatten()[0]) for one in steps]


def test_all_are_decayed_and_take_the_one_rate_as_by_default() -> None:
    layers = model()
    assert moved(layers, Optimizer(layers, train()), 2.0) == pytest.approx([-0.25] * 5)


def test_biases_and_batch_norm_without_decay() -> None:
    layers = model()
    found = moved(layers, Optimizer(layers, train(decay_biases=False)), 2.0)
    assert found == pytest.approx([-0.25, -0.2, -0.2, -0.25, -0.2])


def test_biases_at_a_rate_of_their_own_are_decayed_as_fast_as_the_others() -> None:
    layers = model()
    by = Optimizer(layers, train(bias_lr_factor=4))
    assert moved(layers, by, 0.0) == pytest.approx([-0.05] * 5)
    fresh = model()
    by = Optimizer(fresh, train(bias_lr_factor=4, weight_decay=0.0))
    assert moved(fresh, by, 2.0) == pytest.approx([-0.2, -0.8, -0.8, -0.2, -0.8])


def test_every_rate_follows_the_schedule() -> None:
    settings = train(bias_lr_factor=4, muon_lr=0.3, weight_decay=0.0)
    full, half = model(), model()
    by, by_half = Optimizer(full, settings), Optimizer(half, settings)
    by_half.set_rate(0.05)
    steps = zip(moved(full, by, 2.0), moved(half, by_half, 2.0), strict=True)
    for number, (one, other) in enumerate(steps):
        if number == 0:  # Muon brings the filters to their size first, whatever the rate
            one, other = (step + 1 - (3**0.5 / 54**0.5) for step in (one, other))
        assert other == pytest.approx(one / 2, rel=1e-5)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_torchs(nesterov: bool) -> None:
    ours, theirs = model(), model()
    by = Optimizer(ours, train(momentum=0.8, nesterov=nesterov))
    sgd = torch.optim.SGD(
        theirs.parameters(), lr=0.1, momentum=0.8, weight_decay=0.5, nesterov=nesterov
    )
    for value in (1.0, -0.5, 0.25):
        gradients(ours, value)
        gradients(theirs, value)
        by.step()
        sgd.step()
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


def test_muon_takes_the_filters_alone() -> None:
    layers, plain = model(), model()
    with_muon = moved(layers, Optimizer(layers, train(muon_lr=0.3)), 2.0)
    without = moved(plain, Optimizer(plain, train()), 2.0)
    assert with_muon[0] != pytest.approx(without[0], rel=0.1)
    assert with_muon[1:] == without[1:]


def test_what_is_frozen_stays_and_gradients_are_gone() -> None:
    layers = model()
    layers[0].weight.requires_grad_(False)
    layers[1].weight.requires_grad_(False)
    by = Optimizer(layers, train(muon_lr=0.3, bias_lr_factor=2))
    for one in layers.parameters():
        if one.requires_grad:
            one.grad = torch.ones_like(one)
    by.step()
    assert torch.equal(layers[0].weight, torch.ones(3, 2, 3, 3))
    assert torch.equal(layers[1].weight, torch.ones(3))
    assert not torch.equal(layers[1].bias, torch.ones(3))
    assert all(one.grad is None for one in layers.parameters())


def test_goes_on_from_its_state_to_the_bit() -> None:
    settings = train(momentum=0.8, nesterov=True, muon_lr=0.3, bias_lr_factor=4)
    whole, part = model(), model()
    by, first = Optimizer(whole, settings), Optimizer(part, settings)
    for value in (1.0, -0.5):
        gradients(whole, value)
        by.step()
        gradients(part, value)
        first.step()
    for one in (by, first):
        one.set_rate(0.02)
    again = Optimizer(part, settings)
    again.restore(first.state())
    assert again.rate == 0.02
    for optimizer, layers in ((by, whole), (again, part)):
        gradients(layers, 0.3)
        optimizer.step()
    assert all(map(torch.equal, whole.parameters(), part.parameters()))
    with pytest.raises(KeyError):
        again.restore(Optimizer(model(), train()).state())
