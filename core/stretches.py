"""Many stretches of steps folded at once, as a long log has them: a fraction of the time that it
takes one by one, and the same to the last bit."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from cnntop.core.events import Record, StepsMeasured
from cnntop.core.split import Ratio, Split, StepDetail

if TYPE_CHECKING:
    from cnntop.core.run_state import RunState

_FEW = 4
"""So many are sooner folded one by one."""


class _Spent(NamedTuple):
    """Seconds by part, of each stretch."""

    wait: list[float]
    transfer: list[float]
    compute: list[float]
    other: list[float]

    @classmethod
    def of(cls, events: Sequence[StepsMeasured]) -> "_Spent":
        return cls(
            [event.wait_seconds for event in events],
            [event.transfer_seconds for event in events],
            [event.compute_seconds for event in events],
            [event.other_seconds for event in events],
        )

    def seconds(self) -> list[float]:
        """Of each stretch as a whole."""
        return list(map(_whole, *self))


def take_stretches(state: "RunState", stretches: Sequence[Record]) -> None:
    """Fold the records of `StepsMeasured` between which nothing came but samples of the machine."""
    events = [one.event for one in stretches if isinstance(one.event, StepsMeasured)]
    odd = len({event.epoch for event in events}) > 1 or any(one.loss is None for one in events)
    if len(events) < _FEW or odd:
        for record in stretches:
            state.apply(record)
        return
    *earlier, last = events
    if last.epoch != state.epoch:
        state.epoch_images = 0
    state.epoch = last.epoch
    images = sum(event.images for event in earlier)
    state.epoch_images += images
    state.images += images
    spent = _Spent.of(earlier)
    seconds = spent.seconds()
    _add_split(state.epoch_split, spent)
    _add_detail(state.epoch_detail, earlier, spent.compute, seconds)
    state.recent.extend(earlier)
    speeds = [event.images / passed if passed > 0 else None
              for event, passed in zip(earlier, seconds, strict=True)]  # fmt: skip
    at = [event.step for event in earlier], [one.at_seconds for one in stretches[:-1]]
    state.train_loss.extend(*at, [event.loss for event in earlier])
    state.train_accuracy.extend(*at, [event.accuracy for event in earlier])
    state.learning_rate.extend(*at, [event.lr for event in earlier])
    state.speed.extend(*at, speeds)
    for curve, column in zip(state.parts.values(), spent, strict=True):
        curve.extend(*at, column)
    state.apply(stretches[-1])  # what only the newest decides, it sets


def _whole(wait: float, transfer: float, compute: float, other: float) -> float:
    return wait + transfer + compute + other


def _add_split(split: Split, spent: _Spent) -> None:
    """One after the other: `sum` may round in another way."""
    split.wait = reduce(add, spent.wait, split.wait)
    split.transfer = reduce(add, spent.transfer, split.transfer)
    split.compute = reduce(add, spent.compute, split.compute)
    split.other = reduce(add, spent.other, split.other)


def _add_detail(
    detail: StepDetail,
    events: Sequence[StepsMeasured],
    compute: Sequence[float],
    seconds: Sequence[float],
) -> None:
    images = [event.images for event in events]
    _add_ratio(detail.hidden_wait, [event.hidden_wait_seconds for event in events], seconds)
    _add_ratio(detail.augment_cpu, [event.augment_cpu_seconds for event in events], images)
    _add_ratio(detail.forward, [event.forward_seconds for event in events], compute)
    _add_ratio(detail.backward, [event.backward_seconds for event in events], compute)
    _add_ratio(detail.optimizer, [event.optimizer_seconds for event in events], compute)
    _add_ratio(detail.launch_gap, [event.launch_gap_seconds for event in events], compute)


def _add_ratio(ratio: Ratio, totals: Sequence[float | None], bases: Sequence[float]) -> None:
    total, base = ratio.total, ratio.base
    for one, its_base in zip(totals, bases, strict=True):
        if one is not None:
            total += one
            base += its_base
    ratio.total, ratio.base = total, base
