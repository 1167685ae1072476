"""What the command line asked for, on its way to becoming a run."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnntop.core import preset as presets
from cnntop.core.recipe import Recipe, check_names, override, resolve
from cnntop.core.session import RunRequest
from cnntop.core.text import printable


@dataclass(frozen=True)
class Launch:
    """A preset (None: still to be picked), the settings to lay over it ("section.key" -> value),
    where the run goes, whether lines were asked for instead of the screen, and whether a verdict's
    fix is applied without asking."""

    preset: str | None
    runs_dir: Path
    name: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    plain: bool = False
    auto_fix: bool = False

    def with_preset(self, preset: str) -> "Launch":
        return replace(self, preset=preset)

    def with_settings(self, settings: dict[str, Any]) -> "Launch":
        return replace(self, settings=self.settings | settings)

    def recipe(self) -> Recipe:
        """The recipe with the settings laid over it. Raises UsageError or RecipeError."""
        assert self.preset is not None
        preset = presets.find(self.preset)
        check_names(preset.tree, f"preset {preset.name}")
        origin = f"preset {preset.name}" + (" with your options" if self.settings else "")
        return resolve(override(preset.tree, self.settings), origin)

    def request(self) -> RunRequest:
        """The run to start. Raises UsageError or RecipeError."""
        assert self.preset is not None
        recipe = self.recipe()
        preset = presets.find(self.preset).name
        name = printable(self.name or preset)
        return RunRequest(recipe, preset, name, self.runs_dir, self.auto_fix)
