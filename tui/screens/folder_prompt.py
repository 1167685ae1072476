"""A dialog that asks for a folder of images."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from cnntop.tui.dialog import Dialog
from cnntop.tui.widgets.steady_input import SteadyInput


class FolderPrompt(Dialog[str | None]):
    """Dismissed with the path that was typed, or None by Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss(None)", "Back", priority=True)
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Which folder of images?", classes="question")
            yield Static(
                "It holds train/<class>/* and test/<class>/* as png, jpeg or webp.\n"
                "Enter takes it, Esc goes back.",
                classes="details",
                markup=False,
            )
            yield SteadyInput(placeholder="~/pictures/flowers")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())
