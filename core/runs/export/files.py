"""Which files an export of a run is, and how they come to be."""

import importlib.util
import sys
from functools import partial
from pathlib import Path

from cnntop.core.durable import replace_file
from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.runs.export.figures import RunFigures
from cnntop.core.runs.export.tables import TABLES, tables
from cnntop.core.text import nearest, printable

FILES = {
    "tensorboard": ("{run}/events.out.tfevents.cnntop",),
    "parquet": tuple(f"{{run}}/{table}.parquet" for table in TABLES),
    "csv": tuple(f"{{run}}/{table}.csv" for table in TABLES),
    "json": ("{run}.json",),
    "svg": ("{run}.svg",),
}
"""Of each format, below the folder that they are exported to."""
_LIBRARIES = {"tensorboard": "tensorboard", "parquet": "pyarrow"}
"""Those that a format needs and cnntop itself does not."""


def require_format(to: str) -> None:
    """Raises UsageError for a format that there is none of, or whose library is not here."""
    if to not in FILES:
        raise UsageError(f"--to {printable(to)!r} is no format. {nearest(to, FILES)}")
    library = _LIBRARIES.get(to)
    if library is not None and importlib.util.find_spec(library) is None:
        raise UsageError(
            f"--to {to} needs the package {library}, which is not installed. "
            f"Install it: {printable(sys.executable)} -m pip install {library}"
        )


def paths(to: str, out: Path, run: str) -> list[Path]:
    """The files of a run's export, whether they exist or not."""
    return [out / file.format(run=run) for file in FILES[to]]


def write(to: str, out: Path, figures: RunFigures) -> None:
    """Write the files of `paths` in place of what is there, each whole or not at all.

    Raises OSError, and CnntopError for a number that the format has no room for.
    """
    files = paths(to, out, figures.run)
    files[0].parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(to, files, figures)
    except (OverflowError, ValueError) as error:
        where = f"{figures.run}: a number in its log is too large for {to}"
        raise CnntopError(f"{where} ({printable(str(error))}).") from None


def _write(to: str, files: list[Path], figures: RunFigures) -> None:
    match to:
        case "tensorboard":
            from cnntop.core.runs.export import tensorboard_events

            replace_file(files[0], partial(tensorboard_events.write, figures))
        case "parquet":
            from cnntop.core.runs.export import parquet_files

            for path, table in zip(files, tables(figures), strict=True):
                replace_file(path, partial(parquet_files.write, figures.facts(), table))
        case "csv":
            from cnntop.core.runs.export import csv_files

            for path, table in zip(files, tables(figures), strict=True):
                replace_file(path, partial(csv_files.write, table))
        case "json":
            from cnntop.core.runs.export import json_file

            content = figures.facts(), tables(figures)
            replace_file(files[0], partial(json_file.write, *content))
        case "svg":
            from cnntop.core.runs.export import svg_figure

            replace_file(files[0], partial(svg_figure.write, figures))
