"""The network with what it takes to train it: a step in its three parts, and its answers."""

import copy

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
