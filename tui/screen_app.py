"""What every full screen of cnntop has: its style sheet, themes, signs, palette, copies, and what
it remembers until the next time."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.geometry import Size
from textual.message import Message

from cnntop.core.settings import read_settings, write_settings
from cnntop.core.text import printable
from cnntop.tui import collector, screen_copy, themes
from cnntop.tui.ascii_filter import AsciiFilter
from cnntop.tui.look import Look
from cnntop.tui.screen_driver import ScreenDriver
from cnntop.tui.widgets.too_small import COLUMNS, LINES

if TYPE_CHECKING:
    from cnntop.tui.palette import Palette


def _palette() -> "type[Palette]":
    """Loaded when it is opened first: that takes longer than the first frame may wait."""
    from cnntop.tui.palette import Palette

    return Palette


class SettingsChanged(Message):
    """Something was chosen that should be so the next time too: `values` are fields of Settings."""

    def __init__(self, **values: object) -> None:
        super().__init__()
        self.values = values


class ScreenApp(App[None]):
    CSS_PATH = "app.tcss"
    TITLE = "cnntop"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (COLUMNS, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (LINES, "-short"), (22, "-normal"), (32, "-tall")]
    COMMANDS = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "redraw", "Draw anew", show=False, priority=True)
    ]

    def __init__(self, look: Look | None = None) -> None:
        if not os.environ.get("NO_COLOR"):  # empty counts as not set, which Textual does not know
            os.environ.pop("NO_COLOR", None)
        super().__init__()
        self.look = look or Look.of()
        self.settings, self._complaint = read_settings()
        self._saved = self.settings
        self._fitted: Size | None = None
        self._ascii: list[LineFilter] = [AsciiFilter()] if self.look.ascii_only else []
        for theme in themes.THEMES:
            self.register_theme(theme)
        self._begin_with(themes.theme_name(self.settings.theme, self.console.color_system))

    def _begin_with(self, theme: str) -> None:
        """From the first frame on, which Textual would otherwise draw in its own colours."""
        self.set_reactive(App.theme, theme)
        self.stylesheet.set_variables(self.get_css_variables())
        self.set_class(self.current_theme.dark, "-dark-mode", update=False)
        self.set_class(not self.current_theme.dark, "-light-mode", update=False)

    def get_line_filters(self) -> list[LineFilter]:
        return [*super().get_line_filters(), *self._ascii]

    @property
    def screen_driver(self) -> ScreenDriver | None:
        """The way to the terminal; None where this draws on nothing, as in tests."""
        return self._driver if isinstance(self._driver, ScreenDriver) else None

    @property
    def run_folder(self) -> Path | None:
        """Of the run that is shown, where there is one: copies of the screen go there."""
        return None

    def on_ready(self) -> None:
        collector.release()
        if self._complaint:
            self.notify(self._complaint, severity="warning", timeout=10, markup=False)

    def on_resize(self, event: events.Resize) -> None:
        if self.screen_driver is not None and event.size != self._fitted:
            if self._fitted is not None:
                self.screen_driver.resized(event.size.height)
            self._fitted = event.size

    def on_terminal_supports_synchronized_output(self) -> None:
        """The terminal has answered, be it what Textual asked it at the start or we since."""
        if self.screen_driver is not None:
            self.screen_driver.answered()

    def on_settings_changed(self, event: SettingsChanged) -> None:
        self.settings = msgspec.structs.replace(self.settings, **event.values)

    def on_unmount(self) -> None:
        """At the end only: writing waits for the disk, and a key must not."""
        if self.settings == self._saved:
            return
        try:
            write_settings(self.settings)
        except OSError:
            return  # what is lost is which layout comes first the next time
        self._saved = self.settings

    async def action_quit(self) -> None:
        """Textual's own key for it, Ctrl-Q, asks as q does."""
        await self.run_action("app.leave")

    def action_redraw(self) -> None:
        if self.screen_driver is not None:
            self.screen_driver.forget()
        self.refresh()

    def action_next_theme(self) -> None:
        self.action_use_theme(themes.next_theme(self.theme))

    def action_use_theme(self, name: str) -> None:
        self.theme = name
        self.settings = msgspec.structs.replace(self.settings, theme=name)
        self.notify(f"Theme: {name}", timeout=2, markup=False)

    def action_copy_picture(self) -> None:
        self._copy(screen_copy.as_picture(self), "svg")

    def action_copy_text(self) -> None:
        self._copy(screen_copy.as_text(self), "txt")

    def _copy(self, text: str, ending: str) -> None:
        folders = [*filter(None, [self.run_folder]), Path.cwd()]
        try:
            path = screen_copy.write_copy(text, ending, folders)
        except OSError as error:
            self.notify(
                f"The screen was not copied: {folders[0]} cannot be written "
                f"({error.strerror or error}).", severity="error", markup=False,
            )  # fmt: skip
        else:
            self.notify(f"Copied to {printable(str(path))}", timeout=6, markup=False)
