"""What a person wants of a run while it trains: flags which the loop looks at between steps."""

import threading
from typing import Literal

from cnntop.core.events import HowToStop
from cnntop.core.extension import NOTHING, Extension
from cnntop.core.fix import Fix


class Control:
    """Set from any thread, read by the training thread. Nothing here waits but `wait_while_paused`.

    A stop asked for by a person ends the run as "stopped", one by a signal as "interrupted".
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._stop: Literal["stopped", "interrupted"] | None = None
        self._after_epoch = False
        self._discarded = False
        self._stops_asked: list[HowToStop] = []
        self._fix: Fix | None = None
        self._rate_factor = 1.0
        self._extension = NOTHING
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

    def stop_after_epoch(self) -> None:
        """Have the run end as "stopped" with the pass that it is in, evaluated and saved. A paused
        run goes on for that."""
        with self._changed:
            if not self._after_epoch:
                self._after_epoch = True
                self._stops_asked.append("after-epoch")
            self._paused = False
            self._note_wanted()
            self._changed.notify_all()

    def go_on_after_epoch(self) -> None:
        """Take `stop_after_epoch` back: have the run go on as planned. In time where the pass is
        not evaluated and saved yet."""
        with self._changed:
            if self._after_epoch:
                self._after_epoch = False
                self._stops_asked.append("go-on")
            self._note_wanted()

    def discard(self) -> None:
        """Stop now, and have nothing of the run kept. There is no way back."""
        with self._changed:
            if not self._discarded:
                self._discarded = True
                self._stops_asked.append("discard")
            self._stop = self._stop or "stopped"
            self.wanted = True
            self._changed.notify_all()

    def apply(self, fix: Fix) -> None:
        """Have `fix` applied between two steps; the newest counts if several come at once."""
        with self._changed:
            self._fix = fix
            self.wanted = True

    def scale_rate(self, factor: float) -> None:
        """Have the learning rate multiplied with `factor`, on top of the schedule and of what came
        before, from the next step on; several that come at once multiply."""
        with self._changed:
            self._rate_factor *= factor
            self._note_wanted()
            self._changed.notify_all()

    def extend(self, extension: Extension) -> None:
        """Have the run go on for longer than planned; several that come at once add up."""
        with self._changed:
            self._extension += extension
            self._note_wanted()
            self._changed.notify_all()

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

    def take_rate_factor(self) -> float:
        """What to multiply the learning rate with now; the next call gives 1."""
        with self._changed:
            factor, self._rate_factor = self._rate_factor, 1.0
            self._note_wanted()
        return factor

    def take_extension(self) -> Extension:
        """How much longer to go on than planned; the next call gives NOTHING."""
        with self._changed:
            extension, self._extension = self._extension, NOTHING
            self._note_wanted()
        return extension

    def take_stops_asked(self) -> list[HowToStop]:
        """The ways to stop that were asked for and are still to be told; the next call gives
        none."""
        with self._changed:
            asked, self._stops_asked = self._stops_asked, []
            self._note_wanted()
        return asked

    def _note_wanted(self) -> None:
        self.wanted = (
            self._paused or self._fix is not None or self._stop is not None or self._wanted_at_once
        )

    @property
    def _wanted_at_once(self) -> bool:
        """Whether there is anything to do that a pause does not put off."""
        return (
            self._checkpoint
            or self._rate_factor != 1.0
            or self._extension != NOTHING
            or bool(self._stops_asked)
        )

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def stop_status(self) -> Literal["stopped", "interrupted"] | None:
        """How the run shall end now, or None to go on."""
        return self._stop

    @property
    def ends_after_epoch(self) -> bool:
        return self._after_epoch

    @property
    def discarded(self) -> bool:
        """Whether nothing of the run is to be kept once it has stopped."""
        return self._discarded

    def cancelled(self) -> bool:
        """For long preparations: whether to give up."""
        return self._stop is not None

    def wait_while_paused(self) -> bool:
        """False when the run shall go on or stop, True when it shall do what a pause does not put
        off, and wait on."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._paused or self._stop is not None or self._wanted_at_once
            )
            return self._paused and self._stop is None
