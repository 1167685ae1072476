"""Textual's way to change all that is drawn, here into ASCII."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from cnntop.tui.glyphs import as_ascii


class AsciiFilter(LineFilter):
    """Borders, scroll bars and messages pass here too, as well as names from outside."""

    def apply(self, segments: list[Segment], _background: Color) -> list[Segment]:
        return [
            segment
            if segment.text.isascii()
            else Segment(as_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]
