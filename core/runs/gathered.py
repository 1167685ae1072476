"""The runs of several runs folders, of one machine or of many, as one list of rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cnntop.core.errors import UsageError
from cnntop.core.recipe import Recipe
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.summary import Row, read_rows
from cnntop.core.text import printable

COUNTED = ("finished", "stopped")
"""How a run has ended whose figures are what it was meant to measure."""


def gathered_rows(runs_dirs: Sequence[Path]) -> list[Row]:
    """The rows of all runs in `runs_dirs`, a run that is in several of them once.

    Each has, beside the summary's columns, the keys of its recipe as `section.key` and `limit`,
    where the recipe ends it: "15m" or "20 epochs". Raises UsageError for a folder that is none.
    """
    rows: dict[tuple[str, str], Row] = {}
    for runs_dir in runs_dirs:
        for row in _rows(runs_dir):
            rows.setdefault((row["host"], row["run"]), row)
    return list(rows.values())


def _rows(runs_dir: Path) -> Iterator[Row]:
    folder = printable(str(runs_dir))
    if not runs_dir.is_dir():
        raise UsageError(f"there is no runs folder {folder}. Give folders that runs were kept in.")
    try:
        rows = read_rows(runs_dir)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"runs folder {folder} cannot be read: {reason}.") from None
    for row in rows:
        info = RunFolder(runs_dir / row["run"]).read_info()
        yield row if info is None else row | _recipe_cells(info.recipe)


def _recipe_cells(recipe: Recipe) -> Row:
    tree: dict[str, dict[str, Any]] = msgspec.to_builtins(recipe)
    cells = {
        f"{section}.{key}": _cell(value)
        for section, keys in tree.items()
        for key, value in keys.items()
    }
    time, epochs = recipe.train.time, recipe.train.epochs
    return cells | {"limit": printable(time or f"{epochs} epoch{'s' * (epochs != 1)}")}


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return printable("+".join(map(str, value)))
    return "" if value is None else printable(str(value))
