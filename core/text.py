"""Text from outside (names, class folders, error messages) made safe to print on a terminal."""

import difflib
import unicodedata
from collections.abc import Iterable


def printable(text: str) -> str:
    """`text` without control, format and line-break characters, each replaced by `?`.

    A folder or run may be named with terminal escapes; printed raw they would move the cursor,
    recolour the screen or worse.
    """
    return "".join("?" if unicodedata.category(c) in _UNSAFE else c for c in text)


_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def defused(text: str) -> str:
    """`text` as a CSV cell that no spreadsheet takes for a formula."""
    if not text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text


def nearest(word: str, choices: Iterable[str]) -> str:
    """A sentence that suggests the choice most like `word`, or lists them all."""
    known = list(choices)
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."
