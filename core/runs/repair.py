"""Looks over run folders and makes whole what can be.

Nothing that was damaged is deleted: it is kept beside what takes its place.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from cnntop.core.durable import file_mode, replace_file
from cnntop.core.events import Record
from cnntop.core.run_state import RunState
from cnntop.core.runs.epoch_table import counted_epochs, table_text
from cnntop.core.runs.folder import (
    EPOCHS_FILE,
    EVENTS_FILE,
    LOCK_FILE,
    RUN_FILE,
    STATUS_FILE,
    RunFolder,
    as_utc,
    run_folders,
)
from cnntop.core.runs.log import LineReader, NewerLogError, is_whole
from cnntop.core.runs.selection import names_of, select
from cnntop.core.runs.summary import SUMMARY_FILE, rebuild


@dataclass(frozen=True)
class Finding:
    """What was found in `where`, a run's id or a file of the runs folder, and what was done about
    it. `right` is whether all is right with it now."""

    where: str
    text: str
    right: bool = True


def named_runs(runs_dir: Path, wanted: Sequence[str]) -> list[RunFolder]:
    """The folders that `wanted` names, each once: ids, names (all runs of that name), prefixes
    that only one run has, or paths of run folders. Raises UsageError."""
    folders = {folder.path.name: folder for folder in run_folders(runs_dir)}
    rows = names_of(folders.values())
    found: dict[Path, RunFolder] = {}
    for name in wanted:
        if (Path(name) / RUN_FILE).is_file():
            named = [RunFolder(Path(name).absolute())]
        else:
            named = [folders[row["run"]] for row in select(rows, name)]
        found |= {folder.path.absolute(): folder for folder in named}
    return list(found.values())


def repair_all(runs_dir: Path, folders: Iterable[RunFolder]) -> Iterator[Finding]:
    """What is wrong with `folders`, and with the summary.csv of each of their runs folders, as it
    is found and set right. Raises OSError where the disk cannot be read or written."""
    places = {runs_dir.absolute(): runs_dir}
    for folder in folders:
        places.setdefault(folder.path.absolute().parent, folder.path.parent)
        yield from repair_run(folder)
    for place in places.values():
        if run_folders(place):
            damaged = _free(place / SUMMARY_FILE)
            if found := rebuild(place, damaged):
                kept = f"; the old one is {damaged.name}" if damaged.exists() else ""
                yield Finding(SUMMARY_FILE, f"{found}; written anew{kept}")


def repair_run(folder: RunFolder) -> list[Finding]:
    """What is wrong with one run folder, once it is set right. Raises OSError."""
    run = folder.path.name
    try:
        alive = folder.lock()  # it must not be resumed meanwhile
    except BlockingIOError:
        return [Finding(run, "is running; left alone")]
    try:
        findings = _repair_info(folder)
        if not folder.events.exists():
            return findings  # killed before its first event
        heard_at = folder.events.stat().st_mtime
        try:
            return findings + _repair_log(folder, heard_at)
        except NewerLogError as error:
            return [*findings, Finding(run, f"{EVENTS_FILE}: {error} Left alone", right=False)]
    finally:
        os.close(alive)


def _repair_info(folder: RunFolder) -> list[Finding]:
    info, copy = folder.read_info(), folder.read_copied_info()
    run, path = folder.path.name, folder.path / RUN_FILE
    text, copied = path.read_bytes(), (folder.path / LOCK_FILE).read_bytes()
    if info is not None and (copy is None or is_whole(text)):
        if text == copied or not copied:  # runs of an older cnntop have no copy
            return []
        folder.write_info(info)
        return [Finding(run, f"the copy of {RUN_FILE} in {LOCK_FILE} is damaged; written anew")]
    if copy is None:
        lost = f"{RUN_FILE} is damaged and there is no copy of it; the log can still be read"
        return [Finding(run, lost, right=False)]
    damaged = _set_aside(path)
    folder.write_info(copy)
    return [Finding(run, f"{RUN_FILE} is damaged; written anew, the old one is {damaged.name}")]


@dataclass
class _Check:
    """The lines of a log, as they are read."""

    damaged: list[int] = field(default_factory=list)
    """Numbers of the lines that are no records, from 1; not of a torn last one."""
    torn: bytes = b""
    unended: bool = False
    """Whether the last line is whole but for its line feed."""
    state: RunState = field(default_factory=RunState)

    def records(self, path: Path) -> Iterator[Record]:
        """Those of the whole lines. Raises OSError, NewerLogError."""
        lines = LineReader()
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    record = lines.read(line)
                except ValueError:
                    if line.endswith(b"\n"):
                        self.damaged.append(number)
                    else:
                        self.torn = line
                    continue
                self.unended = not line.endswith(b"\n")
                self.state.apply(record)
                yield record


def _repair_log(folder: RunFolder, heard_at: float) -> list[Finding]:
    """The log, and what is derived from it alone."""
    path, check = folder.events, _Check()
    table = table_text(counted_epochs(check.records(path)))
    found = []
    if check.damaged:
        count, first = len(check.damaged), check.damaged[0]
        damaged = _set_aside(path)
        _write_whole_lines(damaged, path, check)
        lines = f"{count} line{'s are' if count > 1 else ' is'}"
        found.append(
            f"{EVENTS_FILE}: {lines} damaged (line {first}{' the first' if count > 1 else ''}); "
            f"written anew without, the old one is {damaged.name}. "
            "The run's row stays as it is, or becomes unreadable"
        )
    elif check.torn:
        beside = path.with_name(f"{EVENTS_FILE}.torn")
        _append(beside, check.torn + b"\n")
        os.truncate(path, path.stat().st_size - len(check.torn))
        found.append(f"{EVENTS_FILE}: the last line is torn; taken away into {beside.name}")
    elif check.unended:
        _append(path, b"\n")
        found.append(f"{EVENTS_FILE}: the last line lacks its line feed; added")
    epochs = folder.path / EPOCHS_FILE
    before = _read(epochs)
    if before != table:
        kept = ""
        if not table.startswith(before or b""):  # it may know more than what is left of the log
            kept = f", the old one is {_set_aside(epochs).name}"
        replace_file(epochs, lambda file: file.write(table))
        found.append(f"{EPOCHS_FILE} is not as the log says; written anew{kept}")
    ended = check.state.ended
    right = {ended.status} if ended else {"running", "interrupted"}  # a killed one says "running"
    if _status(folder) not in right:
        folder.write_status(ended.status if ended else "interrupted", as_utc(heard_at))
        found.append(f"{STATUS_FILE} is not as the log says; written anew")
    return [Finding(folder.path.name, text) for text in found]


def _write_whole_lines(source: Path, path: Path, check: _Check) -> None:
    damaged = set(check.damaged)
    with source.open("rb") as log:
        lines = (
            line if line.endswith(b"\n") else line + b"\n"
            for number, line in enumerate(log, 1)
            if number not in damaged and line != check.torn
        )
        replace_file(path, lambda file: file.writelines(lines))


def _status(folder: RunFolder) -> str | None:
    """That of status.json; None if it cannot be read."""
    try:
        content = msgspec.json.decode((folder.path / STATUS_FILE).read_bytes(), type=dict[str, str])
    except (FileNotFoundError, ValueError):
        return None
    return content.get("status") if content.get("heartbeat_utc") else None


def _set_aside(path: Path) -> Path:
    """A second name for the damaged file: the first one is then replaced, so that at no moment
    there is none. Raises OSError."""
    damaged = _free(path)
    try:
        damaged.hardlink_to(path)
    except OSError:  # some file systems have no links
        shutil.copy2(path, damaged)
    return damaged


def _free(path: Path) -> Path:
    number = 1
    while (damaged := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return damaged


def _append(path: Path, text: bytes) -> None:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, file_mode(path.parent))
    with os.fdopen(handle, "ab") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def size_bytes(folder: RunFolder) -> int:
    """Of all files in a run folder."""
    return sum(path.lstat().st_size for path in folder.path.rglob("*") if not path.is_dir())
