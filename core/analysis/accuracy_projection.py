"""Where a run's test accuracy will be at its planned end, and how far that can be trusted.

Learning curves are extrapolated as power laws, accuracy = a - b (epoch + c)^-d: C. Cortes et al.,
*Learning Curves: Asymptotic Values and Rate of Convergence*, NIPS 1993; T. Domhan, J. T.
Springenberg and F. Hutter, *Speeding Up Automatic Hyperparameter Optimization of Deep Neural
Networks by Extrapolation of Learning Curves*, IJCAI 2015, who weigh many curves by how well they
fit, as is done here: for each c and d of a grid, a and b follow by least squares, and the forecast
is the mixture of what all of them say. A curve with an earlier run of the same plan beside it takes
that run's shape instead of a power law, which knows nothing of a schedule's late jump.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from cnntop.core.run_state import RunState

LEAST_POINTS = 4
"""With fewer evaluations there is no projection."""
INTERVAL = 0.9
TARGETS = (0.7, 0.8, 0.9, 0.94, 0.97, 0.99)
"""Accuracies that people wait for."""

_OFFSETS = (0.0, 0.1, 0.4, 1.2, 4.0)
"""Of c, as shares of the newest epoch."""
_EXPONENTS = (0.25, 0.4, 0.65, 1.0, 1.6, 2.6, 4.0, 6.0)
_USUAL_NOISE = 0.003
"""From one evaluation to the next; counts as one more point does, so that a few points that lie on
a curve by chance are not taken for certainty."""
_TEMPER = 0.6
"""Fits are told apart by this power of their likelihood, since no curve is quite a power law."""
_MOST_ALIKE = 0.9
_MOST_POINTS = 96
_NEGLIGIBLE = 1e-3


class Point(NamedTuple):
    """A test accuracy after so many epochs, 0 to 1; the mean of so many evaluations there."""

    epoch: float
    accuracy: float
    evaluations: int = 1


class Interval(NamedTuple):
    """From `low` to `high` an evaluation will lie with a probability of `INTERVAL`, and with even
    chances above or below `middle`."""

    low: float
    middle: float
    high: float


Shape = Callable[[float], float | None]
"""A curve's value after so many epochs; None where it has none."""


class _Line(NamedTuple):
    """A least squares line through the points over a shape's value, and what it says elsewhere."""

    shape: Shape
    weight: float
    at: float
    height: float
    slope: float
    variance: float
    points: float
    square: float
    dependence: float

    def forecast(self, epoch: float) -> tuple[float, float]:
        """Mean and scale of Student's t for an evaluation then."""
        value = self.shape(epoch)
        assert value is not None
        away = value - self.at
        unsure = self.dependence * (1.0 / self.points + away * away / self.square)
        variance = self.variance * (1.0 + unsure)
        return self.height + self.slope * away, math.sqrt(variance)


@dataclass(frozen=True)
class Projection:
    """A forecast of the test accuracy up to `end_epoch`. `widened` is how many times as wide as
    told its intervals had to be for the newest points, forecast from those before."""

    points: Sequence[Point]
    end_epoch: float
    lines: Sequence[_Line]
    freedom: float
    widened: float = 1.0

    def at(self, epoch: float) -> Interval:
        """What an evaluation after so many epochs will say."""
        told = [(one.weight, *one.forecast(epoch)) for one in self.lines]
        tail = (1.0 - INTERVAL) / 2
        low, middle, high = (self._quantile(told, q) for q in (tail, 0.5, 1.0 - tail))
        return Interval(
            max(0.0, middle - (middle - low) * self.widened),
            middle,
            min(1.0, middle + (high - middle) * self.widened),
        )

    @property
    def end(self) -> Interval:
        return self.at(self.end_epoch)

    def epoch_of(self, accuracy: float) -> float | None:
        """When it is likelier than not at `accuracy`; None if not by the planned end."""
        begin, end = self.points[-1].epoch, self.end_epoch
        if self._middle(end) < accuracy:
            return None
        for _ in range(12):
            half = (begin + end) / 2
            begin, end = (begin, half) if self._middle(half) >= accuracy else (half, end)
        return end

    def _middle(self, epoch: float) -> float:
        return self._quantile([(one.weight, *one.forecast(epoch)) for one in self.lines], 0.5)

    def _quantile(self, told: Sequence[tuple[float, float, float]], share: float) -> float:
        """Of the mixture, of which only what lies from 0 to 1 can be."""
        least, most = self._below(told, 0.0), self._below(told, 1.0)
        wanted = least + share * (most - least)
        low, high = 0.0, 1.0
        for _ in range(16):
            half = (low + high) / 2
            low, high = (half, high) if self._below(told, half) < wanted else (low, half)
        return (low + high) / 2

    def _below(self, told: Sequence[tuple[float, float, float]], accuracy: float) -> float:
        return sum(
            weight * _student(((accuracy - mean) / scale), self.freedom)
            for weight, mean, scale in told
        )


def accuracy_points(state: RunState) -> list[Point]:
    """The run's evaluations so far; of very many, neighbours as one."""
    if state.started is None:
        return []
    per_epoch = state.started.steps_per_epoch
    points, before = [], 0.0
    for one in state.test_accuracy.bins:
        last = one.step / per_epoch
        middle = last - (last - before) * (one.count - 1) / (2 * one.count)
        points.append(Point(middle, one.mean, one.count))
        before = last
    return points


