"""What a run is expected to take on this machine, before it is started: as the newest earlier run
of the same experiment, else a try-out, else this machine's profile has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnntop.core.analysis.profile import Profile
from cnntop.core.analysis.projection import catalogue_workload, forecast
from cnntop.core.errors import UsageError
from cnntop.core.machine.identity import host_name
from cnntop.core.network_size import recipe_size
from cnntop.core.recipe import Data, Recipe
from cnntop.core.runs.summary import Row
from cnntop.core.tryout import Tryout


@dataclass(frozen=True)
class Expected:
    """Each with where it comes from; None where nothing tells. An epoch's time is with its share
    of the evaluations."""

    epoch_seconds: float | None = None
    epoch_source: str = ""
    process_memory_bytes: float | None = None
    gpu_memory_bytes: float | None = None
    memory_source: str = ""

    def epochs(self, recipe: Recipe) -> float | None:
        """How many the whole run has."""
        train = recipe.train
        if train.epochs is not None:
            return float(train.epochs)
        if self.epoch_seconds is None or train.time_limit_seconds is None:
            return None
        return train.time_limit_seconds / self.epoch_seconds

    def total_seconds(self, recipe: Recipe) -> float | None:
        """Of the whole run, without its preparation."""
        train = recipe.train
        if train.epochs is None:
            return train.time_limit_seconds
        return None if self.epoch_seconds is None else train.epochs * self.epoch_seconds


def expected(
    recipe: Recipe, earlier: Sequence[Row], tryout: Tryout | None, profile: Profile | None
) -> Expected:
    """`earlier` are the runs of the same experiment here, oldest first; see `earlier_runs`."""
    epoch_seconds, epoch_source = _epoch(recipe, earlier, tryout, profile)
    for row in reversed(earlier):
        process, gpu = (
            number(row["process_memory_peak_bytes"]),
            number(row["gpu_memory_peak_bytes"]),
        )
        if process is not None or gpu is not None:
            return Expected(epoch_seconds, epoch_source, process, gpu, _run_words(row))
    if tryout is not None:
        process, gpu = tryout.process_memory_peak_bytes, tryout.gpu_memory_peak_bytes
        return Expected(epoch_seconds, epoch_source, process, gpu, _tryout_words(tryout))
    return Expected(epoch_seconds, epoch_source)


def _epoch(
    recipe: Recipe, earlier: Sequence[Row], tryout: Tryout | None, profile: Profile | None
) -> tuple[float | None, str]:
    for row in reversed(earlier):
        seconds = number(row["epoch_seconds"])
        if seconds:
            return seconds, _run_words(row)
    if tryout is not None:
        return tryout.epoch_seconds, _tryout_words(tryout)
    workload = catalogue_workload(recipe)
    if profile is not None and workload is not None:
        try:
            found = forecast(profile, workload)
        except UsageError:  # it does not say
            return None, ""
        return found.epoch_seconds.median, f"this machine's profile, {profile.measured_utc[:10]}"
    return None, ""


def _run_words(row: Row) -> str:
    return f"run {row['name']}, {run_date(row)}"


def _tryout_words(tryout: Tryout) -> str:
    return f"try-out, {tryout.tried_utc[:10]}"


def run_date(row: Row) -> str:
    """2026-01-31; the folder's name has it too."""
    run = row["run"]
    return row["started_utc"][:10] or f"{run[:4]}-{run[4:6]}-{run[6:8]}"


def earlier_runs(rows: Sequence[Row], recipe: Recipe) -> list[Row]:
    """Those of `rows` that did the same work on this machine."""
    size = recipe_size(recipe)
    wanted = {
        "dataset": _dataset_name(recipe.data),
        "model": recipe.model.label,
        "batch_size": str(recipe.data.batch_size),
        "host": host_name(),
    }
    if_known = {"passes": str(recipe.train.passes)}
    if size is not None:
        if_known["multiply_adds"] = str(size.multiply_adds)  # images of another size
    if recipe.machine.speed == "safe":
        if_known["precision"] = recipe.machine.precision
    kind = recipe.machine.device.partition(":")[0]
    return [
        row
        for row in rows
        if all(row[column] == value for column, value in wanted.items())
        and all(row[column] in ("", value) for column, value in if_known.items())
        and kind in ("auto", row["device"].partition(":")[0])
    ]


def _dataset_name(data: Data) -> str:
    """The dataset as rows of the summary call it."""
    if data.dataset == "folder" and data.dir:
        return f"folder:{Path(data.dir).name}"
    return data.dataset


def number(text: str) -> float | None:
    """A cell of the summary as a number; None for an empty or a foreign one."""
    try:
        return float(text)
    except ValueError:
        return None
