"""Only what a terminal does not show is sent, and it shows what all of it would have shown."""

import random

import pyte
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from cnntop.tui.shown_cells import ShownCells

COLUMNS, LINES = 40, 8
STYLES = [
    Style.null(),
    Style(color="#103010", bgcolor="#313b40"),
    Style(color="#103010", bgcolor="#000000"),
    Style(color="#ff0000", bgcolor="#313b40", bold=True),
    Style(color="color(38)", bgcolor="color(48)", underline=True),
    Style(color="red", bgcolor="bright_green"),
    Style(color="white", reverse=True, strike=True),
    Style(bold=True, italic=True),
    Style(color="default", bgcolor="blue"),
]
SIGNS = "ab ⣿⠁─│▶³"
WIDE = "名 "


def frame(strip: Strip, column: int = 0, line: int = 0) -> str:
    """As Textual draws it, cursor and all."""
    region = Region(column, line, strip.cell_length, 1)
    return LayoutUpdate([[strip]], region).render_segments(Console()) + "\x1b[1;1H"


def plain(text: str, style: Style | None = None) -> Strip:
    return Strip([Segment(text, style)])


class Terminal:
    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.feed = pyte.Stream(self.screen).feed

    def shows(self) -> list[list[pyte.screens.Char]]:
        return [
            [self.screen.buffer[line][column] for column in range(COLUMNS)] for line in range(LINES)
        ]


def drawn(draw: random.Random, signs: str) -> tuple[Strip, int]:
    """Some text in some styles, and its column; often only little differs from the one before."""
    column = draw.randrange(COLUMNS // 2)
    room, segments = COLUMNS - column, []
    while room > 2:
        text = draw.choice(signs) * draw.randrange(1, min(6, room // 2 + 1))
        segments.append(Segment(text, draw.choice(STYLES)))
        room -= segments[-1].cell_length
        if draw.random() < 0.1:
            break
    return Strip(segments), column


@pytest.mark.parametrize("signs", [SIGNS, SIGNS + WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("seed", range(8))
def test_the_terminal_shows_what_all_of_it_would_have_shown(seed: int, signs: str) -> None:
    draw = random.Random(seed)
    whole, less, cells = Terminal(), Terminal(), ShownCells()
    strips = [drawn(draw, signs) for _ in range(5)]
    sent = told = 0
    for turn in range(200):
        if draw.random() < 0.3:
            strips[draw.randrange(5)] = drawn(draw, signs)
        strip, column = draw.choice(strips)
        all_of_it = frame(strip, column, draw.randrange(LINES))
        news = cells.news(all_of_it)
        whole.feed(all_of_it)
        less.feed(news)
        told, sent = told + len(all_of_it), sent + len(news)
        assert less.shows() == whole.shows(), turn
        assert less.screen.cursor.attrs == whole.screen.cursor.attrs
    assert sent < told


def test_what_is_shown_is_not_sent_again() -> None:
    cells = ShownCells()
    picture = frame(plain("loss 2.302", STYLES[1]))
    assert cells.news(picture) == picture
    assert cells.news(picture) == ""
    cells.forget()
    assert cells.news(picture) == picture


def test_one_cell_that_changed_is_all_that_is_sent() -> None:
    cells = ShownCells()
    cells.news(frame(plain("loss 2.302 and more of it", STYLES[1])))
    news = cells.news(frame(plain("loss 2.303 and more of it", STYLES[1])))
    assert news.replace("\x1b[38;2;16;48;16;48;2;49;59;64m", "") == "\x1b[1;10H3\x1b[0m\x1b[1;1H"


def test_only_the_colour_that_changes_is_told() -> None:
    two = Strip([Segment("a", STYLES[1]), Segment("b", STYLES[2])])
    assert "a\x1b[48;2;0;0;0mb" in ShownCells().news(frame(two))


def test_a_cursor_that_moved_is_sent_alone() -> None:
    cells = ShownCells()
    strip = frame(plain("folder: "))
    cells.news(strip)
    assert cells.news(strip.removesuffix("\x1b[1;1H") + "\x1b[1;9H") == "\x1b[1;9H"


@pytest.mark.parametrize("text", ["\x1b[?25l", "\x07", "\x1b]22;default\x07", "\x1b[?2026$p"])
def test_what_is_no_frame_is_sent_as_it_is(text: str) -> None:
    cells = ShownCells()
    assert [cells.news(text), cells.news(text)] == [text, text]


def test_a_frame_for_another_size_is_not_remembered() -> None:
    cells = ShownCells()
    one = frame(plain("one"))
    two = one.removesuffix("\x1b[1;1H") + "\n" + frame(plain("two"), line=1)
    cells.news(two)
    cells.forget(until_lines=2)
    assert [cells.news(one), cells.news(one)] == [one, one], "not all lines of the new size"
    assert cells.news(two).count("\x1b") == two.count("\x1b")
    assert [cells.news(two), cells.news(one)] == ["", ""]


def test_styles_that_are_the_same_by_other_words_are_one() -> None:
    draw = "\x1b[1;1H\x1b[44ma\x1b[0m\x1b[39;44mb\x1b[0m\x1b[1;1H"
    assert ShownCells().news(draw) == "\x1b[1;1H\x1b[44mab\x1b[0m\x1b[1;1H"


@pytest.mark.parametrize(
    "strange",
    ["\x1b[2K", "\x1b]8;;file\x1b\\a\x1b]8;;\x1b\\", "\x1b[31ma\x1b[1mb\x1b[0m", "\x1b[4mb"],
)
def test_a_frame_of_something_else_is_sent_whole_and_all_is_unknown(strange: str) -> None:
    cells = ShownCells()
    known, other = frame(plain("known")), f"\x1b[2;1H{strange}\x1b[1;1H"
    cells.news(known)
    assert cells.news(other) == other
    assert cells.news(known) == known
