"""A dialog that asks one question with a few answers, each a button and a key."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

_ROOM = 66
"""Cells for answers that stand side by side; if they take more they are a list."""
_AROUND = 7
"""Cells of an answer beside its text: its key, and the space around."""


class ChoiceScreen(ModalScreen[str | None]):
    """Dismissed with the key of the answer, or None by Escape where `escape` allows it.

    `answers` maps each key to what its button says; Ctrl-C gives the answer `interrupt`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        question: str,
        details: str,
        answers: dict[str, str],
        interrupt: str,
        escape: bool = True,
    ) -> None:
        super().__init__()
        self._question = question
        self._details = details
        self._answers = answers
        self._interrupt = interrupt
        self._escape = escape

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="question", markup=False)
            yield Static(self._details, classes="details", markup=False)
            listed = sum(len(text) + _AROUND for text in self._answers.values()) > _ROOM
            with Horizontal(classes="answers listed" if listed else "answers"):
                for key, text in self._answers.items():
                    yield Button(f"{key}  {text}", id=f"answer-{key}", compact=True)

    def on_key(self, event: events.Key) -> None:
        if event.key in self._answers:
            event.stop()
            self.dismiss(event.key)
        elif event.key == "ctrl+c":
            event.stop()
            self.dismiss(self._interrupt)
        elif event.key == "escape" and self._escape:
            event.stop()
            self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        assert event.button.id is not None
        self.dismiss(event.button.id.removeprefix("answer-"))
