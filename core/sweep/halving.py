"""Which runs of a sweep are due, and which are cut: all go to the end, or by successive halving.

K. Jamieson, A. Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization,
arXiv:1502.07943. Every decision is a pure function of the results, so that a sweep that was
interrupted decides as one that was left alone.
"""

from dataclasses import dataclass

from cnntop.core.sweep.definition import Definition
from cnntop.core.sweep.progress import SETTLED, PointState, SweepState


@dataclass(frozen=True)
class Due:
    """A run that is to be begun or gone on with; `epochs` is how far, None: its recipe's limit."""

    state: PointState
    epochs: int | None = None


def rungs(epochs: int, eta: int, cells: int) -> list[int]:
    """After how many epochs each rung ends, the last being `epochs`; as many as there are places
    in the grid to divide by `eta`, and not below one epoch."""
    found = [epochs]
    while cells > 1 and found[0] > 1:
        cells = -(-cells // eta)
        found.insert(0, -(-epochs // eta ** len(found)))
    return found


def survivors(cells: dict[str, float | None], eta: int) -> list[str]:
    """The best 1/`eta` of `cells` (rounded up) by their accuracy, in their order. Of equals the
    first; one without an accuracy never goes on."""
    wanted = -(-len(cells) // eta)
    scored = [(cell, accuracy) for cell, accuracy in cells.items() if accuracy is not None]
    ranked = sorted(scored, key=lambda pair: -pair[1])  # stable: of equals the first stays first
    best = {cell for cell, _ in ranked[:wanted]}
    return [cell for cell in cells if cell in best]


def due(sweep: SweepState) -> list[Due]:
    """The runs that are not settled yet and could be begun now, those that run included."""
    definition = sweep.definition
    if definition.halving is None:
        return [Due(state) for state in sweep.points if state.status not in SETTLED]
    found: dict[int, Due] = {}
    for epochs, cells in _climb(sweep):  # more than one rung: the lower ones' are those that failed
        waiting = [state for cell in cells for state in cells[cell] if not _over(state, epochs)]
        for state in sorted(waiting, key=lambda state: state.point.number):
            found.setdefault(state.point.number, Due(state, epochs))
    return list(found.values())


def cut(sweep: SweepState) -> dict[str, int]:
    """The places of the grid that were cut, and after how many epochs."""
    if sweep.definition.halving is None:
        return {}
    found: dict[str, int] = {}
    before: tuple[int, dict[str, list[PointState]]] | None = None
    for epochs, cells in _climb(sweep):
        if before is not None:
            found |= {cell: before[0] for cell in before[1] if cell not in cells}
        before = epochs, cells
    return found


def _climb(sweep: SweepState) -> list[tuple[int, dict[str, list[PointState]]]]:
    """Each rung that is reached and the places of the grid that are on it. A rung begins once all
    runs of the one before have come to its end, or cannot."""
    definition = sweep.definition
    assert definition.halving is not None
    cells = sweep.by_cell()
    reached: list[tuple[int, dict[str, list[PointState]]]] = []
    for epochs in rungs(planned_epochs(definition), definition.halving, len(cells)):
        if reached:
            before, there = reached[-1]
            if not all(_ended(one, before) for states in there.values() for one in states):
                break
            scores = {cell: _mean_within(states, before) for cell, states in there.items()}
            cells = {cell: there[cell] for cell in survivors(scores, definition.halving)}
        reached.append((epochs, cells))
    return reached


def planned_epochs(definition: Definition) -> int:
    """Epochs of a run that goes to the end, the same for all points of a halving sweep."""
    epochs = definition.points()[0].recipe().train.epochs
    assert epochs is not None
    return epochs


def _over(state: PointState, epochs: int) -> bool:
    """Whether there is nothing more to be had of the run on the rung that ends after `epochs`."""
    if state.status == "finished":
        return state.epochs >= epochs - 1e-6
    return state.status in SETTLED or _went_beyond(state, epochs)


def _ended(state: PointState, epochs: int) -> bool:
    """As `_over`, or it failed: whoever comes later may try it again, but nobody waits for it."""
    return _over(state, epochs) or state.status in ("failed", "out-of-memory", "unreadable")


def _went_beyond(state: PointState, epochs: int) -> bool:
    return any(epoch >= epochs for epoch, _ in state.evaluations)


def _mean_within(states: list[PointState], epochs: int) -> float | None:
    """Over the seeds; None where one of them did not get there."""
    accuracies = [
        state.accuracy_within(epochs) if _went_beyond(state, epochs) else None for state in states
    ]
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    return sum(known) / len(known) if len(known) == len(accuracies) else None
