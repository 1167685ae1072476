"""What a network asks of the machine, beside what the machine can do."""

from collections.abc import Sequence

import torch
from torch import nn

from cnntop.core.events import Activity, LimitsMeasured, Notice
from cnntop.core.feed import Sink
from cnntop.core.recipe import Recipe
from cnntop.core.training.ceiling import ceiling
from cnntop.core.training.network import Network
from cnntop.core.training.work import count_multiply_adds, count_work


def multiply_adds_of(model: nn.Module, image_shape: Sequence[int]) -> int | None:
    """Of the answer to one image; None of a network that does not compute without numbers."""
    try:
        return count_multiply_adds(model, image_shape)
    except Exception:  # noqa: BLE001  a person's code may raise anything there
        return None


def tell_limits(sink: Sink, network: Network, image_shape: Sequence[int], recipe: Recipe) -> None:
    """Emit both. Neither is worth a run: where torch cannot do it, a notice says so."""
    sink.emit(Activity("measuring this machine's limits"))
    try:
        work = count_work(network, image_shape, recipe)
        most = ceiling(network.device, network.computation.precision)
    # Without numbers in its tensors, torch's code asserts and a person's may raise anything.
    except Exception as error:  # noqa: BLE001
        text = f"this machine's limits could not be measured: {str(error).partition(chr(10))[0]}"
        sink.emit(Notice(text, "warning"))
        return
    sink.emit(
        LimitsMeasured(
            flop_per_image=work.flop,
            bytes_per_image=work.moved_bytes,
            flop_per_second=most.flop_per_second,
            bytes_per_second=most.bytes_per_second,
            threads=torch.get_num_threads(),
        )
    )
