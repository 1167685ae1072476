"""The recipe of a run as columns, and which runs have the same."""

from pathlib import Path

import pytest

from cnntop.core.errors import UsageError
from cnntop.core.runs.folder import RUN_FILE, RunFolder
from cnntop.core.runs.recipe_columns import (
    PLACE,
    RECIPE_COLUMNS,
    RECIPE_TEXT,
    SUMMARY_COLUMN,
    recipe_paths,
    recipe_row,
    same_recipe,
)
from cnntop.core.runs.summary import COLUMNS, Row, read_rows
from tests.kept_runs import keep_run


def whole_rows(runs_dir: Path) -> list[Row]:
    rows = read_rows(runs_dir)
    return [row | recipe_row(row, RunFolder(runs_dir / row["run"]).read_info()) for row in rows]


def test_every_key_of_the_recipe_is_a_column(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {"train.lr": 0.000125, "train.nesterov": True, "data.augment": ["crop"]})
    [row] = whole_rows(tmp_path)
    assert set(RECIPE_COLUMNS) <= row.keys()
    expected = {
        "model.name": "shallow", "model.kernels": "32", "model.depth": "", "train.lr": "0.000125",
        "train.nesterov": "true", "train.decay_biases": "true", "data.augment": "crop",
        "train.epochs": "1", "train.time": "", "data.augment_on": "auto",
    }  # fmt: skip
    assert {path: row[path] for path in expected} == expected


def test_names_fit() -> None:
    assert set(COLUMNS) >= set(SUMMARY_COLUMN.values())
    assert set(RECIPE_COLUMNS) >= PLACE | SUMMARY_COLUMN.keys() | RECIPE_TEXT
    assert not set(COLUMNS) & set(RECIPE_COLUMNS)
    assert {"train.time", "model.name", "train.nesterov"} <= RECIPE_TEXT
    assert not {"train.lr", "train.muon_lr", "model.kernels", "train.seed"} & RECIPE_TEXT


def test_where_run_json_cannot_be_read_the_row_tells_what_it_can(tmp_path: Path) -> None:
    folder = keep_run(tmp_path, 1, {"train.lr": 0.5, "data.batch_size": 8})
    (folder.path / RUN_FILE).write_text("{}")
    [row] = whole_rows(tmp_path)
    told = (row["train.lr"], row["data.batch_size"], row["train.label_smoothing"])
    assert told == ("0.5", "8", "")
    assert row["model.name"] == ""


@pytest.mark.parametrize(
    ("recipe", "over", "same"),
    [
        ({}, ["train.seed"], True),
        ({"train.seed": 3}, ["train.seed"], True),
        ({"train.seed": 3}, ["train.lr"], False),
        ({"train.seed": 3, "train.lr": 0.1}, ["train.lr", "train.seed"], True),
        ({"train.lr": 0.1}, ["train.seed"], False),
        ({"train.label_smoothing": 0.1}, ["train.seed"], False),  # no column of summary.csv
        ({"train.epochs": 9}, ["train.seed"], False),
        ({"train.time": "1m"}, ["train.seed"], False),
        ({"model.kernels": 8}, ["train.seed"], False),
        ({"machine.threads": 1, "machine.device": "cpu"}, ["train.seed"], True),
        ({"machine.precision": "bf16"}, ["train.seed"], False),
        ({"data.dataset": "shapes"}, ["train.seed"], False),
    ],
)
def test_what_is_the_same_recipe(
    tmp_path: Path, recipe: dict[str, object], over: list[str], same: bool
) -> None:
    keep_run(tmp_path, 1, {})
    keep_run(tmp_path, 2, recipe)
    one, other = whole_rows(tmp_path)
    assert (same_recipe(over, one) == same_recipe(over, other)) is same


def test_what_the_machine_made_of_it_is_no_other_recipe(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {})
    keep_run(tmp_path, 2, {}, augment_on="loader", device_name="A GPU", threads="9")
    one, other = whole_rows(tmp_path)
    assert same_recipe(["train.seed"], one) == same_recipe(["train.seed"], other)


def test_a_folder_is_a_dataset_and_else_a_place(tmp_path: Path) -> None:
    for number, (dataset, folder) in enumerate(
        [("folder", "/a"), ("folder", "/b"), ("cifar10", "/a"), ("cifar10", "/b")]
    ):
        keep_run(tmp_path, number, {"data.dataset": dataset, "data.dir": folder})
    one, two, three, four = (same_recipe(["train.seed"], row) for row in whole_rows(tmp_path))
    assert one != two
    assert three == four
    one, two, *_ = (same_recipe(["data.dir"], row) for row in whole_rows(tmp_path))
    assert one == two


def test_a_run_that_went_on_for_longer_is_another_than_it_began_as(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {"train.epochs": 5}, epochs=5)
    keep_run(tmp_path, 2, {"train.epochs": 5}, epochs=8)
    one, other = whole_rows(tmp_path)
    assert (one["train.epochs"], other["train.epochs"]) == ("5", "8")


def test_a_run_that_a_person_extended_is_as_long_as_it_became(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {"train.time": "15m"}, extended="time 15m -> 25m10s")
    keep_run(tmp_path, 2, {"train.epochs": 5}, extended="epochs 5 -> 9", status="stopped", epochs=7)
    by_time, by_epochs = whole_rows(tmp_path)
    assert (by_time["train.time"], by_epochs["train.epochs"]) == ("25m10s", "9")


def test_a_rate_changed_by_hand_is_no_recipe(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {})
    keep_run(tmp_path, 2, {"train.seed": 3}, rate_changes="x2 after step 5")
    one, other = whole_rows(tmp_path)
    assert same_recipe(["train.seed"], one) != same_recipe(["train.seed"], other)


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        ("seed", ["train.seed"]),
        (" lr, seed ,", ["train.lr", "train.seed"]),
        ("train.seed,seed", ["train.seed"]),
        ("model", ["model.name", "model.kernels", "model.depth", "model.architecture"]),
        ("epochs", ["train.epochs"]),
    ],
)
def test_what_a_key_is_called(names: str, paths: list[str]) -> None:
    assert recipe_paths(names, "--group") == paths


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("sed", "--group: 'sed' is no key of a recipe. Did you mean 'seed'?"),
        ("seed,host", "--group: 'host' is no key of a recipe."),
        (" , ", "--group names no key of a recipe; write --group seed."),
    ],
)
def test_what_is_no_key(names: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        recipe_paths(names, "--group")
    assert str(raised.value).startswith(words)
