"""The verdict: one sentence on where training time goes and what to do about it.

It is read from the fold of the stream alone, so that the live screen, plain lines and a page made
of a finished run's log say the same of the same records.
"""

from dataclasses import dataclass

from cnntop.core.analysis.findings import Bound, findings
from cnntop.core.analysis.now import measure
from cnntop.core.fix import Fix, FixKey
from cnntop.core.run_state import RunState

_VERBS: dict[FixKey, tuple[str, str]] = {
    "data.augment_on": ("augment", "Augmenting"),
    "machine.threads": ("compute", "Computing"),
    "train.evaluate_every": ("evaluate", "Evaluating"),
}
"""How the advice of each fix begins, and how it does as the subject of a sentence."""


@dataclass(frozen=True)
class Verdict:
    """`finding` is a sentence. `advice` is "augment on the GPU" with a fix, else a sentence or "".

    `epoch_seconds` is what an epoch takes now, evaluation included, and `epoch_seconds_after` what
    it would take with the fix, None where that was not measured. `gain` is their ratio; `fix.gain`
    is what `FixMeasured` will be compared with: the same for "train.evaluate_every", else that of
    training steps, evaluation left out. `also` are further findings, the most telling first.
    """

    bound: Bound
    finding: str
    advice: str
    fix: Fix | None
    epoch_seconds: float | None
    epoch_seconds_after: float | None
    also: tuple[str, ...] = ()

    @property
    def gain(self) -> float | None:
        """How many times as fast an epoch would be, evaluation included."""
        if self.epoch_seconds is None or not self.epoch_seconds_after:
            return None
        return self.epoch_seconds / self.epoch_seconds_after

    def sentence(self, key: str | None = None) -> str:
        """The finding and what to do. `key` is the one that applies the fix, where one does."""
        return f"{self.finding} {self._to_do(key)}".rstrip()

    def _to_do(self, key: str | None) -> str:
        if self.fix is None:
            return self.advice
        verb, gerund = _VERBS[self.fix.key]
        doing = gerund + self.advice.removeprefix(verb)
        gain, now, after = self.gain, self.epoch_seconds, self.epoch_seconds_after
        if gain is None or now is None or after is None:
            if key is None:
                return f"{doing} may be faster; how much was not measured."
            return f"Press {key} to {self.advice}; how much faster was not measured."
        epochs = f"({seconds_text(now)} -> {seconds_text(after)} s an epoch)"
        if key is None:
            return f"{doing} would be about {gain:.1f}x as fast {epochs}."
        return f"Press {key} to {self.advice}: about {gain:.1f}x faster {epochs}."


def verdict(state: RunState) -> Verdict | None:
    """The verdict on a run, or None while too little of it is measured."""
    now = measure(state)
    if now is None:
        return None
    first, *others = findings(now)
    return Verdict(
        bound=first.bound,
        finding=first.text,
        advice=first.advice,
        fix=first.fix,
        epoch_seconds=now.epoch,
        epoch_seconds_after=first.epoch_seconds_after,
        also=tuple(finding.text for finding in others),
    )


def seconds_text(seconds: float) -> str:
    """Seconds with two or three digits: 0.42, 7.0, 12.3, 640."""
    if seconds < 9.95:
        return f"{seconds:#.2g}"
    return f"{seconds:.1f}" if seconds < 99.95 else f"{seconds:.0f}"
