"""Pictures of screens that are kept, and compared with what the screens look like now."""

import difflib
import os
import re
from pathlib import Path

import pytest

UPDATE = os.environ.get("CNNTOP_UPDATE_SNAPSHOTS") == "1"
_UNIQUE = re.compile(r"terminal-\d+")
_LINES_TOLD = 40


def compare(file: Path, seen: str) -> None:
    """Fail unless `seen` is what is kept in `file`; with UPDATE, keep it from now on. What looks
    different is left beside the file, to be looked at."""
    new = file.with_name(f"{file.stem}.new{file.suffix}")
    new.unlink(missing_ok=True)
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(seen, encoding="utf-8")
        return
    kept = file.read_text(encoding="utf-8") if file.is_file() else ""
    if seen == kept:
        return
    new.write_text(seen, encoding="utf-8")
    lines = difflib.unified_diff(kept.splitlines(), seen.splitlines(), "kept", "now", "", "", 1, "")
    told = "\n".join(line[:200] for line in list(lines)[:_LINES_TOLD])
    pytest.fail(
        f"{file.name} looks different now: see {new.name} beside it. `make snapshots` keeps what "
        f"all screens look like now; look through `git diff` then.\n{told}",
        pytrace=False,
    )


def same_each_time(svg: str) -> str:
    """Textual's picture with the same names of its parts each time, one element a line."""
    return _UNIQUE.sub("terminal", svg).replace("><", ">\n<") + "\n"


def names_kept(folder: Path, ending: str) -> set[str]:
    """The files of pictures in `folder`, those left out that only wait to be looked at."""
    return {file.name for file in folder.glob(f"*{ending}") if ".new." not in file.name}
