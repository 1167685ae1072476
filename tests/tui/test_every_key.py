"""Every key that the help page tells of, pressed in a real terminal beside a run that trains."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from cnntop.tui.glyphs import NUMBERS
from cnntop.tui.keys import CHARTS, MONITOR_KEYS, RUN, SCREEN, VIEW
from tests.tui.place import Place
from tests.tui.terminal_window import TerminalWindow

Sees = str | Callable[[str, str], bool]


class Press(NamedTuple):
    """What the terminal sends for a key. `sees` is what shows that it did something: words (a
    regular expression), or something that is true of the screen before and after it. `back` are
    keys that undo it; words are then to be gone again. `spoilt`: something else writes on the
    terminal before."""

    sends: str
    sees: Sees
    back: str = ""
    spoilt: bool = False


def changed(pattern: str) -> Sees:
    """What matches is not what it was before."""

    def differs(before: str, after: str) -> bool:
        then, now = (re.findall(pattern, text, re.MULTILINE) for text in (before, after))
        return bool(now) and then != now

    return differs


def gone(pattern: str) -> Sees:
    """It was to be seen before, and no more."""
    return lambda before, after: bool(re.search(pattern, before)) and not re.search(pattern, after)


def alone(_before: str, after: str) -> bool:
    """One panel has the whole screen: at most one number is left."""
    return sum(after.count(number) for number in NUMBERS) <= 1


ESCAPE, ENTER, TAB, SHIFT_TAB = "\x1b", "\r", "\t", "\x1b[Z"
LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"
HOME, END, PAGE_UP, PAGE_DOWN = "\x1b[H", "\x1b[F", "\x1b[5~", "\x1b[6~"
_MOMENT = r"step ([\d,]+)  epoch"
"""What every chart says at the cursor begins so."""
_LAYOUT = r"(overview|charts|hardware|log|config)[^│]*\Z"
_SPOILT = "SPOILT"
_POSITION = r"\d+-\d+ of \d+"
"""Of a panel that scrolls."""

WALK = {
    (SCREEN, "question_mark"): Press("?", "pause between two steps", ESCAPE),
    (RUN, "p"): Press("p", "❚❚ paused", "p"),
    (RUN, "f"): Press("f", "Nothing to fix|fixed |being measured"),
    (RUN, "k"): Press("k", "A checkpoint is saved"),
    (RUN, "left_square_bracket"): Press("[", "Learning rate .*from the next step"),
    (RUN, "right_square_bracket"): Press("]", "Learning rate .*from the next step"),
    (RUN, "e"): Press("e", "Train for longer|longer", ESCAPE),
    (VIEW, "v"): Press("v", changed(_LAYOUT)),
    (CHARTS, "g"): Press("g", "ghost", ESCAPE),
    (VIEW, "c"): Press("c", "newest first", ESCAPE),
    (CHARTS, "left"): Press(LEFT, _MOMENT),
    (CHARTS, "shift+left"): Press("\x1b[1;2D", changed(_MOMENT)),
    (CHARTS, "right"): Press(RIGHT, changed(_MOMENT)),
    (CHARTS, "shift+right"): Press("\x1b[1;2C", changed(_MOMENT)),
    (VIEW, "escape"): Press(ESCAPE, gone(_MOMENT)),
    (CHARTS, "plus,equals_sign"): Press("+", "zoomed"),
    # More than once: the run has grown since, and the other key showed half of what it was.
    (CHARTS, "minus"): Press("-" * 8, "whole run"),
    (CHARTS, "home"): Press("++" + HOME, "step 0  epoch"),
    (CHARTS, "end"): Press(END, "follows the end"),
    (CHARTS, "0"): Press("0", "whole run, follows the end"),
    (CHARTS, "x"): Press("x", changed(r"^ +(\w+) [─┬◆┼]")),
    (CHARTS, "l"): Press("l", "log scale", "l"),
    (CHARTS, "m"): Press("m", "light smoothing"),
    **{(VIEW, digit): Press(digit, changed(r"(-\d)[^│]*\Z"), digit) for digit in "123456789"},
    (VIEW, "tab"): Press(TAB, "┃"),
    (VIEW, "shift+tab"): Press(SHIFT_TAB, "┃"),
    (VIEW, "enter"): Press(ENTER, alone, ESCAPE),
    (VIEW, "V"): Press("VV", "config[^│]*\\Z"),
    (VIEW, "down"): Press(DOWN, changed(_POSITION)),
    (VIEW, "up"): Press(UP, changed(_POSITION)),
    (VIEW, "pagedown"): Press(PAGE_DOWN, changed(_POSITION)),
    (VIEW, "pageup"): Press(PAGE_UP, changed(_POSITION)),
    (VIEW, "end"): Press(END, changed(_POSITION)),
    (VIEW, "home"): Press(HOME, changed(_POSITION)),
    (SCREEN, "t"): Press("t", "Theme: "),
    (SCREEN, "w"): Press("w", "Copied to"),
    (SCREEN, "W"): Press("W", lambda _, after: after.count("Copied to") > 1),
    (SCREEN, "ctrl+l"): Press("\x0c", gone(_SPOILT), spoilt=True),
    (SCREEN, "ctrl+p"): Press("\x10", "Search", ESCAPE),
    (RUN, "q"): Press("q", "Stop or leave\\?", ESCAPE),
    (RUN, "ctrl+c"): Press("\x03", "Stop or leave\\?", ESCAPE),
    (RUN, "d"): Press("d", "the screen is closed, training goes on"),
}
"""By the group and the name that the table of keys has for it. In this order: layouts are walked
from the overview to the charts and back to the recipe, and the last key leaves."""


@pytest.fixture
def training(place: Place) -> Iterator[TerminalWindow]:
    with place.window(
        *("run", "--preset", "demo", "--dataset", "shapes", "--kernels", "8"),
        *("--epochs", "1000000", "--device", "cpu"),
    ) as window:
        window.until("a step")
        yield window


def test_all_keys_are_walked() -> None:
    assert {(key.group, key.keys) for key in MONITOR_KEYS} <= set(WALK)


def test_every_key_does_what_can_be_seen(training: TerminalWindow, place: Place) -> None:
    there = {(key.group, key.keys) for key in MONITOR_KEYS}
    for (group, key), press in WALK.items():
        if press.spoilt:
            training.spoil(_SPOILT)
        before = training.rest(0.2)
        digit = key if key.isdigit() and group == VIEW else ""
        if (group, key) not in there or (digit and NUMBERS[int(digit) - 1] not in before):
            continue  # so many panels there are not
        training.keys(press.sends)
        training.until(_seen(press.sees, before))
        if press.back:
            training.keys(press.back)
            training.until(_undone(press.sees, before))
    [folder] = place.run_folders()
    assert {file.suffix for file in folder.glob("screen*")} == {".svg", ".txt"}


def test_two_enters_start_one_run_and_textuals_own_key_asks_before_it_ends(place: Place) -> None:
    with place.window("run", "--dataset", "shapes", "--device", "cpu") as window:
        window.until("pick an experiment")
        window.keys("\r\r")
        window.until("a step")
        window.keys("\x11")
        window.until("Stop or leave?")
        window.keys("s")
        window.until("stopped")
        window.keys("q")
        assert window.end() == 0
    assert len(place.run_folders()) == 1


def test_every_screen_is_drawn_anew(place: Place) -> None:
    with place.window("run") as window:
        window.until("pick an experiment")
        for key, words in (("", "pick an experiment"), ("?", "Esc")):
            window.keys(key)
            window.until(words)
            window.spoil(_SPOILT)
            window.keys("\x0c")
            window.until(lambda text: _SPOILT not in text)


def _seen(sees: Sees, before: str) -> Callable[[str], bool]:
    if isinstance(sees, str):
        return lambda text: re.search(sees, text, re.MULTILINE) is not None
    return lambda text: sees(before, text)


def _undone(sees: Sees, before: str) -> Callable[[str], bool]:
    if isinstance(sees, str):
        return lambda text: re.search(sees, text, re.MULTILINE) is None
    return lambda text: not sees(before, text)
