"""Round numbers along the time axis, and how a moment is written."""

import math
from typing import NamedTuple

from cnntop.tui.axis_view import AxisView
from cnntop.tui.format import NOT_MEASURED, clock

_TICK_CELLS = 12
"""About how far ticks are apart."""
_DAY = 86_400
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
            _DAY)  # fmt: skip


class Tick(NamedTuple):
    x: float
    text: str


def ticks(axis: AxisView, cells: int) -> list[Tick]:
    """What to write along an axis of so many cells."""
    start, end = axis.window
    per_unit = 1.0
    if axis.unit == "epoch":
        if axis.steps_per_epoch is None:
            return []
        per_unit = axis.steps_per_epoch
    least = (end - start) / per_unit / max(1, cells // _TICK_CELLS)
    step = _round_seconds(least) if axis.by_time else _round(least)
    if axis.unit == "step":
        step = max(1.0, step)
    first, last = math.ceil(start / per_unit / step), math.floor(end / per_unit / step + 1e-9)
    return [
        Tick(number * step * per_unit, _text(axis, number * step, step))
        for number in range(first, last + 1)
    ]


def moment_text(axis: AxisView, x: float) -> str:
    """Step, epoch and time of an x."""
    step, epoch, seconds = axis.moment(x)
    told = NOT_MEASURED if epoch is None else f"{epoch:,.2f}"
    return f"step {step:,.0f}  epoch {told}  {clock(seconds)}"


def _text(axis: AxisView, value: float, step: float) -> str:
    if axis.by_time:
        return clock(value)
    if axis.unit == "epoch":
        return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if step % (size / 10) == 0 and value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:,.0f}"


def _round(least: float) -> float:
    """The next 1, 2 or 5 with zeros."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= least * 0.999)


def _round_seconds(least: float) -> float:
    known = next((step for step in _SECONDS if step >= least), None)
    return float(known) if known else _round(least / _DAY) * _DAY
