"""A dialog that asks which earlier run is the ghost."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from cnntop.core.analysis.ghost import number
from cnntop.core.runs.summary import Row
from cnntop.core.text import printable
from cnntop.tui.dialog import Dialog
from cnntop.tui.format import clock, fitted, percent
from cnntop.tui.ghost_race import BEST, HIDDEN
from cnntop.tui.widgets.steady_input import SteadyInput

SHOWN = 200
"""Runs in the list at a time; of more, typing finds the others."""
_NAME_WIDTH = 26
_DATED_COLUMNS = 76
"""From so many on a line has room for when the run began."""
_SEARCHED = ("run", "name", "model", "status", "device_name")


class GhostChooser(Dialog[str | None]):
    """Dismissed with the id of a run, `BEST` or `HIDDEN`; None by Escape, for what it was.

    `rows` are those of the runs, the best first. What is typed filters them: each word has to be in
    the run's name, id, model, status or device.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss(None)", "Back", priority=True),
    ]
    CSS = """
    GhostChooser { align: center middle; background: $background 60%; }
    GhostChooser #runs {
        width: 100%; height: auto; max-height: 12; margin-top: 1;
        background: $panel; border: none; text-wrap: nowrap; text-overflow: ellipsis;
    }
    GhostChooser.-short #runs, GhostChooser.-tiny #runs { max-height: 5; margin-top: 0; }
    """

    def __init__(self, rows: Sequence[Row], chosen: str) -> None:
        super().__init__()
        self._rows = rows
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Which run is the ghost?", classes="question", markup=False)
            yield SteadyInput(placeholder="type to filter")
            yield OptionList(id="runs")
            yield Static(id="more", markup=False)

    def on_mount(self) -> None:
        self.query_one("#runs").can_focus = False
        self._fill("")

    def on_resize(self) -> None:
        self._fill(self.query_one(Input).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        chosen = event.option_id
        assert chosen is not None
        self.dismiss(chosen.removeprefix("run "))

    def on_key(self, event: events.Key) -> None:
        """Arrows move in the list while the words are typed."""
        moves = {"up": "cursor_up", "down": "cursor_down", "pageup": "page_up",
                 "pagedown": "page_down"}  # fmt: skip
        if event.key in moves:
            event.stop()
            getattr(self.query_one(OptionList), f"action_{moves[event.key]}")()

    def _fill(self, typed: str) -> None:
        words, dated = typed.lower().split(), self.size.width >= _DATED_COLUMNS
        found = [row for row in self._rows if all(word in _text(row) for word in words)]
        runs = self.query_one(OptionList)
        runs.clear_options()
        if not words:
            runs.add_option(Option(Content("the best earlier run"), id=f"run {BEST}"))
            runs.add_option(Option(Content("none"), id=f"run {HIDDEN}"))
        runs.add_options(Option(_line(row, dated), id=f"run {row['run']}") for row in found[:SHOWN])
        more = len(found) - SHOWN
        text = f"{more:,} more: type to find them" if more > 0 else ""
        if not found:
            text = "no run has all of these words" if words else "no earlier run of this dataset"
        self.query_one("#more", Static).update(Content(text))
        ids = [runs.get_option_at_index(index).id for index in range(runs.option_count)]
        wanted = f"run {self._chosen}"
        runs.highlighted = ids.index(wanted) if wanted in ids else 0 if ids else None


def _text(row: Row) -> str:
    return " ".join(row[column] for column in _SEARCHED).lower()


def _line(row: Row, dated: bool) -> Content:
    accuracy = percent(number(row["best_test_accuracy"]), 2)
    seconds = clock(number(row["seconds"]))
    begun = printable(row["started_utc"][:16].replace("T", " ")) if dated else ""
    name = fitted(printable(row["name"]), _NAME_WIDTH)
    return Content(f"{name} {accuracy:>8} {seconds:>8}  {begun}".rstrip())
