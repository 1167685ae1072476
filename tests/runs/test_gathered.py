"""Runs of several folders as one list of rows."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cnntop.core.errors import UsageError
from cnntop.core.recipe import resolve
from cnntop.core.runs.folder import RunFolder, RunInfo
from cnntop.core.runs.gathered import gathered_rows
from cnntop.core.runs.summary import COLUMNS, write_row


def keep(runs_dir: Path, host: str, limit: dict[str, object], **values: str) -> Path:
    """A run that ended, as its folder and row."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    folder = RunFolder.create(runs_dir, "some")
    recipe = resolve({"train": {"lr": 0.5, "nesterov": True, **limit}}, "test")
    run = folder.path.name
    info = RunInfo(run, "some", "", "", recipe, "cpu", {}, {}, "")
    folder.write_info(info)
    write_row(runs_dir, dict.fromkeys(COLUMNS, "") | {"run": run, "host": host,
                                                      "status": "finished"} | values)  # fmt: skip
    return folder.path


def test_rows_of_several_machines_each_once(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    mine = keep(here, "a", {"epochs": 20})
    theirs = keep(there, "b", {"time": "15m"})
    shutil.copytree(mine, there / mine.name)
    (there / "summary.csv").write_text((there / "summary.csv").read_text())
    shutil.copy(here / "summary.csv", tmp_path)
    rows = gathered_rows([here, there, here])
    assert [row["run"] for row in rows if row["host"]] == [mine.name, theirs.name]


def test_rows_have_the_recipe_and_the_limit(tmp_path: Path) -> None:
    keep(tmp_path, "a", {"epochs": 1}, lr="0.25", epochs="1")
    keep(tmp_path, "a", {"time": "1h30m"})
    one, other = sorted(gathered_rows([tmp_path]), key=lambda row: row["limit"])
    assert (one["limit"], other["limit"]) == ("1 epoch", "1h30m")
    assert one["lr"] == "0.25"
    assert one["train.lr"] == "0.5"
    assert one["train.nesterov"] == "true"
    assert one["data.augment"] == "crop+hflip+vflip"
    assert one["model.depth"] == ""


def test_a_damaged_recipe_leaves_the_row_as_it_is(tmp_path: Path) -> None:
    folder = keep(tmp_path, "a", {"epochs": 1})
    (folder / "run.json").write_text("{}")
    [row] = gathered_rows([tmp_path])
    assert row["status"] == "finished"
    assert (row["limit"], row["model.name"]) == ("", "")


def test_a_folder_without_runs_has_none(tmp_path: Path) -> None:
    assert gathered_rows([tmp_path]) == []


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no runs folder"):
        gathered_rows([tmp_path / "ab\x1bsent"])


def test_what_counts_and_what_is_asked_for(tmp_path: Path) -> None:
    for status, lr in (("finished", "1"), ("stopped", "2"), ("failed", "3"), ("diverged", "4")):
        keep(tmp_path, "a", {"epochs": 1}, status=status, lr=lr)

    def rates(**more: Any) -> list[str]:
        return sorted(row["lr"] for row in gathered_rows([tmp_path], **more) if row["host"])

    assert rates() == ["1", "2"]
    assert rates(every=True) == ["1", "2", "3", "4"]
    assert rates(where="lr>1 and train.nesterov=true") == ["2"]
    assert rates(where="model.name=resnet") == []
    with pytest.raises(UsageError, match="--where"):
        gathered_rows([tmp_path], where="lr>")


def test_the_papers_rows_are_filtered_with_the_others(tmp_path: Path) -> None:
    found = gathered_rows([tmp_path], paper=True, where="model=resnet18")
    assert {row["status"] for row in found} == {"paper"}
    assert {row["model"] for row in found} == {"resnet18"}
