"""What a run's state was at its checkpoints, to go back there when it is resumed."""

import copy
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnntop.core.run_state import RunState

_KEPT = 2
"""The newest checkpoint, and the one before it for when that is damaged."""

_TRAINED = (
    "step", "stepped_seconds", "epoch", "epoch_images", "lr", "images", "evaluation_seconds",
    "last_pass", "complete_epoch_seconds", "best_test_accuracy", "best_epoch", "train_loss",
    "train_accuracy", "test_loss", "test_accuracy", "finished_epochs_split", "epoch_split",
    "finished_epochs_detail", "epoch_detail", "fixes", "fixes_measured", "recent",
    "paused_seconds",
)  # fmt: skip
"""What steps have made of it; the machine, the notices and the clock only go on."""


class Rewind:
    """Copies of a state's figures, by the step that they were taken at."""

    def __init__(self, state: "RunState") -> None:
        self._start = _figures(state)
        self._copies: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_KEPT)

    def remember(self, state: "RunState", step: int) -> None:
        self._copies.append((step, _figures(state)))

    def take_back(self, state: "RunState", step: int) -> None:
        """Give `state` the figures that it had at `step`; those of its start where none are kept
        of it, so that nothing counts twice."""
        kept = dict(self._copies)
        for name, value in kept.get(step, self._start).items():
            setattr(state, name, _copied(value))
        while self._copies and self._copies[-1][0] > step:
            self._copies.pop()


def _figures(state: "RunState") -> dict[str, Any]:
    return {name: _copied(getattr(state, name)) for name in _TRAINED}


def _copied(value: Any) -> Any:
    """Events are frozen and need no copies of their own."""
    return copy.copy(value) if isinstance(value, list | deque) else copy.deepcopy(value)
