"""What the picker lists: every preset with the launch's settings laid over it, and the filter."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnntop.core import preset as presets
from cnntop.core.errors import CnntopError
from cnntop.core.recipe import Recipe
from cnntop.tui.launch import Launch


@dataclass(frozen=True)
class Choice:
    """A preset. `recipe` is None where `error` says why it cannot be used; `words` is all that
    the filter looks through, in small letters."""

    name: str
    own: bool
    about: str
    recipe: Recipe | None
    error: str
    words: str


def choices(launch: Launch) -> list[Choice]:
    """A person's own first, each group in the order people read numbers in."""
    found = [_choice(name, launch) for name in presets.names()]
    return sorted(found, key=lambda choice: not choice.own)


def matching(listed: Sequence[Choice], text: str) -> list[Choice]:
    """Those of which every word of `text` is found somewhere; first the one of that very name,
    then those whose name begins so."""
    text = text.casefold().strip()
    words = text.split()
    found = [choice for choice in listed if all(word in choice.words for word in words)]
    if not words:
        return found
    return sorted(found, key=lambda choice: _rank(choice.name.casefold(), text))


def _rank(name: str, text: str) -> int:
    return 0 if name == text else 1 if name.startswith(text) else 2 if text in name else 3


def _choice(name: str, launch: Launch) -> Choice:
    own, about = presets.is_own(name), ""
    recipe, error = None, ""
    words = [name, "own" if own else ""]
    try:
        about = presets.find(name).about
        recipe = launch.with_preset(name).recipe()
        words += [recipe.model.label, recipe.data.dataset]
    except CnntopError as problem:
        error = str(problem)
    return Choice(name, own, about, recipe, error, " ".join([*words, about]).casefold())
