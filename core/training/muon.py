"""Muon: steps of one size in every direction, for the filters of convolutions."""

from collections.abc import Sequence

import torch
from torch import nn

MOMENTUM = 0.6
ITERATIONS = 3
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon:
    """Momentum whose sum is orthogonalised before it is applied, so that a filter learns as fast
    in directions of small gradients as in those of large ones.

    After Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), as the
    CIFAR-10 speedrun uses it (github.com/KellerJordan/cifar10-airbench, airbench94_muon), of which
    the figures are: Nesterov momentum of 0.6, three iterations, and weights that are brought to a
    mean square of one an output before each step, which takes weight decay's place.
    """

    def __init__(self, filters: Sequence[nn.Parameter], rate: float) -> None:
        """`filters`: [outputs, inputs, height, width] each. Those of one shape share their
        products, which on a GPU would else each be a launch."""
        self.rate = rate
        alike: dict[torch.Size, list[nn.Parameter]] = {}
        for one in filters:
            alike.setdefault(one.shape, []).append(one)
        self._stacks = list(alike.values())
        self._momenta = [
            torch.zeros(len(stack), *stack[0].shape, device=stack[0].device)
            for stack in self._stacks
        ]

    @torch.no_grad()
    def step(self) -> None:
        """Take a step along the filters' gradients, which are gone after it."""
        for filters, momentum in zip(self._stacks, self._momenta, strict=True):
            gradients = torch.stack([_gradient(one) for one in filters])
            momentum.mul_(MOMENTUM).add_(gradients)
            ahead = gradients.add_(momentum, alpha=MOMENTUM)
            updates = orthogonalized(ahead.flatten(2)).view(ahead.shape)
            for one, update in zip(filters, updates, strict=True):
                one.mul_(len(one) ** 0.5 / one.norm())
                one.add_(update, alpha=-self.rate)
                one.grad = None

    def state(self) -> list[torch.Tensor]:
        return [one.detach() for one in self._momenta]

    def restore(self, state: list[torch.Tensor]) -> None:
        for momentum, saved in zip(self._momenta, state, strict=True):
            momentum.copy_(saved)


def orthogonalized(matrices: torch.Tensor) -> torch.Tensor:
    """`matrices` [K, rows, columns] with all their singular values brought near one (0.4 to 1.3,
    but for those below some thousandths of the largest), by the quintic Newton-Schulz iteration.

    The coefficients are those of Muon: steep at zero rather than exact at one, because three
    iterations shall do. On a GPU in half precision, for which it is stable.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalized(matrices.mT).mT
    a, b, c = COEFFICIENTS
    near = matrices.to(torch.bfloat16) if matrices.is_cuda else matrices
    near = near / near.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        square = near @ near.mT
        near = a * near + (b * square + c * square @ square) @ near
    result: torch.Tensor = near.to(matrices)
    return result


def _gradient(weight: nn.Parameter) -> torch.Tensor:
    assert weight.grad is not None, "every filter takes part in the loss"
    return weight.grad
