"""How much a training step of a network does: floating point operations, and bytes moved.

Both are counted operation by operation on a copy that has shapes and no numbers, so that counting
takes the same fraction of a second for every size of batch and image, and draws nothing.
"""

import copy
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from cnntop.core.recipe import Recipe
from cnntop.core.training.network import Network
from cnntop.core.training.optimizer import Optimizer


@dataclass(frozen=True)
class Work:
    """Of a training step, its share an image: forward, backward and the optimiser's update.

    `flop` are those of convolutions and matrix products, a multiply-add counting as two; the rest
    is below a percent of them. `moved_bytes` is the traffic if every operation read its inputs from
    memory and wrote its outputs there: an upper bound of what an ideal implementation needs, which
    would fuse operations, and of what reaches the memory, where caches hold a part.
    """

    flop: float
    moved_bytes: float


def count_work(network: Network, image_shape: Sequence[int], recipe: Recipe) -> Work:
    """Of training `network`, which stays as it is, on batches of images [C, H, W] of `image_shape`.
    Normalising the batch is left out, and the optimiser is the plain one, however it is fused."""
    meter = Meter()
    batch_size, device, train = recipe.data.batch_size, network.device, recipe.train
    with FakeTensorMode():
        model = _shapes_of(network.model, device)
        model.train()
        images = torch.zeros(batch_size, *image_shape, device=device)
        labels = torch.zeros(batch_size, dtype=torch.int64, device=device)
        autocast = torch.autocast(
            device.type, dtype=torch.bfloat16, enabled=network.computation.precision == "bf16"
        )
        with meter:
            with autocast:
                logits = model(images)
                loss = functional.cross_entropy(
                    logits, labels, label_smoothing=train.label_smoothing
                )
            loss.backward()
    trained = {name for name, one in model.named_parameters() if one.grad is not None}
    # Only autocast needs to know the device; torch is quicker with tensors that are on none.
    model = _shapes_of(network.model, torch.device("meta"))
    optimizer = Optimizer(model, train)
    _give_gradients(model, trained)
    optimizer.step()  # the first one makes the momentum, as no other does
    _give_gradients(model, trained)
    with meter:
        optimizer.step()
    return Work(meter.flop / batch_size, meter.moved_bytes / batch_size)


def count_multiply_adds(model: nn.Module, image_shape: Sequence[int]) -> int:
    """Of the answer to one image [C, H, W] of `image_shape`: multiplications of convolutions and
    matrix products, as the literature counts a network. `model` stays as it is."""
    meter = Meter()
    device = next(model.parameters()).device
    # With gradients, because without them attention takes a way that is not counted.
    with FakeTensorMode(), torch.enable_grad():
        counted = _shapes_of(model, device).eval()
        images = torch.zeros(1, *image_shape, device=device)
        with meter:
            counted(images)
    return meter.flop // 2


def _shapes_of(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy of `model` on `device`, with tensors that it is the caller's affair to have there
    without numbers."""
    empty: dict[int, torch.Tensor] = {}
    for one in chain(model.parameters(), model.buffers()):
        like = torch.empty_strided(one.shape, one.stride(), dtype=one.dtype, device=device)
        is_parameter = isinstance(one, nn.Parameter)
        empty[id(one)] = nn.Parameter(like, one.requires_grad) if is_parameter else like
    return copy.deepcopy(model, empty)  # in place of its tensors, which are never copied


def _give_gradients(model: nn.Module, names: Set[str]) -> None:
    for name, one in model.named_parameters():
        one.grad = torch.empty_like(one) if name in names else None


_ATTENTION, _ATTENTION_BACKWARD = (
    torch.ops.aten._scaled_dot_product_flash_attention,
    torch.ops.aten._scaled_dot_product_flash_attention_backward,
)
_FLOP = flop_registry | {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: flop_registry[_ATTENTION],
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: flop_registry[
        _ATTENTION_BACKWARD
    ],
}
"""torch's, with attention on a CPU, which it leaves out."""


class Meter(TorchDispatchMode):
    """Adds up what the operations inside of it compute, read and write. (torch's own counter of
    operations takes three times as long: it looks into batch norms, where nothing counts.)"""

    def __init__(self) -> None:
        super().__init__()
        self.flop = 0
        self.moved_bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if flop_of := _FLOP.get(func.overloadpacket):
            self.flop += flop_of(*args, **kwargs, out_val=result)
        # A view looks at what is there; what is not aten's asks for properties alone.
        if func.namespace == "aten" and not func.is_view:
            self.moved_bytes += _bytes((args, kwargs)) + _written_bytes(func, args, kwargs, result)
        return result


def _written_bytes(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int:
    """What an operation writes: the arguments that it changes, and the results that are new."""
    schema = func._schema
    given = dict(zip((one.name for one in schema.arguments), args, strict=False)) | dict(kwargs)
    changed = [
        given.get(one.name)
        for one in schema.arguments
        if one.alias_info is not None and one.alias_info.is_write
    ]
    results = (result,) if len(schema.returns) == 1 else result or ()
    new = [
        one
        for one, declared in zip(results, schema.returns, strict=True)
        if declared.alias_info is None
    ]
    return _bytes((changed, new))


def _bytes(tree: Any) -> int:
    tensors = (one for one in tree_leaves(tree) if isinstance(one, torch.Tensor))
    return sum(one.numel() * one.element_size() for one in tensors)
