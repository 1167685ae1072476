"""`cnntop compare` with filters, groups, times and the paper's rows. No run is trained for it."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from cnntop.core.analysis.paper import PAPER_EPOCHS, PAPER_RUNS
from cnntop.core.errors import UsageError
from cnntop.core.runs.folder import RUN_FILE
from cnntop.core.runs.summary import COLUMNS
from cnntop.tui import compare
from cnntop.tui.compare import Question
from tests.kept_runs import keep_run
from tests.tui.place import Place

ACCURACIES = {
    (8, 32): [0.51, 0.52, 0.54, 0.55],
    (8, 128): [0.47, 0.50, 0.49, 0.52],
    (32, 32): [0.64, 0.66, 0.67, 0.65],
}


def keep_all(runs_dir: Path) -> None:
    """Three recipes with four seeds each, of two epochs of 10 s, a failed run and a single one."""
    number = 0
    for (kernels, batch_size), figures in ACCURACIES.items():
        for seed, accuracy in enumerate(figures):
            number += 1
            recipe = {"model.kernels": kernels, "data.batch_size": batch_size, "train.seed": seed}
            reached = [(10.0, accuracy - 0.1), (10.0, accuracy)]
            keep_run(runs_dir, number, recipe, reached=reached)
    recipe = {"model.kernels": 8, "data.batch_size": 32, "train.seed": 4, "train.epochs": 2}
    keep_run(runs_dir, 13, recipe, status="failed", name="=1+1")
    recipe = {"model.kernels": 8, "train.label_smoothing": 0.125, "train.epochs": 1}
    keep_run(runs_dir, 14, recipe, reached=[(30.0, 0.7)], device_name="Other CPU")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asked") / "runs"
    keep_all(folder)
    return folder


def rows(runs_dir: Path, **asked: Any) -> list[dict[str, str]]:
    text = compare.answer(Question(runs_dir, form="csv", **asked))
    return list(csv.DictReader(io.StringIO(text)))


def numbers(found: list[dict[str, str]]) -> list[int]:
    """Of the runs, as `keep_all` counts them."""
    return [int(row["run"].split("-")[1]) for row in found]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("batch_size>32", [8, 7, 6, 5]),
        ("model=shallow8 and not batch_size=128 and status=finished", [14, 4, 3, 2, 1]),
        ("train.label_smoothing>0", [14]),
        ("seed=3 or status=failed", [13, 12, 8, 4]),
        ("test_accuracy>=65%", [14, 12, 11, 10]),
    ],
)
def test_filters(runs: Path, where: str, expected: list[int]) -> None:
    assert numbers(rows(runs, where=where)) == expected


def test_a_filter_within_the_runs_that_are_named(runs: Path) -> None:
    assert numbers(rows(runs, runs=["shallow32"], where="seed<2")) == [10, 9]


def test_a_filter_on_a_time_that_is_asked_for(runs: Path) -> None:
    assert numbers(rows(runs, to="50,65", where="seconds_to_50<=10")) == [12, 11, 10, 9]
    assert numbers(rows(runs, to="65", where="seconds_to_65!='' and seed=0")) == [14]


def test_no_run_is_such(runs: Path) -> None:
    text = compare.answer(Question(runs, where="lr>5"))
    assert text == f"No runs in {runs} are such that lr>5.\n"
    assert rows(runs, where="lr>5") == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"where": "lrr=1"}, "--where, character 1 ('lrr'): unknown column. Did you mean 'lr'?"),
        ({"to": "70,x"}, "--to: 'x' is no accuracy in percent. Write --to 70,80,90,94."),
        ({"to": "0.7"}, "'0.7' is no accuracy in percent"),
        ({"to": "nan"}, "no accuracy"),
        ({"to": "101"}, "no accuracy"),
        ({"to": ""}, "no accuracy"),
        ({"within": "15"}, "--within: '15' is not a duration. Write 90s, 15m, 8h or 1h30m."),
        ({"sort": "seconds_to_90"}, "unknown column 'seconds_to_90'"),
        ({"baseline": "lr=1"}, "--baseline names a group: give --group too"),
        ({"group": "sed"}, "Did you mean 'seed'?"),
        ({"group": "seed", "differs": True}, "leave --differs out"),
        ({"group": "seed", "columns": "name,seconds"}, "name is text"),
        ({"group": "seed", "baseline": "batch_size=32"}, "3 groups are such that batch_size=32"),
        ({"group": "seed", "baseline": "lr=7"}, "no groups are such that lr=7"),
        ({"group": "seed", "baseline": "host=x"}, "host is not of the recipe"),
    ],
)
def test_what_cannot_be_answered(runs: Path, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as raised:
        compare.answer(Question(runs, **asked))
    assert words in str(raised.value)


def test_columns_go_by_their_headings_too(runs: Path) -> None:
    named = rows(runs, sort="best_test_accuracy", columns="run,test_accuracy,seconds")
    assert rows(runs, sort="best", columns="run,test,time") == named
    assert list(named[0]) == ["run", "test_accuracy", "seconds"]


def test_only_what_differs(runs: Path) -> None:
    head = compare.answer(Question(runs, differs=True)).splitlines()[0]
    assert head.split() == [
        "name", "status", "model", "batch", "train.epochs", "label_smoothing", "seed", "device",
        "epochs", "test", "best", "epoch", "images/s", "wait", "time",
    ]  # fmt: skip
    found = rows(runs, differs=True, where="model=shallow8 and batch_size=128")
    assert list(found[0])[:3] == ["run", "seed", "epochs"]


def test_the_papers_rows_do_not_differ_by_what_they_do_not_say(runs: Path) -> None:
    [first, *_] = rows(runs, differs=True, paper=True, where="model=shallow32 and batch_size=32")
    assert {"lr", "schedule", "momentum"}.isdisjoint(first)
    assert {"status", "seed", "device_name"} <= first.keys()


def test_time_to_an_accuracy(runs: Path) -> None:
    found = {int(row["run"].split("-")[1]): row for row in rows(runs, to="50, 54%,70")}
    assert list(found[1])[-3:] == ["seconds_to_50", "seconds_to_54", "seconds_to_70"]
    assert [found[1][f"seconds_to_{each}"] for each in (50, 54, 70)] == ["20", "", ""]
    assert [found[9][f"seconds_to_{each}"] for each in (50, 54, 70)] == ["10", "10", ""]
    assert [found[14][f"seconds_to_{each}"] for each in (50, 54, 70)] == ["30", "30", "30"]
    assert found[13]["seconds_to_50"] == ""
    lines = compare.answer(Question(runs, to="54", sort="seconds_to_54")).splitlines()
    assert "to 54 %" in lines[0]
    assert "30 s" in lines[1]
    assert (
        json.loads(compare.answer(Question(runs, to="54", form="json")))[0]["seconds_to_54"] == 30
    )


def test_the_best_under_a_time_limit_comes_first(runs: Path) -> None:
    found = rows(runs, within="15s")
    column = "best_test_accuracy_within_15s"
    assert numbers(found)[:4] == [11, 10, 12, 9]
    assert [row[column] for row in found[:2]] == ["0.57", "0.56"]
    assert found[-1][column] == ""
    assert numbers(rows(runs, within="30s"))[0] == 14
    assert numbers(rows(runs, within="15s", sort="seed", where="seed>2")) == [13, 12, 8, 4]


def test_the_papers_rows(runs: Path) -> None:
    found = [row for row in rows(runs, paper=True, within="15m") if row["status"] == "paper"]
    figures = {
        (row["model"], row["batch_size"], float(row["seconds"]), float(row["test_accuracy"]))
        for row in found
        if row["test_accuracy"]
    }
    assert figures == {(r.model, str(r.batch_size), r.seconds, r.test_accuracy) for r in PAPER_RUNS}
    times = {
        (row["device_name"], row["model"], row["batch_size"], float(row["epoch_seconds"]))
        for row in found
        if row["epoch_seconds"]
    }
    assert times == {
        (e.processor, e.model, str(e.batch_size), e.epoch_seconds) for e in PAPER_EPOCHS
    }
    assert len(found) == 11, "a run and its epochs' time are one row"
    [best, *_] = found
    assert best["best_test_accuracy_within_15m"] == "0.7375"
    assert all(row["lr"] == row["seed"] == "" for row in found)
    assert len({row["run"] for row in found}) == 11
    assert "paper" not in compare.answer(Question(runs))


def test_the_papers_rows_without_any_other(tmp_path: Path) -> None:
    assert len(rows(tmp_path / "none", paper=True)) == 11
    found = rows(tmp_path / "none", paper=True, group="seed")
    assert [row["n"] for row in found] == ["1"] * 11
    assert {row["test"] for row in found} == {""}


def test_groups_have_scipys_figures(runs: Path) -> None:
    found = rows(runs, group="seed", where="train.label_smoothing=0")
    assert [(row["model"], row["batch_size"]) for row in found] == [
        ("shallow32", "32"), ("shallow8", "32"), ("shallow8", "128"),
    ]  # fmt: skip
    best, *others = (ACCURACIES[key] for key in ((32, 32), (8, 32), (8, 128)))
    ps = [float(stats.ttest_rel(other, best).pvalue) for other in others]
    interval: Any = stats.t.interval(0.95, 3, loc=sum(best) / 4, scale=stats.sem(best))
    assert [found[0][f"test_accuracy_{part}"] for part in ("n", "mean")] == ["4", "0.655"]
    assert float(found[0]["test_accuracy_low"]) == pytest.approx(interval[0], rel=1e-5)
    assert float(found[0]["test_accuracy_high"]) == pytest.approx(interval[1], rel=1e-5)
    assert [row["test"] for row in found] == ["baseline", "paired", "paired"]
    assert [float(row["difference"]) for row in found[1:]] == pytest.approx([-0.125, -0.16])
    small, large = sorted(range(2), key=ps.__getitem__)
    assert float(found[1 + small]["p"]) == pytest.approx(2 * ps[small], rel=1e-5)
    assert float(found[1 + large]["p"]) == pytest.approx(max(ps[large], 2 * ps[small]), rel=1e-5)
    assert [row["left_out"] for row in found] == ["0", "1", "0"]


def test_a_single_run_has_no_interval_and_is_no_baseline(runs: Path) -> None:
    first, second, *_ = rows(runs, group="seed")
    assert (first["test_accuracy_n"], first["test_accuracy_mean"]) == ("1", "0.7")
    assert first["test_accuracy_deviation"] == first["test_accuracy_low"] == first["p"] == ""
    assert second["test"] == "baseline"


def test_groups_against_a_baseline_and_over_two_keys(runs: Path) -> None:
    found = rows(runs, group="seed", baseline="model=shallow8 and batch_size=128")
    assert {row["test"] for row in found if row["batch_size"] == "128"} == {"baseline"}
    assert [row["difference"][:1] for row in found if row["p"]] == ["0", "0"]
    found = rows(runs, group="seed,batch_size", where="status=finished and train.epochs=2")
    assert [(row["model"], row["n"]) for row in found] == [("shallow32", "4"), ("shallow8", "8")]
    assert "batch_size" not in found[0]
    assert found[1]["test"] == "paired", "each of the smaller group's repetitions is in the other"


def test_groups_by_another_figure(runs: Path) -> None:
    found = rows(runs, group="seed", sort="epoch_seconds", where="train.epochs<9")
    assert float(found[-1]["epoch_seconds_mean"]) == 30.0
    found = rows(runs, group="seed", to="66", where="model=shallow32")
    assert (found[0]["n"], found[0]["seconds_to_66_n"]) == ("4", "2")
    assert "20.00 ± 0.00 s (2 of 4)" in compare.answer(
        Question(runs, group="seed", to="66", where="model=shallow32")
    )


def test_the_table_of_groups(runs: Path) -> None:
    lines = compare.answer(Question(runs, group="seed")).splitlines()
    told = ["name", "model", "batch", "train.epochs", "label_smoothing", "n", "test"]
    assert lines[0].split()[:7] == told
    assert "65.50 ± 1.29 %" in lines[2]
    assert "63.45 to 67.55 %" in lines[2]
    assert "baseline" in lines[2]
    assert "-12.50 points" in lines[3]
    notes = " ".join(lines[5:])
    assert "corrected for 2 comparisons (Holm)" in notes
    assert "Not counted, as they did not finish: 1 failed." in notes
    lines = compare.answer(Question(runs, group="seed", where="seed<2")).splitlines()
    assert "interval" not in lines[0]
    assert "need 3 runs a group" in " ".join(lines)
    only_failed = compare.answer(Question(runs, group="seed", where="status=failed"))
    assert "Not counted" in only_failed


def test_what_groups_mix_is_said(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {}, reached=[(1.0, 0.5)], device_name="One")
    keep_run(tmp_path, 2, {}, reached=[(3.0, 0.7)], device_name="Two")
    text = " ".join(compare.answer(Question(tmp_path, group="seed")).split())
    assert "1 run repeats the seed of another: they count as one, with their mean." in text
    assert "1 group mixes seconds of several devices" in text
    assert "60.00 %" in text


def test_markdown(runs: Path) -> None:
    text = compare.answer(Question(runs, form="md", columns="name,test_accuracy", where="seed=4"))
    assert text == "| name | test |\n| :-- | --: |\n| =1+1 | – |\n"
    lines = compare.answer(Question(runs, form="md", group="seed")).splitlines()
    assert {line.count("|") for line in lines[:5]} == {lines[0].count("|")}
    assert lines[1].startswith("| :-- | :-- | --: |")


def test_markdown_is_text_only(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {}, name="a|b_c*<i>`[x](y)\x1b[1m")
    text = compare.answer(Question(tmp_path, form="md", columns="name"))
    assert text.splitlines()[2] == r"| a\|b\_c\*&lt;i>\`\[x\](y)?\[1m |"


def test_what_a_spreadsheet_would_run_is_defused(runs: Path) -> None:
    [row] = rows(runs, where="status=failed")
    assert row["name"] == "'=1+1"
    [row] = json.loads(compare.answer(Question(runs, form="json", where="status=failed")))
    assert row["name"] == "=1+1", "no spreadsheet reads that"


def test_columns_of_the_recipe(runs: Path) -> None:
    [row] = rows(runs, columns="name,train.label_smoothing", where="train.label_smoothing>0")
    assert row == {"name": "shallow8", "train.label_smoothing": "0.125"}


def test_a_damaged_run_folder_is_no_obstacle(tmp_path: Path) -> None:
    keep_all(tmp_path)
    for folder in list(tmp_path.glob("*shallow8*"))[:3]:
        (folder / RUN_FILE).write_bytes(b"\xff" * 10)
        (folder / "epochs.csv").write_bytes(b"\x00,\x00\n")
    for asked in ({"group": "seed"}, {"differs": True}, {"to": "50"}, {"within": "9s"}):
        assert compare.answer(Question(tmp_path, paper=True, **asked))  # type: ignore[arg-type]


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The files that are opened from here on, by path."""
    paths: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open":
            paths.append(str(arguments[0]))

    sys.addaudithook(hook)  # which stays until the process ends
    yield paths
    watching = False


