"""Checkpoints: all that a run needs to go on exactly where it was, whole on disk or not at all.

`last.pt` is the newest, `previous.pt` the one before it, `best.pt` that of the best test accuracy.
`hashes.json` lists the SHA-256 of what was written; a file that is not in it is not loaded.
"""

import errno
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from cnntop.core.durable import replace_file, sync_folder
from cnntop.core.errors import CnntopError

FOLDER = "checkpoint"
LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
_HASHES = "hashes.json"
_HASHES_KEPT = 8
"""Of the newest: three files, and some more that a killed writer may have announced."""


@dataclass(frozen=True)
class Loaded:
    """A checkpoint's content and its file's name. `damaged` are newer ones, passed over."""

    name: str
    content: dict[str, Any]
    damaged: tuple[str, ...] = ()


class Checkpoints:
    """Those of one run folder."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder / FOLDER

    def save(self, name: str, content: dict[str, Any]) -> str:
        """Write `content` (tensors and plain values) as LAST or BEST. What was LAST until then
        becomes PREVIOUS.

        Loadable with `torch.load(path, weights_only=True)`. Returns the path relative to the run
        folder. Raises OSError if the disk does not take it; what was there is then kept.
        """
        self._folder.mkdir(self._folder.parent.stat().st_mode & 0o777, exist_ok=True)
        # Through memory, because torch hides the reason why a disk takes no more.
        buffer = io.BytesIO()
        torch.save(content, buffer)
        whole = buffer.getvalue()
        path, begun = self._folder / name, self._folder / f".{name}.next"
        replace_file(begun, lambda file: file.write(whole))
        # The hash comes before the name, so that every file that is ever there has its hash beside
        # it; and after the content, because one that a disk does not take must not push out the
        # hashes of those that are there.
        try:
            self._announce(hashlib.sha256(whole).hexdigest())
        except OSError:
            begun.unlink(missing_ok=True)
            raise
        if name == LAST and path.exists():
            path.replace(self._folder / PREVIOUS)
        begun.replace(path)
        sync_folder(self._folder)
        return str(path.relative_to(self._folder.parent))

    def load(self) -> Loaded | None:
        """The newest whole one of LAST and PREVIOUS; None where none was ever written.

        Raises OSError, and CnntopError where there are some and all are damaged.
        """
        damaged: tuple[str, ...] = ()
        known = self._known()
        for name in (LAST, PREVIOUS):
            try:
                whole = _bytes_of(self._folder / name)
            except FileNotFoundError:
                continue
            if hashlib.sha256(whole).hexdigest() in known:
                content = torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
                return Loaded(name, content, damaged)
            damaged = (*damaged, name)
        if damaged:
            raise CnntopError(f"{self._folder}: {_nothing_whole(damaged, bool(known))}")
        return None

    def _announce(self, digest: str) -> None:
        hashes = [digest, *self._known()][:_HASHES_KEPT]
        text = msgspec.json.encode(hashes) + b"\n"
        replace_file(self._folder / _HASHES, lambda file: file.write(text))

    def _known(self) -> list[str]:
        try:
            return msgspec.json.decode((self._folder / _HASHES).read_bytes(), type=list[str])
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return []


def _bytes_of(path: Path) -> bytes:
    """All of a file; none of one that a bad disk cannot read."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def _nothing_whole(damaged: tuple[str, ...], hashes_known: bool) -> str:
    names, are = " and ".join(damaged), "is" if len(damaged) == 1 else "are"
    if hashes_known:
        return (
            f"{names} {are} damaged ({_HASHES} lists other content); there is nothing whole to go "
            "on from."
        )
    return (
        f"{_HASHES} is missing or damaged; without it nobody can tell whether {names} {are} whole, "
        "so the run cannot go on."
    )
