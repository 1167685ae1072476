"""A line of text with two ends, cut to its width."""

from textual import events
from textual.content import Content
from textual.widgets import Static

_LEAST = 8
"""Cells below which the right end says nothing, and is left out."""


class TextLine(Static):
    """Drawn anew only when it says something else. `show` takes clean text, of which what is too
    long goes on in the lines below, where its style gives it some."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name, markup=False)
        self._ends = Content(), Content()
        self._line = Content()

    def show(self, left: Content, right: Content | None = None) -> None:
        """`right` gives way where both do not fit."""
        self._ends = left, right or Content()
        self._fit()

    def on_resize(self, _event: events.Resize) -> None:
        self._fit()

    def _fit(self) -> None:
        width = self.content_size.width
        if not width:
            return
        left, right = self._ends
        line = left.truncate(width * self.content_size.height, ellipsis=True)
        room = width - line.cell_length - 2
        if right.plain and room >= min(_LEAST, right.cell_length):
            right = right.truncate(room, ellipsis=True)
            gap = width - line.cell_length - right.cell_length
            line = Content.assemble(line, " " * gap, right)
        if not line.is_same(self._line):
            self._line = line
            self.update(line, layout=False)
