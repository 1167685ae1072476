"""What a run's state was at its checkpoints, to go back there when it is resumed."""

import copy
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnntop.core.curve import Curve
from cnntop.core.events import CheckpointSaved, Record, RunResumed

if TYPE_CHECKING:
    from cnntop.core.run_state import RunState

_KEPT = 2
"""The newest checkpoint, and the one before it for when that is damaged."""

_TRAINED = (
    "step", "stepped_seconds", "epoch", "epoch_images", "lr", "images", "evaluation_seconds",
    "last_pass", "complete_epoch_seconds", "best_test_accuracy", "best_epoch", "train_loss",
    "train_accuracy", "test_loss", "test_accuracy", "learning_rate", "speed", "parts",
    "cpu_utilization", "process_memory", "marks", "finished_epochs_split", "epoch_split",
    "finished_epochs_detail", "epoch_detail", "fixes", "fixes_measured", "rate_changes",
    "recent",
    "paused_seconds",
)  # fmt: skip
"""What steps have made of it, and all that is drawn over them; the machine's newest samples and
means, the notices and the clock only go on."""


class _Copy(NamedTuple):
    """A state's figures after `step`, which came at `at_seconds` on the stream's clock."""

    step: int
    at_seconds: float
    figures: dict[str, Any]
    gpu_curves: dict[int, dict[str, Curve]]

    @classmethod
    def of(cls, state: "RunState", step: int) -> "_Copy":
        figures = {name: _copied(getattr(state, name)) for name in _TRAINED}
        curves = {index: track.curves() for index, track in state.gpus.items()}
        return cls(step, state.at_seconds, figures, curves)


def is_last(saved: CheckpointSaved) -> bool:
    """Whether a run would go on from this checkpoint, and not only keep the best of its weights."""
    return not saved.path.endswith("best.pt")


class Rewind:
    """Copies of a state's figures, by the step that they were taken at."""

    def __init__(self, state: "RunState") -> None:
        self._start = _Copy.of(state, 0)
        self._copies: deque[_Copy] = deque(maxlen=_KEPT)
        self._passed_over = 0

    def pass_over(self, records: Sequence[Record]) -> None:
        """Make no copies for those of these checkpoints that later ones of them put out anyway: a
        copy takes as long as folding a hundred records."""
        saves = [one.event for one in records if isinstance(one.event, CheckpointSaved)]
        if any(isinstance(one.event, RunResumed) for one in records):
            saves = []
        self._passed_over = max(0, sum(is_last(saved) for saved in saves) - _KEPT)

    def remember(self, state: "RunState", step: int) -> None:
        if self._passed_over:
            self._passed_over -= 1
            return
        self._copies.append(_Copy.of(state, step))

    def take_back(self, state: "RunState", step: int) -> None:
        """Give `state` the figures that it had at `step`; those of its start where none are kept
        of it, so that nothing counts twice. Notes the time that does not count any more."""
        kept = {one.step: one for one in self._copies}.get(step, self._start)
        for name, value in kept.figures.items():
            setattr(state, name, _copied(value))
        for index, track in state.gpus.items():
            track.take_back(kept.gpu_curves.get(index))
        state.taken_back.append((kept.at_seconds, state.at_seconds))
        while self._copies and self._copies[-1].step > step:
            self._copies.pop()


def _copied(value: Any) -> Any:
    """Events are frozen and need no copies of their own."""
    return copy.copy(value) if isinstance(value, list | deque) else copy.deepcopy(value)
