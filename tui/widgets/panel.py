"""Base of the monitor's panels: text made from the run's state, redrawn only when it changed."""

from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.widget import Widget

from cnntop.core.run_state import RunState
from cnntop.core.text import printable

STYLES = {
    "train": "$primary",
    "test": "$accent",
    "wait": "$warning",
    "transfer": "$secondary",
    "compute": "$success",
    "other": "$foreground 50%",
}
"""Colours by meaning, from the theme; never the only carrier of it."""

FAINT = "$foreground 60%"


class Frame(NamedTuple):
    """What a panel draws into: the time on the stream's clock, and its size in cells."""

    now: float
    width: int
    height: int


class Panel(Widget):
    """Subclasses say what they show in `lines`; control characters are cleaned on the way."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._shown: tuple[RunState, float] | None = None
        self._content = Content()

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        """The panel's lines; a line too long for the frame is cut and ends in a sign of it."""
        raise NotImplementedError

    def show(self, state: RunState, now: float) -> None:
        """Take a new state. Costs a redraw only if the text changed, so silence costs nothing."""
        self._shown = (state, now)
        frame = Frame(now, *self.content_size)
        if not frame.width or not frame.height:
            return
        lines = self.lines(state, frame)
        if not self.styles.is_auto_height:
            lines = lines[: frame.height]
        content = Content("\n").join(
            _clean(line).truncate(frame.width, ellipsis=True) for line in lines
        )
        if not content.is_same(self._content):
            self._content = content
            self.refresh(layout=self.styles.is_auto_height)

    def on_resize(self, _event: events.Resize) -> None:
        if self._shown:
            self.show(*self._shown)

    def render(self) -> Content:
        return self._content


def _clean(line: Content) -> Content:
    """`line` without control characters, its styles where they were."""
    text = line.plain
    return line if text.isprintable() else Content(printable(text), list(line.spans))


def spread(left: Content, right: Content, width: int) -> Content:
    """One line with `left` and `right` at its ends; `left` gives way where both do not fit."""
    space = width - right.cell_length
    if space < 2:
        return right.truncate(width, ellipsis=True)
    fitted = left.truncate(space - 1, ellipsis=True)
    return Content.assemble(fitted, " " * (space - fitted.cell_length), right)
