"""The preset picker: what there is, what each one is, and what is known of it on this machine."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, OptionList, Static

from cnntop.core.analysis import profile as profiles
from cnntop.core.analysis.profile import Profile
from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.machine.identity import host_name
from cnntop.core.recipe import enlarged
from cnntop.core.recipe_draft import RecipeDraft
from cnntop.core.runs.summary import Row
from cnntop.tui.choices import Choice, choices, matching
from cnntop.tui.experiment_page import Known
from cnntop.tui.launch import Launch
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.picker_help import PICKER_HELP
from cnntop.tui.screens.recipe_form import Edited, RecipeForm, draft_of
from cnntop.tui.tryouts import Tryouts
from cnntop.tui.widgets.ordered_keys import FilterInput, OrderedScreen
from cnntop.tui.widgets.preset_list import PresetList
from cnntop.tui.widgets.preset_page import PresetPage
from cnntop.tui.widgets.steady_footer import SteadyFooter
from cnntop.tui.widgets.too_small import TooSmall

HEADLINE = "cnntop   pick an experiment: type to filter, Enter starts"
POLL_SECONDS = 0.2
BESIDE_COLUMNS = 80
"""From so many on the page stands beside the list; below, Tab shows it in the list's place."""


class Picked(Message):
    """A preset was chosen, and its recipe is in order."""

    def __init__(self, launch: Launch) -> None:
        super().__init__()
        self.launch = launch


