"""One of a few words, on one line."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from cnntop.tui.dialog import Dialog
from cnntop.tui.widgets.ordered_keys import take_key


class Chooser(Widget, can_focus=True):
    """Left and right, or a word's first letter, take another; Enter or a click lists them all.

    Textual's Select is five widgets and a list each: with a dozen of them in a form, every key
    took a tenth of a second.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("enter,space", "choose", show=False),
    ]

    class Changed(Message):
        """Another word was taken."""

        def __init__(self, chooser: "Chooser") -> None:
            super().__init__()
            self.chooser = chooser
            self.value = chooser.value

    def __init__(self, words: Sequence[str], value: str, classes: str = "") -> None:
        super().__init__(classes=classes)
        self._words = list(words)
        self.value = value

    def put(self, word: str) -> None:
        """Show `word`; nobody is told."""
        if word != self.value:
            self.value = word
            self.refresh()

    def render(self) -> Content:
        room = max(0, self.size.width - 2)
        return Content(f"{self.value[:room]:<{room}} v")

    def _take(self, word: str | None) -> None:
        if word is not None and word != self.value:
            self.put(word)
            self.post_message(self.Changed(self))

    def action_step(self, by: int) -> None:
        at = self._words.index(self.value) if self.value in self._words else 0
        self._take(self._words[(at + by) % len(self._words)])

    def action_choose(self) -> None:
        self.app.push_screen(WordList(self._words, self.value), self._take)

    def on_click(self) -> None:
        self.action_choose()

    async def on_key(self, event: events.Key) -> None:
        await take_key(self, event)
        if event.key == "space" or event.character is None or not event.is_printable:
            return
        at = self._words.index(self.value) if self.value in self._words else 0
        after = self._words[at + 1 :] + self._words[:at]
        found = [word for word in after if word.startswith(event.character.lower())]
        if found:
            event.stop()
            self._take(found[0])


class WordList(Dialog[str | None]):
    """All words; dismissed with the one that was chosen, or None by Escape."""

    CSS = """
    WordList { align: center middle; background: $background 60%; }
    WordList OptionList { width: 32; height: auto; max-height: 90%; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss(None)", "Back", priority=True)
    ]

    def __init__(self, words: Sequence[str], value: str) -> None:
        super().__init__()
        self._words = list(words)
        self._value = value

    def compose(self) -> ComposeResult:
        yield OptionList(*(Option(word, id=word) for word in self._words), markup=False)

    def on_mount(self) -> None:
        if self._value in self._words:
            self.query_one(OptionList).highlighted = self._words.index(self._value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)
