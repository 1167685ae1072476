"""The time axis that the charts of a screen share: what part of the run they show, and the cursor.

Knows no widget: keys and the mouse change it, and whoever draws reads it.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cnntop.core.curve import Bin, Curve
from cnntop.core.marks import Mark
from cnntop.core.run_state import RunState
from cnntop.tui.widgets.columns import View

Unit = Literal["step", "epoch", "time"]
UNITS: tuple[Unit, ...] = ("step", "epoch", "time")
SMOOTHINGS = {"none": 0.0, "light": 0.02, "medium": 0.05, "strong": 0.12}
"""Shares of the width over which curves are smoothed."""


def smoothing_after(name: str) -> str:
    names = list(SMOOTHINGS)
    return names[(names.index(name) + 1) % len(names)]


_ROOM = 1.5
_LEAP = 8
"""An axis that follows the end moves on in so many parts of its length, not with every step:
each move has all charts drawn anew."""
_LEAST = 2.0
"""Steps, or seconds: the least that is shown."""


class Magnifier(Protocol):
    """Reads what the run's own curves are too coarse for."""

    @property
    def reading(self) -> bool: ...

    def look(self, state: RunState, begin_seconds: float, end_seconds: float) -> RunState | None:
        """The state with the curves of this stretch of the stream's clock, once it is read."""


