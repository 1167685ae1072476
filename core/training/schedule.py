"""Learning rate as a function of how much of the run is done, so that it follows a time limit
as readily as a number of epochs (P8, P9)."""

import math

from cnntop.core import recipe

ONECYCLE_WARMUP = 0.3
ONECYCLE_START = 1 / 25
STEPS_AT = (0.5, 0.75)
STEP_FACTOR = 0.1


def rate_factor(schedule: recipe.Schedule, progress: float) -> float:
    """What to multiply the recipe's lr with at `progress`, 0 (first step) to 1 (end).

    cosine: half a cosine from 1 to 0 (Loshchilov and Hutter, arXiv:1608.03983, no restarts).
    step: a tenth after one half and again after three quarters.
    onecycle: linear rise from 1/25 over the first 30 %, then half a cosine to 0
    (after Smith and Topin, arXiv:1708.07120).
    """
    progress = min(1.0, max(0.0, progress))
    if schedule == "cosine":
        return _half_cosine(progress)
    if schedule == "step":
        return STEP_FACTOR ** sum(progress >= at for at in STEPS_AT)
    if schedule == "onecycle":
        if progress < ONECYCLE_WARMUP:
            return ONECYCLE_START + (1 - ONECYCLE_START) * progress / ONECYCLE_WARMUP
        return _half_cosine((progress - ONECYCLE_WARMUP) / (1 - ONECYCLE_WARMUP))
    return 1.0


def _half_cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))
