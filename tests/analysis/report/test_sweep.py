"""Accuracy over two keys, and against seconds."""

import pytest

from cnntop.core.analysis.report.sweep import sweep_report
from cnntop.core.errors import UsageError
from tests.analysis.report.rows import Row, row, runs


def run(
    kernels: int, batch: int, accuracy: float | str, seconds: float = 60, **more: object
) -> Row:
    return row(model=f"shallow{kernels}", batch_size=batch, test_accuracy=accuracy,
               seconds=seconds, **more)  # fmt: skip


def test_a_map_has_the_mean_of_each_cells_seeds() -> None:
    report = sweep_report(
        runs(
            run(8, 32, 0.5, seed=1), run(8, 32, 0.6, seed=2), run(8, 128, 0.4),
            run(16, 32, 0.7), run(128, 32, 0.3),
        )
    )  # fmt: skip
    [found] = report.maps
    assert found.x_values == ("8", "16", "128")
    assert found.y_values == ("32", "128")
    assert found.cells["8", "32"].test_accuracy.mean == pytest.approx(0.55)
    assert found.cells["8", "32"].test_accuracy.n == 2
    assert set(found.cells) == {("8", "32"), ("8", "128"), ("16", "32"), ("128", "32")}
    assert found.best == ("16", "32")
    assert report.single == 0


def test_what_differs_in_more_is_another_map() -> None:
    rows = [run(8, 32, 0.5), run(16, 32, 0.6)]
    rows += [run(8, 32, 0.7, limit="8h"), run(16, 32, 0.8, limit="8h")]
    report = sweep_report(runs(*rows, run(8, 32, 0.1, lr=3)))
    assert [found.details for found in report.maps] == ["15m", "8h"]
    assert report.single == 1


def test_any_two_keys_of_the_recipe() -> None:
    rows = [run(8, 32, 0.5, lr=lr, train__label_smoothing=s) for lr in (1e-5, 0.1) for s in (0, 1)]
    [found] = sweep_report(runs(*rows), "lr", "train.label_smoothing").maps
    assert (found.x, found.y) == ("lr", "label_smoothing")
    assert (found.x_values, found.y_values) == (("1e-05", "0.1"), ("0", "1"))


@pytest.mark.parametrize(
    ("keys", "words"),
    [(("kernel", "batch_size"), "Did you mean 'kernels'?"), (("lr", "lr"), "name two keys"),
     (("kernels", "depth"), "no run has a key 'depth'")],
)  # fmt: skip
def test_keys_that_cannot_be_meant(keys: tuple[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=r".*") as error:
        sweep_report(runs(run(8, 32, 0.5, lr=1)), *keys)
    assert words in str(error.value)


def test_no_runs_make_an_empty_report() -> None:
    report = sweep_report([])
    assert (report.maps, report.choices) == ((), ())


def test_a_front_has_what_nothing_beats() -> None:
    report = sweep_report(
        runs(
            run(8, 32, 0.50, 10), run(8, 64, 0.45, 20), run(16, 32, 0.70, 100),
            run(16, 64, 0.71, 105), run(32, 32, 0.71, 300), run(64, 32, 0.80, 400),
        )
    )  # fmt: skip
    [choice] = report.choices
    # 0.45 and the later 0.71 took longer for less or as much; 0.70 is as slow as 0.71 within 10 %.
    front = [(one.seconds, one.test_accuracy.mean) for one in choice.candidates if one.is_on_front]
    assert front == [(10, 0.50), (105, 0.71), (400, 0.80)]
    assert len(choice.candidates) == 6
    assert not choice.is_equal_time


def test_at_equal_time_only_the_best_is_on_the_front() -> None:
    [choice] = sweep_report(
        runs(*(run(8, b, 0.4 + b / 100, 60 + b / 32) for b in (8, 16, 32)))
    ).choices
    assert choice.is_equal_time
    assert [one.label for one in choice.candidates if one.is_on_front] == ["shallow8, batch 32"]


def test_processors_do_not_compete_with_each_other() -> None:
    report = sweep_report(runs(run(8, 32, 0.5), run(8, 64, 0.6, host="there")))
    assert [choice.machine for choice in report.choices] == ["here", "there"]
    assert all(one.is_on_front for choice in report.choices for one in choice.candidates)


def test_what_is_left_out_is_counted() -> None:
    report = sweep_report(runs(run(8, 32, "nan"), run(8, 64, 0.5, fixes="x"), run(8, 128, 0.5)))
    assert (report.unmeasured, report.changed, report.single) == (1, 1, 1)
