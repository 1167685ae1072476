"""A setting that can be changed while a run trains, between two of its steps."""

from dataclasses import dataclass
from typing import Literal

FixKey = Literal["data.augment_on", "machine.threads", "train.evaluate_every"]


@dataclass(frozen=True)
class Fix:
    """Set `key` of the recipe to `value`; `gain` is how many times as fast training should become,
    None where that cannot be told from what was measured."""

    key: FixKey
    value: str | int
    gain: float | None = None
