"""The network with what it takes to train it: a step in its three parts, and its answers."""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from cnntop.core.recipe import Train
from cnntop.core.training.augmentation import Normalization


class Network:
    """A model, its optimiser and the numbers' precision, on one device.

    A training step is `forward`, `backward` and `update`, apart so that each can be timed.
    """

    def __init__(
        self, model: nn.Module, normalization: Normalization, train: Train, device: torch.device,
        precision: str,
    ) -> None:  # fmt: skip
        self.model = model.to(device)
        self.device = device
        self._normalization = normalization.to(device)
        self._train = train
        self._precision = precision
        self._optimizer = torch.optim.SGD(
            model.parameters(),
            lr=train.lr,
            momentum=train.momentum,
            weight_decay=train.weight_decay,
        )
        self._autocast = torch.autocast(
            device.type, dtype=torch.bfloat16, enabled=precision == "bf16"
        )

    def copy(self) -> "Network":
        """Another one with the same weights, to try something out on."""
        model, train = copy.deepcopy(self.model), self._train
        return Network(model, self._normalization, train, self.device, self._precision)

    def state(self) -> dict[str, Any]:
        """Weights, the optimiser's state and the random states that training draws from, on the
        CPU: plain values and tensors that a step does not change any more."""
        random = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        return {
            "model": _on_cpu(self.model.state_dict()),
            "optimizer": _on_cpu(self._optimizer.state_dict()),
            "random": random,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave. Raises RuntimeError, KeyError or ValueError if it is that
        of another network."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"]["cpu"])
        if self.device.type == "cuda" and "cuda" in state["random"]:
            torch.cuda.set_rng_state(state["random"]["cuda"], self.device)

    def set_rate(self, lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and logits [N, classes] of images [N, C, H, W], uint8 or normalised, and
        int64 labels [N], all on the network's device."""
        if images.dtype == torch.uint8:
            images = self._normalization(images)
        with self._autocast:
            logits = self.model(images)
            return functional.cross_entropy(logits, labels), logits

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()

    def update(self) -> None:
        """One step of the optimiser; the gradients are gone after it."""
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)


def _on_cpu(state: Any) -> Any:
    """A copy of nested dictionaries and lists, with copies of their tensors on the CPU."""
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: _on_cpu(value) for key, value in state.items()}
    return [_on_cpu(value) for value in state] if isinstance(state, list) else state
