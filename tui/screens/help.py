"""Keys, and what the figures and signs mean."""

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cnntop.tui.dialog import Dialog
from cnntop.tui.keys import MONITOR_KEYS, Key, key_lines

_ABOUT = """\
Where each step's time goes
  ▒ wait      the network stands still for its next batch (exposed
              wait); hidden wait is preparing batches meanwhile
  ░ transfer  moving the batch to the device
  █ compute   forward, backward and optimiser
  ▓ other     sums, log, checkpoints, evaluation
  "now" is about the last ten seconds, "run" the whole run.

Charts, all on one time axis
  ━ train     mean over each stretch of steps, as augmented
  • test      the whole test set, after each epoch
  faint       around a curve: the least and the most of each stretch

On the axis
  ◆ checkpoint   ‖ pause   ▲ fix    ↕ rate   » more planned
  ↻ resumed in another process      ✖ NaN    ■ end

Signs
  ◌ preparing   ● at work   ❚❚ paused
  ■ stopped     ✔ finished  ✖ failed
  ▶           the verdict: what holds the run back, and what to do
  ┃           this panel has the focus
  …           a line is cut here
  +2          so many more lines: Enter shows the panel whole;
              beside the layout's name: so many panels have no room
  -1          beside the layout's name: so many are switched off
  slow line   the terminal does not keep up: it is drawn less often

What was not measured shows as –, never as 0.
"""


def page(keys: Sequence[Key]) -> str:
    """The help of a screen with these keys."""
    return "\n".join([*key_lines(keys), "", _ABOUT])


TEXT = page(MONITOR_KEYS)
_WIDTH, _SHARE = 80, 0.96
"""The most cells of the dialog, and its share of the screen, as in app.tcss."""
_LEAST = 20
"""Cells of text, of which a window that is too small cuts some off."""
_AROUND = 8
"""Its cells beside the text: border, space and scroll bar."""


class HelpScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,ctrl+c", "dismiss(None)", "Close")
    ]

    def __init__(self, text: str = TEXT) -> None:
        super().__init__()
        self._page = _Page(text)

    def compose(self) -> ComposeResult:
        self._page.fit(self.app.size.width)
        yield self._page

    def on_resize(self, event: events.Resize) -> None:
        self._page.fit(event.size.width)


class _Page(ScrollView):
    """Draws the lines that are to be seen. A text in a container that scrolls is drawn whole, and
    again once there is a scroll bar: the help would come twice as long after its key."""

    def __init__(self, text: str) -> None:
        super().__init__(classes="dialog help")
        self._text = text
        self._width = 0
        self._lines: list[str] = []
        self._style = Style.null()

    def fit(self, screen_width: int) -> None:
        """Into a dialog on a screen of so many cells."""
        width = _room(screen_width)
        if width == self._width:
            return
        self._width = width
        self._lines = fitted_page(self._text, width).splitlines()
        self.virtual_size = Size(width, len(self._lines))

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # which Textual works out anew each time it is asked
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        line = self._lines[at] if at < len(self._lines) else ""
        return Strip([Segment(line, self._style)]).adjust_cell_length(self.size.width, self._style)


def _room(width: int) -> int:
    """Cells for the text on a screen of so many."""
    return max(_LEAST, min(_WIDTH, int(width * _SHARE)) - _AROUND)


def fitted_page(text: str, width: int) -> str:
    """The page in lines of at most `width`, what is said of a key or sign in a column of its own.
    One that fits is left as it is."""
    if all(len(line) <= width for line in text.splitlines()):
        return text
    return "\n\n".join("\n".join(_fitted(part, width)) for part in text.split("\n\n"))


def _fitted(part: str, width: int) -> Iterator[str]:
    gaps = re.search(r"^( +\S.*?  +)(?=\S)", part, re.MULTILINE)
    column = gaps.end() - gaps.start() if gaps else 0
    whole: list[str] = []
    for line in part.splitlines():
        if column and whole and line[:column].isspace():
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line)
    for line in whole:
        indent = " " * (column if line.startswith(" ") else 0)
        yield from wrap(line, width, subsequent_indent=indent, drop_whitespace=True) or [""]
