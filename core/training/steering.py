"""What a person wants of a run's plan while it trains: taken, done and told."""

from cnntop.core.control import Control
from cnntop.core.events import Notice, PlanExtended, RateChanged, StopAsked
from cnntop.core.extension import NOTHING
from cnntop.core.feed import Sink
from cnntop.core.training.plan import Plan


class Steering:
    """Between two steps, in a pause, and between two batches of an evaluation. What cannot be done
    is told as a notice."""

    def __init__(self, control: Control, plan: Plan, sink: Sink) -> None:
        self._control = control
        self._plan = plan
        self._sink = sink

    def take(self, step: int, epoch: int) -> bool:
        """All that is wanted after `step`, in the pass `epoch`. Whether the rate may be another one
        from here on."""
        self._tell_stops(step, epoch)
        factor = self._control.take_rate_factor()
        if factor != 1.0:
            refusal = "the learning rate stays: it has been changed as far as makes sense"
            self._tell(self._plan.scale_rate(factor, step), refusal)
        more = self._control.take_extension()
        if more == NOTHING:
            return factor != 1.0
        ends_by = "time" if self._plan.epochs is None else "epochs"
        refusal = f"the run stays as long as it is: it ends by {ends_by}, or would be too long"
        self._tell(self._plan.extend(more, step), refusal)
        return True

    def end(self, step: int, epoch: int) -> None:
        """The run is over after `step`, in the pass `epoch`: what ended it is told if it was not
        yet, and what is wanted now comes too late."""
        self._tell_stops(step, epoch)
        if self._control.take_extension() != NOTHING:
            text = "the run had ended before it could be extended; cnntop run --resume goes on"
            self._sink.emit(Notice(text, "warning"))

    def _tell_stops(self, step: int, epoch: int) -> None:
        for how in self._control.take_stops_asked():
            self._sink.emit(StopAsked(how, step, epoch))

    def _tell(self, changed: RateChanged | PlanExtended | None, refusal: str) -> None:
        self._sink.emit(Notice(refusal, "warning") if changed is None else changed)
