"""A run's figures as tables, the same ones in CSV, JSON and Parquet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args

import msgspec

from cnntop.core.events import CpuSample, EpochFinished, Event, GpuSample, Notice, StepsMeasured
from cnntop.core.runs.export.figures import EventKind, RunFigures, Told, images_per_second
from cnntop.core.text import printable

TABLES = ("steps", "epochs", "cpu_samples", "gpu_samples", "events")

Kind = Literal["integer", "number", "text", "numbers", "texts"]
Cell = int | float | str | list[float] | list[str] | None

_PLACE: dict[str, Kind] = {
    "unix_seconds": "number", "at_seconds": "number", "trained_seconds": "number",
    "step": "integer",
}  # fmt: skip
"""The first columns of every table: where its rows stand, as in `Told`."""
_KINDS: dict[Any, Kind] = {
    int: "integer", float: "number", str: "text", tuple[float, ...]: "numbers",
    tuple[str, ...]: "texts",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Rows of cells in the order of `columns`; None is what was not measured."""

    name: str
    columns: dict[str, Kind]
    rows: list[list[Cell]]


def tables(figures: RunFigures) -> list[Table]:
    """In the order of TABLES; units are in the columns' names."""
    happenings: list[list[Cell]] = [
        [*_place(figures, told), *in_words(told.event)] for told in figures.happenings
    ]
    return [
        _table(figures, "steps", StepsMeasured, figures.steps, images_per_second),
        _table(figures, "epochs", EpochFinished, figures.epochs, images_per_second),
        _table(figures, "cpu_samples", CpuSample, figures.cpu_samples),
        _table(figures, "gpu_samples", GpuSample, figures.gpu_samples),
        Table("events", _PLACE | {"event": "text", "text": "text"}, happenings),
    ]


def in_words(event: Event) -> tuple[str, str]:
    """What kind of event it is, and what it says."""
    fields = msgspec.to_builtins(event)
    kind: str = fields.pop("type")
    if isinstance(event, Notice):
        return kind, printable(f"{event.level}: {event.text}")
    said = (f"{name} {value}" for name, value in fields.items() if value not in (None, ""))
    return kind, printable(", ".join(said))


def _table(
    figures: RunFigures,
    name: str,
    kind: type[EventKind],
    events: Sequence[Told[EventKind]],
    images_per_second: Callable[[EventKind], float | None] | None = None,
) -> Table:
    """A row an event: its fields, and `images_per_second` where it is to be told."""
    columns = {one.name: _kind(one.type) for one in msgspec.structs.fields(kind)}
    columns.pop("step", None)  # it is in the row's place
    rows = [
        [*_place(figures, told), *(_cell(getattr(told.event, column)) for column in columns)]
        for told in events
    ]
    if images_per_second is not None:
        columns["images_per_second"] = "number"
        for row, told in zip(rows, events, strict=True):
            row.append(images_per_second(told.event))
    return Table(name, _PLACE | columns, rows)


def _place(figures: RunFigures, told: Told[EventKind]) -> list[Cell]:
    unix_seconds = figures.unix_seconds(told.at_seconds)
    return [unix_seconds, told.at_seconds, round(told.trained_seconds, 6), told.step]


def _kind(annotation: Any) -> Kind:
    """That of an event's field, None aside."""
    if annotation in _KINDS:
        return _KINDS[annotation]
    [kind] = [one for one in get_args(annotation) if one is not NoneType]
    return _KINDS[kind]


def _cell(value: Any) -> Cell:
    match value:
        case str():
            return printable(value)
        case tuple():
            return [printable(one) if isinstance(one, str) else one for one in value]
        case _:
            cell: Cell = value
            return cell
