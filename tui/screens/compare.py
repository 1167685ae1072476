"""Runs to be compared: a table to sort, filter and mark, the way to curves and recipes."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Input

from cnntop.core.errors import UsageError
from cnntop.core.runs.recipe_columns import RECIPE_COLUMNS
from cnntop.core.runs.row_watch import RowWatch
from cnntop.core.runs.summary import Row
from cnntop.core.text import printable
from cnntop.tui import compare
from cnntop.tui.compare import Question
from cnntop.tui.dialog import DismissedOnce
from cnntop.tui.run_listing import RunListing, key_of
from cnntop.tui.screens.compare_help import RUNS
from cnntop.tui.screens.curves import CurvesScreen
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.recipes import RecipesScreen
from cnntop.tui.widgets.panel import FAINT
from cnntop.tui.widgets.run_grid import RunGrid
from cnntop.tui.widgets.steady_input import SteadyInput
from cnntop.tui.widgets.text_line import TextLine
from cnntop.tui.widgets.too_small import TooSmall

LOOK_SECONDS = 3.0
"""How often it is looked whether a run has come, ended or finished another epoch."""

_MORE_KEYS = " b baseline  a all or none  Esc back  q leave"


class CompareScreen(DismissedOnce, Screen[None]):
    """The runs of `runs_dirs`, read in a thread, and again as they change. `question` says what is
    shown at first; its own runs folder is where a row's run is that is in none of `runs_dirs`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "curves", "Curves", key_display="↵"),
        Binding("space", "mark", "Mark", key_display="Space"),
        Binding("s", "sort", "Sort"),
        Binding("slash", "filter", "Filter", key_display="/", priority=True),
        Binding("r", "recipes", "Recipes"),
        Binding("b", "baseline", show=False),
        Binding("a", "mark_all", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("escape", "back", "Back", show=False),
        Binding("q", "app.leave", show=False),
        Binding("ctrl+c", "app.leave", show=False, priority=True),
    ]
    CSS = """
    CompareScreen { layout: vertical; }
    #compare-title, #compare-said { height: 1; background: $panel; }
    CompareScreen.-filtering #compare-said { height: 2; }
    CompareScreen.-filtering Footer { display: none; }
    #compare-filter { height: 1; border: none; padding: 0 1; }
    .-tiny > #runs, .-narrow > #runs, .-tiny > TextLine, .-narrow > TextLine { display: none; }
    .-tiny > #compare-filter, .-narrow > #compare-filter { height: 0; }
    """

    class Looked(Message):
        """Rows that are new, or were filled; or why there are none."""

        def __init__(self, rows: list[Row] | None, error: str) -> None:
            super().__init__()
            self.rows = rows
            self.error = error

    def __init__(self, runs_dirs: Sequence[Path], question: Question | None = None) -> None:
        super().__init__()
        self._listing = RunListing(question or Question(runs_dirs[0]))
        self._watch = RowWatch(runs_dirs)
        self._told = ", ".join(printable(str(folder)) for folder in runs_dirs)
        self._looking = self._read_once = self._lacking = False
        self._error = self._filter_error = self._filter_before = ""
        self._title = TextLine("compare-title")
        self._grid = RunGrid(self._listing)
        self._filter = SteadyInput(
            id="compare-filter", placeholder="words, or as in batch_size<=32", compact=True,
            select_on_focus=False,
        )  # fmt: skip
        self._filter.display = False
        self._said = TextLine("compare-said")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._grid
        yield self._filter
        yield self._said
        yield TooSmall("Esc goes back, q leaves.")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._grid.focus()
        self._tell()
        self.call_after_refresh(self._look)  # not before the first frame
        self.set_interval(LOOK_SECONDS, self._look)

    # Reading.

    def _look(self) -> None:
        if not self._looking:
            self._looking = True
            self.run_worker(self._read, thread=True)

    def _read(self) -> None:
        """In a thread: ten thousand runs take half a second, their recipes another one or two."""
        listing = self._listing
        try:
            rows = listing.asked_for(self._watch.read())
            if rows is not None:
                listing.fill(rows)
            elif self._lacking:
                listing.fill(listing.rows)
            self.post_message(self.Looked(rows, ""))
        except UsageError as error:
            self.post_message(self.Looked(None, str(error)))

    def on_compare_screen_looked(self, message: Looked) -> None:
        self._looking = False
        self._read_once = True
        told, self._error = self._error, message.error
        if message.rows is not None:
            self._listing.replace(message.rows)
        if message.rows is not None or (self._lacking and not message.error):
            self._arrange()
        elif message.error != told:
            self._tell()

    def _arrange(self) -> None:
        """Filter and sort, or look up first what that needs of the runs."""
        self._lacking = self._listing.lacks()
        if self._lacking:
            self._look()
        else:
            at = self._grid.under_cursor
            self._listing.arrange()
            self._grid.show(key_of(at) if at is not None else None)
        self._tell()

    def action_sort(self) -> None:
        self._sort_by(self._grid.column)

    def on_run_grid_sorted(self, message: RunGrid.Sorted) -> None:
        self._sort_by(message.column)

    def _sort_by(self, column: str) -> None:
        self._listing.sort_by(column)
        self._arrange()

    def action_mark(self) -> None:
        self._mark()
        self._grid.action_move(1)

    def on_run_grid_marked(self, _message: RunGrid.Marked) -> None:
        self._mark()

    def _mark(self) -> None:
        row = self._grid.under_cursor
        if row is not None:
            self._listing.toggle(row)
            self._again()

    def action_mark_all(self) -> None:
        self._listing.toggle_all()
        self._again()

    def action_baseline(self) -> None:
        row = self._grid.under_cursor
        if row is not None:
            self._listing.pin(row)
            self._again()

    def _again(self) -> None:
        self._grid.show()
        self._tell()

    def action_curves(self) -> None:
        chosen, not_drawn = self._listing.chosen(self._grid.under_cursor)
        if chosen:
            self.app.push_screen(CurvesScreen(chosen, not_drawn))

    def on_run_grid_opened(self, _message: RunGrid.Opened) -> None:
        self.action_curves()

    def action_recipes(self) -> None:
        chosen, not_shown = self._listing.chosen(self._grid.under_cursor)
        if chosen:
            rows = [one.row for one in chosen]
            compare.fill(self._listing.question, rows, RECIPE_COLUMNS)
            self.app.push_screen(RecipesScreen(chosen, not_shown))

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(RUNS))

    def action_back(self) -> None:
        if self._filter.display:
            self._take_filter_back()
        elif self._listing.filter:
            self._filter.value = ""
            self._set_filter("")
        else:
            self.dismiss()

    # The filter.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The filter's key comes first, so that what is typed right behind it gets into the filter,
        where it is a letter like any other."""
        return action != "filter" or not self._filter.display

    def action_filter(self) -> None:
        self._filter_before = self._listing.filter
        self._filter.value = self._listing.filter
        self._filter.cursor_position = len(self._filter.value)
        self._show_filter(True)
        self.set_focus(self._filter)
        self._tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._filter.display:
            self._set_filter(event.value)

    def _set_filter(self, text: str) -> None:
        """What cannot be understood, yet, leaves the runs as they are, and is told in the line."""
        try:
            self._listing.set_filter(text)
        except UsageError as error:
            self._filter_error = str(error)
            self._tell()
            return
        self._filter_error = ""
        self._arrange()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._set_filter(event.value)  # it may come before the last change is told
        if not self._filter_error:
            self._close_filter()

    def _take_filter_back(self) -> None:
        self._set_filter(self._filter_before)
        self._close_filter()

    def _close_filter(self) -> None:
        self.set_focus(self._grid)
        self._show_filter(False)
        self._tell()

    def _show_filter(self, typed: bool) -> None:
        """While it is typed keys are letters, and their line goes to what is wrong with it."""
        self._filter.display = typed
        self.set_class(typed, "-filtering")

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._tell)

    def _tell(self) -> None:
        self._title.show(
            Content.assemble(
                (" cnntop ", "bold $text-primary on $primary-muted"), (" compare ", "bold"),
                f" {self._listing.headline()}",
            ),
            Content.styled(f"{self._told} ", FAINT),
        )  # fmt: skip
        self._said.show(*self._saying())

    def _saying(self) -> tuple[Content, Content]:
        """What is wrong or missing, else what the runs are set against; and what does not fit."""
        listing = self._listing
        not_shown = " not shown" if self.size.width >= 72 else ""
        right = f"+{self._grid.left_out} columns{not_shown} " if self._grid.left_out else ""
        wrong = self._filter_error or self._error
        if wrong:
            return Content.styled(f" {printable(wrong)}", "bold $error"), Content()
        if not self._read_once:
            return Content(" reading the runs …"), Content()
        if self._lacking:
            return Content(" reading the recipes …"), Content()
        if not listing.rows:
            return Content(" No runs yet. `cnntop run --preset demo` makes one."), Content()
        if self._filter.display:
            return Content(" Enter keeps the filter, Esc takes it back"), Content()
        said = []
        if listing.filter:
            said.append(f"filter: {printable(listing.filter)}")
        if not listing.shown:
            said.append("no run is such")
        if listing.baseline is not None:
            said.append(f"baseline: {printable(listing.baseline['name'])}")
        if not said:
            return Content.styled(_MORE_KEYS, FAINT), Content.styled(right, FAINT)
        return Content(f" {'   '.join(said)}"), Content.styled(right, FAINT)
