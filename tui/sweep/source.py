"""Where the screen and the lines of a sweep take it from: this process's, or another one's."""

import threading
import time
from typing import Protocol

from cnntop.core.errors import CnntopError
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.progress import SweepReader, SweepState

_POLL_SECONDS = 0.5


class Source(Protocol):
    """What is shown of a sweep. The Scheduler is one."""

    folder: SweepFolder
    slots: int
    error: CnntopError | None

    @property
    def state(self) -> SweepState: ...
    @property
    def done(self) -> bool: ...
    @property
    def stopping(self) -> bool: ...
    def wait(self, timeout_seconds: float) -> bool: ...


class WatchedSweep:
    """A sweep that another process runs, or none any more, read in a thread of its own."""

    stopping = False

    def __init__(self, folder: SweepFolder, slots: int) -> None:
        self.folder = folder
        self.slots = slots
        self.error: CnntopError | None = None
        self._reader = SweepReader(folder)
        self.state: SweepState = self._reader.read()
        self._thread = threading.Thread(target=self._follow, name="cnntop-sweep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _follow(self) -> None:
        alive = True
        while alive:
            alive = self.folder.is_alive()  # before the look, so that the last one sees the end
            try:
                self.state = self._reader.read()
            except OSError:
                return  # the folder is gone
            time.sleep(_POLL_SECONDS)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, timeout_seconds: float) -> bool:
        self._thread.join(timeout_seconds)
        return self.done
