"""`cnntop compare`: which runs, which columns, in which form."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from cnntop.core.analysis.columns import column_named
from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.recipe_columns import RECIPE_COLUMNS, SUMMARY_COLUMN, recipe_row
from cnntop.core.runs.row_watch import FOLDER
from cnntop.core.runs.selection import select
from cnntop.core.runs.summary import COLUMNS, Row, cell, read_rows
from cnntop.core.sections import parse_duration
from cnntop.core.text import nearest, printable
from cnntop.tui import run_table
from cnntop.tui.run_table import TEXT, value

SHOWN = (
    "name", "status", "started_utc", "dataset", "model", "batch_size", "epochs",
    "test_accuracy", "best_test_accuracy", "epoch_seconds", "images_per_second", "wait_fraction",
    "compute_fraction", "seconds", "device_name",
)  # fmt: skip
"""Columns of the table, the most telling first."""

_MACHINE = ("augment_on", "device_name", "threads", "precision", "host")
_RESULTS = (
    "epochs", "test_accuracy", "best_test_accuracy", "epoch_seconds", "images_per_second",
    "wait_fraction", "seconds",
)  # fmt: skip
Form = Literal["table", "csv", "json", "md"]


@dataclass(frozen=True)
class Question:
    """What a person asks of `cnntop compare`, as the options have it."""

    runs_dir: Path
    runs: Sequence[str] = ()
    where: str | None = None
    sort: str | None = None
    reverse: bool = False
    columns: str | None = None
    differs: bool = False
    to: str | None = None
    within: str | None = None
    paper: bool = False
    group: str | None = None
    baseline: str | None = None
    form: Form = "table"

    @cached_property
    def accuracies(self) -> dict[str, float]:
        """The columns of `--to`, and what each is the time to."""
        return {} if self.to is None else dict(map(_accuracy, self.to.split(",")))

    @cached_property
    def within_seconds(self) -> dict[str, float]:
        """The column of `--within`, and its limit."""
        if self.within is None:
            return {}
        try:
            seconds = parse_duration(self.within)
        except RecipeError:
            given = printable(self.within)
            message = f"--within: {given!r} is not a duration. Write 90s, 15m, 8h or 1h30m."
            raise UsageError(message) from None
        return {f"best_test_accuracy_within_{self.within}": seconds}

    @property
    def reached(self) -> list[str]:
        """Columns of what the runs reached, when and by when."""
        return [*self.within_seconds, *self.accuracies]

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Every column there is."""
        return (*COLUMNS, *self.reached, *RECIPE_COLUMNS)

    @property
    def order(self) -> str | None:
        """The column to sort by."""
        if self.sort is not None:
            return self.column(self.sort)
        return next(iter(self.within_seconds), None)

    def column(self, name: str) -> str:
        """Raises UsageError with a suggestion for one there is none of."""
        if name in COLUMNS:  # most are, and `known` takes its time
            return name
        column = column_named(name, self.known)
        if column is not None:
            return column
        raise UsageError(f"unknown column {printable(name)!r}. {nearest(name, self.known)}")

    def chosen_columns(self) -> list[str] | None:
        """Those of "a,b,c"; None where that is left to `compare`."""
        if self.columns is None:
            return None
        chosen = [self.column(name.strip()) for name in self.columns.split(",") if name.strip()]
        if not chosen:
            raise UsageError("--columns names no column; write --columns name,lr,test_accuracy.")
        return list(dict.fromkeys(chosen))


def answer(question: Question) -> str:
    """What `compare` prints. Raises UsageError."""
    columns, order = question.chosen_columns(), question.order
    if question.baseline is not None and question.group is None:
        raise UsageError("--baseline names a group: give --group too, as in --group seed.")
    if question.group is not None and question.differs:
        raise UsageError("--group shows only what differs anyway; leave --differs out.")
    rows = _matching(question)
    if not rows and question.form == "table":
        return _nothing(question)
    if question.group is not None:
        from cnntop.tui import group_table

        return group_table.answer(question, rows, columns)
    shown = columns or _columns(question, rows)
    fill(question, rows, [*shown, *([order] if order else [])])
    rows = ordered(rows, order, question.reverse)
    if question.form == "csv":
        return run_table.as_csv(rows, shown)
    if question.form == "json":
        return run_table.as_json(rows, shown)
    if question.form == "md":
        return run_table.as_markdown(rows, shown)
    return run_table.as_table(rows, shown, fixed=columns is not None)


def _nothing(question: Question) -> str:
    folder = printable(str(question.runs_dir))
    if question.where is not None:
        return f"No runs in {folder} are such that {printable(question.where)}.\n"
    return f"No runs in {folder} yet. `cnntop run --preset demo` makes one in a minute.\n"


