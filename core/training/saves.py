"""Checkpoints as a run goes on: when the next one is due, and what if the disk takes none."""

import time
from pathlib import Path
from typing import Any

from cnntop.core.events import CheckpointSaved, Notice
from cnntop.core.feed import Sink
from cnntop.core.training.checkpoint import Checkpoints

_LAST_TRIES = 10


class Saves:
    """A full disk is no reason to stop training: it is told, the checkpoint before is kept, and
    the next one tries again."""

    def __init__(self, folder: Path, sink: Sink, every_seconds: float) -> None:
        self._checkpoints = Checkpoints(folder)
        self._sink = sink
        self._every_seconds = every_seconds
        self._failed: tuple[OSError, str, dict[str, Any]] | None = None
        self.begin()

    def begin(self) -> None:
        """From now on; `due_at` is on `time.monotonic`."""
        self.due_at = time.monotonic() + self._every_seconds

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write `state`, which knows its "epoch", "step" and "test_accuracy"."""
        self.begin()
        try:
            path = self._checkpoints.save(name, state)
        except OSError as error:
            if self._failed is None:
                text = f"no checkpoint could be written ({error}); the one before it is kept"
                self._sink.emit(Notice(text, "warning"))
            self._failed = error, name, state
            return
        if self._failed is not None:
            self._failed = None
            self._sink.emit(Notice(f"checkpoints are written again ({path})"))
        accuracy = state["test_accuracy"]
        self._sink.emit(CheckpointSaved(path, state["epoch"], accuracy, state["step"]))

    def finish(self) -> None:
        """Where the last one could not be written, try for some seconds more. Raises OSError if
        that is of no use."""
        for _ in range(_LAST_TRIES):
            if self._failed is None:
                return
            time.sleep(1.0)
            _, name, state = self._failed
            self.save(name, state)
        if self._failed is not None:
            raise self._failed[0]
