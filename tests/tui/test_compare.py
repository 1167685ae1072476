"""`cnntop compare`: which runs, in which order, in which form. No run is trained for it."""

import csv
import io
import json
from typing import Any

import pytest

from cnntop.core.runs.recipe_columns import RECIPE_TEXT
from cnntop.core.runs.summary import COLUMNS, SUMMARY_FILE, write_row
from cnntop.core.text import printable
from cnntop.tui import compare, run_table
from tests.tui.place import Answer, Place

EVIL = "ev\x1b[31mil\n[/x]\u202e"
ROWS: list[dict[str, Any]] = [
    {"run": "20260101-100000-alpha-0001", "name": "alpha", "best_test_accuracy": "0.5",
     "lr": "0.01", "epochs": "20", "status": "finished", "seconds": "61.5"},
    {"run": "20260102-100000-alpha-0002", "name": "alpha", "best_test_accuracy": "0.75",
     "lr": "0.001", "epochs": "3.25", "status": "stopped", "seconds": "5000"},
    {"run": "20260103-100000-beta-0003", "name": "beta", "best_test_accuracy": "",
     "lr": "0.1", "epochs": "0.5", "status": "failed", "seconds": "3"},
    {"run": "20260104-100000-alphabet-0004", "name": "alphabet", "best_test_accuracy": "0.0625",
     "lr": "1e-05", "epochs": "100", "status": "finished", "seconds": "90"},
]  # fmt: skip
IDS = [row["run"] for row in ROWS]


def keep(place: Place, **values: str) -> None:
    """A run folder with a row in summary.csv, as a run that ended leaves them."""
    folder = place.runs / values["run"]
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    date = f"{values['run'][:4]}-{values['run'][4:6]}-{values['run'][6:8]}T10:00:00Z"
    fixed = {"model": "shallow32", "dataset": "shapes", "batch_size": "32", "started_utc": date,
             "device_name": "Some CPU 9000 with a rather long product name", "seed": "0",
             "epoch_seconds": "2.5", "images_per_second": "4321.5", "wait_fraction": "0.125",
             "torch": "2.10", "threads": "2"}  # fmt: skip
    write_row(place.runs, dict.fromkeys(COLUMNS, "") | fixed | values)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("compare"))
    for row in ROWS:
        keep(place, **row)
    return place


def ids(answer: Answer) -> list[str]:
    assert answer.code == 0, answer.err
    return [row["run"] for row in csv.DictReader(io.StringIO(answer.out))]


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        ("", [3, 2, 1, 0]),
        ("--reverse", [0, 1, 2, 3]),
        ("alpha", [1, 0]),
        ("20260102-100000-alpha-0002", [1]),
        ("20260103", [2]),
        ("be", [2]),
        ("alphab alpha", [3, 1, 0]),
        ("alpha alpha", [1, 0]),
        ("--sort best_test_accuracy", [1, 0, 3, 2]),
        ("--sort best_test_accuracy --reverse", [3, 0, 1, 2]),
        ("--sort lr", [2, 0, 1, 3]),
        ("--sort seconds", [1, 3, 0, 2]),
        ("--sort name", [1, 0, 3, 2]),
        ("--sort status --reverse", [1, 3, 0, 2]),
    ],
)
def test_which_runs_in_which_order(runs: Place, arguments: str, order: list[int]) -> None:
    answer = runs.run("compare", "--csv", *arguments.split())
    assert ids(answer) == [IDS[index] for index in order]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("alp", ("could be any of 3 runs", IDS[0], IDS[1], IDS[3])),
        ("2026", ("could be any of 4 runs",)),
        ("btea", ("no run 'btea'", "Did you mean 'beta'?")),
        ("qqqqqqqqqqqqq", ("no run", "`cnntop compare` lists them")),
        ("--sort best_test_acuracy", ("'best_test_acuracy'", "Did you mean 'best_test_accuracy'?")),
        ("--columns name,lrr", ("'lrr'", "Did you mean 'lr'?")),
        ("--csv --json", ("--csv and --json",)),
    ],
)
def test_what_cannot_be_told_apart_or_found(
    runs: Place, arguments: str, words: tuple[str, ...]
) -> None:
    answer = runs.run("compare", *arguments.split())
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("cnntop: ")
    assert answer.err.count("\n") == 1
    for word in words:
        assert word in answer.err


