"""The table of the compare screen.

Our own rather than Textual's DataTable, which makes and measures a text for every cell of every row
before it shows the first: 4.2 s for ten thousand runs of 14 columns on a machine where this one
takes 0.3 s, and again for every filter. Here a row is text only while it is on the screen.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cnntop.core.runs.summary import Row
from cnntop.tui.run_columns import GAP, Column, Fitted
from cnntop.tui.run_listing import RunListing, key_of
from cnntop.tui.widgets.letters import LETTER_STYLES, LETTERS

_PREFIX = 4
"""Cells before the first column: the cursor's sign, the run's letter, and a gap."""

_LETTER_RULES = "\n".join(
    f"    & > .run-grid--letter-{place} {{ color: {style}; text-style: bold; }}"
    for place, style in enumerate(LETTER_STYLES)
)


class RunGrid(ScrollView, can_focus=True):
    """Shows a listing. The heading stays; a line of it is the column that `s` would sort by."""

    class Sorted(Message):
        """By this column, or the other way around."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    class Marked(Message):
        """The run under the cursor, or no more."""

    class Opened(Message):
        """The run under the cursor is to be looked at."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1_000_000_000)", show=False),
        Binding("end", "move(1_000_000_000)", show=False),
        Binding("left", "column(-1)", show=False),
        Binding("right", "column(1)", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-grid--heading", "run-grid--here", "run-grid--cursor",
        *(f"run-grid--letter-{place}" for place in range(len(LETTERS))),
    }  # fmt: skip
    DEFAULT_CSS = f"""
    RunGrid {{
        height: 1fr; background: $surface; overflow-x: hidden; overflow-y: scroll;
        scrollbar-size-vertical: 1;
        & > .run-grid--heading {{ background: $panel; text-style: bold; }}
        & > .run-grid--here {{ text-style: bold reverse; }}
        & > .run-grid--cursor {{ background: $primary 30%; text-style: bold; }}
    {_LETTER_RULES}
    }}
    """

    def __init__(self, listing: RunListing) -> None:
        super().__init__(id="runs")
        self._listing = listing
        self._letters: dict[str, str] = {}
        self._fitted = Fitted([], 0)
        self._cursor = 0
        self._here = "name"

    @property
    def under_cursor(self) -> Row | None:
        shown = self._listing.shown
        return shown[self._cursor] if self._cursor < len(shown) else None

    @property
    def column(self) -> str:
        """The one that `s` would sort by."""
        return self._here

    @property
    def left_out(self) -> int:
        """Columns that do not fit."""
        return self._fitted.left_out

    def show(self, at: str | None = None) -> None:
        """The listing has changed; the cursor goes to the run that is known by `at`."""
        shown = self._listing.shown
        self._letters = self._listing.letters()
        if at is not None:
            places = (place for place, row in enumerate(shown) if key_of(row) == at)
            self._cursor = next(places, self._cursor)
        self._cursor = max(0, min(self._cursor, len(shown) - 1))
        self.virtual_size = Size(1, len(shown) + 1)
        self._fit()
        self._keep_in_sight()

    @property
    def _width(self) -> int:
        """Beside the scroll bar, which a `size` has in it."""
        return self.scrollable_content_region.width

    def _fit(self) -> None:
        self._fitted = self._listing.fitted(max(1, self._width - _PREFIX))
        names = [column.name for column in self._fitted.columns]
        if names and self._here not in names:
            self._here = names[0]
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        self._fit()
        self._keep_in_sight()

    # Moving about.

    @property
    def _page(self) -> int:
        """Runs that fit below the heading."""
        return max(1, self.size.height - 1)

    def _keep_in_sight(self) -> None:
        if not self.size.height:
            return
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + self._page:
            self.scroll_to(y=self._cursor - self._page + 1, animate=False)

    def _go(self, place: int) -> None:
        before, last = self._cursor, len(self._listing.shown) - 1
        self._cursor = max(0, min(place, last))
        if self._cursor != before:
            self.refresh_line(before + 1)
            self.refresh_line(self._cursor + 1)
        self._keep_in_sight()

    def action_move(self, by: int) -> None:
        self._go(self._cursor + by)

    def action_page(self, direction: int) -> None:
        self._go(self._cursor + direction * self._page)

    def action_column(self, by: int) -> None:
        names = list(dict.fromkeys(column.name for column in self._fitted.columns))
        if names:
            place = names.index(self._here) + by
            self._here = names[max(0, min(place, len(names) - 1))]
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            column = self._column_at(event.x)
            if column is not None:
                self._here = column.name
                self.post_message(self.Sorted(column.name))
            return
        place = event.y - 1 + self.scroll_offset.y
        if place >= len(self._listing.shown):
            return
        self._go(place)
        if event.x < _PREFIX:
            self.post_message(self.Marked())
        elif event.chain == 2:
            self.post_message(self.Opened())

    def _column_at(self, x: int) -> Column | None:
        end = _PREFIX
        for column in self._fitted.columns:
            end += column.width + GAP
            if x < end:
                return column
        return None

    # Drawing.

    def render_line(self, y: int) -> Strip:
        width = self._width
        if y == 0:
            segments, style = self._heading()
        else:
            place, shown = y - 1 + self.scroll_offset.y, self._listing.shown
            if place >= len(shown):
                return Strip.blank(width, self.rich_style)
            segments, style = self._row(shown[place], place == self._cursor)
        return Strip(segments).adjust_cell_length(width, style)

    def _heading(self) -> tuple[list[Segment], Style]:
        style = self.get_component_rich_style("run-grid--heading")
        here = style + self.get_component_rich_style("run-grid--here", partial=True)
        segments = [Segment(" " * _PREFIX, style)]
        for column in self._fitted.columns:
            text = column.heading
            if column.name == self._listing.order and not column.is_difference:
                text += f" {self._sign(column)}"
            filling = " " * max(0, column.width - cell_len(text))
            text = _cut(text, column.width)
            is_here = column.name == self._here and not column.is_difference
            parts = [Segment(text, here if is_here else style), Segment(filling, style)]
            segments += parts if column.is_text else parts[::-1]
            segments.append(Segment(" " * GAP, style))
        return segments, style

    def _sign(self, column: Column) -> str:
        """Which way it is sorted: numbers begin with the highest, text with the first."""
        return "▲" if column.is_text != self._listing.reverse else "▼"

    def _row(self, row: Row, under_cursor: bool) -> tuple[list[Segment], Style]:
        style = self.rich_style
        if under_cursor:
            style = self.get_component_rich_style("run-grid--cursor")
        letter = self._letters.get(key_of(row), " ")
        if letter in LETTERS:
            own = f"run-grid--letter-{LETTERS.index(letter)}"
            letter_style = style + self.get_component_rich_style(own, partial=True)
        else:
            letter_style = style
        segments = [
            Segment("> " if under_cursor else "  ", style),
            Segment(letter, letter_style),
            Segment(" ", style),
            Segment((" " * GAP).join(self._cells(row)), style),
        ]
        return segments, style

    def _cells(self, row: Row) -> Sequence[str]:
        cells = []
        for column in self._fitted.columns:
            text = _cut(self._listing.cell(row, column), column.width)
            filling = " " * (column.width - cell_len(text))
            cells.append(text + filling if column.is_text else filling + text)
        return cells


def _cut(text: str, width: int) -> str:
    """Where it is too long, with a sign of that at its end."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
