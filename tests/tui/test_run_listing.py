"""What the compare screen shows of its rows: columns, order, filter, marks, baseline."""

from pathlib import Path
from typing import Any

import pytest

from cnntop.core.errors import UsageError
from cnntop.core.runs.row_watch import RowWatch
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.tui.compare import Question
from cnntop.tui.run_columns import GAP, Column
from cnntop.tui.run_listing import RunListing, difference, key_of
from tests.kept_runs import keep_run

RUNS = ((8, 0.5, 2.0), (32, 0.625, 4.0), (128, 0.75, 8.0), (256, None, 16.0))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listing") / "runs"
    for number, (kernels, accuracy, seconds) in enumerate(RUNS, 1):
        recipe = {"model.kernels": kernels, "train.label_smoothing": 0.1 * (number % 2)}
        reached = [(seconds, accuracy)]
        keep_run(folder, number, recipe, reached=reached, device_name=f"Long Name of CPU-{number}")
    return folder


def listing(runs_dir: Path, **asked: Any) -> RunListing:
    found = RunListing(Question(runs_dir, **asked))
    rows = RowWatch([runs_dir]).read()
    assert rows is not None
    rows = found.asked_for(rows) or []
    found.fill(rows)
    found.replace(rows)
    found.arrange()
    return found


def models(found: RunListing) -> list[str]:
    return [row["model"].removeprefix("shallow") for row in found.shown]


def names(columns: list[Column]) -> list[str]:
    return [("d " if each.is_difference else "") + each.name for each in columns]


def filled(found: RunListing) -> None:
    """As the screen does before it arranges the rows."""
    if found.lacks():
        found.fill(found.rows)
    found.arrange()


def test_order(runs: Path) -> None:
    found = listing(runs)
    assert models(found) == ["256", "128", "32", "8"]
    found.sort_by("best_test_accuracy")
    found.arrange()
    assert models(found) == ["128", "32", "8", "256"]
    found.sort_by("best_test_accuracy")
    found.arrange()
    assert models(found) == ["8", "32", "128", "256"], "what was not measured stays last"
    found.sort_by("epoch_seconds")
    found.arrange()
    assert models(found) == ["256", "128", "32", "8"], "another column begins anew"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shallow8", ["8"]),
        ("SHALLOW cpu-3", ["128"]),
        ("best_test_accuracy>=62% or model=shallow8", ["128", "32", "8"]),
        ("train.label_smoothing>0", ["128", "8"]),
        ("nothing of the kind", []),
        ("  ", ["256", "128", "32", "8"]),
    ],
)
def test_filter(runs: Path, text: str, expected: list[str]) -> None:
    found = listing(runs)
    found.set_filter(text)
    filled(found)
    assert models(found) == expected


def test_a_filter_that_is_wrong_leaves_the_one_before(runs: Path) -> None:
    found = listing(runs, where="model=shallow8")
    with pytest.raises(UsageError, match=r"filter, character 1 \('modle'\).*'model'"):
        found.set_filter("modle=shallow32")
    found.arrange()
    assert models(found) == ["8"]
    assert found.filter == "model=shallow8"


@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("space", [52, 72, 112, 192, 292])
def test_columns_fit_and_tell_the_most(runs: Path, space: int, pinned: bool) -> None:
    found = listing(runs)
    if pinned:
        found.pin(found.rows[0])
    columns, left_out = found.fitted(space)
    assert sum(each.width + GAP for each in columns) - GAP <= space
    shown = names(columns)
    assert {"name", "status", "best_test_accuracy"} <= set(shown)
    assert ("d best_test_accuracy" in shown) is pinned
    assert (left_out == 0) is (space == 292)
    if space >= 192 and not pinned:
        assert {"lr", "seed", "device_name"} <= set(shown)


def test_a_wider_screen_never_shows_less(runs: Path) -> None:
    found = listing(runs)
    counts = [len(found.fitted(space).columns) for space in range(40, 300)]
    assert counts == sorted(counts)


def test_the_column_that_is_sorted_by_stays(runs: Path) -> None:
    found = listing(runs)
    assert "device_name" not in names(found.fitted(72).columns)
    found.sort_by("device_name")
    assert "device_name" in names(found.fitted(72).columns)


def test_a_persons_columns_in_a_persons_order(runs: Path) -> None:
    found = listing(runs, columns="lr,train.label_smoothing,name,host")
    assert names(found.fitted(100).columns) == [
        "lr", "train.label_smoothing", "name", "host",
    ]  # fmt: skip
    columns, left_out = found.fitted(20)
    assert names(columns)[0] == "lr"
    assert left_out > 0


def test_only_what_differs(runs: Path) -> None:
    found = listing(runs, differs=True)
    shown = names(found.fitted(200).columns)
    assert {"model", "train.label_smoothing"} <= set(shown)
    assert "lr" not in shown


def row(**values: str) -> Row:
    return dict.fromkeys(COLUMNS, "") | values


def test_differences_to_the_baseline() -> None:
    base = row(test_accuracy="0.5", epoch_seconds="2", images_per_second="100")
    other = row(test_accuracy="0.5125", epoch_seconds="3")
    assert difference("test_accuracy", other, base) == "+1.25"
    assert difference("test_accuracy", row(test_accuracy="0.25"), base) == "-25.00"
    assert difference("epoch_seconds", other, base) == "1.5x"
    assert difference("images_per_second", other, base) == "–"
    assert difference("images_per_second", base, other) == "–"
    assert difference("test_accuracy", base, base) == "baseline"
    assert difference("epoch_seconds", other, row(epoch_seconds="0")) == "–"


def test_what_is_chosen_has_letters_and_the_baseline_in_it() -> None:
    found = RunListing(Question(Path("runs")))
    found.replace([row(run=f"run-{number}", name=f"{number}") for number in range(12)])
    found.arrange()
    chosen, beyond = found.chosen(found.rows[5])
    assert [(one.letter, one.row["name"]) for one in chosen] == [("A", "5")]
    assert beyond == 0

    found.pin(found.rows[11])
    chosen, _ = found.chosen(found.rows[5])
    assert [(one.row["name"], one.is_baseline) for one in chosen] == [("5", False), ("11", True)]

    found.toggle_all()
    chosen, beyond = found.chosen(None)
    assert [one.letter for one in chosen] == list("ABCDEFGH")
    assert [one.row["name"] for one in chosen] == [*"0123456", "11"]
    assert beyond == 4
    letters = found.letters()
    assert sorted(letters.values()) == sorted("ABCDEFGH++++")
    assert all(letters[key_of(one.row)] == one.letter for one in chosen), "as the curves have them"

    found.toggle_all()
    assert not found.marked


def test_marks_and_baseline_outlast_new_rows(runs: Path) -> None:
    found = listing(runs)
    found.toggle(found.shown[1])
    found.pin(found.shown[2])
    rows = [dict(one) for one in found.rows]
    found.replace(rows)
    found.arrange()
    (marked, pinned), _ = found.chosen(None)
    assert marked.row is rows[1]
    assert pinned.row is rows[2]
    assert found.baseline is rows[2]
    found.replace(rows[:1])
    assert not found.marked
    assert found.baseline is None
