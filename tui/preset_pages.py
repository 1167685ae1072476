"""`cnntop presets` and `cnntop presets show`."""

import msgspec

from cnntop.core import preset as presets
from cnntop.core.errors import CnntopError
from cnntop.core.network_size import recipe_size
from cnntop.core.recipe import Recipe
from cnntop.core.text import printable
from cnntop.tui.format import columns, network_figures


def listing() -> str:
    """Every preset with one line; a person's own are marked."""
    rows = []
    for name in presets.names():
        try:
            preset = presets.find(name)
            rows.append((printable(name), preset.about + (" (your own)" if preset.own else "")))
        except CnntopError as error:
            rows.append((printable(name), f"cannot be used: {error}"))
    return "\n".join(columns(rows, indent="")) + "\n"


def page(name: str) -> str:
    """A preset's recipe with every key there is, as TOML."""
    preset = presets.find(name)
    recipe = preset.resolve()
    size = recipe_size(recipe)
    figures = [] if size is None else [f"# {network_figures(size)}"]
    lines = [f"# {preset.about}", *figures, *recipe_toml(recipe)]
    return "\n".join(lines) + "\n"


def recipe_toml(recipe: Recipe) -> list[str]:
    """The recipe as lines of TOML, every key of it; one without a value is a comment."""
    lines = []
    for section, values in msgspec.to_builtins(recipe).items():
        lines += ["", f"[{section}]"]
        lines += [
            f"# {key} is not set" if value is None else f"{key} = {presets.toml_value(value)}"
            for key, value in values.items()
        ]
    return lines
