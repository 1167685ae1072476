"""Applies what the verdict proposes without asking: `cnntop run --auto-fix`."""

from collections.abc import Callable

from cnntop.core.analysis.findings import WORTHWHILE_GAIN
from cnntop.core.analysis.verdict import verdict
from cnntop.core.events import EpochFinished, Record, StepsMeasured
from cnntop.core.fix import Fix
from cnntop.core.run_state import RunState

LOOK_SECONDS = 1.0
"""Of the stream's clock between two looks: a verdict of the last ten seconds changes no faster."""
STEADY_SECONDS = 3.0
"""Of training steps in which a fix must have been proposed throughout, so that one hiccup changes
nothing."""


class AutoFix:
    """A reader of the stream, behind the one that folds `state`, which has each record already.

    `apply` is called on the stream's thread while the stream hands out a record, so it must not
    emit: it only asks training for the change. Each fix is asked for once, and the next one when
    the one before has been measured; one that training never takes up is the last.
    """

    def __init__(self, state: RunState, apply: Callable[[Fix], None]) -> None:
        self._state = state
        self._apply = apply
        self._asked: list[tuple[str, str]] = []
        self._looked_at: float | None = None
        self._trained = 0.0
        self._proposed: tuple[str, str] | None = None
        self._proposed_at = 0.0

    def take(self, record: Record) -> None:
        """Reader's side of the stream."""
        event = record.event
        if isinstance(event, StepsMeasured):
            self._trained += event.wait_seconds + event.transfer_seconds
            self._trained += event.compute_seconds + event.other_seconds
        elif not isinstance(event, EpochFinished):
            return
        if self._looked_at is None or record.at_seconds - self._looked_at >= LOOK_SECONDS:
            self._looked_at = record.at_seconds
            self._look()

    def _look(self) -> None:
        fix = self._worth_applying()
        proposed = None if fix is None else _change(fix)
        if proposed != self._proposed:
            self._proposed, self._proposed_at = proposed, self._trained
        if fix is None or proposed is None or self._trained - self._proposed_at < STEADY_SECONDS:
            return
        self._asked.append(proposed)
        self._apply(fix)

    def _worth_applying(self) -> Fix | None:
        """The fix proposed now, if it is new, measured to pay, and nothing else is under way."""
        if self._under_way():
            return None
        found = verdict(self._state)
        fix = found.fix if found else None
        if fix is None or fix.gain is None or fix.gain < WORTHWHILE_GAIN:
            return None
        return None if _change(fix) in self._asked else fix

    def _under_way(self) -> bool:
        """Whether a fix was asked for and not yet applied, or the newest, which may be a person's,
        is not measured yet."""
        applied = [(fix.key, fix.after) for fix in self._state.fixes]
        measured = [(fix.key, fix.after) for fix in self._state.fixes_measured]
        if self._asked and self._asked[-1] not in applied:
            return True
        return bool(applied) and applied[-1] not in measured


def _change(fix: Fix) -> tuple[str, str]:
    """Key and value as the events have them."""
    return fix.key, str(fix.value)
