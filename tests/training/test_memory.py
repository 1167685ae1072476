"""Running out of memory is told as such, and nothing else is."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cnntop.core.errors import OutOfMemoryError
from cnntop.core.recipe import resolve
from cnntop.core.training.memory import memory_watched

RECIPE = resolve({"train": {"epochs": 1}, "data": {"batch_size": 64}}, "test")


@pytest.mark.parametrize(
    "take", [lambda: torch.empty(2**60, dtype=torch.uint8), lambda: np.empty(2**60, np.uint8)]
)
def test_too_much_on_the_cpu_says_what_to_change(take: Callable[[], object]) -> None:
    with pytest.raises(OutOfMemoryError, match=r"while training.*--batch-size"):  # noqa: SIM117
        with memory_watched(RECIPE, "training"):
            take()


def test_other_errors_go_on_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="size"):  # noqa: SIM117
        with memory_watched(RECIPE, "training"):
            torch.zeros(2) + torch.zeros(3)
