"""Text from outside (names, class folders, error messages) made safe to print on a terminal."""

import difflib
import re
import unicodedata
from collections.abc import Iterable


def printable(text: str) -> str:
    """`text` without control, format and line-break characters, each replaced by `?`.

    A folder or run may be named with terminal escapes; printed raw they would move the cursor,
    recolour the screen or worse.
    """
    if text.isprintable():  # nearly all there is; a hundred times as fast as looking at each
        return text
    return "".join("?" if unicodedata.category(c) in _UNSAFE else c for c in text)


_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def defused(text: str) -> str:
    """`text` as a cell of a CSV file: behind a quote where a spreadsheet would take it for a
    formula, which can send away what else is in the sheet. `fused` takes the quote off."""
    if not text.startswith(("=", "+", "-", "@", "\t", "\r", "'")) or _is_number(text):
        return text
    return "'" + text


def fused(cell: str) -> str:
    """The text that `defused` made `cell` of."""
    return cell.removeprefix("'")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_MOST_LISTED = 40


def nearest(word: str, choices: Iterable[str]) -> str:
    """A sentence that suggests the choice most like `word`, or lists them all, or the likest of
    very many."""
    known = list(choices)
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if len(known) <= _MOST_LISTED:
        return f"Known: {', '.join(known)}."
    likest = difflib.get_close_matches(word.lower(), known, n=5, cutoff=0.0)
    return f"Known are {len(known)}, among them {', '.join(likest)}."


def natural_order(name: str) -> list[str | int]:
    """Sort key that puts shallow8 before shallow16."""
    parts = re.split(r"(\d{1,18})", name)
    return [int(part) if part.isdecimal() else part for part in parts]
