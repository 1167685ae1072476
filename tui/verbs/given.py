"""The options of a command that lay over a recipe."""

from typing import Any

from cnntop.core.errors import UsageError
from cnntop.core.setting import parse_setting


def settings(given: dict[str, Any], set_options: list[str]) -> dict[str, Any]:
    """ "section.key" -> value, of the options that were `given` (None: not) and each --set.

    Raises UsageError, RecipeError.
    """
    found = {path: value for path, value in given.items() if value is not None}
    for text in set_options:
        path, value = parse_setting(text)
        if path in found:
            raise UsageError(f"{path} is given twice; keep one.")
        found[path] = value
    if found.get("data.dir") == "":
        raise UsageError("--data-dir names no folder.")
    if "data.dir" in found and "data.dataset" not in found:
        found["data.dataset"] = "folder"
    return found
