"""One key of a recipe in the form: its name, its value to edit, and what is to be said of it."""

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from cnntop.core.explanations import EXPLANATIONS
from cnntop.core.setting import choices
from cnntop.core.text import printable
from cnntop.tui.widgets.chooser import Chooser
from cnntop.tui.widgets.ordered_keys import OrderedInput
from cnntop.tui.widgets.panel import FAINT

NOT_SET = "not set"
LABEL_WIDTH = 18


class RecipeField(Widget):
    """A line that draws name and remark itself and has the editor alone as a widget: a form has
    many, and every widget costs each key a little. What is shown of a change the form decides."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(classes="field")
        self.path = path
        self._shown: tuple[str | None, str] = (None, "")
        self._editor: OrderedInput | Chooser
        if words := choices(path):
            self._editor = Chooser(words, text, classes="editor")
        else:
            self._editor = OrderedInput(text, placeholder=NOT_SET, classes="editor")

    def compose(self) -> ComposeResult:
        yield self._editor

    def focus_editor(self) -> None:
        self._editor.focus()

    def show(self, was: str | None, error: str) -> None:
        """`was` is the value before, None where it is still the same."""
        if (was, error) != self._shown:
            self._shown = was, error
            self.refresh()

    def put(self, text: str) -> None:
        """Another value, which nobody typed here."""
        if isinstance(self._editor, Chooser):
            self._editor.put(text)
        elif self._editor.value != text:
            self._editor.value = text

    def render(self) -> Content:
        was, error = self._shown
        key = self.path.partition(".")[2]
        name = f"{' ' if was is None else '*'} {key}".ljust(LABEL_WIDTH)
        style = "$text-error" if error else "bold" if was is not None else ""
        if error:
            remark = Content.styled(f"! {error}", "$text-error")
        elif was is not None:
            remark = Content(f"was {printable(was) or NOT_SET}")
        else:
            remark = Content.styled(EXPLANATIONS[self.path], FAINT)
        before = " " * (self._editor.size.width + 1)
        room = max(1, self.size.width - LABEL_WIDTH - len(before))
        return Content.assemble((name, style), before, remark.truncate(room, ellipsis=True))

    def on_resize(self) -> None:
        self.call_after_refresh(self.refresh)  # once the editor has its width
