"""The command line of a sweep's run."""

import sys
from pathlib import Path
from typing import Any

from cnntop.core.sweep.definition import Point
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.scheduler import Job

CHECKPOINT_EVERY = "5m"
"""Beside those after each epoch: what a long epoch loses at most."""


def command(folder: SweepFolder, job: Job) -> list[str]:
    """An ordinary `cnntop run` as lines, new or resumed. -P: files of the folder that it is started
    in must not take the place of Python's own modules."""
    point, run = job.due.state.point, job.due.state.run
    options = _resumed(run.path) if run is not None else _new(folder, point, job.device)
    if job.due.epochs is not None:
        options.append(f"--epochs={job.due.epochs}")
    return [
        sys.executable, "-P", "-m", "cnntop.tui.cli", "run", "--plain",
        f"--checkpoint-every={CHECKPOINT_EVERY}", *options,
    ]  # fmt: skip


def _resumed(run: Path) -> list[str]:
    return [f"--resume={run}"]


def _new(folder: SweepFolder, point: Point, device: str) -> list[str]:
    options = [
        f"--preset={folder.recipe_file(point.definition)}",
        f"--runs-dir={folder.runs_dir}",
        f"--name={point.run_name}",
        f"--sweep-point={folder.path.name}/{point.number}",
        *(f"--set={path}={_text(value)}" for path, value in point.settings.items()),
    ]
    options += ["--share"] if folder.is_shared else []
    return [*options, f"--device={device}"] if device else options


def _text(value: Any) -> str:
    """A value as `--set` reads it."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
