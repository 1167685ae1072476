"""Widgets whose lines are kept until there is something to refresh."""

from typing import Self

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Kept(Widget):
    """Spares the asking for lines that cannot have changed. As a base it comes last: Textual takes
    a widget's style from the first one.

    Whenever one widget of a screen changes, Textual asks all of them for all of their lines, and
    makes them anew from what it has kept of each: a third of what it takes to draw one line.
    """

    _rendered: tuple[Region, list[Strip]] | None = None

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        self._rendered = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        self._rendered = None
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._rendered is None or self._rendered[0] != crop:
            self._rendered = crop, super().render_lines(crop)
        return self._rendered[1]
