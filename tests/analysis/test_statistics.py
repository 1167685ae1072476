"""The figures are scipy's, and where too little is known there are none."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cnntop.core.analysis.statistics import (
    Difference,
    holm,
    paired_difference,
    spread,
    welch_difference,
)

SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
"""Student's own example (1908): extra hours of sleep of ten people with either of two drugs."""

SAMPLES = [
    (SLEEP_1, SLEEP_2),
    ([0.7375, 0.7402, 0.7391], [0.7240, 0.7251, 0.7198]),
    ([0.9, 0.91, 0.89, 0.905, 0.93], [0.9, 0.9, 0.9, 0.9, 0.900001]),
    ([1e9, 1.1e9, 1.2e9], [1e-9, 2e-9, 3e-9]),
]


@pytest.mark.parametrize("figures", [each for pair in SAMPLES for each in pair])
def test_spread_is_scipys(figures: list[float]) -> None:
    found = spread(figures)
    interval: Any = stats.t.interval(
        0.95, len(figures) - 1, loc=np.mean(figures), scale=stats.sem(figures)
    )
    assert found.n == len(figures)
    assert found.mean == pytest.approx(np.mean(figures))
    assert found.deviation == pytest.approx(np.std(figures, ddof=1))
    assert (found.low, found.high) == pytest.approx(tuple(interval))


@pytest.mark.parametrize(("one", "other"), SAMPLES)
def test_differences_are_scipys(one: list[float], other: list[float]) -> None:
    paired, welch = paired_difference(one, other), welch_difference(one, other)
    assert paired is not None
    assert welch is not None
    assert paired.p == pytest.approx(float(stats.ttest_rel(one, other).pvalue))
    assert welch.p == pytest.approx(float(stats.ttest_ind(one, other, equal_var=False).pvalue))
    assert paired.mean == pytest.approx(np.mean(one) - np.mean(other))
    assert welch.mean == pytest.approx(np.mean(one) - np.mean(other))


def test_students_own_figures() -> None:
    found = paired_difference(SLEEP_2, SLEEP_1)
    assert found is not None
    assert found.mean == pytest.approx(1.58)
    assert found.p == pytest.approx(0.00283, abs=1e-5)  # as R prints for its data set "sleep"


def test_samples_of_different_sizes() -> None:
    one, other = SLEEP_1[:4], SLEEP_2
    found = welch_difference(one, other)
    assert found is not None
    assert found.p == pytest.approx(float(stats.ttest_ind(one, other, equal_var=False).pvalue))
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired_difference(one, other)


def test_random_samples_agree_with_scipy() -> None:
    draw = np.random.default_rng(7)
    for _ in range(50):
        n, m = draw.integers(3, 12, 2)
        one = list(map(float, draw.normal(0.7, 0.01, n)))
        other = list(map(float, draw.normal(0.71, 0.03, m)))
        welch = welch_difference(one, other)
        assert welch is not None
        assert welch.p == pytest.approx(float(stats.ttest_ind(one, other, equal_var=False).pvalue))
        with warnings.catch_warnings(action="error"):
            pairs = list(zip(one, other, strict=False))
            paired = paired_difference(*map(list, zip(*pairs, strict=True)))  # type: ignore[arg-type]
        assert paired is not None
        assert paired.p == pytest.approx(float(stats.ttest_rel(*zip(*pairs, strict=True)).pvalue))


def test_below_three_there_is_no_interval_and_no_test() -> None:
    with pytest.raises(ValueError, match="no figures"):
        spread([])
    one = spread([0.5])
    assert (one.n, one.mean, one.deviation, one.low, one.high) == (1, 0.5, None, None, None)
    two = spread([0.5, 0.7])
    assert (two.n, two.low, two.high) == (2, None, None)
    assert two.deviation == pytest.approx(math.sqrt(0.02))
    assert paired_difference([1, 2], [2, 4]) is None
    assert welch_difference([1, 2], [2, 4, 7]) is None
    assert welch_difference([1, 2, 4], [2, 4]) is None


def test_without_spread_there_is_no_test() -> None:
    # What is left is rounding: 0.1 + 0.2 and the like.
    assert paired_difference([0.3, 0.4, 0.5], [0.2, 0.3, 0.4]) is None
    assert paired_difference([0.5, 0.6, 0.7], [0.5, 0.6, 0.7]) is None
    assert welch_difference([0.7, 0.7, 0.7], [0.6, 0.6, 0.6]) is None
    assert welch_difference([0.7, 0.7, 0.7], [0.6, 0.6, 0.61]) is not None
    still = spread([0.7, 0.7, 0.7])
    assert (still.deviation, still.low, still.high) == pytest.approx((0.0, 0.7, 0.7))
    assert paired_difference([0.0] * 3, [0.0] * 3) is None


def test_the_sign_is_that_of_the_first() -> None:
    assert paired_difference([2, 4, 7], [1, 2, 3]) == Difference(
        pytest.approx(7 / 3), pytest.approx(float(stats.ttest_rel([2, 4, 7], [1, 2, 3]).pvalue))
    )


@pytest.mark.parametrize(
    ("ps", "corrected"),
    [
        ([], []),
        ([0.04], [0.04]),
        # By hand: 4 * 0.005, 3 * 0.01, then 2 * 0.03, and 1 * 0.04, raised to the one before.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.6, 0.001], [1.0, 1.0, 0.003]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
    ],
)
def test_holm_by_hand(ps: list[float], corrected: list[float]) -> None:
    assert holm(ps) == pytest.approx(corrected)
