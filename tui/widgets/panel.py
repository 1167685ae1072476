"""Base of the monitor's panels: text made from the run's state, redrawn only when it changed."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
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
    """Subclasses say what they show in `lines`; control characters are cleaned on the way.

    Only lines that changed are drawn anew: the screen shares the interpreter with the training,
    which stands still for as long as a line takes to draw.
    """

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._shown: tuple[RunState, float] | None = None
        self._lines: list[Content] = []
        self._strips: dict[int, Strip] = {}

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        """The panel's lines; a line too long for the frame is cut and ends in a sign of it."""
        raise NotImplementedError

    def show(self, state: RunState, now: float) -> None:
        """Take a new state. Costs a redraw only of what changed, so silence costs nothing."""
        self._shown = (state, now)
        frame = Frame(now, *self.content_size)
        if not frame.width or not frame.height:
            return
        lines = [
            _clean(line).truncate(frame.width, ellipsis=True) for line in self.lines(state, frame)
        ]
        auto_height = self.styles.is_auto_height
        if not auto_height:
            lines = lines[: frame.height]
        before, self._lines = self._lines, lines
        if auto_height and len(lines) != len(before):
            self._strips.clear()
            self.refresh(layout=True)
            return
        changed = [
            y
            for y, (old, new) in enumerate(zip_longest(before, lines))
            if old is None or new is None or not new.is_same(old)
        ]
        for y in changed:
            self._strips.pop(y, None)
        if changed:
            self.refresh(*(Region(0, y, frame.width, 1) for y in changed))

    def on_resize(self, _event: events.Resize) -> None:
        self._strips.clear()
        if self._shown:
            self.show(*self._shown)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def render(self) -> Content:
        return Content("\n").join(self._lines)

    def render_line(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            line = self._lines[y] if y < len(self._lines) else Content()
            (strip,) = Visual.to_strips(self, line, self.content_size.width, 1, self.visual_style)
            self._strips[y] = strip
        return strip


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
