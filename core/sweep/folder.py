"""A sweep on disk: its definition, its lock, what each of its processes printed and how it ended.

    <utc>-<name>-<4 random>-sweep/     beside the run folders
      sweep.json       the definition, written once
      <preset>.toml    the recipe that all points share: what the runs are started with
      sweep.lock       held by the process that runs the sweep
      endings.jsonl    how each process of a run ended, one line each
      output-0007.txt  what the runs of point 7 printed; locked for as long as one of them lives

Results are not in it: they are those of the run folders, which name the sweep and the point.
"""

import fcntl
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from cnntop.core.durable import replace_file
from cnntop.core.errors import UsageError
from cnntop.core.recipe import Tree
from cnntop.core.runs.folder import hold_lock, is_locked, new_folder
from cnntop.core.runs.log import is_whole, sealed
from cnntop.core.sweep.definition import Definition
from cnntop.core.text import nearest, printable

SUFFIX = "-sweep"
SWEEP_FILE = "sweep.json"


class Ending(msgspec.Struct, frozen=True):
    """How a process of a run ended: its exit code (minus the signal that killed it), what it said
    on standard error, and its life in seconds."""

    number: int
    exit_code: int
    message: str
    seconds: float


class _Kept(msgspec.Struct, frozen=True):
    definition: Definition
    devices: list[str]
    format: int = 1


@dataclass(frozen=True)
class SweepFolder:
    """An existing sweep. `path.name` is its id."""

    path: Path

    @classmethod
    def create(
        cls, runs_dir: Path, definition: Definition, devices: Iterable[str], share: bool = False
    ) -> "SweepFolder":
        """In a new folder, for others to read if they `share` it. Raises OSError."""
        path = new_folder(runs_dir, definition.name, share, SUFFIX)
        folder = cls(path)
        recipe = _toml(definition.tree).encode()
        replace_file(folder.recipe_file(definition), lambda file: file.write(recipe))
        kept = msgspec.json.encode(_Kept(definition, list(devices)))
        text = sealed(msgspec.json.format(kept, indent=2))
        replace_file(path / SWEEP_FILE, lambda file: file.write(text))  # last: now it is a sweep
        return folder

    @property
    def runs_dir(self) -> Path:
        return self.path.parent

    @property
    def is_shared(self) -> bool:
        """Whether others may read it, and so its runs."""
        return bool(self.path.stat().st_mode & 0o077)

    def recipe_file(self, definition: Definition) -> Path:
        """Named as the preset, whose name the runs take from it."""
        return self.path / f"{Path(definition.preset).name}.toml"

    def read(self) -> Definition:
        """Raises UsageError for a file that is damaged."""
        return self._kept().definition

    @property
    def devices(self) -> list[str]:
        """Those it was started on; none: the recipe's own. Raises UsageError."""
        return self._kept().devices

    def _kept(self) -> _Kept:
        file = self.path / SWEEP_FILE
        try:
            text = file.read_bytes()
            if is_whole(text) is not False:
                return msgspec.json.decode(text, type=_Kept)
            reason = "its checksum is another"
        except (OSError, ValueError) as error:
            reason = str(error)
        raise UsageError(f"{printable(str(file))} is damaged: {printable(reason)}.") from None

    def lock(self) -> int:
        """Hold the sweep until the descriptor is closed. Raises BlockingIOError where another
        process has it, OSError."""
        return hold_lock(self.path / "sweep.lock", 0o600)

    def is_alive(self) -> bool:
        """Whether a process runs the sweep."""
        return is_locked(self.path / "sweep.lock")

    def output(self, number: int) -> Path:
        return self.path / f"output-{number:04}.txt"

    def open_output(self, number: int) -> BinaryIO:
        """The file that a run of the point prints to, at its end and locked: whoever inherits the
        descriptor holds the lock with its life, be the sweep alive or not. Raises BlockingIOError
        while an earlier run of the point lives, OSError."""
        file = self.output(number).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            file.close()
            raise
        return file

    def is_busy(self, number: int) -> bool:
        """Whether a process that the sweep started for the point is alive."""
        return is_locked(self.output(number))

    def note(self, ending: Ending) -> None:
        """Raises OSError."""
        line = msgspec.json.encode(ending) + b"\n"
        # A line that a crash has cut off must not take this one with it.
        with (self.path / "endings.jsonl").open("ab") as file:
            file.write(b"\n" + line if file.tell() else line)

    def endings(self) -> list[Ending]:
        """In order, without those that a crash has cut off."""
        try:
            lines = (self.path / "endings.jsonl").read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in filter(None, lines):
            try:
                found.append(msgspec.json.decode(line, type=Ending))
            except ValueError:
                continue
        return found


def sweep_folders(runs_dir: Path) -> list[SweepFolder]:
    """All sweeps in `runs_dir`, oldest first."""
    if not runs_dir.is_dir():
        return []
    found = (path for path in runs_dir.glob(f"*{SUFFIX}") if (path / SWEEP_FILE).is_file())
    return [SweepFolder(path) for path in sorted(found)]


def find_sweep(runs_dir: Path, wanted: str) -> SweepFolder:
    """The newest sweep that `wanted` names: "last", an id, a name or the beginning of either.
    Raises UsageError."""
    folders = sweep_folders(runs_dir)
    if not folders:
        raise UsageError(f"there are no sweeps in {printable(str(runs_dir))} yet.")
    if wanted == "last":
        return folders[-1]
    names = {folder: _name(folder) for folder in folders}
    for fits in (str.__eq__, str.startswith):
        found = [f for f in folders if fits(f.path.name, wanted) or fits(names[f], wanted)]
        if found:
            return found[-1]
    hint = nearest(wanted, dict.fromkeys(names.values()))
    raise UsageError(f"no sweep {printable(wanted)!r}. {hint}")


def same_sweep(runs_dir: Path, definition: Definition) -> SweepFolder | None:
    """The newest sweep of that very definition, if there is one."""
    for folder in reversed(sweep_folders(runs_dir)):
        try:
            if folder.read() == definition:
                return folder
        except UsageError:
            continue  # what is damaged is no sweep to go on with
    return None


def _name(folder: SweepFolder) -> str:
    try:
        return folder.read().name
    except UsageError:
        return ""


def _toml(tree: Tree) -> str:
    """A recipe's sections as TOML: text, numbers, truths and lists of text, which JSON writes the
    same way."""
    lines = []
    for section, values in tree.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_literal(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def _literal(value: Any) -> str:
    # json.dumps leaves the delete character as it is, which TOML forbids.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
