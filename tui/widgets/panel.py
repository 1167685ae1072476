"""Base of the monitor's panels: text made from the run's state, redrawn only when it changed."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from cnntop.core.run_state import RunState
from cnntop.core.text import printable
from cnntop.tui.glyphs import FOCUS_MARK
from cnntop.tui.widgets.kept import Kept

STYLES = {
    "train": "$primary",
    "test": "$accent",
    "wait": "$warning",
    "transfer": "$secondary",
    "compute": "$success",
    "other": "$foreground 50%",
    "ghost": "$foreground 70%",
}
"""Colours by meaning, from the theme; never the only carrier of it."""

FILL = {"wait": "▒", "transfer": "░", "compute": "█", "other": "▓"}
"""A texture for each part of a step, so that it reads without colour."""
LEVEL_STYLES = {"info": "", "warning": "$warning", "error": "bold $error"}
"""Of notices."""

FAINT = "$foreground 60%"


class Frame(NamedTuple):
    """What a panel draws into: the time on the stream's clock, and its size in cells."""

    now: float
    width: int
    height: int


class Panel(Kept):
    """Subclasses say what they show in `lines`; control characters are cleaned on the way.

    The first cell of a line that leaves it blank belongs to the panel: a bar in it shows that the
    panel has the focus, a small digit which key shows and hides it. Lines for which there is no
    room are counted at the end of the last one, as in "+2".

    Only lines that changed are drawn anew: the screen shares the interpreter with the training,
    which stands still for as long as a line takes to draw.
    """

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._shown: tuple[RunState, float] | None = None
        self._lines: list[Content] = []
        self._strips: dict[int, Strip] = {}
        self._rich_styles: dict[str | Style, RichStyle | None] = {}
        self._number = ""

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        """The panel's lines; a line too long for the frame is cut and ends in a sign of it."""
        raise NotImplementedError

    def wanted_lines(self, _state: RunState) -> int | None:
        """How many lines there are to show, where the panel says it and not the layout."""
        return None

    @property
    def number(self) -> str:
        """The digit that shows and hides the panel, as a small sign; empty for none."""
        return self._number

    @number.setter
    def number(self, sign: str) -> None:
        if sign != self._number:
            self._number = sign
            self._draw_anew()

    def on_focus(self) -> None:
        self._draw_anew()

    def on_blur(self) -> None:
        self._draw_anew()

    def _draw_anew(self) -> None:
        self._strips.clear()
        self.refresh()

    def show(self, state: RunState, now: float) -> None:
        """Take a new state. Costs a redraw only of what changed, so silence costs nothing."""
        self._shown = (state, now)
        frame = Frame(now, *self.content_size)
        if not frame.width or not frame.height:
            return
        auto_height = self.styles.is_auto_height
        told = self.lines(state, frame)
        if not auto_height:
            told = _counted(told, frame)
        lines = [_clean(line).truncate(frame.width, ellipsis=True) for line in told]
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
        self._rich_styles.clear()

    def render(self) -> Content:
        return Content("\n").join(self._lines)

    def render_line(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            line = self._lines[y] if y < len(self._lines) else Content()
            strip = self._strips[y] = self._marked(self._as_strip(line), y)
        return strip

    def _marked(self, strip: Strip, y: int) -> Strip:
        mark = FOCUS_MARK if self.has_focus else self._number if y == 0 else ""
        if not mark or strip.text[:1] != " ":
            return strip
        style = self._style_of("bold $accent" if self.has_focus else FAINT)
        return Strip.join([Strip([Segment(mark, style)], 1), strip.crop(1)])

    def _as_strip(self, line: Content) -> Strip:
        """As Textual would draw it, for a third of the time: the line is whole, and its spans
        follow upon each other."""
        text, segments, at = line.plain, list[Segment](), 0
        for start, end, style in line.spans:
            if start < at:
                return Visual.to_strips(self, line, self.content_size.width, 1, self.visual_style)[
                    0
                ]
            segments.append(Segment(text[at:start], self._style_of("")))
            segments.append(Segment(text[start:end], self._style_of(style)))
            at = end
        segments.append(Segment(text[at:], self._style_of("")))
        drawn = Strip([segment for segment in segments if segment.text], line.cell_length)
        return drawn.adjust_cell_length(self.content_size.width, self._style_of(""))

    def _style_of(self, style: str | Style) -> RichStyle | None:
        if style not in self._rich_styles:
            sample = Content.styled("x", style)
            (strip,) = Visual.to_strips(self, sample, 1, 1, self.visual_style)
            self._rich_styles[style] = next(iter(strip)).style
        return self._rich_styles[style]


def _counted(lines: Sequence[Content], frame: Frame) -> Sequence[Content]:
    """As many as there is room for, with the number of those that are missing."""
    missing = len(lines) - frame.height
    if missing <= 0:
        return lines
    last = spread(lines[frame.height - 1], Content.styled(f"+{missing}", FAINT), frame.width)
    return [*lines[: frame.height - 1], last]


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
