"""Running out of memory, told as what it is wherever torch finds out."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from cnntop.core.errors import OutOfMemoryError
from cnntop.core.recipe import Recipe

_CPU_SIGN = "DefaultCPUAllocator"
"""torch has an error class of its own for GPUs only; on a CPU its allocator signs the message."""


def is_out_of_memory(error: BaseException) -> bool:
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or (isinstance(error, RuntimeError) and _CPU_SIGN in str(error))


@contextmanager
def memory_watched(recipe: Recipe, doing: str) -> Iterator[None]:
    """Raises OutOfMemoryError, with what to change, where torch or numpy run out of memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            f"out of memory while {doing}. Use a batch smaller than {recipe.data.batch_size} "
            f"(--batch-size), smaller images or a smaller network than {recipe.model.label}."
        ) from error
