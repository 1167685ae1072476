"""The rows of runs folders for a reader who stays: read again only where something has changed."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.core.runs.summary import SUMMARY_FILE, Row, derive_row, read_rows, summary_row
from cnntop.core.text import printable

FOLDER = "folder"
"""The key beside the summary's columns under which a row has the path of its run's folder."""

_SETTLED_SECONDS = 10.0
"""A runs folder that changed less long ago is read again: a run's folder is made a moment before
what is in it, which does not show in the time of the folder around it."""

_Stamp = tuple[int, int] | None
_Key = tuple[str, str]


class RowWatch:
    """The rows of all runs in `runs_dirs`, a run that is in several of them once.

    Of a run under way only what its log has grown by is read, and only when it has finished another
    epoch: the reader may sit in the process that trains, and look every few seconds.
    """

    def __init__(self, runs_dirs: Sequence[Path]) -> None:
        self._runs_dirs = runs_dirs
        self._folders_seen: list[_Stamp] | None = None
        self._runs_seen: dict[Path, object] = {}
        self._rows: dict[_Key, Row] | None = None
        self._growing: dict[Path, _GrowingRun] = {}

    def read(self) -> list[Row] | None:
        """All rows, the newest first, each with its `FOLDER`; None where nothing has changed since
        the last call. A row of which nothing has changed is the same object again. Raises
        UsageError for a folder that cannot be read."""
        folders = [_stamp(path) for one in self._runs_dirs for path in (one, one / SUMMARY_FILE)]
        before = self._rows or {}
        if folders != self._folders_seen:
            rows = self._read_all()
        elif {path: _standing(path) for path in self._running()} != self._runs_seen:
            rows = self._read_running(before)
        else:
            return None
        rows = {key: _same_or(before.get(key), row) for key, row in rows.items()}
        changed = self._rows is None or len(rows) != len(before) or any(
            before.get(key) is not row for key, row in rows.items()
        )  # fmt: skip
        self._folders_seen, self._rows = (folders if _settled(folders) else None), rows
        self._runs_seen = {path: self._runs_seen.get(path) for path in self._running()}
        if not changed:
            return None
        return sorted(rows.values(), key=lambda row: row["run"], reverse=True)

    def _running(self) -> list[Path]:
        rows = (self._rows or {}).values()
        return [Path(row[FOLDER]) for row in rows if row["status"] == "running"]

    def _read_all(self) -> dict[_Key, Row]:
        rows: dict[_Key, Row] = {}
        for runs_dir in self._runs_dirs:
            try:
                found = read_rows(runs_dir, self._derived)
            except OSError as error:
                reason = error.strerror or str(error)
                folder = printable(str(runs_dir))
                raise UsageError(f"runs folder {folder} cannot be read: {reason}.") from None
            for row in found:
                row[FOLDER] = f"{runs_dir}/{row['run']}"
                rows.setdefault((row["host"], row["run"]), row)
        return rows

    def _read_running(self, rows: dict[_Key, Row]) -> dict[_Key, Row]:
        found: dict[_Key, Row] = {}
        for key, row in rows.items():
            if row["status"] != "running":
                found[key] = row
            elif (derived := self._derived(RunFolder(Path(row[FOLDER])))) is not None:
                found[key] = derived | {FOLDER: row[FOLDER]}
        return found

    def _derived(self, folder: RunFolder) -> Row | None:
        # Before its log is read: what comes between the two shows at the next look.
        self._runs_seen[folder.path] = _standing(folder.path)
        if folder.is_running() and not folder.lacks_lines:
            if folder.path not in self._growing:
                self._growing[folder.path] = _GrowingRun(folder)
            row = self._growing[folder.path].row()
            if row is not None:
                return row
        self._growing.pop(folder.path, None)
        return derive_row(folder)


class _GrowingRun:
    """The row of a run under way, from what its log has grown by since it was last made."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._info = folder.read_info()
        self._follower = LogFollower(folder)
        self._state = RunState()

    def row(self) -> Row | None:
        """None where its files do not tell."""
        if self._info is None:
            return None
        try:
            while True:
                for record in self._follower.drain():
                    self._state.apply(record)
                if not self._follower.behind:
                    break
        except (OSError, CnntopError):
            return None
        ended = self._state.ended
        row = summary_row(self._info, self._state, ended.status if ended else "running")
        # As in `derive_row`: the folder's name is the id.
        return row | {"run": printable(self._folder.path.name)}


def _same_or(before: Row | None, row: Row) -> Row:
    return before if before is not None and row.items() <= before.items() else row


def _standing(path: Path) -> tuple[_Stamp, bool]:
    """What tells of a run under way whether its row is still right."""
    return _stamp(path / EPOCHS_FILE), RunFolder(path).is_running()


def _stamp(path: Path) -> _Stamp:
    """When the file or folder changed last, and how large it is; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the price of Path's
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _settled(stamps: Sequence[_Stamp]) -> bool:
    newest = max((stamp[0] for stamp in stamps if stamp is not None), default=0)
    return abs(time.time() - newest / 1e9) > _SETTLED_SECONDS
