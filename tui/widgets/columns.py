"""What a plot shows in each column of its dots: points gathered, smoothed, put on a scale."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Point(NamedTuple):
    """What was measured around `x`: the least, the mean and the most value."""

    x: float
    low: float
    mean: float
    high: float


class View(NamedTuple):
    """What is looked at, from `start` to `end`. `smoothing` is the share of the width over which
    the curve is smoothed, 0 for none."""

    start: float
    end: float
    log: bool = False
    smoothing: float = 0.0

    def cell(self, x: float, cells: int) -> int | None:
        """Which of so many cells `x` is in, or None outside of the view."""
        if not self.start <= x <= self.end:
            return None
        return min(cells - 1, int((x - self.start) * cells / ((self.end - self.start) or 1.0)))

    def middle(self, cell: int, cells: int) -> float:
        """The x in the middle of a cell."""
        return self.start + (cell + 0.5) * (self.end - self.start) / cells


class Column(NamedTuple):
    """What falls into a column of dots, on the vertical axis as it is drawn: in a view that is
    logarithmic the values are decimal logarithms."""

    at: int
    low: float
    mean: float
    high: float
    measured: bool = True
    """False where it only lies on the way between two points."""


def gathered(points: Sequence[Point], view: View, across: int) -> list[Column]:
    """What is in each column of dots that has something, and the curve's way into and out of the
    view."""
    first = bisect_left(points, view.start, key=_x)
    last = bisect_right(points, view.end, key=_x)
    columns: list[Column] = []
    scale = across / ((view.end - view.start) or 1.0)
    at, count, low, mean, high = -1, 0, 0.0, 0.0, 0.0
    for point in points[first:last]:
        if not _drawable(point.mean, point.low + point.high, view.log):
            continue
        column = min(across - 1, int((point.x - view.start) * scale))
        if column != at:
            if count:
                columns.append(Column(at, low, mean / count, high))
            at, count, low, mean, high = column, 0, point.low, 0.0, point.high
        count += 1
        low, mean, high = min(low, point.low), mean + point.mean, max(high, point.high)
    if count:
        columns.append(Column(at, low, mean / count, high))
    if 0 < first < len(points) and not (columns and columns[0].at == 0):
        columns[:0] = _way(points[first - 1], points[first], view.start, 0, first == last, view.log)
    if 0 < last < len(points) and not (columns and columns[-1].at == across - 1):
        columns += _way(
            points[last - 1], points[last], view.end, across - 1, first == last, view.log
        )
    return [_logarithmic(column) for column in columns] if view.log else columns


def _x(point: Point) -> float:
    return point.x


def _way(one: Point, other: Point, x: float, at: int, alone: bool, log: bool) -> list[Column]:
    """The curve at `x`, on its way from one point to the other. Where these are `alone`, with none
    in view between them, nothing is known of how far the values there range."""
    share = (x - one.x) / ((other.x - one.x) or 1.0)
    low, mean, high = (a + (b - a) * share for a, b in zip(one[1:], other[1:], strict=True))
    if not _drawable(mean, low + high, log):
        return []
    return [Column(at, mean if alone else low, mean, mean if alone else high, measured=False)]


def _drawable(mean: float, rest: float, log: bool) -> bool:
    return math.isfinite(mean + rest) and (not log or mean > 0.0)


def _logarithmic(column: Column) -> Column:
    low = column.low if column.low > 0.0 else column.mean
    low, mean, high = (math.log10(value) for value in (low, column.mean, column.high))
    return Column(column.at, low, mean, high, column.measured)


def smoothed(columns: Sequence[Column], smoothing: float, across: int) -> list[tuple[int, float]]:
    """The curve to draw: the means, smoothed by two moving averages, one over the other."""
    means = [(column.at, column.mean) for column in columns]
    radius = round(smoothing * across / 2)
    return _averaged(_averaged(means, radius), radius) if radius > 0 else means


def _averaged(points: Sequence[tuple[int, float]], radius: int) -> list[tuple[int, float]]:
    """Each value as the mean of those at most `radius` columns away; fewer near the ends, as many
    to the left as to the right, because one side alone would lift a curve that falls."""
    sums = list(accumulate((value for _, value in points), initial=0.0))
    begin = end = 0
    averaged = []
    for at, _ in points:
        reach = min(radius, at - points[0][0], points[-1][0] - at)
        while points[begin][0] < at - reach:
            begin += 1
        while end < len(points) and points[end][0] <= at + reach:
            end += 1
        averaged.append((at, (sums[end] - sums[begin]) / (end - begin)))
    return averaged


def ends(curves: Sequence[Sequence[Column]], log: bool) -> tuple[float, float]:
    """Round ends of the vertical axis for all these curves, on its own scale."""
    low = min(column.low for columns in curves for column in columns)
    high = max(column.high for columns in curves for column in columns)
    return (_round_log(low, down=True), _round_log(high, down=False)) if log else _range(low, high)


def _range(low: float, high: float) -> tuple[float, float]:
    """Round ends for the vertical axis. They change seldom, for then all of it is drawn anew."""
    if low == high:
        return low, high
    least = (high - low) / 8
    power = 10.0 ** math.floor(math.log10(least))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= least)
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _round_log(exponent: float, down: bool) -> float:
    """The next 1, 2 or 5 with zeros below or above, as a logarithm like `exponent`."""
    whole = math.floor(exponent)
    steps = [whole + math.log10(digit) for digit in (1, 2, 5, 10)]
    if down:
        return max(step for step in steps if step <= exponent + 1e-9)
    return min(step for step in steps if step >= exponent - 1e-9)
