"""The network with what it takes to train it: a step in its three parts, and its answers."""

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from cnntop.core.recipe import Train
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.graphs import Graphed
from cnntop.core.training.optimizer import Optimizer
from cnntop.core.training.parts import Parts, one_thread_each


@dataclass(frozen=True)
class Computation:
    """How a network is computed. All of it changes rounding and speed only.

    `graphs` replays forward and backward as CUDA graphs. `threads` of the CPU; 0 leaves them. With
    `parts` each of these computes a part of the batch, instead of a part of each operation.
    """

    precision: Literal["fp32", "bf16"] = "fp32"
    channels_last: bool = False
    fused: bool = False
    graphs: bool = False
    threads: int = 0
    parts: bool = False

    @property
    def label(self) -> str:
        parts: list[str] = [self.precision]
        parts += ["channels-last"] if self.channels_last else []
        parts += ["CUDA graphs"] if self.graphs else []
        parts += [f"{self.threads} thread{'s' * (self.threads > 1)}"] if self.threads else []
        parts += ["a part of the batch each"] if self.parts else []
        return ", ".join(parts)


class Network:
    """A model, its optimiser and how they are computed, on one device.

    A training step is `forward`, `backward` and `update`, apart so that each can be timed.
    """

    def __init__(
        self, model: nn.Module, normalization: Normalization, train: Train, device: torch.device,
        computation: Computation = Computation(),
    ) -> None:  # fmt: skip
        self.model = model.to(device)
        self.device = device
        self.computation = computation
        self._normalization = normalization.to(device)
        self._train = train
        self._layout = torch.preserve_format
        if computation.channels_last:
            self._layout = torch.channels_last
            self.model.to(memory_format=torch.channels_last)
        self._optimizer = Optimizer(self.model, train, computation.fused)
        self._graphed: Graphed | None = None
        self._parts = Parts() if computation.parts else None

    @property
    def test_views(self) -> int:
        return self._train.test_views

    def copy(self, computation: Computation | None = None) -> "Network":
        """Another one with the same weights, to try something out on; computed in the same way or
        in that of `computation`."""
        model, train = copy.deepcopy(self.model), self._train
        return Network(
            model, self._normalization, train, self.device, computation or self.computation
        )

    def state(self) -> dict[str, Any]:
        """Weights, the optimiser's state and the random states that training draws from, on the
        CPU: plain values and tensors that a step does not change any more."""
        random = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        return {
            "model": _on_cpu(self.model.state_dict()),
            "optimizer": _on_cpu(self._optimizer.state()),
            "random": random,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave. Raises RuntimeError, KeyError or ValueError if it is that
        of another network."""
        self.model.load_state_dict(state["model"])
        self._optimizer.restore(state["optimizer"])
        torch.set_rng_state(state["random"]["cpu"])
        if self.device.type == "cuda" and "cuda" in state["random"]:
            torch.cuda.set_rng_state(state["random"]["cuda"], self.device)

    @property
    def rate(self) -> float:
        return self._optimizer.rate

    def set_rate(self, lr: float) -> None:
        self._optimizer.set_rate(lr)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and logits [N, classes] of images [N, C, H, W], uint8 or normalised, and
        int64 labels [N], all on the network's device. The loss is smoothed, if the recipe says so,
        in training only: on the test set it is to compare with other recipes'."""
        if self._parts is not None:
            return self._parts.forward(self._computed, images, labels)
        return self._computed(images, labels)

    def _computed(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        smoothing = self._train.label_smoothing if self.model.training else 0.0
        if images.dtype == torch.uint8:
            images = self._normalization(images, self._layout)
        with self._autocast():
            logits = self._model_for(images)(images)
            loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        if self._graphed is not None and self._train.passes > 1:
            logits = logits.clone()  # the first pass's are wanted after the next one
        return loss, logits

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.computation.precision == "fp32":
            return nullcontext()
        cached = not self.computation.graphs
        return torch.autocast(self.device.type, dtype=torch.bfloat16, cache_enabled=cached)

    def _model_for(self, images: torch.Tensor) -> nn.Module:
        if not (self.computation.graphs and self.model.training):
            return self.model
        if self._graphed is None:
            self._graphed = Graphed(self.model, images)
        return self._graphed if self._graphed.takes(images) else self.model

    def backward(self, loss: torch.Tensor) -> None:
        """Gradients of `loss`, which is that of the last `forward`."""
        if self._parts is not None:
            self._parts.backward(self._optimizer.parameters)
        else:
            loss.backward()

    def update(self) -> None:
        """One step of the optimiser; the gradients are gone after it."""
        with nullcontext() if self._parts is None else one_thread_each():
            self._optimizer.step()


def _on_cpu(state: Any) -> Any:
    """A copy of nested dictionaries and lists, with copies of their tensors on the CPU."""
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: _on_cpu(value) for key, value in state.items()}
    return [_on_cpu(value) for value in state] if isinstance(state, list) else state
