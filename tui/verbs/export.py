"""`cnntop export`: a run's figures for other programs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.text import printable
from cnntop.tui import options
from cnntop.tui.stderr import complain

if TYPE_CHECKING:
    from cnntop.core.runs.export.figures import RunFigures
    from cnntop.core.runs.folder import RunFolder


def export(
    runs: options.ExportedRuns,
    to: options.ExportFormat,
    out: options.ExportFolder,
    force: options.Force = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """A run's figures for other programs: steps, epochs, machine, and what happened.

    \b
    Examples
      cnntop export last --to tensorboard --out tb   tensorboard --logdir tb
      cnntop export mine --to svg --out figures      loss, accuracy, split
      cnntop export mine --to csv --out tables       or parquet, json: all
    """
    from cnntop.core.runs.export import files
    from cnntop.core.runs.export.figures import read_figures
    from cnntop.core.runs.folder import default_runs_dir

    files.require_format(to)
    folders = _chosen(runs_dir or default_runs_dir(), runs)
    _require_free(to, out, folders, force)
    right = True
    for folder in folders:
        figures = read_figures(folder)
        if not figures.records:
            why = "; ".join(figures.damage) or "it ended before its first event"
            complain(f"{figures.run}: nothing to export: {why}.")
            right = False
            continue
        try:
            files.write(to, out, figures)
        except CnntopError as error:
            complain(str(error))
            right = False
            continue
        typer.echo(_exported(figures, files.paths(to, out, figures.run)))
        for damage in figures.damage:
            complain(f"{figures.run}: {damage}; what can be read is exported.")
            right = False
    if not right:
        raise typer.Exit(1)


def _chosen(runs_dir: Path, wanted: Sequence[str]) -> "list[RunFolder]":
    """The folders that `wanted` names, each once, in its order. Raises UsageError."""
    from cnntop.core.runs.repair import named_runs
    from cnntop.core.runs.selection import find_run

    found: dict[Path, RunFolder] = {}
    for name in wanted:
        named = [find_run(runs_dir, name)] if name == "last" else named_runs(runs_dir, [name])
        found |= {folder.path.resolve(): folder for folder in named}
    return list(found.values())


def _require_free(to: str, out: Path, folders: "Iterable[RunFolder]", force: bool) -> None:
    """Raises UsageError where an export would take the place of what is there, or of another."""
    from cnntop.core.runs.export import files
    from cnntop.core.runs.export.figures import run_id

    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {printable(str(out))} is no folder.")
    ids = [run_id(folder) for folder in folders]
    if twice := {run for run in ids if ids.count(run) > 1}:
        raise UsageError(f"two runs have the id {twice.pop()}; export them to different folders.")
    there = [path for run in ids for path in files.paths(to, out, run) if path.exists()]
    if there and not force:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise UsageError(
            f"{printable(str(there[0]))}{more} is there already; --force writes over it, "
            "or choose another folder with --out."
        )


def _exported(figures: "RunFigures", paths: Sequence[Path]) -> str:
    """One line about an export that was written."""
    where = paths[0] if len(paths) == 1 else paths[0].parent
    samples = len(figures.cpu_samples) + len(figures.gpu_samples)
    counts = (
        f"{len(figures.steps):,} stretches of steps, {len(figures.epochs):,} epochs, "
        f"{samples:,} machine samples, {len(figures.happenings):,} events"
    )
    so_far = ", so far" if figures.running else ""
    return printable(f"{where}: {counts}{so_far}")
