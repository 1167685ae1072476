"""Paired ratios: medians by hand, intervals against the published table and by simulation."""

import random

import pytest

from cnntop.core.analysis.pairs import paired_ratio


def test_median_and_pairs() -> None:
    ratio = paired_ratio([1.0, 6.0, 2.0], [2.0, 2.0, 2.0])
    assert (ratio.median, ratio.low, ratio.high, ratio.pairs) == (1.0, 0.5, 3.0, 3)


def test_pairs_belong_together() -> None:
    """What slows both down in one turn is no difference between them."""
    ratio = paired_ratio([100.0, 50.0, 98.0, 10.0], [200.0, 100.0, 196.0, 20.0])
    assert (ratio.median, ratio.low, ratio.high) == (0.5, 0.5, 0.5)


def test_one_disturbed_turn_moves_nothing() -> None:
    calm = paired_ratio([0.97] * 11, [1.0] * 11)
    disturbed = paired_ratio([0.97] * 10 + [0.1], [1.0] * 11)
    assert calm.median == disturbed.median
    assert disturbed.low == 0.97


def test_lost() -> None:
    ratio = paired_ratio([0.95, 0.97, 1.01], [1.0, 1.0, 1.0])
    assert ratio.lost == pytest.approx(0.03)
    assert ratio.lost_interval == pytest.approx((-0.01, 0.05))


@pytest.mark.parametrize(
    ("count", "rank"),
    [(1, 1), (2, 1), (5, 1), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (15, 4), (20, 6), (25, 8)],
)
def test_interval_is_that_of_the_sign_test(count: int, rank: int) -> None:
    """Ranks of 95 % intervals of a median, as tables of the sign test have them."""
    values = [float(value) for value in range(1, count + 1)]
    ratio = paired_ratio(random.Random(0).sample(values, count), [1.0] * count)
    assert (ratio.low, ratio.high) == (rank, count + 1 - rank)


def test_interval_covers_the_median_as_often_as_it_says() -> None:
    draw = random.Random(1)
    hits = 0
    for _ in range(2000):
        ratio = paired_ratio([draw.lognormvariate(0.0, 1.0) for _ in range(12)], [1.0] * 12)
        hits += ratio.low <= 1.0 <= ratio.high
    assert hits / 2000 > 0.94


def test_what_is_no_pair() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        paired_ratio([], [])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired_ratio([1.0, 2.0], [1.0])
