"""What the command line asked for, on its way to becoming a run."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnntop.core import preset as presets
from cnntop.core.errors import UsageError
from cnntop.core.model_option import ModelCode
from cnntop.core.recipe import Recipe, check_names, enlarged, from_code, override, resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.runs.resumption import Resumption
from cnntop.core.runs.selection import find_run
from cnntop.core.text import printable


@dataclass(frozen=True)
class Launch:
    """A preset (None: still to be picked), the settings to lay over it ("section.key" -> value),
    where the run goes, whether lines were asked for instead of the screen, whether a verdict's fix
    is applied without asking, how often a checkpoint is saved beside those after each epoch, the
    run to go on with, if it is no new one, whether others share the run's folder, the code that
    makes the network, if it is named, and the point of a sweep that it is, if of any."""

    preset: str | None
    runs_dir: Path
    name: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    plain: bool = False
    auto_fix: bool = False
    checkpoint_seconds: float = math.inf
    resume: Resumption | None = None
    share: bool = False
    model_code: ModelCode | None = None
    sweep_point: str = ""

    def with_preset(self, preset: str) -> "Launch":
        return replace(self, preset=preset)

    def with_settings(self, settings: dict[str, Any]) -> "Launch":
        return replace(self, settings=self.settings | settings)

    def resuming(self, wanted: str) -> "Launch":
        """Of the run that `wanted` names ("last": the newest). Raises UsageError."""
        earlier = Resumption.of(find_run(self.runs_dir, wanted))
        if self.share:
            folder = printable(str(earlier.folder.path))
            raise UsageError(f"--share is for new runs; this one's folder is there: {folder}.")
        for option, given, had in (
            ("--preset", self.preset, earlier.info.preset),
            ("--name", self.name, earlier.info.name),
        ):
            if given not in (None, had):
                raise UsageError(f"{option} {printable(given)}: run {earlier.info.run} has {had}.")
        source, code = earlier.info.model_source, self.model_code
        if source is not None and code is not None:
            code = replace(code, sha256=source.sha256)
        return replace(
            self,
            model_code=code,
            preset=earlier.info.preset,
            name=earlier.info.name,
            runs_dir=earlier.folder.path.parent,
            resume=earlier,
        )

    def recipe(self) -> Recipe:
        """The recipe with the settings laid over it. Raises UsageError or RecipeError."""
        assert self.preset is not None
        code = self.model_code
        if code is not None and (own := [path for path in self.settings if path[:6] == "model."]):
            raise UsageError(f"{own[0]}: a network from code has none; leave it out.")
        if self.resume is not None:
            return self.resume.recipe(self.settings, code.text if code else None)
        preset = presets.find(self.preset)
        check_names(preset.tree, f"preset {preset.name}")
        origin = f"preset {preset.name}" + (" with your options" if self.settings else "")
        recipe = resolve(override(preset.tree, self.settings), origin)
        return recipe if code is None else from_code(recipe, printable(code.text))

    def request(self) -> RunRequest:
        """The run to start. Raises UsageError or RecipeError."""
        assert self.preset is not None
        recipe, remark = self.recipe(), ""
        if self.resume is None and enlarged(recipe) != recipe:
            recipe, written = enlarged(recipe), recipe
            remark = (
                f"speed max changes the recipe: batch {written.data.batch_size} -> "
                f"{recipe.data.batch_size}, lr {written.train.lr:g} -> {recipe.train.lr:g}"
            )
        preset = self.preset if self.resume else presets.find(self.preset).name
        return RunRequest(
            recipe,
            preset,
            name=printable(self.name or preset),
            runs_dir=self.runs_dir,
            auto_fix=self.auto_fix,
            checkpoint_seconds=self.checkpoint_seconds,
            resume=self.resume,
            remark=remark,
            share=self.share,
            model_code=self.model_code,
            sweep_point=self.sweep_point,
        )