def test_csv_has_every_column_in_the_files_order_or_those_asked_for(runs: Place) -> None:
    text = runs.run("compare", "--csv", "--reverse").out
    assert text == (runs.runs / SUMMARY_FILE).read_text()
    assert text.splitlines()[0].split(",")[: len(COLUMNS)] == list(COLUMNS)
    text = runs.run("compare", "--csv", "--columns", "lr, name", "beta").out
    assert text == "lr,name\n0.1,beta\n"


def test_json_has_numbers_as_numbers_and_null_for_what_was_not_measured(runs: Place) -> None:
    rows = json.loads(runs.run("compare", "--json", "--reverse").out)
    assert [row["run"] for row in rows] == IDS
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["best_test_accuracy"] == 0.5
    assert rows[0]["epochs"] == 20
    assert isinstance(rows[0]["epochs"], int)
    assert rows[3]["lr"] == 1e-05
    assert rows[2]["best_test_accuracy"] is None
    assert rows[0]["energy_joules"] is None
    assert rows[0]["torch"] == "2.10", "a version is text, however much it looks like a number"


def test_table_is_aligned_and_shows_dashes(runs: Place) -> None:
    lines = runs.run("compare", "--columns", "name,best_test_accuracy,seconds,lr").out.splitlines()
    assert lines == [
        "name        best     time     lr",
        "alphabet   6.2 %    01:30  1e-05",
        "beta           –    00:03    0.1",
        "alpha     75.0 %  1:23:20  0.001",
        "alpha     50.0 %    01:02   0.01",
    ]


def test_on_a_pipe_no_column_is_dropped(runs: Place) -> None:
    answer = runs.run("compare", COLUMNS="40")
    assert "Some CPU 9000 with a rather long product name" in answer.out
    assert "did not fit" not in answer.out


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
def test_table_fits_the_terminal(runs: Place, columns: int) -> None:
    with runs.window("compare", columns=columns) as window:
        assert window.end() == 0
        lines = window.raw.decode().split("\r\n")
    assert max(map(len, lines)) <= columns
    assert [line.split()[0] for line in lines[1:5]] == ["alphabet", "beta", "alpha", "alpha"]
    assert "best" in lines[0]
    assert "75.0 %" in lines[3]
    assert "did not fit" in lines[5]


def test_the_persons_columns_are_kept_however_wide(runs: Place) -> None:
    with runs.window("compare", "--columns", "run,device_name,name", columns=60) as window:
        assert window.end() == 0
        assert "rather long product name" in window.raw.decode()


@pytest.mark.parametrize("form", ["--csv", "--json", "table"])
def test_no_runs(place: Place, form: str) -> None:
    answer = place.run("compare", *([] if form == "table" else [form]))
    assert answer.code == 0
    expected = {"--csv": ",".join(COLUMNS) + "\n", "--json": "[]\n"}
    if form == "table":
        assert answer.out.startswith("No runs in ")
        assert "cnntop run --preset demo" in answer.out
    else:
        assert answer.out == expected[form]
    assert not place.runs.exists(), "looking makes nothing"


def test_no_runs_but_one_asked_for(place: Place) -> None:
    answer = place.run("compare", "demo")
    assert answer.code == 2
    assert "no runs in this folder yet" in answer.err


def test_another_runs_folder(place: Place, runs: Place) -> None:
    answer = place.run("compare", "--csv", "--runs-dir", str(runs.runs))
    assert len(ids(answer)) == 4


def test_escapes_in_names_are_cleaned(place: Place) -> None:
    keep(place, run="20260101-100000-x-0001", name=EVIL, device_name=EVIL, status="finished")
    with place.window("compare", "--columns", "name,status,device_name") as window:
        assert window.end() == 0
    text = window.raw.decode()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "ev?[31mil?[/x]?  finished" in text
    [row] = json.loads(place.run("compare", "--json").out)
    assert row["name"] == printable(EVIL)
    assert "\x1b" not in place.run("compare", "--csv").out


def test_a_number_column_with_text_in_it_is_shown_as_it_is(place: Place) -> None:
    keep(place, run="20260101-100000-x-0001", name="x", lr="quick")
    keep(place, run="20260101-100000-x-0002", name="y", lr="0.5")
    answer = place.run("compare", "--columns", "name,lr", "--sort", "lr")
    assert answer.code == 0, answer.err
    assert "quick" in answer.out


def test_every_column_of_the_table_is_a_column_of_the_file() -> None:
    assert set(compare.SHOWN) <= set(COLUMNS)
    assert set(run_table.DROPPED_FIRST) <= set(compare.SHOWN)
    assert not run_table.TEXT - RECIPE_TEXT - set(COLUMNS)