def _matching(question: Question) -> list[Row]:
    """The runs that were asked for (all by default), newest first, the paper's behind them."""
    if question.where is not None:
        from cnntop.core.analysis.filters import parse_filter

        wanted = parse_filter(question.where, question.known)
    try:
        rows = read_rows(question.runs_dir)[::-1]
    except OSError as error:
        reason = error.strerror or str(error)
        folder = printable(str(question.runs_dir))
        raise UsageError(f"runs folder {folder} cannot be read: {reason}.") from None
    rows = asked_for(question, rows)
    if question.where is not None:
        fill(question, rows, wanted.columns)
        rows = [row for row in rows if wanted.matches(row)]
    return rows


def asked_for(question: Question, rows: list[Row]) -> list[Row]:
    """The runs that are named, or all, and the paper's behind them. Raises UsageError."""
    if question.runs:
        picked = {row["run"]: row for name in question.runs for row in select(rows, name)}
        rows = list(picked.values())
    if question.paper:
        from cnntop.core.runs.paper_rows import paper_rows

        rows = [*rows, *paper_rows()]
    return rows


def _columns(question: Question, rows: list[Row]) -> list[str]:
    if question.differs:
        return differing_columns(question, rows)
    if question.form in ("csv", "json"):
        return [*COLUMNS, *question.reached]
    at = SHOWN.index("best_test_accuracy") + 1
    return [*SHOWN[:at], *question.reached, *SHOWN[at:]]


def differing_columns(question: Question, rows: list[Row]) -> list[str]:
    """What the runs differ in, and what came of it."""
    fill(question, rows, RECIPE_COLUMNS)
    columns = dict.fromkeys(
        ("status", *(SUMMARY_COLUMN.get(path, path) for path in RECIPE_COLUMNS), *_MACHINE)
    )
    identity = "run" if question.form in ("csv", "json") else "name"
    return [identity, *differing(rows, columns), *question.reached, *_RESULTS]


def differing(rows: Sequence[run_table.Row], columns: Iterable[str]) -> list[str]:
    """The columns in which not all rows say the same. Of a row without a recipe, such as one of the
    paper's, what is empty is not known, and says nothing."""
    found = []
    for column in columns:
        said = {row[column] for row in rows if row[column] or row["model.name"]}
        if len(said) > 1:
            found.append(column)
    return found


def fill(question: Question, rows: Iterable[Row], columns: Iterable[str]) -> None:
    """Give the rows those of `columns` that are not summary.csv's, from the run folders."""
    wanted = set(columns).difference(COLUMNS)
    if not wanted:
        return
    reached = wanted.intersection(question.reached)
    recipe = bool(wanted - reached)
    for row in rows:
        if recipe and "model.name" not in row:
            row |= recipe_row(row, folder_of(question.runs_dir, row).read_info())
        if not reached <= row.keys():
            row |= _reached(question, row, folder_of(question.runs_dir, row))


def folder_of(runs_dir: Path, row: run_table.Row) -> RunFolder:
    """Where the run of a row is, of this runs folder unless the row says otherwise."""
    return RunFolder(Path(row[FOLDER]) if FOLDER in row else runs_dir / row["run"])


def _reached(question: Question, row: Row, folder: RunFolder) -> Row:
    from cnntop.core.runs.reached import Evaluation, best_within, evaluations, seconds_to

    if row["status"] == "paper":  # which says how far its runs came in the end, and no more
        known = row["seconds"] and row["test_accuracy"]
        end = [Evaluation(float(row["seconds"]), float(row["test_accuracy"]))] if known else []
        found = {column: best_within(limit, end) for column, limit in _limits(question)}
        return {column: cell(found.get(column)) for column in question.reached}
    told = evaluations(folder)
    times = {column: seconds_to(goal, told) for column, goal in question.accuracies.items()}
    bests = {column: best_within(limit, told) for column, limit in _limits(question)}
    return {column: cell(figure) for column, figure in (times | bests).items()}


def _limits(question: Question) -> Iterable[tuple[str, float]]:
    return question.within_seconds.items()


def ordered(rows: list[Row], order: str | None, reverse: bool) -> list[Row]:
    """Numbers from high to low, text from a to z, and what was not measured last."""
    if order is None:
        return rows[::-1] if reverse else rows
    known = [row for row in rows if row[order]]
    descending = (order not in TEXT) != reverse
    known.sort(key=lambda row: _rank(value(order, row[order])), reverse=descending)
    return known + [row for row in rows if not row[order]]


def _rank(figure: Any) -> tuple[bool, Any]:
    """Sort key that keeps numbers apart from text which someone wrote into a column of theirs."""
    return not isinstance(figure, str), figure


def _accuracy(text: str) -> tuple[str, float]:
    """`seconds_to_90` and 0.9 for "90" or "90%"."""
    try:
        percents = float(text.strip().removesuffix("%"))
    except ValueError:
        percents = float("nan")
    if not 1 < percents <= 100:
        message = f"--to: {printable(text)!r} is no accuracy in percent. Write --to 70,80,90,94."
        raise UsageError(message)
    return f"seconds_to_{percents:g}", round(percents / 100, 10)
