"""The screen as it is now, in a file: as a picture or as text."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.app import App

from cnntop.core.durable import replace_file


def as_picture(app: App[Any]) -> str:
    """SVG, in colour; whatever the terminal shows of it."""
    return app.export_screenshot()


def as_text(app: App[Any]) -> str:
    """Line by line, without the blanks at their ends."""
    # Textual has no public way to the lines; its own pictures are made from the same.
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


def write_copy(text: str, ending: str, folders: list[Path]) -> Path:
    """Put `text` into a new file in the first of `folders` that takes it; returns its path.
    Raises OSError where none does."""
    assert folders
    at = datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%d-%H%M%S")
    failure: OSError | None = None
    for folder in folders:
        path = _free(folder, f"screen-{at}", ending)
        try:
            replace_file(path, lambda file: file.write(text.encode()))
        except OSError as error:
            failure = failure or error
        else:
            return path
    assert failure is not None
    raise failure


def _free(folder: Path, stem: str, ending: str) -> Path:
    """A name that no file has; there may be two copies in a second."""
    path, number = folder / f"{stem}.{ending}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.{ending}", number + 1
    return path
