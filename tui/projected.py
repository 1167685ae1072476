"""What `cnntop project` forecasts: a run of this machine or another one, or a preset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnntop.core import preset as presets
from cnntop.core.analysis.projection import Workload, catalogue_workload
from cnntop.core.datasets import CATALOGUE
from cnntop.core.errors import UsageError
from cnntop.core.events import EpochFinished
from cnntop.core.recipe import Data, Recipe
from cnntop.core.run_state import fold
from cnntop.core.runs.epoch_table import counted_epochs
from cnntop.core.runs.folder import RunFolder, run_folders
from cnntop.core.runs.log import read_log
from cnntop.core.runs.selection import find_run, names_of
from cnntop.core.text import printable
from cnntop.tui.launch import Launch

_FOLDER_IMAGE_SIZE = 32
"""Of a folder's images where the recipe names none."""


@dataclass(frozen=True)
class Projected:
    """A run with its epochs, or a preset without any. `ran_on` says where the epochs were."""

    label: str
    recipe: Recipe
    workload: Workload
    ran_on: str = ""
    epochs: tuple[EpochFinished, ...] = ()


def projected(
    wanted: str | None, preset: str | None, settings: dict[str, Any], runs_dir: Path
) -> Projected:
    """The run of the name or id `wanted`, else the preset of that name with `settings` laid over
    its recipe, else the run whose name or id begins so. Raises UsageError."""
    if wanted is not None and preset is not None:
        raise UsageError("a run or a preset and --preset are both given; keep one.")
    if preset is None and wanted is None:
        raise UsageError("name a run or a preset; `cnntop compare` and `cnntop presets` list them.")
    if preset is None:
        assert wanted is not None
        if not _means_preset(wanted, runs_dir):
            run = _run(runs_dir, wanted)
            if settings:
                raise UsageError(
                    f"{printable(wanted)} is a run, and its recipe is what it was. For a preset "
                    f"of that name write --preset {printable(wanted)}."
                )
            return of_run(run)
        preset = wanted
    request = Launch(preset, runs_dir, settings=settings).request()
    return Projected(f"preset {printable(request.preset)}", request.recipe, _of(request.recipe))


def _run(runs_dir: Path, wanted: str) -> RunFolder:
    try:
        return find_run(runs_dir, wanted)
    except UsageError as error:
        there = wanted in presets.names()
        hint = f"Or --preset {wanted}." if there else "`cnntop presets` lists the presets."
        raise UsageError(f"{error} {hint}") from None


def _means_preset(wanted: str, runs_dir: Path) -> bool:
    if not wanted.endswith(".toml") and wanted not in presets.names():
        return False
    rows = names_of(run_folders(runs_dir))
    return not any(wanted in (row["run"], row["name"]) for row in rows)


def of_run(folder: RunFolder) -> Projected:
    """Raises UsageError where there is no run, or one without a step; DamagedLogError."""
    info, shown = folder.read_info(), printable(str(folder.path))
    try:
        records = list(read_log(folder.events))
    except FileNotFoundError:
        records = []
    state = fold(records)
    started = state.started
    if info is None:
        raise UsageError(f"{shown}: run.json is missing or damaged; try `cnntop repair`.")
    if started is None or min(started.batch_size, started.train_images) < 1:
        raise UsageError(f"run {printable(info.run)} never took a step; there is no curve of it.")
    workload = Workload(
        started.model,
        started.batch_size,
        started.train_images,
        started.test_images,
        started.passes,
        info.recipe.train.test_views,
        info.recipe.train.evaluate_every,
        _image_size(info.recipe.data),
        state.limits.flop_per_image if state.limits else None,
    )
    ran_on = f"{info.machine.get('host', '?')}, {started.device_name}"
    if started.device == "cpu":
        ran_on += f", {state.threads} thread{'s' * (state.threads != 1)}"
    epochs = tuple(counted_epochs(records))
    return Projected(f"run {printable(info.run)}", info.recipe, workload, printable(ran_on), epochs)


def _of(recipe: Recipe) -> Workload:
    if (known := catalogue_workload(recipe)) is not None:
        return known
    data, train = recipe.data, recipe.train
    assert data.dir is not None
    from cnntop.core.training.datasets.listing import scan  # imports torch with its package

    listing = scan(Path(data.dir), lambda: False)
    images = len(listing.train), len(listing.test)
    return Workload(
        recipe.model.label, data.batch_size, *images, train.passes, train.test_views,
        train.evaluate_every, _image_size(data),
    )  # fmt: skip


def _image_size(data: Data) -> int:
    own = CATALOGUE[data.dataset].image_size if data.dataset in CATALOGUE else _FOLDER_IMAGE_SIZE
    return data.image_size or own
