"""Presets: experiments kept as short TOML files, the built-in ones and a person's own."""

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from cnntop.core.durable import replace_file
from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.explanations import EXPLANATIONS
from cnntop.core.recipe import Recipe, resolve
from cnntop.core.text import natural_order, nearest, printable

_NAME = re.compile(r"[^\W_][\w.+-]{0,59}")


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


def own_folder() -> Path:
    """Where a person's own presets are; there may be no such folder."""
    return config_folder() / "presets"


def require_name(name: str) -> None:
    """Raises UsageError unless a preset of one's own can be saved as `name`: one that is a file's
    name, that a command line can name, and that is none of the built-in ones."""
    if not _NAME.fullmatch(name) or name.endswith(".toml"):
        raise UsageError(
            f"{printable(name)!r} is no name for a preset: 1 to 60 letters, digits, and . _ + - "
            "after the first, without .toml."
        )
    if name in _built_in():
        raise UsageError(f"{name} is built in, and stays as it is; choose another name.")


def is_own(name: str) -> bool:
    """Whether a person's own preset has this name."""
    try:
        return (own_folder() / f"{name}.toml").exists()
    except OSError:  # longer than a file's name can be
        return False


def save(name: str, about: str, recipe: Recipe, replace: bool = False) -> Path:
    """Keep `recipe` as a person's own preset; its file. `about` says in a line what it is.

    Raises UsageError for a name that will not do (see `require_name`), for one that an own preset
    has already unless it is to be replaced, and where the file cannot be written.
    """
    require_name(name)
    if is_own(name) and not replace:
        raise UsageError(f"there is a preset {name} of your own already.")
    file = own_folder() / f"{name}.toml"
    try:
        text = "\n".join([*_lines(about, recipe), ""])
        tomllib.loads(text)
    except (UnicodeEncodeError, tomllib.TOMLDecodeError):
        raise UsageError(
            "data.dir: the folder's name has bytes that are no text, and a preset could not keep "
            "it; give it another name."
        ) from None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, lambda opened: opened.write(text.encode()))
    except OSError as error:
        shown = printable(str(file))
        raise UsageError(f"{shown} cannot be written: {error.strerror or error}.") from None
    return file


def toml_value(value: object) -> str:
    """As TOML has it, of whose text, numbers, truths and lists of text JSON's are."""
    return msgspec.json.encode(value).decode().replace('","', '", "')


def _lines(about: str, recipe: Recipe) -> list[str]:
    """Of a preset's file: each key that has a value, and what it means."""
    lines = [f"# {printable(about)}"]
    for section, values in msgspec.to_builtins(recipe).items():
        lines += ["", f"[{section}]"]
        for key, value in values.items():
            if value is not None:
                meaning = EXPLANATIONS[f"{section}.{key}"]
                lines.append(f"{f'{key} = {toml_value(value)}':<32}  # {meaning}")
    return lines


def _built_in() -> set[str]:
    return {file.name[:-5] for file in _toml(resources.files("cnntop.presets"))}


def _files() -> dict[str, tuple[Traversable, bool]]:
    found = {file.name[:-5]: (file, False) for file in _toml(resources.files("cnntop.presets"))}
    own = own_folder()
    with suppress(OSError):  # nobody may look into it; the built-in ones work all the same
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
