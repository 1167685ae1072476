"""Muon: its iteration is the polynomial of the singular values, its step the one by hand."""

import pytest
import torch
from torch import nn

from cnntop.core.training.muon import COEFFICIENTS, ITERATIONS, MOMENTUM, Muon, orthogonalized


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def by_singular_values(matrix: torch.Tensor) -> torch.Tensor:
    """What the iteration is to give, in double precision: the same directions, and on each value
    an odd polynomial, time and again."""
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values = values / values.norm()
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        values = a * values + b * values**3 + c * values**5
    return (left * values) @ right


@pytest.mark.parametrize("shape", [(4, 30), (30, 4), (16, 16), (1, 9)])
def test_singular_values_are_what_the_polynomial_makes_of_them(shape: tuple[int, int]) -> None:
    matrices = torch.stack([random(*shape, seed=seed) for seed in range(3)])
    found = orthogonalized(matrices)
    for one, matrix in zip(found, matrices, strict=True):
        assert torch.allclose(one.double(), by_singular_values(matrix), atol=1e-4)


def test_directions_of_small_gradients_count_as_much() -> None:
    left, _, right = torch.linalg.svd(random(6, 40), full_matrices=False)
    uneven = (left * torch.tensor([1.0, 0.8, 0.5, 0.3, 0.2, 0.1])) @ right
    values = torch.linalg.svdvals(orthogonalized(uneven[None])[0])
    assert values.min() > 0.4
    assert values.max() < 1.3


def test_its_size_does_not_matter_and_nothing_stays_nothing() -> None:
    matrix = random(1, 5, 12)
    assert torch.allclose(orthogonalized(matrix), orthogonalized(1e-3 * matrix), atol=1e-5)
    assert not orthogonalized(torch.zeros(1, 5, 12)).any()


def test_steps_by_hand() -> None:
    weight = nn.Parameter(random(6, 2, 3, 3))
    expected = weight.detach().clone()
    momentum = torch.zeros(6, 18)
    muon = Muon([weight], rate=0.1)
    for step in range(3):
        gradient = random(6, 2, 3, 3, seed=10 + step)
        weight.grad = gradient.clone()
        muon.step()
        momentum = MOMENTUM * momentum + gradient.view(6, 18)
        update = by_singular_values(gradient.view(6, 18) + MOMENTUM * momentum).float()
        expected *= 6**0.5 / expected.norm()
        expected -= 0.1 * update.view(6, 2, 3, 3)
        assert torch.allclose(weight, expected, atol=1e-5)
        assert weight.grad is None


def filters() -> list[nn.Parameter]:
    """Two of one shape, one of another between them."""
    shapes = [(4, 2, 3, 3), (5, 3, 1, 1), (4, 2, 3, 3)]
    return [nn.Parameter(random(*shape, seed=seed)) for seed, shape in enumerate(shapes)]


def take_steps(muon: Muon, weights: list[nn.Parameter], steps: range) -> None:
    for step in steps:
        for number, one in enumerate(weights):
            one.grad = random(*one.shape, seed=100 * step + number)
        muon.step()


def test_filters_of_one_shape_do_not_mix() -> None:
    together = filters()
    take_steps(Muon(together, 0.2), together, range(2))
    for number, one in enumerate(filters()):
        alone = Muon([one], 0.2)
        for step in range(2):
            one.grad = random(*one.shape, seed=100 * step + number)
            alone.step()
        assert torch.allclose(one, together[number], atol=1e-6)


def test_goes_on_from_its_state_to_the_bit() -> None:
    whole, part = filters(), filters()
    take_steps(Muon(whole, 0.2), whole, range(4))
    first = Muon(part, 0.2)
    take_steps(first, part, range(2))
    saved = [one.clone() for one in first.state()]
    again = Muon(part, 0.2)
    again.restore(saved)
    take_steps(again, part, range(2, 4))
    assert all(map(torch.equal, whole, part))


def test_the_layout_of_the_filters_does_not_matter() -> None:
    plain = [nn.Parameter(random(4, 2, 3, 3)), nn.Parameter(random(40, 2, 3, 3))]
    turned = [nn.Parameter(one.detach().clone(memory_format=torch.channels_last)) for one in plain]
    take_steps(Muon(plain, 0.2), plain, range(2))
    take_steps(Muon(turned, 0.2), turned, range(2))
    assert all(one.is_contiguous(memory_format=torch.channels_last) for one in turned)
    assert all(torch.allclose(*pair, atol=1e-6) for pair in zip(plain, turned, strict=True))
