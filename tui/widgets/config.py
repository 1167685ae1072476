"""What is trained and on what: the recipe key by key, the machine, the versions."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any

import msgspec
from textual.content import Content

from cnntop.core.recipe import Recipe
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunInfo
from cnntop.tui.format import bytes_size
from cnntop.tui.widgets.panel import FAINT
from cnntop.tui.widgets.scrolled import ScrolledPanel

_LABELS = 22
_COLUMN = 58
"""Cells that a column of them needs."""


class ConfigPanel(ScrolledPanel):
    """Of a run that has no folder yet, the recipe alone."""

    def __init__(self) -> None:
        super().__init__("config")
        self._sections: list[tuple[str, list[tuple[str, str]]]] = []
        self._drawn: tuple[int, int] | None = None
        self._rows: list[Content] = []

    def configure(self, recipe: Recipe, info: RunInfo | None, folder: Path | None) -> None:
        """Take what to show."""
        self._sections = [
            (section, _facts(values)) for section, values in msgspec.to_builtins(recipe).items()
        ]
        if info is not None:
            run = [("id", info.run), ("preset", info.preset), ("started", info.started_utc)]
            if info.git_commit:
                run.append(("git commit", info.git_commit))
            if folder is not None:
                run.append(("folder", str(folder)))
            self._sections.insert(0, ("run", run))
            self._sections += [
                ("this machine", _facts(info.machine)),
                ("versions", _facts(info.versions)),
            ]
        self._drawn = None
        if self._shown is not None:
            self.show(*self._shown)

    def rows(self, _state: RunState, width: int) -> Sequence[Content]:
        if self._drawn != (width, self.content_size.height):
            self._drawn = width, self.content_size.height
            self._rows = self._in_columns(width, self.content_size.height - 1)
        return self._rows

    def _in_columns(self, width: int, room: int) -> list[Content]:
        """Side by side only as far as they would not fit one below the other."""
        if not self._sections:
            return [Content.styled("  not known", FAINT)]
        most = max(1, width // _COLUMN)
        for columns in range(1, most + 1):
            each = width // columns
            rows = _written(self._sections, each)
            if len(rows) <= columns * room or columns == most:
                break
        if columns == 1:
            return rows
        lines = ceil(len(rows) / columns)
        parts = [rows[at : at + lines] for at in range(0, len(rows), lines)]
        return [
            Content.assemble(*(_padded(part, at, each) for part in parts)) for at in range(lines)
        ]


def _padded(rows: Sequence[Content], at: int, width: int) -> Content:
    row = rows[at] if at < len(rows) else Content()
    return Content.assemble(row, " " * max(0, width - row.cell_length))


def _written(sections: Sequence[tuple[str, list[tuple[str, str]]]], width: int) -> list[Content]:
    rows: list[Content] = []
    for name, facts in sections:
        rows.append(Content.styled(f" {name}", "bold $primary"))
        for label, value in facts:
            for number, line in enumerate(wrap(value, max(10, width - _LABELS - 4)) or [""]):
                shown = label if number == 0 else ""
                rows.append(Content.assemble((f"  {shown:<{_LABELS}} ", FAINT), line))
    return rows


def _facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [_fact(str(key), value) for key, value in values.items()]


def _fact(key: str, value: Any) -> tuple[str, str]:
    label = key.removesuffix("_bytes").replace("_", " ")
    if key.endswith("_bytes") and isinstance(value, int):
        return label, bytes_size(value)
    return label, _value(value)


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(one)}" for key, one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
