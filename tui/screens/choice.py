"""A dialog that asks one question with a few answers, each with a key."""

from textual import events
from textual.app import ComposeResult

from cnntop.tui.dialog import Dialog
from cnntop.tui.widgets.question import Question


class ChoiceScreen(Dialog[str | None]):
    """Dismissed with the key of the answer, or None by Escape where `escape` allows it.

    `answers` maps each key to its words; Ctrl-C gives the answer `interrupt`.
    """

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
        yield Question(self._question, self._details, self._answers, self.app.size)

    def on_resize(self, event: events.Resize) -> None:
        self.query_one(Question).fit(event.size)

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

    def on_question_answered(self, event: Question.Answered) -> None:
        self.dismiss(event.key)
