"""Recipes of several runs side by side, and what came of them."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from cnntop.core.runs.recipe_columns import RECIPE_COLUMNS
from cnntop.core.runs.summary import Row
from cnntop.core.text import printable
from cnntop.tui import compare
from cnntop.tui.dialog import DismissedOnce
from cnntop.tui.format import NOT_MEASURED, fitted
from cnntop.tui.run_columns import is_compared
from cnntop.tui.run_listing import Chosen, difference
from cnntop.tui.run_table import shown
from cnntop.tui.screens.compare_help import RECIPES
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.widgets.letters import LETTER_STYLES, LETTERS
from cnntop.tui.widgets.panel import FAINT
from cnntop.tui.widgets.text_line import TextLine
from cnntop.tui.widgets.too_small import TooSmall

_PLACE = (
    "augment_on", "device_name", "cpu_name", "threads", "precision", "host", "torch", "cnntop",
    "git_commit",
)  # fmt: skip
_RESULTS = (
    "status", "epochs", "test_accuracy", "best_test_accuracy", "epoch_seconds",
    "images_per_second", "wait_fraction", "seconds",
)  # fmt: skip
SECTIONS = {"recipe": RECIPE_COLUMNS, "where it ran": _PLACE, "what came of it": _RESULTS}
_DIFFERS = "≠ "
_NO_DIFFERENCE = ("1x", "+0.00", "-0.00", NOT_MEASURED)
_RUN_WIDTH = 18
"""The least that a run's column has."""


class RecipesScreen(DismissedOnce, Screen[None]):
    """`chosen` have their recipes' columns; `not_shown` is how many more were marked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All keys / differences"),
        Binding("left", "shift(-1)", "Other runs", key_display="←→"),
        Binding("right", "shift(1)", show=False),
        Binding("escape,r", "dismiss(None)", "Back", key_display="Esc"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "app.leave", show=False),
        Binding("ctrl+c", "app.leave", show=False, priority=True),
    ]
    CSS = """
    RecipesScreen { layout: vertical; }
    #recipes-title, #recipes-runs { height: 1; background: $panel; }
    #recipes { height: 1fr; background: $surface; }
    .-tiny > #recipes, .-narrow > #recipes, .-tiny > TextLine, .-narrow > TextLine {
        display: none;
    }
    """

    def __init__(self, chosen: Sequence[Chosen], not_shown: int) -> None:
        super().__init__()
        self._chosen = chosen
        self._not_shown = not_shown
        self._every = len(chosen) == 1
        self._first = 0
        self._title = TextLine("recipes-title")
        self._runs = TextLine("recipes-runs")
        self._table = Static(markup=False)

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._runs
        with RecipeTable(id="recipes"):
            yield self._table
        yield TooSmall("Esc goes back.")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(RecipeTable).focus()

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    def action_all(self) -> None:
        self._every = not self._every
        self._show()

    def action_shift(self, by: int) -> None:
        self._first = max(0, min(self._first + by, len(self._chosen) - 1))
        self._show()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(RECIPES))

    def _show(self) -> None:
        width = self._runs.content_size.width - 2  # of a scroll bar
        if width < 1:
            return
        rows = [one.row for one in self._chosen]
        kept = self._kept(rows)
        layout = _Layout.of([key for keys in kept.values() for key in keys], len(rows), width)
        self._first = max(0, min(self._first, len(rows) - layout.across))
        seen = self._chosen[self._first : self._first + layout.across]
        told = "all keys" if self._every else "only what differs"
        beside = len(rows) - len(seen) + self._not_shown
        self._title.show(
            Content.assemble(
                (" cnntop ", "bold $text-primary on $primary-muted"),
                (" recipes side by side", "bold"), f", {told}",
            ),
            Content(f"+{beside} run{'s' * (beside != 1)} " if beside else ""),
        )  # fmt: skip
        self._runs.show(Content.assemble(" " * (layout.key + 3), *_headings(seen, layout.run)))
        self._table.update(Content("\n").join(self._lines(kept, seen, layout)))

    def _kept(self, rows: Sequence[Row]) -> dict[str, dict[str, bool]]:
        """By section the keys to show, and whether the runs differ in each."""
        kept = {}
        for title, columns in SECTIONS.items():
            differ = set(compare.differing(rows, columns))
            every = self._every or columns is _RESULTS
            kept[title] = {key: key in differ for key in columns if every or key in differ}
        return kept

    def _lines(
        self, kept: dict[str, dict[str, bool]], seen: Sequence[Chosen], layout: "_Layout"
    ) -> list[Content]:
        baseline = next((one.row for one in self._chosen if one.is_baseline), None)
        lines: list[Content] = []
        for title, keys in kept.items():
            lines.append(Content.styled(f" {title}", "bold"))
            if not keys:
                lines.append(Content.styled("   the same in all of them", FAINT))
            for key, differs in keys.items():
                cells = [_cell(key, one.row, baseline, key in _RESULTS) for one in seen]
                texts = ["  " + fitted(cell, layout.run - 2) for cell in cells]
                name = f" {_DIFFERS if differs else '  '}{fitted(key, layout.key)}"
                lines.append(Content.assemble((name, "" if differs else FAINT), "".join(texts)))
        return lines


class RecipeTable(VerticalScroll, inherit_bindings=False):
    """Scrolls up and down; left and right are the screen's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", show=False),
        Binding("down", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home", "scroll_home", show=False),
        Binding("end", "scroll_end", show=False),
    ]


class _Layout(NamedTuple):
    """Cells of the keys and of each run's column, and how many runs stand side by side."""

    key: int
    run: int
    across: int

    @classmethod
    def of(cls, keys: Sequence[str], runs: int, width: int) -> "_Layout":
        key = min(max(map(len, keys)), 24)
        room = width - key - 3
        across = min(runs, max(2, room // _RUN_WIDTH))
        return cls(key, min(40, room // across), across)


def _headings(seen: Sequence[Chosen], width: int) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for one in seen:
        style = f"bold {LETTER_STYLES[LETTERS.index(one.letter)]}"
        name = printable(one.row["name"]) + (" (baseline)" if one.is_baseline else "")
        parts += [(f"  {one.letter} ", style), (fitted(name, width - 4), "bold")]
    return parts


def _cell(column: str, row: Row, baseline: Row | None, result: bool) -> str:
    text = shown(column, row[column])
    if not result or baseline is None or row is baseline or not is_compared(column):
        return text
    to_it = difference(column, row, baseline)
    return text if to_it in _NO_DIFFERENCE else f"{text} ({to_it})"
