"""What the terminal shows, cell by cell, so that of a frame only what is new is sent.

Textual sends whole lines of whatever has changed; of a chart that grows, few of their cells have.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from rich.cells import cell_len

_FRAME = re.compile(r"\x1b\[\d+;\d+H")
_PART = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|([^\x1b\n]+)|\n")
"""A move, a style, a text, or the end of a line, which a move always follows. Nothing else is in
the frames of cnntop's screens."""
_PLAIN = ""
_SHORT_GAP = 4
"""As many cells that have not changed are as soon sent again as jumped over."""

Cell = tuple[str, str]
"""A sign and its style, as the numbers of a Select Graphic Rendition (ECMA-48, 8.3.117)."""


class ShownCells:
    """Cells of which it is not known what they show are None, as all are at first."""

    def __init__(self) -> None:
        self._lines: dict[int, list[Cell | None]] = {}
        self._cursor: tuple[int, int] | None = None
        self._unsure_below = 0

    def forget(self, until_lines: int = 0) -> None:
        """The terminal may show anything. Nothing is remembered until a frame of so many lines: of
        those drawn for another size of the terminal nobody knows what it makes of them."""
        self._lines.clear()
        self._cursor = None
        self._unsure_below = until_lines or self._unsure_below

    def news(self, text: str) -> str:
        """What to send for `text` to be shown; all of it, if it is no frame. An empty string if the
        terminal shows it."""
        if not _FRAME.match(text):
            return text
        pieces = _pieces(text)
        if pieces is None:
            self.forget()
            return text
        if len({piece.line for piece in pieces}) >= self._unsure_below:
            self._unsure_below = 0
        pen = _Pen()
        for piece in pieces:
            if piece.cells is None:
                self._lines.pop(piece.line, None)
                pen.send(piece.line, piece.column, piece.text)
            else:
                self._renew(piece.line, piece.column, piece.cells, pen)
        news = self._with_cursor(pen, (pieces[-1].line, pieces[-1].column))
        if self._unsure_below:
            self.forget()
        return news

    def _renew(self, line: int, column: int, cells: list[Cell], pen: "_Pen") -> None:
        shown = self._lines.setdefault(line, [])
        end = column + len(cells)
        shown.extend([None] * (end - len(shown)))
        at = column
        for begin, stop in _changed(shown[column:end], cells):
            pen.draw(line, at + begin, cells[begin:stop])
        shown[column:end] = cells

    def _with_cursor(self, pen: "_Pen", cursor: tuple[int, int]) -> str:
        """Frames end with a move to where the person types."""
        pen.rest()
        if pen.sent or cursor != self._cursor:
            self._cursor = cursor
            pen.move(*cursor)
        return "".join(pen.sent)


class _Piece(NamedTuple):
    """What stands from a place on. `cells` is None where a sign is not one cell wide: terminals
    differ in how wide they show it, so all of it is sent as it is."""

    line: int
    column: int
    text: str
    cells: list[Cell] | None


def _pieces(frame: str) -> list[_Piece] | None:
    """None if there is something in it that is not known."""
    pieces: list[_Piece] = []
    place, begin, at, style = (0, 0), 0, 0, _PLAIN
    cells: list[Cell] = []
    for part in _PART.finditer(frame):
        if part.start() != at:
            return None
        line, column, rendition, text = part.groups()
        if line is not None:
            if at:
                pieces.append(_piece(place, frame[begin:at], cells))
            place, begin, cells = (int(line), int(column)), part.end(), []
        elif rendition is not None:
            if style and rendition not in ("", "0"):
                return None
            style = _PLAIN if rendition == "0" else rendition
        elif text is not None:
            cells.extend(zip(text, repeat(style)))
        at = part.end()
    if at != len(frame) or style:
        return None
    pieces.append(_piece(place, frame[begin:], cells))
    return pieces


def _piece(place: tuple[int, int], text: str, cells: list[Cell]) -> _Piece:
    signs = "".join(sign for sign, _ in cells)
    simple = signs.isascii() and signs.isprintable()
    simple = simple or all(_one_wide(sign) for sign in set(signs))
    return _Piece(*place, text.rstrip("\n"), cells if simple else None)


@lru_cache(maxsize=4096)
def _one_wide(sign: str) -> bool:
    return cell_len(sign) == 1


def _changed(shown: list[Cell | None], cells: list[Cell]) -> Iterator[tuple[int, int]]:
    """From where to where they differ; short gaps are left out."""
    begin = stop = -1
    for at, (old, new) in enumerate(zip(shown, cells, strict=True)):
        if old == new:
            continue
        if begin >= 0 and at - stop > _SHORT_GAP:
            yield begin, stop
            begin = -1
        begin = at if begin < 0 else begin
        stop = at + 1
    if begin >= 0:
        yield begin, stop


class _Pen:
    """Writes cells with as few moves and changes of style as it takes."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self._place: tuple[int, int] | None = None
        self._style = _PLAIN

    def move(self, line: int, column: int) -> None:
        if self._place != (line, column):
            self.sent.append(f"\x1b[{line};{column}H")
            self._place = (line, column)

    def draw(self, line: int, column: int, cells: list[Cell]) -> None:
        self.move(line, column)
        for sign, style in cells:
            if style != self._style:
                self.sent.append(_turn(self._style, style))
                self._style = style
            self.sent.append(sign)
        self._place = (line, column + len(cells))

    def send(self, line: int, column: int, text: str) -> None:
        """What leaves the cursor nobody knows where, and the style plain."""
        self.rest()
        self.move(line, column)
        self.sent.append(text)
        self._place = None

    def rest(self) -> None:
        """What is sent besides frames expects the plain style."""
        if self._style:
            self.sent.append("\x1b[0m")
            self._style = _PLAIN


class _Style(NamedTuple):
    attributes: str
    colour: str
    ground: str


@lru_cache(maxsize=4096)
def _parted(style: str) -> _Style:
    colour, ground, attributes = "39", "49", []
    codes = iter(style.split(";"))
    for code in codes:
        if code in ("38", "48"):  # of 256: 5 and a number; true: 2, red, green, blue
            kind = next(codes)
            numbers = [next(codes) for _ in range(1 if kind == "5" else 3)]
            code = ";".join((code, kind, *numbers))
        if code.startswith(("3", "9")) and code != "9" and len(code) > 1:
            colour = code
        elif code.startswith(("4", "10")) and len(code) > 1:
            ground = code
        else:
            attributes.append(code)
    return _Style(";".join(attributes), colour, ground)


@lru_cache(maxsize=4096)
def _turn(before: str, after: str) -> str:
    """The shortest way from one style to the other."""
    old, new = _parted(before), _parted(after)
    whole = f"\x1b[0;{after}m" if before and after else f"\x1b[{after or 0}m"
    if old.attributes != new.attributes:
        return whole
    if old == new:
        return ""
    colours = [new.colour] * (old.colour != new.colour) + [new.ground] * (old.ground != new.ground)
    return min(whole, f"\x1b[{';'.join(colours)}m", key=len)
