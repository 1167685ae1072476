"""Groups of runs: what counts, what is paired, which is the best."""

from collections.abc import Sequence

import pytest
from scipy import stats

from cnntop.core.analysis.columns import is_fraction, is_lower_better, is_seconds
from cnntop.core.analysis.groups import Contrast, Group, contrasts, grouped, ranked


def row(model: str, seed: int, accuracy: float | str, status: str = "finished") -> dict[str, str]:
    figure = accuracy if isinstance(accuracy, str) else f"{accuracy:.6g}"
    return {"model": model, "seed": str(seed), "test_accuracy": figure, "status": status}


def group(figures: Sequence[float | str], first_seed: int = 0, model: str = "m") -> Group:
    rows = [row(model, seed, figure) for seed, figure in enumerate(figures, first_seed)]
    [found] = grouped(rows, ["seed"], lambda each: (each["model"],))
    return found


def test_one_key_one_group_in_the_order_they_come() -> None:
    rows = [row("b", 0, 0.5), row("a", 0, 0.6), row("b", 1, 0.7)]
    found = grouped(rows, ["seed"], lambda each: (each["model"],))
    assert [(each.example["model"], each.n) for each in found] == [("b", 2), ("a", 1)]


def test_runs_that_did_not_finish_do_not_count_but_are_told() -> None:
    rows = [row("a", 0, 0.5, "failed"), row("a", 1, 0.6), row("a", 2, 0.9, "running"),
            row("a", 3, 0.2, "failed"), row("b", 0, "", "diverged")]  # fmt: skip
    one, other = grouped(rows, ["seed"], lambda each: (each["model"],))
    assert one.figures("test_accuracy") == {("1",): 0.6}
    assert one.left_out == {"failed": 2, "running": 1}
    assert (other.n, other.spread("test_accuracy")) == (0, None)
    assert other.example["model"] == "b"


def test_a_seed_that_ran_twice_counts_once() -> None:
    rows = [row("a", 0, 0.5), row("a", 0, 0.7), row("a", 1, 0.8)]
    [found] = grouped(rows, ["seed"], lambda each: (each["model"],))
    assert found.n == 2
    assert found.figures("test_accuracy") == pytest.approx({("0",): 0.6, ("1",): 0.8})


@pytest.mark.parametrize("cell", ["", "nan", "inf", "quick"])
def test_what_is_no_figure_is_none(cell: str) -> None:
    found = group([0.5, cell, 0.7])
    spread = found.spread("test_accuracy")
    assert found.n == 3
    assert spread is not None
    assert (spread.n, spread.mean) == (2, pytest.approx(0.6))


ONE, OTHER = [0.70, 0.72, 0.75, 0.71], [0.71, 0.74, 0.76, 0.73]


def test_shared_seeds_are_paired_and_others_are_not() -> None:
    [paired] = contrasts([group(ONE)], group(OTHER), "test_accuracy")
    p = float(stats.ttest_rel(ONE, OTHER).pvalue)
    assert paired == Contrast(pytest.approx(-0.015), pytest.approx(p), "paired")
    [welch] = contrasts([group(ONE, first_seed=4)], group(OTHER), "test_accuracy")
    p = float(stats.ttest_ind(ONE, OTHER, equal_var=False).pvalue)
    assert welch == Contrast(pytest.approx(-0.015), pytest.approx(p), "Welch")


def test_seeds_that_only_overlap_are_not_paired_those_of_a_smaller_group_are() -> None:
    [welch] = contrasts([group(ONE, first_seed=1)], group(OTHER), "test_accuracy")
    assert welch is not None
    assert welch.test == "Welch"
    [paired] = contrasts([group(ONE[:3])], group(OTHER), "test_accuracy")
    p = float(stats.ttest_rel(ONE[:3], OTHER[:3]).pvalue)
    assert paired == Contrast(pytest.approx(-0.04 / 3), pytest.approx(p), "paired")


def test_pairs_are_of_all_the_columns_that_repeat() -> None:
    def rows(model: str, figures: Sequence[float]) -> list[dict[str, str]]:
        return [row(model, n % 2, x) | {"lr": str(n // 2)} for n, x in enumerate(figures)]

    one, other = grouped(
        rows("a", ONE) + rows("b", OTHER)[::-1], ["lr", "seed"], lambda each: (each["model"],)
    )
    assert one.n == 4
    [_, found] = contrasts([one, other], one, "test_accuracy")
    p = float(stats.ttest_rel(OTHER, ONE).pvalue)
    assert found == Contrast(pytest.approx(0.015), pytest.approx(p), "paired")


def test_several_are_corrected_together() -> None:
    best = group([0.90, 0.92, 0.91])
    near, far = group([0.89, 0.92, 0.90]), group([0.5, 0.53, 0.51])
    few = group([0.1, 0.2])
    near_p = float(stats.ttest_rel([0.89, 0.92, 0.90], [0.90, 0.92, 0.91]).pvalue)
    far_p = float(stats.ttest_rel([0.5, 0.53, 0.51], [0.90, 0.92, 0.91]).pvalue)
    itself, first, none, second = contrasts([best, near, few, far], best, "test_accuracy")
    assert (itself, none) == (None, None)
    assert first is not None
    assert second is not None
    assert far_p < near_p
    assert second.p == pytest.approx(2 * far_p)
    assert first.p == pytest.approx(max(near_p, 2 * far_p))


def test_a_group_that_lacks_a_figure_is_not_tested() -> None:
    """Those of its runs that came to 90 %, say, are its lucky ones."""
    whole, lacking = group([1.0, 2.0, 4.0]), group([1.0, 1.5, 2.5, ""])
    assert contrasts([lacking], whole, "test_accuracy") == [None]
    assert contrasts([whole], lacking, "test_accuracy") == [None]


def test_the_best_comes_first() -> None:
    groups = [group([0.5]), group([""]), group([0.7]), group([0.9, ""]), group([0.6])]
    order = [groups.index(each) for each in ranked(groups, "test_accuracy")]
    assert order == [2, 4, 0, 3, 1]


def test_of_seconds_the_fewest_come_first() -> None:
    rows = [{"model": name, "seed": "0", "status": "finished", "epoch_seconds": seconds}
            for name, seconds in (("a", "5"), ("b", "3"), ("c", "4"))]  # fmt: skip
    groups = grouped(rows, ["seed"], lambda each: (each["model"],))
    assert [each.example["model"] for each in ranked(groups, "epoch_seconds")] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("column", "fraction", "seconds", "lower"),
    [
        ("test_accuracy", True, False, False),
        ("best_test_accuracy_within_15m", True, False, False),
        ("seconds_to_90", False, True, True),
        ("epoch_seconds", False, True, True),
        ("wait_fraction", True, False, True),
        ("compute_fraction", True, False, False),
        ("images_per_second", False, False, False),
        ("test_loss", False, False, True),
        ("augment_cpu_seconds_per_image", False, False, True),
        ("limit_flop_per_second", False, False, False),
    ],
)
def test_what_columns_say(column: str, fraction: bool, seconds: bool, lower: bool) -> None:
    found = is_fraction(column), is_seconds(column), is_lower_better(column)
    assert found == (fraction, seconds, lower)
