"""Fixes: settings changed between two steps, and what they brought."""

from collections import deque

import torch

from cnntop.core.events import FixApplied, FixMeasured
from cnntop.core.fix import Fix
from cnntop.core.training.preparation import Prepared

MEASURED_SECONDS = 5.0
_BEFORE_STRETCHES = 40
_SETTLING_STRETCHES = 2
"""Not counted at the start and after a fix: workers that begin or end, caches that fill."""


class Fixes:
    """Applies fixes to a run and watches its speed before and after.

    Speed is training images a second with evaluation left out; for `train.evaluate_every`, whose
    gain is the evaluation left out, it is that of whole passes.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self.evaluate_every = prepared.recipe.train.evaluate_every
        self._stretches: deque[tuple[int, float]] = deque(maxlen=_BEFORE_STRETCHES)
        self._last_pass: tuple[int, float] | None = None
        self._applied: FixApplied | None = None
        self._settling = _SETTLING_STRETCHES
        self._after: list[tuple[int, float]] = []

    def apply(self, fix: Fix, step: int) -> FixApplied | None:
        """Change the setting; None if it has that value already. Between two steps only."""
        before = self._value(fix)
        if before == str(fix.value):
            return None
        by_pass = fix.key == "train.evaluate_every"
        measured = [self._last_pass] if by_pass and self._last_pass else list(self._stretches)
        if fix.key == "data.augment_on":
            self._prepared.augment_elsewhere(str(fix.value))
        elif fix.key == "machine.threads":
            torch.set_num_threads(int(fix.value))
        else:
            self.evaluate_every = int(fix.value)
        speed = _speed(measured)
        self._applied = FixApplied(fix.key, before, str(fix.value), step, speed, fix.gain)
        self._settling = 0 if by_pass else _SETTLING_STRETCHES
        self._after = []
        self._stretches.clear()
        return self._applied

    def stretch(self, images: int, seconds: float) -> None:
        """Take the speed of a stretch of steps."""
        if self._applied and self._applied.key == "train.evaluate_every":
            return
        if self._settling:
            self._settling -= 1
            return
        self._stretches.append((images, seconds))
        if self._applied:
            self._after.append((images, seconds))

    def finished_pass(self, images: int, seconds: float) -> None:
        """Take the speed of a whole pass, its evaluation included."""
        self._last_pass = (images, seconds)
        if self._applied and self._applied.key == "train.evaluate_every":
            self._after.append(self._last_pass)

    def measured(self, step: int) -> FixMeasured | None:
        """What the last fix brought, once, as soon as enough has been measured."""
        applied = self._applied
        if applied is None or not self._enough(applied):
            return None
        self._applied = None
        speed = _speed(self._after)
        if applied.images_per_second_before is None or speed is None:
            return None
        return FixMeasured(
            key=applied.key,
            before=applied.before,
            after=applied.after,
            step=step,
            images_per_second_before=applied.images_per_second_before,
            images_per_second_after=speed,
            forecast_gain=applied.forecast_gain,
        )

    def _enough(self, applied: FixApplied) -> bool:
        if applied.key == "train.evaluate_every":
            # One of them is evaluated, wherever in the round the fix came.
            return len(self._after) >= self.evaluate_every
        return sum(seconds for _, seconds in self._after) >= MEASURED_SECONDS

    def _value(self, fix: Fix) -> str:
        if fix.key == "data.augment_on":
            return self._prepared.batches.augment_on
        if fix.key == "machine.threads":
            return str(torch.get_num_threads())
        return str(self.evaluate_every)


def _speed(measured: list[tuple[int, float]]) -> float | None:
    seconds = sum(seconds for _, seconds in measured)
    return sum(images for images, _ in measured) / seconds if seconds > 0 else None
