"""Every sign that is not ASCII, and what stands for it on a terminal that shows ASCII alone.

Panels write the signs below as they are. Whether the terminal shows them is decided here, and they
are replaced here, on the way out: so whatever is drawn, Textual's own borders and scroll bars
included, cannot miss it.
"""

import re
import unicodedata
from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size

FOCUS_MARK = "┃"
NUMBERS = "¹²³⁴⁵⁶⁷⁸⁹"
"""Of the keys that show and hide panels."""

_PAIRS = (
    # Bars, strips and textures; each kind keeps its order from little to much.
    "▁. ▂: ▃- ▄= ▅+ ▆* ▇% █# ░. ▒: ▓% ━= ─- ═= ╍- "
    # Marks.
    "‖= ≠! ↵< ↕~ »> ↻@ ●* ◌o ○o ◆* ◇o •o ·- ▶> ◀< ▲^ ▼v ■# ❚| ✔+ ✖x ★* ⚑! ⚠! →> ←< ↑^ ↓v "
    # Figures and words.
    "…~ –- —- −- ×x ±~ ≈~ ≤< ≥> °' µu ’' ‘' “\" ”\" ¹1 ²2 ³3 ⁴4 ⁵5 ⁶6 ⁷7 ⁸8 ⁹9 ⁰0 "
    # Borders, scroll bars and edges.
    "│| ┃| ║| ╏| ▌| ▐| ▎| ▍| ▊| ▋| ▉| ▏| ▕| ▔- ▀- "
    "┌+ ┐+ └+ ┘+ ┏+ ┓+ ┗+ ┛+ ╭+ ╮+ ╰+ ╯+ ╔+ ╗+ ╚+ ╝+ ├+ ┤+ ┬+ ┴+ ┼+ ▖+ ▗+ ▘+ ▝+ ▙+ ▛+ ▜+ ▟+"
)
ASCII = {pair[0]: pair[1] for pair in _PAIRS.split()} | {"🔎": "> "}
"""The table: a sign and its stand-in, as wide as itself. Braille and letters follow by rule."""

_UTF_8 = re.compile(r"utf-?8", re.IGNORECASE)
_PLAIN_LOCALES = ("C", "POSIX")
_PLAIN_TERMINALS = ("linux", "vt100", "vt102", "vt220")
"""A console or an old terminal, whose font has no braille."""


def ascii_only(environment: Mapping[str, str]) -> bool:
    """Whether a terminal with these variables takes ASCII alone: as CNNTOP_ASCII says (0 or 1),
    else where the terminal's font or the locale's character set has no more. Where nothing is said
    of a locale, UTF-8 is taken for granted, as Python does."""
    chosen = environment.get("CNNTOP_ASCII", "")
    if chosen:
        return chosen.lower() not in ("0", "no", "false", "off")
    if environment.get("TERM") in _PLAIN_TERMINALS:
        return True
    locale = environment.get("LC_ALL") or _characters(environment)
    return bool(locale) and _UTF_8.search(locale) is None


def _characters(environment: Mapping[str, str]) -> str:
    language, characters = environment.get("LANG", ""), environment.get("LC_CTYPE", "")
    # Python sets LC_CTYPE for itself where it finds the C locale: a person's own word counts.
    set_by_python = characters.upper() in ("C.UTF-8", "C.UTF8", "UTF-8")
    return language if set_by_python and language in _PLAIN_LOCALES else characters or language


def as_ascii(text: str) -> str:
    """`text` with nothing but ASCII in it, as wide as before in cells."""
    if text.isascii():
        return text
    plain = text.translate(_TABLE)
    width = cell_len(text)
    return plain if len(plain) == width else set_cell_size(plain, width)


class _Table(dict[int, str]):
    """Filled as signs come up."""

    def __missing__(self, code: int) -> str:
        stand_in = self[code] = _stand_in(chr(code))
        return stand_in


_TABLE = _Table({ord(sign): plain for sign, plain in ASCII.items()})


def _stand_in(sign: str) -> str:
    if sign.isascii():
        return sign
    if 0x2800 <= ord(sign) < 0x2900:
        return _braille(ord(sign) - 0x2800)
    width = cell_len(sign)
    base = unicodedata.normalize("NFKD", sign)[:1]
    return base if width == 1 and base.isascii() and base.isprintable() else "?" * width


def _braille(dots: int) -> str:
    """The character that looks most like these dots of a cell."""
    left = [row for row, bit in enumerate((0x01, 0x02, 0x04, 0x40)) if dots & bit]
    right = [row for row, bit in enumerate((0x08, 0x10, 0x20, 0x80)) if dots & bit]
    rows = left + right
    if not rows:
        return " "
    if len(rows) >= 6:
        return "#"
    if max(rows) - min(rows) >= 2:
        lean = sum(left) / len(left) - sum(right) / len(right) if left and right else 0.0
        return "/" if lean >= 1 else "\\" if lean <= -1 else "|"
    height = sum(rows) / len(rows)
    return "'" if height < 1 else "-" if height < 2.5 else "." if len(rows) == 1 else "_"