def project(
    points: Sequence[Point], end_epoch: float, shape: Shape | None = None
) -> Projection | None:
    """The forecast for a run with these `points` that is planned to end after `end_epoch` epochs,
    as a power law, or of the `shape` of another run. None while there are too few points, or where
    the shape says nothing of the end."""
    found = _project(points, end_epoch, shape)
    if found is None:
        return None
    held_out = max(1, len(points) // 4)
    earlier = _project(points[:-held_out], points[-1].epoch, shape)
    if earlier is None:
        return found
    told, came = earlier.end, points[-1].accuracy
    reach = told.high - told.middle if came > told.middle else told.middle - told.low
    missed = abs(came - told.middle) / max(reach, 1e-6)
    return Projection(found.points, end_epoch, found.lines, found.freedom, max(1.0, missed))


def next_target(accuracy: float | None) -> float | None:
    """The first of `TARGETS` that is above `accuracy`; None above them all."""
    return next((target for target in TARGETS if target > (accuracy or 0.0)), None)


def end_epoch(state: RunState) -> float | None:
    """After how many epochs the run is planned to end, at its pace so far where a time limit ends
    it, or with which one a person asked it to; None before there is a pace."""
    started = state.started
    if started is None:
        return None
    if state.asked_last_epoch is not None:
        return float(state.asked_last_epoch)
    if started.epochs_planned is not None:
        return float(started.epochs_planned)
    seconds, left = state.complete_epoch_seconds.value, state.eta_seconds()
    return state.epochs + left / seconds if seconds and left is not None else None


def _project(points: Sequence[Point], end: float, shape: Shape | None) -> Projection | None:
    points = _joined(points)
    if shape is not None:
        points = [point for point in points if shape(point.epoch) is not None]
    if len(points) < LEAST_POINTS or points[-1].epoch <= 0.0 or end < points[-1].epoch:
        return None
    shapes = [shape] if shape is not None else list(_power_laws(points[-1].epoch))
    lines = [line for one in shapes if (line := _fitted(points, end, one)) is not None]
    if not lines:
        return None
    best = max(lines, key=lambda line: line.weight)
    weights = [math.exp((line.weight - best.weight) / best.dependence) for line in lines]
    whole = sum(weights)
    kept = [
        line._replace(weight=weight / whole)
        for line, weight in zip(lines, weights, strict=True)
        if weight > _NEGLIGIBLE * whole
    ]
    return Projection(points, end, kept, len(points) - 1.0)


def _power_laws(newest_epoch: float) -> Iterator[Shape]:
    for share in _OFFSETS:
        for exponent in _EXPONENTS:
            yield _power_law(share * newest_epoch, exponent)


def _power_law(offset: float, exponent: float) -> Shape:
    return lambda epoch: float(-((epoch + offset) ** -exponent))


def _fitted(points: Sequence[Point], end: float, shape: Shape) -> _Line | None:
    """The line through the points over the shape, scaled so that its slope is the gain from the
    first point to the end: all slopes are equally likely beforehand, which is what makes the
    weights of different shapes comparable (their logarithm is `weight`). None for a shape that has
    no end, or is flat."""
    begin, last = shape(points[0].epoch), shape(end)
    if begin is None or last is None or abs(last - begin) < 1e-12:
        return None

    def scaled(epoch: float) -> float | None:
        value = shape(epoch)
        return None if value is None else (value - begin) / (last - begin)

    values = [scaled(point.epoch) or 0.0 for point in points]
    count = sum(point.evaluations for point in points)
    at = sum(p.evaluations * x for p, x in zip(points, values, strict=True)) / count
    height = sum(p.evaluations * p.accuracy for p in points) / count
    square = sum(p.evaluations * (x - at) ** 2 for p, x in zip(points, values, strict=True))
    if square < 1e-12:
        return None
    both = sum(p.evaluations * (x - at) * p.accuracy for p, x in zip(points, values, strict=True))
    slope = both / square
    left = [
        math.sqrt(p.evaluations) * (p.accuracy - height - slope * (x - at))
        for p, x in zip(points, values, strict=True)
    ]
    rest = _USUAL_NOISE**2 + sum(one * one for one in left)
    freedom = len(points) - 1
    dependence = _dependence(left, rest)
    weight = -0.5 * _TEMPER * (math.log(square) + freedom * math.log(rest))
    return _Line(
        scaled, weight, at, height, slope, rest / freedom, float(count), square, dependence
    )


def _dependence(left: Sequence[float], square: float) -> float:
    """How many points tell as much as one that stood alone: what a curve leaves of its points is
    alike from one to the next where its form is not quite theirs."""
    alike = sum(one * after for one, after in pairwise(left)) / square
    alike = min(_MOST_ALIKE, max(0.0, alike))
    return (1.0 + alike) / (1.0 - alike)


def _joined(points: Sequence[Point]) -> list[Point]:
    """At most `_MOST_POINTS`, each of several neighbours where there are more."""
    size = math.ceil(len(points) / _MOST_POINTS)
    if size <= 1:
        return list(points)
    joined = []
    for begin in range(0, len(points), size):
        group = points[begin : begin + size]
        count = sum(point.evaluations for point in group)
        epoch = sum(point.evaluations * point.epoch for point in group) / count
        accuracy = sum(point.evaluations * point.accuracy for point in group) / count
        joined.append(Point(epoch, accuracy, count))
    return joined


def _student(t: float, freedom: float) -> float:
    """Student's distribution function, through the normal one: formula 26.7.8 of M. Abramowitz and
    I. A. Stegun, *Handbook of Mathematical Functions*. scipy's takes a tenth of a second to
    import, which the screen has no time for."""
    z = t * (1.0 - 0.25 / freedom) / math.sqrt(1.0 + 0.5 * t * t / freedom)
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
