"""Removing runs for good: folder, checkpoints and row."""

import os
import shutil

from cnntop.core.durable import sync_folder
from cnntop.core.runs.folder import RUN_FILE, RunFolder
from cnntop.core.runs.summary import drop_row


def remove_run(folder: RunFolder) -> bool:
    """Remove a run folder with all that is in it, and its row; False for one that is running.
    Raises OSError."""
    try:
        alive = folder.lock()
    except BlockingIOError:
        return False
    try:
        if folder.path.is_symlink():  # what it leads to was not named
            folder.path.unlink()
            return True
        remove_held(folder)
    finally:
        os.close(alive)
    return True


def remove_held(folder: RunFolder) -> None:
    """As `remove_run`, for the process that holds the run's lock. Raises OSError, also for a link,
    which it leaves alone with what it leads to."""
    if folder.path.is_symlink():
        raise OSError(f"{folder.path} is a link")
    (folder.path / RUN_FILE).unlink()  # from here on it is no run any more, whatever happens
    shutil.rmtree(folder.path)
    sync_folder(folder.path.parent)
    drop_row(folder.path.parent, folder.path.name)
