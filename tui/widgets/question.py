"""A question with its answers, all in one widget.

Textual's own texts and buttons would do, but each widget takes some milliseconds to be styled and
placed, and over a screen that shows through everything is placed several times: a menu of five
would come twice as long after its key.
"""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from cnntop.tui.format import fitted
from cnntop.tui.widgets.too_small import COLUMNS, LINES

_WIDTH, _SHARE = 72, 0.96
"""The most cells of a dialog, and its share of the screen, as in app.tcss."""
_BESIDE, _BESIDE_SMALL, _ABOVE = 6, 4, 4
"""Cells and lines of the dialog around its content; of cells in a window that is too small."""
_BETWEEN = 2
"""Cells between two answers in a line."""
_FAINT = "$foreground 80%"


class _Place(NamedTuple):
    """Where an answer stands below the first one: its line, its first cell and the one after its
    last."""

    line: int
    start: int
    end: int


class Question(Static, can_focus=True):
    """Bold, then the details, then each answer with its key: side by side or, where they do not
    fit, below each other. Arrows and Tab go from one to the next; Enter, Space or the mouse takes
    one. A window that is too small gets neither details nor space."""

    class Answered(Message):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up,shift+tab", "step(-1)", show=False),
        Binding("right,down,tab", "step(1)", show=False),
        Binding("enter,space", "take", show=False),
    ]

    def __init__(
        self, question: str, details: str, answers: Mapping[str, str], screen: Size
    ) -> None:
        super().__init__(classes="dialog", markup=False)
        self._question = question
        self._details = details
        self._keys = list(answers)
        self._texts = [f" {key}  {text} " for key, text in answers.items()]
        self._at = 0
        self._above: list[Content] = []
        self._places: list[_Place] = []
        self._fitted = Size()
        self.fit(screen)

    def fit(self, screen: Size) -> None:
        """Into a dialog on a screen of that size."""
        if screen == self._fitted:
            return
        self._fitted = screen
        small = screen.width < COLUMNS or screen.height < LINES
        beside = _BESIDE_SMALL if small else _BESIDE
        width = max(1, min(_WIDTH, int(screen.width * _SHARE)) - beside)
        self._places = _placed(self._texts, width)
        above = [line.stylize("bold") for line in Content(self._question).wrap(width)]
        if not small:
            room = int(screen.height * _SHARE) - _ABOVE - len(above) - self._places[-1].line - 3
            told = Content(self._details).wrap(width)
            if len(told) > room:
                told = [*told[: max(0, room - 1)], Content("…")]
            above += [Content(), *(line.stylize(_FAINT) for line in told), Content()]
        self._above = above
        self._draw()

    def _draw(self) -> None:
        rows: list[Content] = []
        for number, (text, place) in enumerate(zip(self._texts, self._places, strict=True)):
            style = "bold reverse" if number == self._at else ""
            shown = Content.styled(fitted(text, place.end - place.start), style)
            if place.line < len(rows):
                rows[-1] = Content.assemble(rows[-1], " " * _BETWEEN, shown)
            else:
                rows.append(shown)
        self.update(Content("\n").join([*self._above, *rows]))

    def action_step(self, by: int) -> None:
        self._at = (self._at + by) % len(self._texts)
        self._draw()

    def action_take(self) -> None:
        self.post_message(self.Answered(self._keys[self._at]))

    def on_click(self, event: events.Click) -> None:
        inside = event.get_content_offset(self)
        if inside is None:
            return
        for key, place in zip(self._keys, self._places, strict=True):
            line = len(self._above) + place.line
            if line == inside.y and place.start <= inside.x < place.end:
                event.stop()
                self.post_message(self.Answered(key))


def _placed(texts: list[str], width: int) -> list[_Place]:
    """In lines of so many cells."""
    if sum(len(text) + _BETWEEN for text in texts) - _BETWEEN > width:
        return [_Place(line, 0, min(len(text), width)) for line, text in enumerate(texts)]
    places, start = [], 0
    for text in texts:
        places.append(_Place(0, start, start + len(text)))
        start += len(text) + _BETWEEN
    return places
