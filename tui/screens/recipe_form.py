"""The form: every key of a recipe, edited and checked before the run starts."""

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from cnntop.core import preset as presets
from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.explanations import EXPLANATIONS
from cnntop.core.recipe_draft import RecipeDraft
from cnntop.core.sections import SECTIONS
from cnntop.core.text import printable
from cnntop.tui.launch import Launch
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.picker_help import PICKER_HELP
from cnntop.tui.screens.preset_prompt import PresetPrompt
from cnntop.tui.widgets.chooser import Chooser
from cnntop.tui.widgets.ordered_keys import OrderedScreen
from cnntop.tui.widgets.panel import FAINT
from cnntop.tui.widgets.recipe_field import NOT_SET, RecipeField
from cnntop.tui.widgets.steady_footer import SteadyFooter
from cnntop.tui.widgets.too_small import TooSmall

WIDE_COLUMNS = 100


@dataclass(frozen=True)
class Edited:
    """What came of it: a launch to start, or None, and the preset that was saved, if one was."""

    launch: Launch | None = None
    saved: str | None = None


def draft_of(launch: Launch) -> RecipeDraft:
    """The recipe of the launch; a network from code, which is no recipe's, is left out of it.
    Raises UsageError, RecipeError."""
    return RecipeDraft(replace(launch, model_code=None).recipe())


