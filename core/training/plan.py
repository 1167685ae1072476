"""How long a run trains and at what rate: as its recipe says, and as a person has changed it since.

The learning rate is that of the schedule for a run of the length that is planned *now*, times the
product of the factors that a person asked for. So a run that is extended gets, from there on, the
rates of one that was planned so long from its beginning; where the schedule has fallen already it
jumps up again, and falls towards the new end: a cosine, once more to nothing, a step decay after
half and three quarters of the longer run. To keep the low rate instead would add epochs in which
next to nothing is learnt. A run that is resumed with more epochs or time does the same.
"""

import math

from cnntop.core.events import PlanExtended, RateChanged
from cnntop.core.extension import MOST_EPOCHS, MOST_SECONDS, Extension
from cnntop.core.recipe import Train
from cnntop.core.training.schedule import rate_factor
from cnntop.core.training.trained_time import TrainedTime

MOST_SCALE = 2.0**30
"""A key that is held down doubles often."""


class Plan:
    """Of a run that takes `steps_per_epoch` steps a pass. Exactly one of `epochs` and `time` ends
    it."""

    def __init__(self, train: Train, steps_per_epoch: int) -> None:
        self._train = train
        self._steps_per_epoch = steps_per_epoch
        self.epochs = train.epochs
        self.time = TrainedTime(train.time_limit_seconds)
        self.rate_scale = 1.0

    @property
    def top_rate(self) -> float:
        """The recipe's rate, as a person has changed it."""
        return self._train.lr * self.rate_scale

    def rate(self, steps_done: int) -> float:
        """The learning rate of the step that comes now."""
        progress = self.time.progress
        if progress is None:
            assert self.epochs is not None
            progress = steps_done / (self.epochs * self._steps_per_epoch)
        return self.top_rate * rate_factor(self._train.schedule, progress)

    def is_over(self, epochs_done: int) -> bool:
        return self.time.is_up if self.epochs is None else epochs_done >= self.epochs

    def scale_rate(self, factor: float, steps_done: int) -> RateChanged | None:
        """From now on; None where the rate would become senseless, and stays."""
        scale, before = self.rate_scale * factor, self.rate(steps_done)
        if not (1 / MOST_SCALE <= scale <= MOST_SCALE and math.isfinite(self._train.lr * scale)):
            return None
        self.rate_scale = scale
        return RateChanged(steps_done, factor, scale, before, self.rate(steps_done))

    def extend(self, more: Extension, steps_done: int) -> PlanExtended | None:
        """None where `more` is not of what ends the run, or more than a run may have."""
        epochs, seconds, before = self.epochs, self.time.limit_seconds, self.rate(steps_done)
        if epochs is not None and 0 < more.epochs <= MOST_EPOCHS - epochs:
            self.epochs = epochs + more.epochs
        elif seconds is not None and 0 < more.seconds <= MOST_SECONDS:
            self.time.extend(more.seconds)
        else:
            return None
        return PlanExtended(
            step=steps_done,
            epochs_before=epochs,
            epochs_planned=self.epochs,
            time_limit_before_seconds=seconds,
            time_limit_seconds=self.time.limit_seconds,
            lr_before=before,
            lr_after=self.rate(steps_done),
        )
