"""Learning rate as a function of how much of the run is done, so that it follows a time limit
as readily as a number of epochs (P8, P9)."""

import math

from cnntop.core import recipe

ONECYCLE_WARMUP = 0.3
ONECYCLE_START = 1 / 25
TRIANGLE_START, TRIANGLE_TOP = 0.2, 0.23
STEPS_AT = (0.5, 0.75)
STEP_FACTOR = 0.1


def rate_factor(schedule: recipe.Schedule, progress: float) -> float:
    """What to multiply the recipe's lr with at `progress`, 0 (first step) to 1 (end).

    cosine: half a cosine from 1 to 0 (Loshchilov and Hutter, arXiv:1608.03983, no restarts).
    step: a tenth after one half and again after three quarters.
    onecycle: linear rise from 1/25 over the first 30 %, then half a cosine to 0
    (after Smith and Topin, arXiv:1708.07120).
    triangle: linear rise from a fifth over the first 23 %, then linear fall to 0 (the rise is that
    of K. Jordan's airbench94, arXiv:2404.00498).
    linear: linear fall from 1 to 0.
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
    if schedule == "triangle":
        if progress < TRIANGLE_TOP:
            return TRIANGLE_START + (1 - TRIANGLE_START) * progress / TRIANGLE_TOP
        return (1 - progress) / (1 - TRIANGLE_TOP)
    return 1 - progress if schedule == "linear" else 1.0


def _half_cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))
