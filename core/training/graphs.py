"""Forward and backward as CUDA graphs: one replay instead of a launch for every kernel."""

from typing import cast

import torch
from torch import nn


class Graphed(nn.Module):
    """What `model` computes in training, for batches of the one shape that it was made with.

    The result of one call is overwritten by the next.
    """

    def __init__(self, model: nn.Module, images: torch.Tensor) -> None:
        """`images`: a batch on the GPU, normalised. The model's weights, statistics and gradients
        are afterwards as before, though it takes some steps to record it.

        Call this and the model under the same autocast, without its cache.
        """
        super().__init__()
        self._of_shape = images.shape
        statistics = [one.clone() for one in model.buffers()]
        replayed = torch.cuda.make_graphed_callables(_Wrapped(model), (torch.zeros_like(images),))
        self._replayed = cast(nn.Module, replayed)
        for one, before in zip(model.buffers(), statistics, strict=True):
            one.copy_(before)

    def takes(self, images: torch.Tensor) -> bool:
        return images.shape == self._of_shape

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._replayed(images)
        return logits


class _Wrapped(nn.Module):
    """torch puts the graphs into the module it is given; the model itself shall stay as it is, for
    batches of other shapes."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._model(images)
        return logits