class RecipeForm(OrderedScreen[Edited]):
    """Dismissed with what came of it. `draft` is changed as the person types."""

    CSS = """
    RecipeForm #form-head { height: 1; background: $panel; text-style: bold; padding: 0 1; }
    RecipeForm #fields { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    RecipeForm .section { text-style: bold; color: $text-primary; height: 1; }
    RecipeForm .field { height: 1; }
    RecipeForm .editor { margin-left: 18; width: 18; height: 1; background: $surface; }
    RecipeForm.-roomy .editor { width: 30; }
    RecipeForm .editor:focus { background: $primary-muted; }
    RecipeForm Chooser:focus { text-style: bold; }
    RecipeForm #footnote { height: 2; background: $panel; padding: 0 1; }
    RecipeForm.-tiny > #form-head, RecipeForm.-tiny > #fields, RecipeForm.-tiny > #footnote,
    RecipeForm.-narrow > #form-head, RecipeForm.-narrow > #fields,
    RecipeForm.-narrow > #footnote { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r,f5", "start", "Start", key_display="^r"),
        Binding("ctrl+s,f2", "save", "Save preset", key_display="^s"),
        Binding("ctrl+z", "reset", "As it was", key_display="^z"),
        Binding("escape", "back", "Back", key_display="Esc"),
        Binding("f1", "help", "Help", key_display="F1"),
        Binding("ctrl+c", "back", show=False, priority=True),
        # With priority, so that what is typed after them goes to the next field already.
        Binding("up,shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("down,tab", "app.focus_next", show=False, priority=True),
        Binding("enter", "next", show=False, priority=True),
    ]

    def __init__(self, launch: Launch, draft: RecipeDraft) -> None:
        super().__init__()
        assert launch.preset is not None
        self._launch = launch
        self._preset = launch.preset
        self._draft = draft
        self._saved: str | None = None
        self._errors: dict[str, str] = {}
        self._fields: dict[str, RecipeField] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="form-head", markup=False)
        with VerticalScroll(id="fields", can_focus=False):
            for section in SECTIONS:
                yield Static(section, classes="section", markup=False)
                if section == "model" and self._launch.model_code is not None:
                    yield Static(f"  {self._code_words()}", classes="field", markup=False)
                    continue
                for key in SECTIONS[section].__struct_fields__:
                    path = f"{section}.{key}"
                    self._fields[path] = RecipeField(path, self._draft.texts[path])
                    yield self._fields[path]
        yield Static(id="footnote", markup=False)
        yield TooSmall("Esc goes back.")
        yield SteadyFooter()

    def _code_words(self) -> str:
        assert self._launch.model_code is not None
        return f"the network is {printable(self._launch.model_code.text)}, from code"

    def on_mount(self) -> None:
        next(iter(self._fields.values())).focus_editor()
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE_COLUMNS, "-roomy")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._edit(event.input, event.value)

    def on_chooser_changed(self, event: Chooser.Changed) -> None:
        self._edit(event.chooser, event.value)

    def _edit(self, editor: Widget, text: str) -> None:
        """Take what a person typed or chose, or nothing where it is what was put there."""
        edited, draft = _field_of(editor), self._draft
        if edited is None or text == draft.texts[edited.path]:
            return
        draft.set(edited.path, text)
        for path, field in self._fields.items():
            if field is not edited:  # whose text may have gone on meanwhile
                field.put(draft.texts[path])
        self._show()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        self._show_footnote()

    def _show(self) -> None:
        draft = self._draft
        self._errors, changed = draft.errors(), set(draft.changed)
        for path, field in self._fields.items():
            was = draft.original[path] if path in changed else None
            field.show(was, self._errors.get(path, ""))
        wrong = f", {len(self._errors)} wrong" if self._errors else ""
        title = f"{printable(self._preset)}   {len(changed)} changed{wrong}"
        self.query_one("#form-head", Static).update(Content(title), layout=False)
        self._show_footnote()

    def _show_footnote(self) -> None:
        """Of the field with the focus, in full: what is wrong, else what it means."""
        field = _field_of(self.focused)
        if field is None:
            return
        error, path = self._errors.get(field.path), field.path
        if error:
            note = Content.styled(f"! {path}: {error}", "$text-error")
        else:
            note = Content.assemble((f"{path}: ", "bold"), (EXPLANATIONS[path], FAINT))
        self.query_one("#footnote", Static).update(note, layout=False)

    def action_next(self) -> None:
        """Enter: a chooser's words, or on to the next field."""
        if isinstance(self.focused, Chooser):
            self.focused.action_choose()
        else:
            self.app.action_focus_next()

    def action_reset(self) -> None:
        field = _field_of(self.focused)
        if field is not None:
            self._draft.reset(field.path)
            for path, one in self._fields.items():
                one.put(self._draft.texts[path])
            self._show()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(PICKER_HELP))

    def action_back(self) -> None:
        self.dismiss(Edited(saved=self._saved))

    def action_start(self) -> None:
        if self._is_wrong():
            return
        launch = self._launch.with_settings(self._draft.settings)
        try:
            launch.recipe()
        except CnntopError as error:
            self._complain(str(error))
            return
        self.dismiss(Edited(launch, self._saved))

    def _is_wrong(self) -> bool:
        """Go to the first field that is wrong, if one is."""
        if not self._errors:
            return False
        path, error = next(iter(self._errors.items()))
        if path in self._fields:
            self._fields[path].focus_editor()
        self._complain(f"{path}: {error}")
        return True

    def action_save(self) -> None:
        if self._is_wrong():
            return
        if self._launch.model_code is not None:
            self._complain(f"A preset is data: it cannot keep that {self._code_words()}.")
            return
        own = presets.is_own(self._preset)
        name = self._preset if own else ""
        self.app.push_screen(PresetPrompt(name, self._about()), self._take_name)

    def _about(self) -> str:
        """What it is, to begin with: the preset it comes from and what is changed."""
        changes = [f"{path.partition('.')[2]} {self._draft.texts[path] or NOT_SET}"
                   for path in self._draft.changed]  # fmt: skip
        return f"{self._preset} with {', '.join(changes)}" if changes else f"As {self._preset}"

    def _take_name(self, named: tuple[str, str] | None) -> None:
        if named is None:
            return
        name, about = named
        if not presets.is_own(name):
            self._save(name, about)
            return

        def take(answer: str | None) -> None:
            if answer == "r":
                self._save(name, about)

        answers = {"r": "Replace it", "k": "Keep it"}
        file = printable(str(presets.own_folder() / f"{name}.toml"))
        question = f"Replace your preset {name}?"
        self.app.push_screen(ChoiceScreen(question, f"Its file is\n{file}", answers, "k"), take)

    def _save(self, name: str, about: str) -> None:
        try:
            recipe = self._draft.recipe()
            presets.save(name, about, recipe, replace=True)
        except UsageError as error:
            self._complain(str(error))
            return
        # What is started from now on is that preset.
        self._draft = RecipeDraft(recipe)
        self._launch = replace(self._launch, preset=name, settings={})
        self._preset = self._saved = name
        for path, field in self._fields.items():
            field.put(self._draft.texts[path])
        self._show()
        self.notify(f"Saved. From now on: cnntop run -p {name}", markup=False)

    def _complain(self, message: str) -> None:
        self.notify(message, severity="error", markup=False)


def _field_of(editor: Widget | None) -> RecipeField | None:
    above = None if editor is None else editor.parent
    return above if isinstance(above, RecipeField) else None
