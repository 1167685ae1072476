"""Run folders with a row in summary.csv, as runs that ended leave them, without any training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnntop.core.events import EpochFinished
from cnntop.core.recipe import resolve
from cnntop.core.runs.epoch_table import table_text
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder, RunInfo
from cnntop.core.runs.recipe_columns import recipe_row
from cnntop.core.runs.summary import COLUMNS, cell, write_row


def epoch(number: int, seconds: float, test_accuracy: float | None) -> EpochFinished:
    return EpochFinished(
        epoch=number, step=number, images=100, lr=0.1, train_loss=1.0, train_accuracy=0.5,
        test_loss=1.0, test_accuracy=test_accuracy, epoch_seconds=seconds, evaluation_seconds=1.0,
        wait_seconds=0.0, transfer_seconds=0.0, compute_seconds=seconds, other_seconds=0.0,
    )  # fmt: skip


def keep_run(
    runs_dir: Path, number: int, recipe: dict[str, Any], *,
    reached: Sequence[tuple[float, float | None]] = (), **values: object,
) -> RunFolder:  # fmt: skip
    """A run of `recipe` ("section.key" -> value) that ended. `reached` has each epoch's seconds and
    test accuracy, and `values` what its row says beside that."""
    tree: dict[str, dict[str, Any]] = {"train": {"epochs": len(reached) or 1}}
    for path, value in recipe.items():
        section, key = path.split(".")
        tree.setdefault(section, {})[key] = value
    if "time" in tree["train"]:
        del tree["train"]["epochs"]
    resolved = resolve(tree, "test")
    model = resolved.model.label
    run = f"20260101-{number:06}-{model}-{number:04x}"
    folder = RunFolder(runs_dir / run)
    folder.path.mkdir(parents=True)
    date = f"2026-01-01T10:{number // 60:02}:{number % 60:02}Z"
    info = RunInfo(run, model, model, date, resolved, "cpu", {}, {}, "")
    folder.write_info(info)
    epochs = [epoch(place, *each) for place, each in enumerate(reached, 1)]
    (folder.path / EPOCHS_FILE).write_bytes(table_text(epochs))
    accuracies = [accuracy for _, accuracy in reached if accuracy is not None]
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    row |= {
        "run": run, "name": model, "preset": model, "status": "finished", "started_utc": date,
        "model": model, "device_name": "Some CPU", "threads": 2, "precision": "fp32",
        "augment_on": "cpu", "wait_fraction": 0.125, "images_per_second": 4321.5,
    }  # fmt: skip
    known = recipe_row(dict.fromkeys(COLUMNS, ""), info)
    for path in known:
        if path.partition(".")[2] in COLUMNS and path.startswith(("data.", "train.")):
            row[path.partition(".")[2]] = known[path]
    row["augment_on"] = "cpu"
    row["epochs"] = len(reached) or known["train.epochs"]
    if reached:
        seconds = [each for each, _ in reached]
        row |= {"seconds": sum(seconds), "epoch_seconds": sum(seconds) / len(seconds)}
    if accuracies:
        row |= {"test_accuracy": accuracies[-1], "best_test_accuracy": max(accuracies)}
    write_row(runs_dir, {column: cell(value) for column, value in (row | values).items()})
    return folder
