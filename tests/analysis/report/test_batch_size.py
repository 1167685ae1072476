"""The paper's main claim, held against runs."""

import pytest
from scipy import stats

from cnntop.core.analysis.report.batch_size import Claim, Series, batch_sizes
from tests.analysis.report.rows import Row, papers, row, runs


def run(batch: int, accuracy: float, seed: int = 0, seconds: float = 900, **more: object) -> Row:
    return row(batch_size=batch, test_accuracy=accuracy, seed=seed, seconds=seconds, **more)


def claims(series: Series) -> dict[str, Claim]:
    return {claim.subject: claim for claim in series.claims}


def only(*rows: Row) -> Series:
    [series] = batch_sizes(runs(*rows)).series
    return series


def test_the_papers_own_runs_speak_against_its_text() -> None:
    by_model = {(s.trained_on, s.model): claims(s) for s in batch_sizes(papers()).series}
    shallow, resnet = (by_model["NVIDIA GTX 980", model] for model in ("shallow32", "resnet18"))
    assert shallow["epochs"].verdict == "does not hold"
    assert shallow["accuracy"].verdict == "holds"
    found = shallow["accuracy"].measured
    assert found
    assert (round(found.value, 4), found.low) == (-0.0135, None)
    assert resnet["epochs"].verdict == "holds"
    assert resnet["accuracy"].verdict == "not measured"  # 3:32 against 4:00 hours
    assert shallow["wait"].verdict == resnet["wait"].verdict == "not measured"
    assert by_model["Intel i7 4790k", "resnet18"]["epochs"].verdict == "does not hold"


def test_with_three_seeds_the_interval_is_welchs() -> None:
    small, large = (0.70, 0.72, 0.74), (0.60, 0.65, 0.67)
    found = claims(
        only(*(run(32, one, seed) for seed, one in enumerate(small)),
             *(run(128, one, seed) for seed, one in enumerate(large)))
    )["accuracy"].measured  # fmt: skip
    assert found
    theirs = stats.ttest_ind(large, small, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_the_same_seed_three_times_makes_no_interval() -> None:
    claim = claims(only(*(run(size, size / 200) for size in (32, 128) for _ in range(3))))
    found = claim["accuracy"].measured
    assert found
    assert (found.small.n, found.low) == (1, None)


def test_a_difference_that_could_be_chance_is_undecided() -> None:
    rows = [run(size, 0.7 + 0.05 * seed, seed) for size in (32, 128) for seed in range(3)]
    rows[0]["test_accuracy"] = "0.71"
    assert claims(only(*rows))["accuracy"].verdict == "undecided"


def test_epochs_are_compared_as_a_ratio() -> None:
    rows = [run(32, 0.7, s, epoch_seconds=10 + s / 10) for s in range(3)]
    rows += [run(128, 0.7, s, epoch_seconds=20 + s / 5) for s in range(3)]
    claim = claims(only(*rows))["epochs"]
    assert claim.verdict == "holds"
    assert claim.measured
    assert claim.measured.value == pytest.approx(2)
    assert 1.9 < (claim.measured.low or 0) < 2 < (claim.measured.high or 0) < 2.1


def test_the_papers_two_batch_sizes_are_compared_where_they_are_there() -> None:
    sizes = (8, 32, 64, 128, 256)
    claim = only(*(run(size, 0.5) for size in sizes)).claims[0]
    assert (claim.small, claim.large) == (32, 128)
    claim = only(*(run(size, 0.5) for size in (8, 16, 128))).claims[0]
    assert (claim.small, claim.large) == (8, 128)


@pytest.mark.parametrize(("seconds", "verdict"), [(985, "holds"), (1000, "not measured")])
def test_accuracy_is_compared_at_equal_time_only(seconds: float, verdict: str) -> None:
    series = only(run(32, 0.7), run(128, 0.6, seconds=seconds))
    assert claims(series)["accuracy"].verdict == verdict
    assert series.is_equal_time == (verdict == "holds")


def test_equal_figures_do_not_bear_the_claim_out() -> None:
    assert claims(only(run(32, 0.7), run(128, 0.7)))["accuracy"].verdict == "does not hold"


@pytest.mark.parametrize(
    "other",
    [{"lr": 0.1}, {"limit": "8h"}, {"host": "there"}, {"threads": 1}, {"augment_on": "loader"},
     {"train__label_smoothing": 0.1}, {"status": "stopped"}],
)  # fmt: skip
def test_runs_that_differ_in_more_are_not_compared(other: dict[str, object]) -> None:
    found = batch_sizes(runs(run(32, 0.7), run(128, 0.6, **other)))
    assert (found.series, found.single) == ((), 2)


def test_what_was_not_measured_is_said_so() -> None:
    series = only(row(batch_size=8, test_accuracy="nan"), row(batch_size=16, seconds="soon"))
    assert [claim.verdict for claim in series.claims] == ["not measured"] * 3
    assert series.best is None
    assert not series.is_equal_time
    assert [one.test_accuracy for one in series.rows] == [None, None]


def test_changed_runs_are_counted_and_left_out() -> None:
    found = batch_sizes(runs(run(32, 0.7), run(128, 0.6), run(64, 0.9, fixes="data.x a -> b")))
    assert found.changed == 1
    assert [one.batch_size for one in found.series[0].rows] == [32, 128]
