"""What a sweep is to run, as data: a preset, the grid laid over it, how many seeds."""

import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.preset import config_folder
from cnntop.core.preset import find as find_preset
from cnntop.core.recipe import Recipe, Tree, check_names, override, resolve
from cnntop.core.setting import key_path, parse_setting
from cnntop.core.text import nearest, printable

MOST_RUNS = 10_000
NOTHING = "none"
"""How an empty list of augmentations is written where lists are joined by `+`."""
_SWEEP_KEYS = {"preset": str, "seeds": int, "halving": int}


class Definition(msgspec.Struct, frozen=True):
    """A sweep. Two that are equal are the same sweep, whichever command or file they came from.

    `tree` is the preset with all that holds at every point laid over it, `grid` has the values of
    each axis by the recipe's key ("section.key"), `halving` is by how many a rung divides the
    points that go on, None where all go to the end.
    """

    name: str
    preset: str
    tree: Tree
    grid: dict[str, list[Any]]
    seeds: int
    halving: int | None = None

    @property
    def axes(self) -> list[str]:
        """The grid's keys in short: `kernels`, `batch_size`."""
        return [axis(path) for path in self.grid]

    @property
    def cells(self) -> list[str]:
        """The grid's points without their seeds, as `cell_label` writes them, in order."""
        return [cell_label(values) for values in self._combinations()]

    def points(self) -> list["Point"]:
        """Every run of the sweep, in the order they are begun in: all of the grid with the first
        seed, then with the next."""
        base = self.tree.get("train", {}).get("seed", 0)
        pairs = itertools.product(range(base, base + self.seeds), self._combinations())
        return [Point(self, number, values, seed) for number, (seed, values) in enumerate(pairs, 1)]

    def _combinations(self) -> list[dict[str, Any]]:
        return [
            dict(zip(self.grid, values, strict=True))
            for values in itertools.product(*self.grid.values())
        ]


@dataclass(frozen=True)
class Point:
    """One run of a sweep; `number` counts from 1, `values` are those of its place in the grid."""

    definition: Definition
    number: int
    values: dict[str, Any]
    seed: int

    @property
    def settings(self) -> dict[str, Any]:
        """What is laid over the sweep's tree: "section.key" -> value."""
        return self.values | {"train.seed": self.seed}

    @property
    def cell(self) -> str:
        return cell_label(self.values)

    @property
    def label(self) -> str:
        return f"{self.cell} seed={self.seed}".strip()

    @property
    def run_name(self) -> str:
        parts = [f"{axis(path)}{value_text(value)}" for path, value in self.values.items()]
        return "-".join([self.definition.name, *parts, f"seed{self.seed}"])

    def recipe(self) -> Recipe:
        """Raises RecipeError that names the point."""
        tree = override(self.definition.tree, self.settings)
        return resolve(tree, f"{self.definition.preset} at {self.label}")


def cell_label(values: dict[str, Any]) -> str:
    """A point of the grid in a few words: `kernels=8 batch_size=32`."""
    return " ".join(f"{axis(path)}={value_text(value)}" for path, value in values.items())


def axis(path: str) -> str:
    """A key of the recipe in short: `kernels`; the name of a model is the model."""
    return "model" if path == "model.name" else path.partition(".")[2]


def value_text(value: Any) -> str:
    """A value as labels and names have it."""
    if isinstance(value, list):
        return "+".join(map(str, value)) or NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    return printable(f"{value:g}" if isinstance(value, float) else str(value))


@dataclass(frozen=True)
class Draft:
    """A sweep as a file or the command line has it, not yet checked. None: not given."""

    name: str | None = None
    preset: str | None = None
    grid: dict[str, list[Any]] | None = None
    settings: dict[str, Any] | None = None
    seeds: int | None = None
    halving: int | None = None

    def under(self, over: "Draft") -> "Draft":
        """With all that `over` gives in place of one's own; its axes and settings key by key."""
        return Draft(
            over.name or self.name,
            over.preset or self.preset,
            {**(self.grid or {}), **(over.grid or {})},
            _laid_over(self.settings or {}, over.settings or {}),
            self.seeds if over.seeds is None else over.seeds,
            self.halving if over.halving is None else over.halving,
        )

    def definition(self) -> Definition:
        """Checked, with every point's recipe. Raises UsageError, RecipeError."""
        if self.preset is None:
            raise UsageError(
                "no preset to sweep over. Add --preset NAME (`cnntop presets` lists them), or give "
                "a sweep's name or FILE.toml; `cnntop sweep` lists the built-in ones."
            )
        preset = find_preset(self.preset)
        check_names(preset.tree, f"preset {preset.name}")
        grid = self.grid or {}
        if "train.seed" in grid:
            raise UsageError("the grid has no seeds in it: give their number with --seeds.")
        settings = {key: v for key, v in (self.settings or {}).items() if key not in grid}
        tree = _placed(override(preset.tree, settings))
        name = printable(self.name or preset.name)
        seeds = 1 if self.seeds is None else self.seeds
        made = Definition(name, preset.name, tree, grid, seeds, self.halving)
        _check(made)
        return made


