"""The page beside the picker's list, as wide as there is room."""

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from cnntop.tui.choices import Choice
from cnntop.tui.experiment_page import Known, experiment_page


class PresetPage(VerticalScroll):
    """Scrolls with the arrows while it has the focus."""

    def __init__(self) -> None:
        self._text = Static(markup=False)
        super().__init__(self._text, id="details")
        self._shown: tuple[Choice, Known] | None = None

    def show(self, choice: Choice, known: Known) -> None:
        if self._shown is not None and self._shown[0] is not choice:
            self.scroll_home(animate=False)
        self._shown = choice, known
        self._draw()

    def show_nothing(self, why: str) -> None:
        self._shown = None
        self._text.update(Content(why))

    def _draw(self) -> None:
        width = self.scrollable_content_region.width
        if self._shown is not None and width:
            self._text.update(experiment_page(*self._shown, width))

    def on_resize(self) -> None:
        self._draw()
