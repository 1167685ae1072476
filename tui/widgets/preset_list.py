"""The picker's list of presets."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from cnntop.core.text import printable
from cnntop.tui.choices import Choice
from cnntop.tui.format import fitted

_LEAST_NAME_WIDTH, _MOST_NAME_WIDTH = 24, 32
"""With the mark before it."""


class PresetList(OptionList, can_focus=False):
    """Whoever has the focus moves its cursor. A click does so too, and only a double click selects,
    so that nothing is started by surprise."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._listed: list[Choice] = []
        self._marked: int | None = None
        self._with_about = False
        self._name_width = _LEAST_NAME_WIDTH

    @property
    def choice(self) -> Choice | None:
        """The one under the cursor."""
        at = self.highlighted
        return self._listed[at] if at is not None and at < len(self._listed) else None

    def fill(self, listed: Sequence[Choice], wanted: str | None) -> None:
        """List these, with the cursor on the one named `wanted`, else on the first."""
        self._listed, self._marked = list(listed), None
        names = [_name(choice) for choice in listed]
        longest = max((cell_len(name) for name in names), default=0)
        self._name_width = min(max(_LEAST_NAME_WIDTH, longest), _MOST_NAME_WIDTH)
        self.clear_options()
        self.add_options(Option(self._prompt(choice), id=choice.name) for choice in listed)
        ids = [choice.name for choice in listed]
        if ids:
            self.highlighted = ids.index(wanted) if wanted in ids else 0
        self.mark()

    def show_about(self, with_about: bool) -> None:
        """Whether each line says what its preset is, where there is no page beside the list."""
        if with_about != self._with_about:
            self._with_about = with_about
            for at in range(len(self._listed)):
                self._draw(at)

    def move(self, by: int) -> None:
        if self.highlighted is not None:
            self.highlighted = min(max(0, self.highlighted + by), len(self._listed) - 1)

    def mark(self) -> None:
        """Point at the one under the cursor, for who sees no colours too."""
        before, self._marked = self._marked, self.highlighted
        for at in {before, self._marked} - {None}:
            assert at is not None
            self._draw(at)

    def _draw(self, at: int) -> None:
        prompt = self._prompt(self._listed[at], at == self._marked)
        self.replace_option_prompt_at_index(at, prompt)

    def _prompt(self, choice: Choice, here: bool = False) -> Content:
        name = _name(choice, here)
        if not self._with_about:
            return Content(name)
        return Content(f"{fitted(name, self._name_width)}  {choice.about or choice.error}")

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()  # which would select at once
        clicked = event.style.meta.get("option")
        if clicked is not None:
            self.highlighted = clicked
            if event.chain == 2:
                self.action_select()


def _name(choice: Choice, here: bool = False) -> str:
    mark = " (unusable)" if choice.recipe is None else " (own)" if choice.own else ""
    return f"{'>' if here else ' '} {printable(choice.name)}{mark}"