def _laid_over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Of two limits of a run, the one on top."""
    limits = {"train.epochs", "train.time"}
    hidden = limits if limits & over.keys() else set()
    return {key: value for key, value in under.items() if key not in hidden} | over


def _placed(tree: Tree) -> Tree:
    """With the folder of images as it is called from anywhere."""
    folder = tree.get("data", {}).get("dir")
    if not isinstance(folder, str):
        return tree
    absolute = str(Path(folder).expanduser().absolute())
    try:
        absolute.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"data.dir: {printable(absolute)} has bytes in its name that are no text, and a sweep "
            "could not write it down; give it another name."
        ) from None
    return tree | {"data": tree["data"] | {"dir": absolute}}


def _check(sweep: Definition) -> None:
    if sweep.seeds < 1:
        raise UsageError(f"seeds: {sweep.seeds} is too small; the least is 1.")
    count = sweep.seeds
    for path, values in sweep.grid.items():
        texts = [value_text(value) for value in values]
        if not values:
            raise UsageError(f"grid {path}: no values.")
        if len(set(texts)) < len(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            raise UsageError(f"grid {path}: {twice} is there twice.")
        count *= len(values)
    if count > MOST_RUNS:
        raise UsageError(f"{count:,} runs are too many for one sweep; the most is {MOST_RUNS:,}.")
    recipes = [point.recipe() for point in sweep.points()]
    if sweep.halving is not None:
        if sweep.halving < 2:
            raise UsageError(f"halving: {sweep.halving} is too small; the least is 2.")
        if any(recipe.train.epochs is None for recipe in recipes) or "train.epochs" in sweep.grid:
            raise UsageError(
                "halving needs one number of epochs for all points: give --epochs N, and no "
                "epochs or time in the grid."
            )


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """`"kernels=8,16"` as ("model.kernels", [8, 16]); lists of augmentations are written
    `augment=crop+hflip,none`. Raises RecipeError."""
    name, equals, values = text.partition("=")
    if not equals:
        raise RecipeError(f"--grid {printable(text)}: expected KEY=A,B,C, as in kernels=8,16,32.")
    path = key_path(name.strip(), "--grid")
    return path, [_value(path, one.strip()) for one in values.split(",") if one.strip()]


def _value(path: str, text: str) -> Any:
    if path == "data.augment":
        text = "" if text == NOTHING else text.replace("+", ",")
    return parse_setting(f"{path}={text}")[1]


def names() -> list[str]:
    """The sweeps there are by name: the built-in ones and a person's own."""
    return sorted(_files())


def about(name: str) -> str:
    """The first comment line of a sweep's file."""
    first = _files()[name].read_text(encoding="utf-8").partition("\n")[0]
    return printable(first.lstrip("# ").strip()) if first.startswith("#") else ""


def read_draft(name_or_file: str) -> Draft:
    """The sweep of that name, or in that file (a path that ends in .toml). A person's own, in
    `sweeps/` of the config folder, goes before a built-in one. Raises UsageError, RecipeError."""
    if name_or_file.endswith(".toml"):
        file: Traversable = Path(name_or_file).expanduser()
        name = Path(name_or_file).stem
        if not file.is_file():
            raise UsageError(f"sweep file {printable(name_or_file)} does not exist.")
    else:
        files, name = _files(), name_or_file
        if name not in files:
            raise UsageError(
                f"unknown sweep {printable(name)!r}. {nearest(name, files)} "
                "`cnntop sweep` lists them; a file's name ends in .toml."
            )
        file = files[name]
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"sweep {printable(name)}: cannot read it: {error}.") from None
    return _draft(name, tree)


def _files() -> dict[str, Traversable]:
    found = {file.name[:-5]: file for file in _toml(resources.files("cnntop.presets") / "sweeps")}
    own = config_folder() / "sweeps"
    return found | {file.name[:-5]: file for file in _toml(own)} if own.is_dir() else found


def _toml(folder: Traversable) -> Iterator[Traversable]:
    return (file for file in folder.iterdir() if file.name.endswith(".toml") and file.is_file())


def _draft(name: str, tree: dict[str, Any]) -> Draft:
    origin = f"sweep {printable(name)}"
    for section, values in tree.items():
        if section not in ("sweep", "grid", "set"):
            hint = nearest(section, ("sweep", "grid", "set"))
            raise RecipeError(f"{origin}: unknown section [{printable(section)}]. {hint}")
        if not isinstance(values, dict):
            raise RecipeError(f"{origin}: {section} must be a section: write [{section}].")
    head = tree.get("sweep", {})
    for key, value in head.items():
        if key not in _SWEEP_KEYS:
            hint = nearest(key, _SWEEP_KEYS)
            raise RecipeError(f"{origin}: unknown key sweep.{printable(key)}. {hint}")
        if type(value) is not _SWEEP_KEYS[key]:
            wanted = "text in quotes" if _SWEEP_KEYS[key] is str else "a whole number"
            raise RecipeError(f"{origin}: sweep.{key}: expected {wanted}.")
    grid = {}
    for key, values in _flat(tree.get("grid", {})).items():
        path = key_path(key, f"{origin}: [grid]")
        if not isinstance(values, list):
            raise RecipeError(f"{origin}: grid {path}: expected a list of values, as in [8, 16].")
        grid[path] = values
    settings = {
        key_path(key, f"{origin}: [set]"): value
        for key, value in _flat(tree.get("set", {})).items()
    }
    return Draft(name, head.get("preset"), grid, settings, head.get("seeds"), head.get("halving"))


def _flat(tree: dict[str, Any]) -> dict[str, Any]:
    """`data.batch_size = [8]` is a table in a table to TOML; both ways to write a key count."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": one for inner, one in value.items()}
        else:
            flat[key] = value
    return flat
