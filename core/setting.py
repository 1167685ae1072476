"""One `key=value` of the command line as a key of the recipe with a value of the right type."""

from typing import Any, get_args

import msgspec

from cnntop.core.errors import RecipeError
from cnntop.core.recipe import SECTIONS, Data, check_names
from cnntop.core.recipe_check import DATASETS
from cnntop.core.text import nearest, printable

_TRUTHS = {"true": True, "false": False}


def parse_setting(text: str) -> tuple[str, Any]:
    """`"section.key=value"` or `"key=value"` as ("section.key", value of the key's own type).

    Raises RecipeError for text without "=", an unknown key or one that two sections have.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise RecipeError(f"--set {printable(text)}: expected KEY=VALUE, as in data.batch_size=64.")
    path = key_path(name.strip())
    return path, typed_value(path, value.strip())


def key_path(name: str, origin: str = "--set") -> str:
    """ "section.key" of a key, written with its section or without; `origin` opens a complaint.

    Raises RecipeError for an unknown key or one that two sections have.
    """
    if "." in name:
        section, key = name.split(".", 1)
        check_names({section: {key: None}}, origin)
        return name
    homes = [section for section, struct in SECTIONS.items() if name in struct.__struct_fields__]
    if not homes:
        known = [key for struct in SECTIONS.values() for key in struct.__struct_fields__]
        raise RecipeError(f"{origin}: unknown key {printable(name)!r}. {nearest(name, known)}")
    if len(homes) > 1:
        paths = " or ".join(f"{home}.{name}" for home in homes)
        raise RecipeError(f"{origin}: {name} is ambiguous; write {paths}.")
    return f"{homes[0]}.{name}"


def choices(path: str) -> tuple[str, ...]:
    """The words that the value of a "section.key" is one of; none where it is a number, a list or
    any text. The network from code is no choice: a recipe cannot name it."""
    if path == "data.dataset":
        return DATASETS
    kind = _kind(path)
    if kind is bool:
        return tuple(_TRUTHS)
    return tuple(word for word in get_args(kind) if isinstance(word, str) and word != "code")


def may_be_left_out(path: str) -> bool:
    """Whether a "section.key" may have no value."""
    return type(None) in get_args(_kind(path))


def _kind(path: str) -> Any:
    section, key = path.split(".")
    fields = msgspec.structs.fields(SECTIONS[section])
    return next(field.type for field in fields if field.encode_name == key)


def typed_value(path: str, value: str) -> Any:
    """`value` as the type its "section.key" wants, read as TOML would read it; a string where it
    cannot be, so that the complaint comes from `resolve` with all others."""
    kind = _kind(path)
    wanted = set(get_args(kind)) or {kind}
    if kind == Data.__annotations__["augment"]:
        if value.startswith("[") != value.endswith("]"):
            raise RecipeError(f"--set {path}: {printable(value)!r} has a bracket too few.")
        names = value.strip("[]").split(",")
        return [name.strip(" \"'") for name in names if name.strip(" \"'")]
    if bool in wanted and value in _TRUTHS:
        return _TRUTHS[value]
    for number in (int, float):
        if number in wanted:
            try:
                return number(value)
            except ValueError:
                continue
    return value