@dataclass
class AxisView:
    """`cursor` is an x, or None where there is none. An x is a step, or a second since the run's
    first step where `unit` is "time"; epochs are steps with other labels."""

    plain: bool = False
    """Whether the terminal shows nothing beyond ASCII."""
    unit: Unit = "step"
    log: bool = False
    smoothing: str = "none"
    cursor: float | None = None
    cells: int = 100
    """How many of them the charts have for the window: the cursor moves by one."""
    magnifier: Magnifier | None = None
    rivals: Mapping[str, Curve] = field(default_factory=dict)
    """By figure ("test_loss", "test_accuracy"): the curve of the run that this one is held against,
    with the steps of this one and seconds on its clock."""
    changes: int = 0
    """Rises with all that charts must be drawn anew for; the cursor alone is none of it."""

    _state: RunState = field(default_factory=RunState)
    _span: float | None = None
    _end: float | None = None

    def hold_against(self, rivals: Mapping[str, Curve]) -> None:
        self.rivals = rivals
        self.changes += 1

    def follow(self, state: RunState) -> None:
        """From now on it is the axis of this state, which may go on growing."""
        self._state = state

    @property
    def by_time(self) -> bool:
        return self.unit == "time"

    @property
    def following(self) -> bool:
        """Whether the window goes along with the end of the run."""
        return self._end is None

    @property
    def zoomed(self) -> bool:
        return self._span is not None

    @property
    def last(self) -> float:
        """Where the run is now."""
        state = self._state
        return max(0.0, state.at_seconds - state.begun_at_seconds) if self.by_time else state.step

    @property
    def _whole(self) -> float:
        """The end of the whole run: up to half as far again as it is while it goes on, in steps of
        that, so that a curve that grows only adds to what is drawn already."""
        last = self.last
        if self._state.ended is not None:
            return last or 1.0
        return _ROOM ** math.ceil(math.log(last, _ROOM)) if last > 1.0 else 1.0

    @property
    def window(self) -> tuple[float, float]:
        """First and last x that are shown."""
        if self._span is None:
            return 0.0, self._whole
        if self._end is not None:
            return self._end - self._span, self._end
        leap = self._span / _LEAP
        end = self.last if self._state.ended else math.floor(self.last / leap + 1.0) * leap
        end = max(end, self._span)
        return end - self._span, end

    @property
    def view(self) -> View:
        return View(*self.window, self.log, SMOOTHINGS[self.smoothing])

    def source(self) -> RunState:
        """The state whose curves show the window best."""
        if self.magnifier is None or not self.zoomed:
            return self._state
        begin, end = (self._seconds(x) for x in self.window)
        return self.magnifier.look(self._state, begin, end) or self._state

    def x_of(self, one: Bin | Mark) -> float:
        """Where a point of a curve or a mark stands."""
        if not self.by_time:
            return one.step
        at = one.at_seconds if isinstance(one, Mark) else one.seconds
        return at - self._state.begun_at_seconds

    def xs(self, bins: Sequence[Bin]) -> list[float]:
        """`x_of` each of a curve's bins."""
        if not self.by_time:
            return [one.step for one in bins]
        begun = self._state.begun_at_seconds
        return [one.seconds - begun for one in bins]

    def move(self, cells: int) -> None:
        """Move the cursor, and the window with it where it would leave that; one that is hidden
        begins at the newest point."""
        start, end = self.window
        begin = min(self.last, end) if self.cursor is None else self.cursor
        self.point(begin + cells * (end - start) / self.cells)

    def point(self, x: float) -> None:
        """Set the cursor. The window stays where it is, or comes to where the cursor is."""
        self.cursor = min(max(0.0, x), self.last)
        if self._span is None:
            return
        start, end = self.window
        if self.cursor < start:
            end = self.cursor + 0.75 * self._span
        elif self.cursor > end:
            end = self.cursor + 0.25 * self._span
        self._stop_at(end)

    def zoom(self, factor: float, about: float | None = None) -> None:
        """Show `factor` times as much, about this x, else the cursor if it is shown, else the
        end."""
        start, end = self.window
        span = max(_LEAST, (end - start) * factor)
        if span >= self._whole:
            self.whole()
            return
        if about is None and self.cursor is not None and start <= self.cursor <= end:
            about = self.cursor
        self._span = span
        self.changes += 1
        if about is not None:
            self._stop_at(about + (end - about) * span / ((end - start) or 1.0))
        elif self._end is not None:
            self._stop_at((start + end + span) / 2)

    def whole(self) -> None:
        """Show the whole run, and follow it."""
        self._span = self._end = None
        self.changes += 1

    def home(self) -> None:
        """To the run's beginning, window and cursor."""
        self.cursor = 0.0
        if self._span is not None:
            self._stop_at(self._span)

    def follow_end(self) -> None:
        """Be live again: no cursor, and a window that goes along."""
        self.cursor = self._end = None
        self.changes += 1

    def hide_cursor(self) -> bool:
        """Returns whether there was one."""
        there = self.cursor is not None
        self.cursor = None
        return there

    def next_unit(self) -> None:
        """The same part of the run by another unit."""
        unit = UNITS[(UNITS.index(self.unit) + 1) % len(UNITS)]
        start, end = self.window
        at = [self._step_and_second(x) for x in (start, end, self.cursor or 0.0)]
        changed, self.unit = (unit == "time") != self.by_time, unit
        self.changes += 1
        if not changed:
            return
        start, end, cursor = (pair[self.by_time] for pair in at)
        if self.cursor is not None:
            self.cursor = cursor
        if self._span is not None:
            self._span = max(_LEAST, end - start)
            if self._end is not None:
                self._stop_at(end)

    def toggle_log(self) -> None:
        self.log = not self.log
        self.changes += 1

    def next_smoothing(self) -> None:
        self.smoothing = smoothing_after(self.smoothing)
        self.changes += 1

    def moment(self, x: float) -> tuple[float, float | None, float]:
        """Step, epoch and second since the first step of an x; None while no epoch is known."""
        step, seconds = self._step_and_second(x)
        per_epoch = self.steps_per_epoch
        return step, step / per_epoch if per_epoch else None, seconds

    @property
    def steps_per_epoch(self) -> int | None:
        started = self._state.started
        return started.steps_per_epoch if started and started.steps_per_epoch > 0 else None

    def _stop_at(self, end: float) -> None:
        """The window stands still, within the run."""
        assert self._span is not None
        end = max(self._span, min(end, max(self._whole, self._span)))
        if end != self._end:
            self._end = end
            self.changes += 1

    def _seconds(self, x: float) -> float:
        """The second on the stream's clock."""
        return self._step_and_second(x)[1] + self._state.begun_at_seconds

    def _step_and_second(self, x: float) -> tuple[float, float]:
        """Both of an x, one of them read off the curve that has every stretch of steps."""
        state = self._state
        begun = state.begun_at_seconds
        bins = next(iter(state.parts.values())).bins
        steps = [0.0, *(one.step for one in bins), float(state.step)]
        seconds = [0.0, *(one.seconds - begun for one in bins), state.at_seconds - begun]
        if self.by_time:
            return _read_off(seconds, steps, x), x
        return x, _read_off(steps, seconds, x)


def _read_off(xs: list[float], ys: list[float], x: float) -> float:
    """The y at `x` of a curve that does not fall, held level beyond its ends."""
    after = bisect_right(xs, x)
    if after == 0:
        return ys[0]
    if after == len(xs):
        return ys[-1]
    share = (x - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] + share * (ys[after] - ys[after - 1])
