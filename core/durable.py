"""Files that are replaced whole or not at all, whatever happens to the machine."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def file_mode(folder: Path) -> int:
    """Permissions of a new file in `folder`: it is for whom the folder is for. Raises OSError."""
    return folder.stat().st_mode & 0o666


def replace_file(path: Path, write: Callable[[BinaryIO], object], mode: int | None = None) -> None:
    """Replace `path` with what `write` puts into the file it is given.

    A temporary file in the same folder, fsync, rename, fsync of the folder: after a crash there is
    either the old file or the new one. `mode` are its permissions; without, they stay as they are,
    and a new file's are as `file_mode` says. Raises OSError; the old file is then still there.
    """
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else file_mode(path.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` last. Some network file systems refuse; that loses nothing here."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
