"""What a person chose on the screen, remembered between runs. A damaged file is told of, never
fatal."""

from pathlib import Path

import msgspec

from cnntop.core.durable import replace_file
from cnntop.core.preset import config_folder
from cnntop.core.text import printable

LARGEST_BYTES = 1 << 16


class Settings(msgspec.Struct, frozen=True):
    """Names as the screen has them; one that it does not know counts as none chosen. `hidden` are
    the panels that were switched off, by layout."""

    theme: str = ""
    layout: str = ""
    hidden: dict[str, tuple[str, ...]] = {}


def settings_file() -> Path:
    """Below the config folder."""
    return config_folder() / "settings.json"


def read_settings() -> tuple[Settings, str]:
    """What was chosen, and what is wrong with the file that should tell it, in one sentence for
    people (empty: nothing). Raises nothing: without a readable file nothing was chosen."""
    path = settings_file()
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return Settings(), ""
    except OSError as error:
        return Settings(), _complaint(path, f"cannot be read: {error.strerror or error}")
    try:
        return msgspec.json.decode(text, type=Settings), ""
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Settings(), _complaint(path, f"is damaged: {error}")


def write_settings(settings: Settings) -> None:
    """Durable. Raises OSError."""
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n"
    replace_file(path, lambda file: file.write(text))


def _complaint(path: Path, what: str) -> str:
    return printable(
        f"Your settings {path} are ignored, because the file {what}. "
        "The next change of layout or theme writes it anew."
    )
