"""The runs of several runs folders, of one machine or of many, as one list of rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cnntop.core.analysis.filters import parse_filter
from cnntop.core.errors import UsageError
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.paper_rows import paper_rows
from cnntop.core.runs.recipe_columns import RECIPE_COLUMNS, recipe_row
from cnntop.core.runs.summary import COLUMNS, Row, read_rows
from cnntop.core.text import printable

COUNTED = ("finished", "stopped", "paper")
"""How a run has ended whose figures are what it was meant to measure."""


def gathered_rows(
    runs_dirs: Sequence[Path], every: bool = False, paper: bool = False, where: str | None = None
) -> list[Row]:
    """The rows of the runs in `runs_dirs`, a run that is in several of them once, and of the paper
    with `paper`: those that count, or `every` one, and match the filter `where`.

    Each has, beside the summary's columns, the keys of its recipe as `section.key` and `limit`,
    where the recipe ends it: "15m" or "20 epochs". Raises UsageError for a folder that is none and
    a filter that cannot be understood.
    """
    wanted = parse_filter(where, [*COLUMNS, *RECIPE_COLUMNS]).matches if where else None
    rows: dict[tuple[str, str], Row] = {}
    for runs_dir in runs_dirs:
        for row in _rows(runs_dir):
            rows.setdefault((row["host"], row["run"]), row)
    found = [*rows.values(), *(paper_rows() if paper else ())]
    counted = (row for row in found if every or row["status"] in COUNTED)
    return [row for row in counted if wanted is None or wanted(row)]


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
        recipe = recipe_row(row, RunFolder(runs_dir / row["run"]).read_info())
        yield row | recipe | {"limit": _limit(recipe)}


def _limit(recipe: Row) -> str:
    time, epochs = recipe["train.time"], recipe["train.epochs"]
    return time or (f"{epochs} epoch{'s' * (epochs != '1')}" if epochs else "")
