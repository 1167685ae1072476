"""The runs of the compare screen: which are shown, in which order, which are marked and pinned."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from cnntop.core.analysis.columns import is_fraction
from cnntop.core.analysis.filters import parse_filter
from cnntop.core.errors import UsageError
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.row_watch import FOLDER
from cnntop.core.runs.selection import select
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.core.text import printable
from cnntop.tui import compare
from cnntop.tui.compare import Question
from cnntop.tui.format import NOT_MEASURED
from cnntop.tui.run_columns import Column, Fitted, all_columns, fitted
from cnntop.tui.run_table import TEXT, heading, shown, value
from cnntop.tui.widgets.letters import BEYOND, LETTERS

_EXPRESSION = re.compile(r"[=<>~!]")
"""What makes a filter one of `--where` rather than plain words."""

_SEARCHED = tuple(column for column in COLUMNS if column in TEXT and column != "verdict")
BASELINE = "baseline"


class Chosen(NamedTuple):
    """A run to be looked at beside others."""

    letter: str
    row: Row
    folder: RunFolder
    is_baseline: bool


class RunListing:
    """What the screen shows of the rows it is handed. `asked_for` and `fill` may take a second or
    two for ten thousand runs, and belong into a thread; all else is quick."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.rows: list[Row] = []
        self.shown: list[Row] = []
        self.order = question.order
        self.reverse = question.reverse
        self.filter = ""
        self.marked: dict[str, None] = {}
        self.baseline: Row | None = None
        self._refused: list[Row] | None = None
        self._to_pin = question.baseline
        self._matches: Callable[[Row], bool] = _everything
        self._filtered_by: frozenset[str] = frozenset()
        self._fixed = question.chosen_columns()
        self._columns: list[str] | None = self._fixed
        self._widths: dict[str, int] = {}
        self._index: dict[str, Row] = {}
        if question.where is not None:
            self.set_filter(question.where, "--where")

    # What is slow.

    def asked_for(self, rows: list[Row] | None) -> list[Row] | None:
        """Those of all rows that were asked for; None where `rows`, which are new, is None. Raises
        UsageError, again and again until there are rows that it can be asked of."""
        rows = self._refused if rows is None else rows
        if rows is None:
            return None
        self._refused = rows
        found = compare.asked_for(self.question, rows)
        self._pin_named(found)
        self._refused = None
        return found

    def fill(self, rows: list[Row]) -> None:
        """Give the rows all columns that are needed, and see how wide these are."""
        if self._columns is None and self.question.differs:
            self._columns = compare.differing_columns(self.question, rows)
        elif self._columns is None:
            self._columns = all_columns(self.question)
        compare.fill(self.question, rows, self._needed())
        self._measure(rows)

    def _pin_named(self, rows: Sequence[Row]) -> None:
        """The run of `--baseline`, the first time that there are any."""
        name = self._to_pin
        if name is None:
            return
        found = select(rows, name)
        if len(found) > 1:
            ids = ", ".join(row["run"] for row in found[:4])
            raise UsageError(f"--baseline {printable(name)}: give one run's id, such as {ids}.")
        self.baseline, self._to_pin = found[0], None

    def lacks(self) -> bool:
        """Whether the rows need `fill` before they can be arranged."""
        needed = self._needed()
        return bool(needed) and any(not needed <= row.keys() for row in self.rows)

    def _needed(self) -> set[str]:
        """Beyond the summary's columns."""
        wanted = {
            *(self._columns or ()),
            *self._filtered_by,
            *((self.order,) if self.order else ()),
        }
        return wanted.difference(COLUMNS)

    def _measure(self, rows: Sequence[Row]) -> None:
        """How wide the columns are; rows that are there already were measured before."""
        new = [row for row in rows if self._index.get(key_of(row)) is not row]
        for column in self._columns or ():
            texts = {row[column] for row in new}
            widest = max((cell_len(shown(column, text)) for text in texts), default=1)
            self._widths[column] = max(self._widths.get(column, 1), widest)

    # What is quick.

    def set_filter(self, text: str, option: str = "filter") -> None:
        """Plain words, all of which a run has in its text, or an expression as `--where` takes it.
        Raises UsageError; what was filtered by before stays then."""
        if _EXPRESSION.search(text):
            parsed = parse_filter(text, self.question.known, option)
            self._matches, self._filtered_by = parsed.matches, parsed.columns
        else:
            words = text.lower().split()
            self._matches = _has_words(words) if words else _everything
            self._filtered_by = frozenset()
        self.filter = text.strip()

    def sort_by(self, column: str) -> None:
        """By another column, or the other way around by the same one."""
        if column == self.order:
            self.reverse = not self.reverse
        else:
            self.order, self.reverse = column, False

    def replace(self, rows: list[Row]) -> None:
        """Take these for all rows there are; what was marked stays so."""
        self.rows = rows
        self._index = {key_of(row): row for row in rows}
        self.marked = {key: None for key in self.marked if key in self._index}
        if self.baseline is not None:
            self.baseline = self._index.get(key_of(self.baseline))

    def arrange(self) -> None:
        """Filter and sort the rows, which must not lack anything."""
        matching = [row for row in self.rows if self._matches(row)]
        self.shown = compare.ordered(matching, self.order, self.reverse)

    def headline(self) -> str:
        """How many runs are shown, in which order, and how many are marked."""
        shown, known = len(self.shown), len(self.rows)
        runs = f"{known:,} run{'s' * (known != 1)}"
        count = f"{shown:,} of {runs}" if shown != known else runs
        order = "oldest first" if self.reverse else "newest first"
        if self.order is not None:
            order = f"by {heading(self.order)}"
        marked = f", {len(self.marked):,} marked" if self.marked else ""
        return f"{count}, {order}{marked}"

    def toggle(self, row: Row) -> None:
        key = key_of(row)
        if key in self.marked:
            del self.marked[key]
        else:
            self.marked[key] = None

    def toggle_all(self) -> None:
        """Mark all that are shown, or, if all of them are, none."""
        keys = dict.fromkeys(map(key_of, self.shown))
        if keys.keys() <= self.marked.keys():
            self.marked = {key: None for key in self.marked if key not in keys}
        else:
            self.marked |= keys

    def pin(self, row: Row) -> None:
        """As the baseline, or no more."""
        self.baseline = None if row is self.baseline else row

    def letters(self) -> dict[str, str]:
        """By key, of the runs that are marked."""
        ordered = self._with_baseline([self._index[key] for key in self.marked])
        return {
            key: LETTERS[place] if place < len(LETTERS) else BEYOND
            for place, key in enumerate(map(key_of, ordered))
            if key in self.marked
        }

    def chosen(self, under_cursor: Row | None) -> tuple[list[Chosen], int]:
        """The marked runs, or else the one under the cursor, and the baseline; as many as there
        are letters, and how many there are beyond."""
        rows = [self._index[key] for key in self.marked]
        if not rows and under_cursor is not None:
            rows = [under_cursor]
        rows = self._with_baseline(rows)
        found = [
            Chosen(letter, row, compare.folder_of(self.question.runs_dir, row), self._pinned(row))
            for letter, row in zip(LETTERS, rows, strict=False)
        ]
        return found, max(0, len(rows) - len(LETTERS))

    def _with_baseline(self, rows: list[Row]) -> list[Row]:
        """The baseline is always among those that have a letter, the last of them if need be."""
        pinned, most = self.baseline, len(LETTERS)
        if pinned is None or any(map(self._pinned, rows[:most])):
            return rows
        others = [row for row in rows if not self._pinned(row)]
        return [*others[: most - 1], pinned, *others[most - 1 :]]

    def _pinned(self, row: Row) -> bool:
        return row is self.baseline

    def fitted(self, space: int) -> Fitted:
        """The columns for lines of `space` cells."""
        known = [column for column in self._columns or () if column in self._widths]
        return fitted(
            known, self._widths, space, self.order,
            fixed=self._fixed is not None or self.question.differs,
            against_baseline=self.baseline is not None,
        )  # fmt: skip

    def cell(self, row: Row, column: Column) -> str:
        """What a row has in a column."""
        if not column.is_difference:
            return shown(column.name, row[column.name])
        return difference(column.name, row, self.baseline)


def key_of(row: Row) -> str:
    """What a run is known by as long as the screen is there."""
    return row.get(FOLDER) or row["run"]


def difference(column: str, row: Row, baseline: Row | None) -> str:
    """Of a run to the baseline: percentage points of a fraction, else how many times as much."""
    if baseline is None or row is baseline:
        return BASELINE if baseline is not None else ""
    own, base = value(column, row[column]), value(column, baseline[column])
    if not isinstance(own, int | float) or not isinstance(base, int | float):
        return NOT_MEASURED
    if is_fraction(column):
        return f"{100 * (own - base):+.2f}"
    return f"{own / base:.3g}x" if base else NOT_MEASURED


def _everything(_row: Row) -> bool:
    return True


def _has_words(words: Sequence[str]) -> Callable[[Row], bool]:
    def matches(row: Row) -> bool:
        text = " ".join([row[column] for column in _SEARCHED]).lower()
        return all(word in text for word in words)

    return matches
