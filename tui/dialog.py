"""Screens that a key closes, and those of them that lie over the one below."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.await_complete import AwaitComplete
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen, Screen, ScreenResultType


class DismissedOnce:
    """For screens: a second key right behind the one that closes a screen must not close the one
    below. Textual's `dismiss` closes whatever is on top, be it the screen or not."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        assert isinstance(self, Screen)
        if not self.is_current:
            done: AwaitComplete = AwaitComplete.nothing()  # type: ignore[no-untyped-call]
        else:
            done = super().dismiss(result)  # type: ignore[misc]
        return done


class Dialog(DismissedOnce, ModalScreen[ScreenResultType]):
    """Over the screen below, which is seen dimmed."""

    def render(self) -> RenderableType:
        shown = super().render()
        if isinstance(shown, BackgroundScreen):
            return _Dimmed(shown.screen, shown.color)
        return shown


class _Dimmed(BackgroundScreen):
    """Mixes the colours of each style once: a screen has a thousand pieces of text in some dozens
    of styles, and a dialog shall answer its key."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        for text, style, control in segments:
            dimmed = None if control else _dimmed(style or Style.null(), color)
            yield Segment(text, dimmed, control)


@lru_cache(maxsize=1024)
def _dimmed(style: Style, color: Color) -> Style | None:
    [mixed] = BackgroundScreen.process_segments([Segment(" ", style)], color)
    return mixed.style
