"""What the command line asked for, on its way to becoming a run."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnntop.core import preset as presets
from cnntop.core.recipe import Recipe, override, resolve
from cnntop.core.session import RunRequest
from cnntop.core.text import printable


@dataclass(frozen=True)
class Launch:
    """A preset (None: still to be picked), the settings to lay over it ("section.key" -> value),
    and where the run goes."""

    preset: str | None
    runs_dir: Path
    name: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def with_preset(self, preset: str) -> "Launch":
        return replace(self, preset=preset)

    def with_settings(self, **settings: Any) -> "Launch":
        """Settings by section and key joined with two underscores, as in `data__dataset`."""
        changed = {key.replace("__", "."): value for key, value in settings.items()}
        return replace(self, settings=self.settings | changed)

    def recipe(self) -> Recipe:
        """The recipe with the settings laid over it. Raises UsageError or RecipeError."""
        assert self.preset is not None
        preset = presets.find(self.preset)
        origin = f"preset {preset.name}" + (" with your options" if self.settings else "")
        return resolve(override(preset.tree, self.settings), origin)

    def request(self) -> RunRequest:
        """The run to start. Raises UsageError or RecipeError."""
        assert self.preset is not None
        recipe = self.recipe()
        preset = presets.find(self.preset).name
        return RunRequest(recipe, preset, printable(self.name or preset), self.runs_dir)
