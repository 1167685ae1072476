"""Finding the best earlier run of a dataset, and reading what it reached."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cnntop.core.events import Record, RunStarted
from cnntop.core.runs.earlier_runs import best_ghost, earlier_rows, read_ghost
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder
from cnntop.core.runs.log import RunLog
from cnntop.core.runs.summary import SUMMARY_FILE
from tests.kept_runs import epoch, keep_run
from tests.tui import story

RECIPE = {"model.kernels": 8, "data.dataset": "shapes"}
STARTED = msgspec.structs.replace(
    story.STARTED, train_images=100, started_utc="2026-01-01T11:00:00Z"
)


def keep(runs_dir: Path, number: int, accuracy: float, **values: Any) -> RunFolder:
    recipe = RECIPE | values.pop("recipe", {})
    reached = [(2.0, accuracy / 2), (3.0, accuracy)]
    return keep_run(runs_dir, number, recipe, reached=reached, **values)


def best(runs_dir: Path, started: RunStarted = STARTED) -> str | None:
    ghost = best_ghost(runs_dir, earlier_rows(runs_dir, started), started)
    return ghost and ghost.run


def test_the_best_that_came_to_its_end_is_chosen(tmp_path: Path) -> None:
    keep(tmp_path, 1, 0.6)
    wanted = keep(tmp_path, 2, 0.8)
    keep(tmp_path, 3, 0.9, status="interrupted")
    keep(tmp_path, 4, 0.9, recipe={"data.dataset": "cifar10"})
    assert best(tmp_path) == wanted.path.name


def test_a_run_is_never_its_own_ghost_nor_a_later_one(tmp_path: Path) -> None:
    earlier, own = keep(tmp_path, 1, 0.6), keep(tmp_path, 2, 0.8)
    keep(tmp_path, 3, 0.9, started_utc="2026-01-01T12:00:00Z")
    itself = msgspec.structs.replace(STARTED, run=own.path.name)
    assert best(tmp_path, itself) == earlier.path.name
    assert own.path.name not in {row["run"] for row in earlier_rows(tmp_path, itself)}
    # One that was copied is in a folder of another name.
    rows = earlier_rows(tmp_path, STARTED, [own.path.name])
    assert own.path.name not in {row["run"] for row in rows}


def test_the_same_test_set_is_preferred(tmp_path: Path) -> None:
    own = keep(tmp_path, 9, 0.1)
    like = keep(tmp_path, 1, 0.6)
    other = keep(tmp_path, 2, 0.8, recipe={"train.test_views": 2})
    started = msgspec.structs.replace(STARTED, run=own.path.name)
    assert best(tmp_path, started) == like.path.name
    like_info = like.path / "run.json"
    like_info.unlink()  # and with it the run, for who looks through the runs
    assert best(tmp_path, started) == other.path.name


def test_none_without_runs(tmp_path: Path) -> None:
    assert best(tmp_path / "nowhere") is None
    keep(tmp_path, 1, 0.6)
    (tmp_path / SUMMARY_FILE).unlink()
    assert best(tmp_path) is None


def test_what_it_reached_is_read_from_its_epochs(tmp_path: Path) -> None:
    folder = keep(tmp_path, 1, 0.6)
    [row] = earlier_rows(tmp_path, STARTED)
    ghost = read_ghost(tmp_path, row, 100)
    assert ghost is not None
    assert (ghost.run, ghost.name) == (folder.path.name, "shallow8")
    assert (ghost.best_test_accuracy, ghost.seconds, ghost.planned_epochs) == (0.6, 5.0, 2)
    assert [(one.epoch, one.seconds, one.test_accuracy) for one in ghost.epochs] == [
        (1.0, 2.0, 0.3), (2.0, 5.0, 0.6),
    ]  # fmt: skip
    assert ghost.epochs[0].train_loss == 1.0


@pytest.mark.parametrize("damage", [b"", b"epoch,step\n1,2\n", b"epoch,step\n1", b"\xff"])
def test_the_log_helps_where_the_table_is_damaged(tmp_path: Path, damage: bytes) -> None:
    folder = keep(tmp_path, 1, 0.6)
    (folder.path / EPOCHS_FILE).write_bytes(damage)
    [row] = earlier_rows(tmp_path, STARTED)
    assert read_ghost(tmp_path, row, 100) is None
    log = RunLog(folder.events)
    log.append(Record(0, 1.0, epoch(1, 7.0, 0.4)))
    log.close()
    ghost = read_ghost(tmp_path, row, 100)
    assert ghost is not None
    assert [(one.seconds, one.test_accuracy) for one in ghost.epochs] == [(7.0, 0.4)]


def test_one_that_cannot_be_read_gives_way_to_the_next(tmp_path: Path) -> None:
    readable, broken = keep(tmp_path, 1, 0.6), keep(tmp_path, 2, 0.8)
    (broken.path / EPOCHS_FILE).unlink()
    assert best(tmp_path) == readable.path.name
