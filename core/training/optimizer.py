"""What takes the steps: SGD, and Muon beside it where the recipe has a rate for that."""

from typing import Any

import torch
from torch import nn

from cnntop.core.recipe import Train
from cnntop.core.training.muon import Muon


class Optimizer:
    """Trains the parameters of a model that are not frozen, each kind in its recipe's way."""

    def __init__(self, model: nn.Module, train: Train, fused: bool = False) -> None:
        self._train = train
        self.parameters = trained = [one for one in model.parameters() if one.requires_grad]
        self._muon: Muon | None = None
        if train.muon_lr is not None:
            self._muon = Muon([one for one in trained if one.ndim == 4], train.muon_lr)
            trained = [one for one in trained if one.ndim != 4]
        groups = _groups(trained, train)
        self._rate_factors = [group.pop("rate_factor") for group in groups]
        self._sgd = torch.optim.SGD(
            groups,
            lr=train.lr,
            momentum=train.momentum,
            weight_decay=train.weight_decay,
            nesterov=train.nesterov,
            fused=fused or None,
        )
        self.set_rate(train.lr)

    @property
    def rate(self) -> float:
        """What the recipe's `lr` is now."""
        lr: float = self._sgd.param_groups[0]["lr"]
        return lr

    def set_rate(self, lr: float) -> None:
        """What the recipe's `lr` is from now on; the other rates change in proportion."""
        for group, factor in zip(self._sgd.param_groups, self._rate_factors, strict=True):
            group["lr"] = lr * factor
        if self._muon is not None:
            assert self._train.muon_lr is not None
            self._muon.rate = self._train.muon_lr * (lr / self._train.lr)

    def step(self) -> None:
        """One step along the gradients, which are gone after it."""
        if self._muon is not None:
            self._muon.step()
        self._sgd.step()
        self._sgd.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        """SGD's, and with Muon that under its name."""
        state = self._sgd.state_dict()
        return state if self._muon is None else state | {"muon": self._muon.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave. Raises KeyError or ValueError if it is another's."""
        if self._muon is not None:
            self._muon.restore(state["muon"])
        self._sgd.load_state_dict({key: state[key] for key in ("state", "param_groups")})
        self.set_rate(self.rate)


def _groups(parameters: list[nn.Parameter], train: Train) -> list[dict[str, Any]]:
    """SGD's groups of parameters. Biases (all parameters of one dimension) are one of their own
    where the recipe treats them apart.

    A decayed bias shrinks by `lr * weight_decay` in a step as every other parameter, whatever its
    own rate is. High rates for biases are the speedruns' (D. Page, "How to train your ResNet",
    2018, and github.com/tysam-code/hlb-CIFAR10); biases without decay are He et al.'s
    (arXiv:1812.01187).
    """
    factor = train.bias_lr_factor
    if factor == 1 and train.decay_biases:
        return [{"params": parameters, "rate_factor": 1.0}]
    decay = train.weight_decay / factor if train.decay_biases else 0.0
    weights = [one for one in parameters if one.ndim > 1]
    biases = [one for one in parameters if one.ndim <= 1]
    return [
        {"params": weights, "rate_factor": 1.0},
        {"params": biases, "rate_factor": factor, "weight_decay": decay},
    ]
