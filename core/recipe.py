"""The experiment as data: sections and keys, read from presets and options, checked by name.

A recipe that comes out of this module is complete and consistent; whatever is wrong with one is
said in a `RecipeError` that names the key and suggests the nearest right word.
"""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec

from cnntop.core.errors import RecipeError
from cnntop.core.recipe_check import check
from cnntop.core.sections import (
    SECTIONS,
    SIZE_KEYS,
    Augmentation,
    AugmentOn,
    CropBorder,
    Data,
    Machine,
    Model,
    Recipe,
    Schedule,
    Section,
    Train,
    Tree,
    parse_duration,
)
from cnntop.core.text import nearest, printable

__all__ = [
    "SECTIONS", "AugmentOn", "CropBorder", "Data", "Machine", "Model", "Recipe", "Schedule",
    "Section", "Train", "Tree", "check_names", "enlarged", "from_code", "override",
    "parse_duration", "resolve",
]  # fmt: skip

_TYPE_WORDS = {
    "str": "text in quotes",
    "str | null": "text in quotes",
    "int": "a whole number",
    "int | null": "a whole number",
    "float": "a number",
    "float | null": "a number",
    "array": "a list",
    "bool": "true or false",
    "object": "a section",
    "date": "a date",
    "datetime": "a date",
    "time": "a time of day",
}
_DEFAULT_KERNELS = {"shallow": 32, "speednet": 64}
_DEFAULT_DEPTH = 18
_ENLARGED_BATCH, _MOST_ENLARGED = 128, 4


def resolve(tree: dict[str, Any], origin: str) -> Recipe:
    """The checked recipe of `tree`; `origin` (a preset's name or file) opens every complaint.

    Raises RecipeError for an unknown section or key, a wrong type, a value out of its range, or
    keys that contradict each other.
    """
    check_names(tree, origin)
    try:
        recipe = msgspec.convert(tree, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(f"{origin}: {_explain(error, tree)}") from None
    try:
        check(recipe)
        return _filled(recipe)
    except RecipeError as error:
        raise RecipeError(f"{origin}: {error}") from None


def override(tree: Tree, settings: dict[str, Any]) -> Tree:
    """`tree` with `settings` ("section.key" -> value) laid over it. `tree` is not changed.

    Setting one of `train.epochs` and `train.time` takes the other away, a new dataset the folder
    of the old one, and a new model's name the size that only the old one had.
    """
    result = {section: dict(values) for section, values in tree.items()}
    for path, value in settings.items():
        section, key = path.split(".")
        result.setdefault(section, {})[key] = value
    if "train.epochs" in settings and "train.time" not in settings:
        result["train"].pop("time", None)
    if "train.time" in settings and "train.epochs" not in settings:
        result["train"].pop("epochs", None)
    if "data.dataset" in settings and "data.dir" not in settings:
        result["data"].pop("dir", None)
    earlier = tree.get("model", {}).get("name", Model().name)
    if settings.get("model.name", earlier) != earlier:
        for key in set(SIZE_KEYS.values()) - {path.removeprefix("model.") for path in settings}:
            result["model"].pop(key, None)
    return result


def from_code(recipe: Recipe, named: str) -> Recipe:
    """`recipe` with the network that the person's code makes instead of its own. `named` is what
    the command line has for it.

    `resolve` refuses such a recipe, so that a preset, which is data, can never bring in code.
    """
    return msgspec.structs.replace(recipe, model=Model(name="code", architecture=named))


def enlarged(recipe: Recipe) -> Recipe:
    """What "max" makes of a recipe: batches of up to 128, four times as large at most, and a rate
    that grows in proportion (the linear scaling rule of Goyal et al., arXiv:1706.02677).

    Small batches leave most of a machine idle. A recipe is enlarged once, when a new run is asked
    for; the run's own recipe has the larger batch.
    """
    data, train = recipe.data, recipe.train
    factor = min(_MOST_ENLARGED, max(1, _ENLARGED_BATCH // data.batch_size))
    if recipe.machine.speed != "max" or factor == 1:
        return recipe
    data = msgspec.structs.replace(data, batch_size=data.batch_size * factor)
    train = msgspec.structs.replace(train, lr=train.lr * factor)
    return msgspec.structs.replace(recipe, data=data, train=train)


def check_names(tree: dict[str, Any], origin: str) -> None:
    """Raises RecipeError for a section or key that there is none of."""
    for section, values in tree.items():
        if section not in SECTIONS:
            homes = [
                name for name, struct in SECTIONS.items() if section in struct.__struct_fields__
            ]
            hint = f"The key is {homes[0]}.{section}." if homes else nearest(section, SECTIONS)
            raise RecipeError(f"{origin}: unknown section [{printable(section)}]. {hint}")
        if not isinstance(values, dict):
            raise RecipeError(f"{origin}: {section} must be a section: write [{section}].")
        known = SECTIONS[section].__struct_fields__
        for key in values:
            if key not in known:
                hint = nearest(key, known)
                raise RecipeError(f"{origin}: unknown key {section}.{printable(key)}. {hint}")


def _explain(error: msgspec.ValidationError, tree: Tree) -> str:
    """msgspec's complaint in a person's words, with the key's path and the value given."""
    complaint, _, path = str(error).partition(" - at `$.")
    path = path.rstrip("`")
    section, _, key = re.sub(r"\[.*", "", path).partition(".")
    value = tree.get(section, {}).get(key)
    choices = _choices(section, key)
    if choices and complaint.startswith("Invalid enum value"):
        given = complaint.removeprefix("Invalid enum value ").strip("'")
        return f"{section}.{key}: {printable(given)!r} is unknown. {nearest(given, choices)}"
    given = printable(_as_written(value))
    for type_name, word in _TYPE_WORDS.items():
        complaint = complaint.replace(f"`{type_name}`", word)
    return f"{section}.{key}: {complaint[0].lower()}{complaint[1:]} ({given} was given)."


def _as_written(value: Any) -> str:
    """A TOML value roughly as its file has it."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(section: str, key: str) -> list[str]:
    if section not in SECTIONS or key not in SECTIONS[section].__struct_fields__:
        return []
    if key == "augment":
        return list(get_args(Augmentation))
    hint = SECTIONS[section].__annotations__[key]
    return [choice for choice in get_args(hint) if isinstance(choice, str)]


def _filled(recipe: Recipe) -> Recipe:
    """`recipe` with the model's own size filled in and the folder made absolute."""
    model, data = recipe.model, recipe.data
    if model.name in _DEFAULT_KERNELS and model.kernels is None:
        model = msgspec.structs.replace(model, kernels=_DEFAULT_KERNELS[model.name])
    if model.name == "resnet" and model.depth is None:
        model = msgspec.structs.replace(model, depth=_DEFAULT_DEPTH)
    if data.dir is not None:
        data = msgspec.structs.replace(data, dir=str(Path(data.dir).expanduser().absolute()))
    augment = tuple(name for name in get_args(Augmentation) if name in data.augment)
    data = msgspec.structs.replace(data, augment=augment)
    return msgspec.structs.replace(recipe, model=model, data=data)
