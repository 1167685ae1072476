"""What a person wants of a run while it trains: flags which the loop looks at between steps."""

import threading
from typing import Literal

from cnntop.core.fix import Fix


class Control:
    """Set from any thread, read by the training thread. Nothing here waits but `wait_while_paused`.

    A stop asked for by a person ends the run as "stopped", one by a signal as "interrupted".
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._stop: Literal["stopped", "interrupted"] | None = None
        self._fix: Fix | None = None
        self._checkpoint = False
        self.wanted = False
        """Whether there is anything to do or to ask for between two steps. An attribute, because
        the loop reads it after each of them."""

    def pause(self) -> None:
        with self._changed:
            self._paused = self.wanted = True

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._note_wanted()
            self._changed.notify_all()

    def stop(self, status: Literal["stopped", "interrupted"] = "stopped") -> None:
        with self._changed:
            self._stop = self._stop or status
            self.wanted = True
            self._changed.notify_all()

    def apply(self, fix: Fix) -> None:
        """Have `fix` applied between two steps; the newest counts if several come at once."""
        with self._changed:
            self._fix = fix
            self.wanted = True

    def checkpoint(self) -> None:
        """Have a checkpoint saved between two steps, or in a pause at once."""
        with self._changed:
            self._checkpoint = self.wanted = True
            self._changed.notify_all()

    def take_checkpoint(self) -> bool:
        """Whether one is to be saved now; the next call says no."""
        with self._changed:
            taken, self._checkpoint = self._checkpoint, False
            self._note_wanted()
        return taken

    def take_fix(self) -> Fix | None:
        """The fix to apply now, if any; the next call gives None."""
        if self._fix is None:
            return None
        with self._changed:
            fix, self._fix = self._fix, None
            self._note_wanted()
        return fix

    def _note_wanted(self) -> None:
        self.wanted = (
            self._paused or self._checkpoint or self._fix is not None or self._stop is not None
        )

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def stop_status(self) -> Literal["stopped", "interrupted"] | None:
        """How the run shall end now, or None to go on."""
        return self._stop

    def cancelled(self) -> bool:
        """For long preparations: whether to give up."""
        return self._stop is not None

    def wait_while_paused(self) -> bool:
        """False when the run shall go on or stop, True when it shall save a checkpoint and wait
        on."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._paused or self._stop is not None or self._checkpoint
            )
            return self._paused and self._stop is None