class PickerScreen(OrderedScreen[None], inherit_bindings=False):
    """A filter, which has the focus, above the list, and the preset under the cursor at the right;
    posts `Picked`."""

    CSS = """
    PickerScreen #filter { height: 1; background: $surface; padding: 0 1; }
    PickerScreen #filter Input { width: 1fr; background: $surface; }
    PickerScreen #count { width: auto; color: $foreground 60%; }
    PickerScreen PresetList { width: 32; text-wrap: nowrap; text-overflow: ellipsis; }
    PickerScreen PresetList > .option-list--option-highlighted {
        color: $block-cursor-foreground; background: $block-cursor-background; text-style: bold;
    }
    PickerScreen #details {
        padding: 0 0 0 2; scrollbar-gutter: stable; scrollbar-size-vertical: 1;
    }
    PickerScreen #details:focus { background-tint: $foreground 5%; }
    PickerScreen.-slim PresetList { width: 1fr; }
    PickerScreen.-slim #details, PickerScreen.-slim.-paged PresetList,
    PickerScreen.-slim.-empty PresetList { display: none; }
    PickerScreen.-slim.-paged #details, PickerScreen.-slim.-empty #details { display: block; }
    PickerScreen.-tiny > #filter, PickerScreen.-narrow > #filter { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", key_display="Enter"),
        Binding("ctrl+e,f4", "edit", "Edit", key_display="^e"),
        Binding("ctrl+t", "try", "Try", key_display="^t"),
        Binding("tab", "turn", "Page", key_display="Tab"),
        Binding("shift+tab", "turn", show=False),
        Binding("escape", "back", "Quit", key_display="Esc"),
        Binding("question_mark,f1", "help", "Help", key_display="?"),
        Binding("ctrl+c", "app.quit", show=False, priority=True),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def __init__(self, launch: Launch, rows: Sequence[Row]) -> None:
        super().__init__()
        self._launch = launch
        self._rows = rows
        self._choices: list[Choice] = []
        self._choice: Choice | None = None
        self._profile: Profile | None = None
        self._drafts: dict[str, RecipeDraft] = {}
        self._tryouts = Tryouts()
        self._list = PresetList()
        self._filter = FilterInput(
            placeholder="filter: name, network, dataset, words", select=False
        )
        self._page = PresetPage()

    def compose(self) -> ComposeResult:
        yield Static(HEADLINE, id="headline", markup=False)
        with Horizontal(id="filter"):
            yield self._filter
            yield Static(id="count", markup=False)
        with Horizontal(id="picker"):
            yield self._list
            yield self._page
        yield TooSmall("Esc quits.")
        yield SteadyFooter()

    def on_mount(self) -> None:
        self._filter.focus()
        self._profile = _profile_here()
        self._read_presets()
        self.set_interval(POLL_SECONDS, self._poll)

    def on_unmount(self) -> None:
        self._tryouts.end()

    def on_resize(self, event: events.Resize) -> None:
        slim = event.size.width < BESIDE_COLUMNS
        self.set_class(slim, "-slim")
        self._list.show_about(slim)

    def _read_presets(self, wanted: str | None = None) -> None:
        self._choices = choices(self._launch)
        self._fill(wanted)

    def _fill(self, wanted: str | None = None) -> None:
        """List what the filter leaves, the best first; without one, the cursor stays."""
        listed = matching(self._choices, self._filter.value)
        if wanted is None and self._choice is not None and not self._filter.value.strip():
            wanted = self._choice.name
        self._list.fill(listed, wanted)
        every = len(self._choices)
        count = f"{every} presets" if len(listed) == every else f"{len(listed)} of {every}"
        self.query_one("#count", Static).update(count)
        self._show_choice()

    def _show_choice(self) -> None:
        self._choice = self._list.choice
        self._draw()

    def _draw(self) -> None:
        choice = self._choice
        self.set_class(choice is None, "-empty")
        if choice is None:
            self._page.show_nothing("No preset has all of that. Esc takes it back.")
            return
        known = Known(
            self._rows,
            None if choice.recipe is None else self._tryouts.result(enlarged(choice.recipe)),
            self._profile,
            self._tryouts.doing(choice.name),
            self._tryouts.refused(choice.name),
        )
        self._page.show(choice, known)

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        self._take_cursor()

    def _take_cursor(self) -> None:
        if self._list.choice is not self._choice:
            self._list.mark()
            self._show_choice()

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        self.action_start()

    def on_input_changed(self, _event: Input.Changed) -> None:
        self._fill()

    def action_move(self, by: int) -> None:
        self._list.move(by)
        self._take_cursor()  # not only once the list says so: Enter may come next

    def action_page(self, pages: int) -> None:
        height = self.query_one("#picker").size.height
        self.action_move(pages * max(1, height - 1))

    def action_turn(self) -> None:
        """To the page and back. While the page has the focus, letters go nowhere."""
        to_page = not self._page.has_focus
        self.set_class(to_page, "-paged")
        # Only what is shown can have the focus.
        self.call_after_refresh((self._page if to_page else self._filter).focus)

    def action_back(self) -> None:
        if self._page.has_focus:
            self.action_turn()
        elif self._filter.value:
            self._filter.value = ""
        else:
            self.app.exit()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(PICKER_HELP))

    def action_start(self) -> None:
        if self._choice is None:
            return
        if self._choice.recipe is None:
            self._complain(self._choice.error)
            return
        self._start(self._launch.with_preset(self._choice.name))

    def _start(self, launch: Launch) -> None:
        try:
            launch.request()
        except CnntopError as error:  # the preset's file may have changed since it was read
            self._complain(str(error))
            return
        self._tryouts.end()  # the run wants the machine for itself
        self.post_message(Picked(launch))

    def action_edit(self) -> None:
        if self._choice is None:
            return
        launch = self._launch.with_preset(self._choice.name)
        try:
            draft = self._drafts.setdefault(self._choice.name, draft_of(launch))
        except CnntopError as error:
            self._complain(str(error))
            return
        self.app.push_screen(RecipeForm(launch, draft), self._take_edited)

    def _take_edited(self, edited: Edited | None) -> None:
        if edited is None:
            return
        if edited.launch is not None:
            self._start(edited.launch)
        elif edited.saved is not None:
            self._drafts.clear()  # one may be of what was replaced
            self._filter.value = ""
            self._read_presets(edited.saved)

    def action_try(self) -> None:
        """Try the experiment under the cursor; while one is tried, end that."""
        choice, code = self._choice, self._launch.model_code
        if self._tryouts.under_way:
            self._tryouts.end()
        elif choice is not None and choice.recipe is not None:
            try:
                model = code.text if code else ""
                self._tryouts.begin(choice.name, enlarged(choice.recipe), model)
            except (CnntopError, OSError) as error:
                self._complain(str(error))
        self._draw()

    def _poll(self) -> None:
        if self._tryouts.poll():
            self._draw()

    def _complain(self, message: str) -> None:
        self.notify(message, severity="error", markup=False)


def _profile_here() -> Profile | None:
    path = profiles.named(host_name())
    try:
        return profiles.load(path) if path.is_file() else None
    except UsageError:  # `cnntop project` says what is wrong with it
        return None
