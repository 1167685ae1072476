"""What a run is asked to be, before anything of it is there."""

import math
from dataclasses import dataclass
from pathlib import Path

from cnntop.core.model_option import ModelCode
from cnntop.core.recipe import Recipe
from cnntop.core.runs.resumption import Resumption


@dataclass(frozen=True)
class RunRequest:
    """What to run: a checked recipe, the preset it came from, a name for people, where the run
    folder goes and whether others share it, whether a verdict's fix is applied without asking, how
    often a checkpoint is saved beside those after each epoch, the run that it goes on with, if it
    is no new one, what the person should be told of the recipe, the code that the command line
    named for the network, without which none is ever imported, and the point of a sweep that it
    is, if of any."""

    recipe: Recipe
    preset: str
    name: str
    runs_dir: Path
    auto_fix: bool = False
    checkpoint_seconds: float = math.inf
    resume: Resumption | None = None
    remark: str = ""
    share: bool = False
    model_code: ModelCode | None = None
    sweep_point: str = ""
