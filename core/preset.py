"""Presets: experiments kept as short TOML files, the built-in ones and a person's own."""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import platformdirs

from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.recipe import Recipe, resolve
from cnntop.core.text import natural_order, nearest, printable


@dataclass(frozen=True)
class Preset:
    """`about` is the file's first comment line; `tree` its sections and keys, not yet checked."""

    name: str
    about: str
    tree: dict[str, Any]
    own: bool = False

    def resolve(self) -> Recipe:
        """The preset's recipe. Raises RecipeError naming the preset and the key."""
        return resolve(self.tree, f"preset {self.name}")


def config_folder() -> Path:
    """Where a person's own things are: $CNNTOP_CONFIG, else the user's config folder."""
    chosen = os.environ.get("CNNTOP_CONFIG")
    return Path(chosen) if chosen else Path(platformdirs.user_config_dir("cnntop"))


def names() -> list[str]:
    """Names of all presets, in the order people read numbers in; no file is opened for it."""
    return sorted(_files(), key=natural_order)


def find(name_or_file: str) -> Preset:
    """The preset of that name, or read from that file (a path that ends in .toml).

    A person's own preset goes before a built-in one of the same name. Raises UsageError if there
    is none, RecipeError if it is not TOML.
    """
    if name_or_file.endswith(".toml"):
        path = Path(name_or_file).expanduser()
        if not path.is_file():
            raise UsageError(
                f"preset file {printable(name_or_file)} does not exist. "
                "Give a file, or a name from `cnntop presets`."
            )
        return _read(path.stem, path, own=True)
    files = _files()
    if name_or_file not in files:
        raise UsageError(
            f"unknown preset {printable(name_or_file)!r}. {nearest(name_or_file, names())} "
            "`cnntop presets` lists them all."
        )
    file, own = files[name_or_file]
    return _read(name_or_file, file, own)


def _files() -> dict[str, tuple[Traversable, bool]]:
    found = {file.name[:-5]: (file, False) for file in _toml(resources.files("cnntop.presets"))}
    own = config_folder() / "presets"
    if own.is_dir():
        found |= {file.name[:-5]: (file, True) for file in _toml(own)}
    return found


def _toml(folder: Traversable) -> Iterator[Traversable]:
    return (file for file in folder.iterdir() if file.name.endswith(".toml") and file.is_file())


def _read(name: str, file: Traversable, own: bool) -> Preset:
    try:
        text = file.read_text(encoding="utf-8")
        tree = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"preset {printable(name)}: cannot read it: {error}.") from None
    first = text.lstrip().partition("\n")[0]
    about = first.lstrip("# ").strip() if first.startswith("#") else ""
    return Preset(printable(name), printable(about), tree, own)