def test_ended_runs_are_read_from_the_summary_alone(runs: Path, opened: list[str]) -> None:
    compare.answer(Question(runs, where="model=shallow8", sort="test_accuracy"))
    compare.answer(Question(runs, form="csv"))
    inside = [path for path in opened if str(runs) in path]
    assert {Path(path).parent for path in inside} == {runs}
    assert len(inside) == 4, "the summary and its checksum, twice"
    compare.answer(Question(runs, group="seed"))
    assert sum(path.endswith(RUN_FILE) for path in opened) == 14


def test_without_groups_scipy_is_not_imported(runs: Path) -> None:
    place = Place(runs.parent)
    code = "; ".join((
        "import sys", "from pathlib import Path", "from cnntop.tui.compare import *",
        "ask = lambda **asked: answer(Question(Path('runs'), **asked))",
        "ask(where='lr>0', differs=True, to='50', within='9s', paper=True)",
        "before = 'scipy' in sys.modules", "ask(group='seed')",
        "after = [name in sys.modules for name in ('scipy', 'scipy.stats', 'torch')]",
        "print(before, after)",
    ))  # fmt: skip
    answer = place.run("-c", code, command=sys.executable)
    assert answer.out == "False [True, False, False]\n", answer.err


def test_the_command_line(runs: Path) -> None:
    place = Place(runs.parent)
    answer = place.run(
        "compare", "--where", "model~SHALLOW and batch_size<=32", "--to", "50", "--within", "15s",
        "--paper", "--csv", "--columns", "name,seconds_to_50,best_test_accuracy_within_15s",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[1] == "shallow32,10,0.57"
    assert "paper, NVIDIA GTX 980" in answer.out
    answer = place.run("compare", "--md", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "cnntop: --json and --md are both given; keep one.\n"


def test_groups_fit_the_terminal(runs: Path) -> None:
    with Place(runs.parent).window("compare", "--group", "seed", columns=100) as window:
        assert window.end() == 0
        lines = window.raw.decode().split("\r\n")
    assert max(map(len, lines)) <= 100
    assert "± 1.29 %" in lines[2]
    assert "did not fit" in lines[5]


def test_every_column_has_a_place() -> None:
    assert set(compare._RESULTS) | set(compare._MACHINE) <= set(COLUMNS)
