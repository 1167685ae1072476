"""Curves: flat in memory, true to spikes, means and order."""

import copy
import random
import tracemalloc

import pytest

from cnntop.core.curve import CURVE_BINS, Bin, Curve


def filled(values: list[float]) -> Curve:
    curve = Curve()
    for x, value in enumerate(values):
        curve.add(x, x / 4, value)
    return curve


@pytest.mark.parametrize("count", [1, 2, CURVE_BINS - 1, CURVE_BINS, CURVE_BINS + 1, 5_000, 10_007])
def test_bins_are_few_in_order_and_complete(count: int) -> None:
    draw = random.Random(count)
    values = [draw.uniform(-5, 5) for _ in range(count)]
    curve = filled(values)
    assert 1 <= len(curve.bins) <= CURVE_BINS
    steps = [point.step for point in curve.bins]
    assert steps == sorted(set(steps))
    assert steps[-1] == count - 1
    assert sum(point.count for point in curve.bins) == count
    begin = 0
    for point in curve.bins:
        covered = values[begin : begin + point.count]
        begin += point.count
        assert (point.step, point.seconds) == (begin - 1, (begin - 1) / 4)
        assert (point.minimum, point.maximum) == (min(covered), max(covered))
        assert point.mean == pytest.approx(sum(covered) / len(covered), rel=1e-9, abs=1e-12)


def test_all_bins_but_the_last_hold_as_many_points() -> None:
    curve = filled([0.0] * 7_001)
    assert {point.count for point in curve.bins[:-1]} == {curve.points_per_bin}
    assert curve.bins[-1].count <= curve.points_per_bin
    assert len(curve.bins) > CURVE_BINS // 2 - 1


def test_memory_stays_flat_for_a_million_points() -> None:
    curve = Curve()
    for x in range(900_000):
        curve.add(x, x * 0.01, x * 0.001)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for x in range(900_000, 1_000_000):
            curve.add(x, x * 0.01, 1.0)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(curve.bins) <= CURVE_BINS
    assert grown < 64 * 1024
    assert sum(point.count for point in curve.bins) == 1_000_000


def test_a_spike_among_many_points_stays() -> None:
    values = [1.0] * 300_000
    values[123_456] = 99.0
    values[234_567] = -99.0
    curve = filled(values)
    high = [point for point in curve.bins if point.maximum == 99.0]
    low = [point for point in curve.bins if point.minimum == -99.0]
    assert len(high) == len(low) == 1
    assert high[0].step - high[0].count < 123_456 <= high[0].step
    assert low[0].step - low[0].count < 234_567 <= low[0].step
    assert high[0].minimum == 1.0


def test_what_was_not_measured_is_left_out() -> None:
    curve = Curve()
    for x, value in enumerate([1.0, None, 3.0, None]):
        curve.add(x, 0.5 * x, value)
    assert [(point.step, point.mean) for point in curve.bins] == [(0, 1.0), (2, 3.0)]


def test_last() -> None:
    curve = Curve()
    assert curve.last is None
    curve.add(0, 0.5, 0.0)
    assert curve.last == 0.0
    curve.add(1, 0.75, 2.0)
    assert curve.last == 2.0


def test_a_bin_and_its_later_neighbour_are_one() -> None:
    early, late = Bin(1, 0.5, -1.0, 4.0, 6.0, 3), Bin(2, 0.75, 0.0, 9.0, 9.0, 1)
    one = early.joined(late)
    assert one == Bin(2, 0.75, -1.0, 9.0, 15.0, 4)
    assert one.mean == 3.75


def test_a_copy_goes_its_own_way() -> None:
    curve = filled([1.0] * (CURVE_BINS + 3))
    kept = copy.deepcopy(curve)
    curve.add(CURVE_BINS + 3, 200.0, 9.0)  # into the newest bin, which both have
    assert kept == filled([1.0] * (CURVE_BINS + 3))
    assert kept != curve


@pytest.mark.parametrize("seed", range(3))
def test_many_points_at_once_make_the_same_bins(seed: int) -> None:
    draw = random.Random(seed)
    values = [draw.uniform(-5, 5) if draw.random() < 0.95 else None for _ in range(12_000)]
    one_by_one, at_once = Curve(), Curve()
    at = 0
    while at < len(values):
        part = values[at : at + draw.choice((1, 2, 40, 700, 3000))]
        for x, value in enumerate(part, at):
            one_by_one.add(x, x / 4, value)
        steps = range(at, at + len(part))
        at_once.extend(steps, [step / 4 for step in steps], part)
        at += len(part)
        assert at_once == one_by_one
