"""A dialog that asks as what a recipe is to be kept."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from cnntop.core import preset as presets
from cnntop.core.errors import UsageError
from cnntop.tui.dialog import Dialog
from cnntop.tui.widgets.steady_input import SteadyInput


class PresetPrompt(Dialog[tuple[str, str] | None]):
    """Dismissed with a name that will do and what the preset is, or None by Escape."""

    CSS = """
    PresetPrompt { align: center middle; background: $background 60%; }
    PresetPrompt #said { color: $foreground 80%; height: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss(None)", "Back", priority=True),
    ]

    def __init__(self, name: str, about: str) -> None:
        super().__init__()
        self._preset = SteadyInput(
            name, placeholder="its name, as in wide-and-slow", id="preset-name"
        )
        self._about = SteadyInput(about, placeholder="what it is, in a line", id="preset-about")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Save as a preset of your own", classes="question", markup=False)
            yield self._preset
            yield self._about
            yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        self._preset.focus()

    def on_input_changed(self, _event: Input.Changed) -> None:
        self._say(self._complaint() if self._preset.value else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if complaint := self._complaint():
            self._say(complaint)
            self._preset.focus()
        elif event.input is self._preset:
            self._about.focus()
        else:
            self.dismiss((self._preset.value.strip(), self._about.value.strip()))

    def _complaint(self) -> str:
        try:
            presets.require_name(self._preset.value.strip())
        except UsageError as error:
            return f"! {error}"
        return ""

    def _say(self, complaint: str) -> None:
        there = presets.is_own(self._preset.value.strip())
        also = "There is one of this name, which it would replace." if there else ""
        said = complaint or also or "Enter takes it, Esc goes back."
        self.query_one("#said", Static).update(Content(said))
