"""A recipe while a person edits it: every key as text, checked at each change by the recipe's own
checks."""

import re
from typing import Any

import msgspec

from cnntop.core.errors import RecipeError
from cnntop.core.recipe import SECTIONS, Recipe, Tree, override, resolve
from cnntop.core.setting import may_be_left_out, typed_value

_ORIGIN = "recipe"
_NAMED = re.compile(rf"(?:{_ORIGIN}: )?({'|'.join(SECTIONS)})(?:\.(\w+))?: (.*)", re.DOTALL)
_LIMITS = ("train.epochs", "train.time")

PATHS = tuple(
    f"{section}.{key}" for section, struct in SECTIONS.items() for key in struct.__struct_fields__
)
"""Every key of a recipe as "section.key", in order."""


class RecipeDraft:
    """`texts` has each key's value as it is written, "" for none. `original` is what they were."""

    def __init__(self, recipe: Recipe) -> None:
        tree = msgspec.to_builtins(recipe)
        self.original = {
            path: value_text(tree[path.partition(".")[0]][path.partition(".")[2]]) for path in PATHS
        }
        self.texts = dict(self.original)
        self._aside: dict[str, dict[str, str]] = {}
        """By the key whose value took others away, what these were."""

    def set(self, path: str, text: str) -> None:
        """Give a key another text. Keys that cannot stand beside the new value lose theirs, as in
        `override`, and have it back once the key is as it was."""
        before, taken = _tree(self.texts), dict[str, str]()
        self.texts[path] = text
        if text.strip():
            after = override(before, {path: _value(path, text)})
            for key in PATHS:
                if key != path and self.texts[key] and not _has(after, key):
                    taken[key], self.texts[key] = self.texts[key], ""
        if text == self.original[path]:
            for key, earlier in self._aside.pop(path, {}).items():
                self.texts[key] = self.texts[key] or earlier
        elif taken:
            self._aside.setdefault(path, taken)

    def reset(self, path: str) -> None:
        self.set(path, self.original[path])

    @property
    def changed(self) -> list[str]:
        """The keys whose value is another one than it was."""
        return [path for path in PATHS if not _same(path, self.texts[path], self.original[path])]

    @property
    def settings(self) -> dict[str, Any]:
        """What was changed, as a launch lays it over its preset: "section.key" -> value."""
        return {path: _value(path, self.texts[path]) for path in self.changed}

    def recipe(self) -> Recipe:
        """Raises RecipeError that names the first key that is wrong."""
        return resolve(_tree(self.texts), _ORIGIN)

    def errors(self) -> dict[str, str]:
        """What is wrong, by the key to which it is to be told; nothing where all is right."""
        texts, found = dict(self.texts), dict[str, str]()
        while (complaint := _complaint(texts)) is not None:
            keys, words = complaint
            if set(keys) <= found.keys():
                break
            found |= dict.fromkeys(keys, words)
            for key in keys:  # as it was, it may stand in the way of no other complaint
                texts[key] = self.original[key]
        return found


def value_text(value: Any) -> str:
    """A value as a person writes it, and `typed_value` reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def _same(path: str, text: str, other: str) -> bool:
    return text == other or _value(path, text) == _value(path, other)


def _value(path: str, text: str) -> Any:
    text = text.strip()
    if path == "data.augment":
        text = text.strip("[]")
    return None if not text and may_be_left_out(path) else typed_value(path, text)


def _tree(texts: dict[str, str]) -> Tree:
    """Without the keys that have no value."""
    tree: Tree = {section: {} for section in SECTIONS}
    for path, text in texts.items():
        section, key = path.split(".")
        if (value := _value(path, text)) is not None:
            tree[section][key] = value
    return tree


def _has(tree: Tree, path: str) -> bool:
    section, key = path.split(".")
    return tree.get(section, {}).get(key) is not None


def _complaint(texts: dict[str, str]) -> tuple[list[str], str] | None:
    """The first complaint about a recipe: to which keys it is told, and in which words."""
    try:
        resolve(_tree(texts), _ORIGIN)
    except RecipeError as error:
        named = _NAMED.fullmatch(str(error))
        if named is None:
            return [PATHS[0]], str(error)
        section, key, words = named.groups()
        return ([f"{section}.{key}"] if key else list(_LIMITS)), words
    return None
