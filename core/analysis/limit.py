"""How near a run comes to what the machine can do: whether more is to be had."""

from dataclasses import dataclass
from typing import Literal

from cnntop.core.events import LimitsMeasured
from cnntop.core.run_state import RunState
from cnntop.core.split import Split

Kind = Literal["arithmetic", "memory"]


@dataclass(frozen=True)
class Limit:
    """What the compute time achieves, of the limit that it meets first (the *roofline*): a second
    floating point operations ("arithmetic") or bytes moved ("memory").

    `fraction` is the compute's, `step_fraction` that of the whole steps, waiting included; both
    0 to 1. `most_per_second` and both are None where the limit is not known.

    The two limits are not of one strength. Convolutions and matrix products need their operations
    whatever is done, so that arithmetic is a limit; where a run reaches more than the trial product
    did, the run is the better trial, and it is at its limit. The bytes are those of a network whose
    operations all go through the memory, while caches may hold a part. So memory is named only
    where it is nearer than arithmetic, and where more bytes were moved than a copy can, caches did
    it, and the memory was no limit.
    """

    kind: Kind
    achieved_per_second: float
    most_per_second: float | None = None
    fraction: float | None = None
    step_fraction: float | None = None


def recent_limit(state: RunState) -> Limit | None:
    """Of the last seconds; None where nothing was measured."""
    return _limit(state, sum(stretch.images for stretch in state.recent), state.recent_split[0])


def run_limit(state: RunState) -> Limit | None:
    """Of the whole run, evaluation left out; None where nothing was measured."""
    split = state.split
    split.other = max(0.0, split.other - state.evaluation_seconds)
    return _limit(state, state.images, split)


def _limit(state: RunState, images: int, split: Split) -> Limit | None:
    limits, started = state.limits, state.started
    if limits is None or started is None or not images or split.compute <= 0:
        return None
    # Every image is trained on once a pass, and counted once.
    trained = images * started.passes
    flop = limits.flop_per_image * trained / split.compute
    moved = limits.bytes_per_image * trained / split.compute
    most_flop, most_moved = _ceiling(state, limits)
    if most_flop is None:
        return Limit("arithmetic", flop)
    arithmetic = min(1.0, flop / most_flop)
    memory = 0.0 if most_moved is None else moved / most_moved
    whole = split.compute / split.seconds
    if arithmetic < memory <= 1.0:
        return Limit("memory", moved, most_moved, memory, memory * whole)
    return Limit("arithmetic", flop, max(most_flop, flop), arithmetic, arithmetic * whole)


def _ceiling(state: RunState, limits: LimitsMeasured) -> tuple[float | None, float | None]:
    """What is known of the machine as it computes now: not after the threads have changed."""
    assert state.started is not None
    if state.started.device == "cpu" and state.threads != limits.threads:
        return None, None
    return limits.flop_per_second, limits.bytes_per_second
