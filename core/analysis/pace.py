"""How fast a machine trains a network at a batch size, from its profile: measured, or between
what was measured.

A step takes a part that does not depend on the batch (launches, the optimiser) and a part for each
image: between two measured batch sizes it is taken to lie on the line through both. The same holds
between two widths of ShallowNet, whose multiply-adds are a constant and a part for each kernel.
How far such lines are off is known from the profile itself: each measured point that has one on
either side is forecast from these two.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnntop.core.analysis.profile import NetworkSpeed, Profile, Span, Steps
from cnntop.core.errors import UsageError
from cnntop.core.text import printable


@dataclass(frozen=True)
class Pace:
    """`step_seconds` are widened by `error`, the relative error of interpolation: 0 where all was
    measured, None where nothing tells it. `between` says what was interpolated."""

    step_seconds: Span
    evaluation_seconds_per_image: Span
    checkpoint_seconds: Span
    augment_on: str
    error: float | None = 0.0
    between: tuple[str, ...] = ()


def pace(profile: Profile, model: str, batch_size: int) -> Pace:
    """Raises UsageError where the profile says nothing of it: another kind of network, or beyond
    the smallest or the largest that was measured."""
    for network in profile.networks:
        if network.model == model:
            return _of(profile, network, batch_size)
    family, width = _family(model)
    widths = sorted(
        (
            (own, one) for one in profile.networks for kind, own in [_family(one.model)]
            if kind == family == "shallow" and own is not None
        ),
        key=lambda pair: pair[0],
    )  # fmt: skip
    below = [pair for pair in widths if width is not None and pair[0] < width]
    above = [pair for pair in widths if width is not None and pair[0] > width]
    if width is None or not below or not above:
        known = ", ".join(printable(one.model) for one in profile.networks)
        between = ", nor one narrower and one wider to go between" if family == "shallow" else ""
        raise UsageError(
            f"profile {printable(profile.name)} has no {printable(model)}{between}; it has "
            f"{known}. Calibrate there with --preset."
        )
    (narrow, one), (wide, other) = below[-1], above[0]
    paces = [_of(profile, network, batch_size) for network in (one, other)]
    share = (width - narrow) / (wide - narrow)
    own_errors = [one.error for one in paces]  # which their steps are widened by already
    error = _width_error(profile, widths, batch_size)
    known_errors = [one for one in (*own_errors, error) if one is not None]
    between = f"{one.model} and {other.model}"
    return Pace(
        _mix([one.step_seconds for one in paces], share).widened(error or 0.0),
        _mix([one.evaluation_seconds_per_image for one in paces], share),
        _mix([one.checkpoint_seconds for one in paces], share),
        paces[0].augment_on,
        None if len(known_errors) < 3 else max(known_errors[:2]) + known_errors[2],
        (between, *dict.fromkeys(itertools.chain(*(one.between for one in paces)))),
    )


def batch_error(network: NetworkSpeed) -> float | None:
    """How far the line between two batch sizes was off at worst, as a share; None where fewer than
    three were measured."""
    triples = zip(network.steps, network.steps[1:], network.steps[2:], strict=False)
    errors = []
    for before, middle, after in triples:
        known = Span.of(middle.step_seconds).median
        errors.append(abs(_between(before, after, middle.batch_size).median / known - 1))
    return max(errors, default=None)


def _of(profile: Profile, network: NetworkSpeed, batch_size: int) -> Pace:
    exact = [steps for steps in network.steps if steps.batch_size == batch_size]
    rest = (Span.of(network.evaluation_seconds_per_image), Span.of(network.checkpoint_seconds))
    if exact:
        return Pace(Span.of(exact[0].step_seconds), *rest, exact[0].augment_on)
    below = [steps for steps in network.steps if steps.batch_size < batch_size]
    above = [steps for steps in network.steps if steps.batch_size > batch_size]
    if not below or not above:
        sizes = ", ".join(str(steps.batch_size) for steps in network.steps)
        raise UsageError(
            f"profile {printable(profile.name)} has {printable(network.model)} at batch size "
            f"{sizes}, and {batch_size} is beyond. Calibrate there with --batch-size {batch_size}."
        )
    step, error = _between(below[-1], above[0], batch_size), batch_error(network)
    between = (f"batches of {below[-1].batch_size} and {above[0].batch_size}",)
    return Pace(step.widened(error or 0.0), *rest, below[-1].augment_on, error, between)


def _between(before: Steps, after: Steps, batch_size: int) -> Span:
    share = (batch_size - before.batch_size) / (after.batch_size - before.batch_size)
    return _mix([Span.of(before.step_seconds), Span.of(after.step_seconds)], share)


def _mix(spans: Sequence[Span], share: float) -> Span:
    return spans[0] * (1 - share) + spans[1] * share


def _width_error(
    profile: Profile, widths: Sequence[tuple[int, NetworkSpeed]], batch_size: int
) -> float | None:
    """Of the line between two widths, as `batch_error`."""
    errors = []
    for before, middle, after in zip(widths, widths[1:], widths[2:], strict=False):
        try:
            low, known, high = (
                _of(profile, network, batch_size).step_seconds
                for _, network in (before, middle, after)
            )
        except UsageError:  # one that was not measured so far
            continue
        share = (middle[0] - before[0]) / (after[0] - before[0])
        errors.append(abs(_mix([low, high], share).median / known.median - 1))
    return max(errors, default=None)


def _family(model: str) -> tuple[str, int | None]:
    """`shallow128` as ("shallow", 128)."""
    found = re.fullmatch(r"([a-z_]+)([1-9]\d{0,8})", model, re.ASCII)
    return (found[1], int(found[2])) if found else (model, None)
