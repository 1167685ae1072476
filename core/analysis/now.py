"""What a step and an epoch take now, from the newest stretches of the folded stream."""

from dataclasses import dataclass

from cnntop.core.events import RunStarted, StepsMeasured
from cnntop.core.fix import FixKey
from cnntop.core.run_state import RunState
from cnntop.core.split import Split, StepDetail

MIN_SECONDS = 2.0
MIN_STRETCHES = 3
"""What must be measured before anything is said: one slow stretch is no bottleneck."""


@dataclass(frozen=True)
class Now:
    """What a step and an epoch take now. Parts and `launch_gap` are mean seconds a step;
    `evaluation` is seconds of one, which comes every `evaluate_every` epochs."""

    state: RunState
    started: RunStarted
    wait: float
    transfer: float
    compute: float
    other: float
    launch_gap: float | None
    evaluation: float | None
    evaluate_every: int

    @property
    def step(self) -> float:
        """Seconds a step."""
        return self.wait + self.transfer + self.compute + self.other

    @property
    def epoch(self) -> float:
        """Seconds an epoch, its share of evaluation included where there is any so far."""
        return self.epoch_with()

    def epoch_with(self, step: float | None = None, evaluate_every: int | None = None) -> float:
        """Seconds an epoch if a step took `step` seconds or evaluation came so seldom."""
        steps = self.started.steps_per_epoch * (self.step if step is None else step)
        if self.evaluation is None:
            return steps
        return steps + self.evaluation / (evaluate_every or self.evaluate_every)

    def cost(self, seconds_a_step: float) -> float:
        """The share of an epoch that a part of its steps takes."""
        return self.started.steps_per_epoch * seconds_a_step / self.epoch

    @property
    def on_gpu(self) -> bool:
        return self.started.device != "cpu"

    @property
    def workers(self) -> int | None:
        """Loader workers at work; None where a fix brought the loader, which tells no number."""
        return self.started.workers if self.state.augment_on == "loader" else 0

    def used(self, key: FixKey) -> set[str]:
        """Values that fixes set or replaced: proposing them again would go back and forth."""
        fixes = [fix for fix in self.state.fixes if fix.key == key]
        return {value for fix in fixes for value in (fix.before, fix.after)}


def measure(state: RunState) -> Now | None:
    """What the newest stretches tell; None while that is too little.

    A run that is over tells no more, so that there whatever was measured counts.
    """
    started, stretches = state.started, list(state.recent)
    steady = [stretch for stretch in stretches if not _warms_up(stretch, state)]
    if state.ended is None:
        stretches = steady if len(steady) >= MIN_STRETCHES else []
    else:
        stretches = steady or stretches
    split, detail, steps = Split(), StepDetail(), sum(stretch.steps for stretch in stretches)
    for stretch in stretches:
        split.add(stretch)
        detail.add(stretch)
    if state.ended is None and split.seconds < MIN_SECONDS:
        return None
    if started is None or steps == 0 or split.seconds <= 0:
        return None
    means = {part: seconds / steps for part, seconds in split.parts().items()}
    gap = detail.launch_gap.value
    evaluation, every = _evaluation(state)
    return Now(
        state=state,
        started=started,
        **means,
        launch_gap=None if gap is None else gap * means["compute"],
        evaluation=evaluation,
        evaluate_every=every,
    )


def _warms_up(stretch: StepsMeasured, state: RunState) -> bool:
    """Whether it holds the run's first step or the first after a fix: workers start there, and
    kernels run for the first time."""
    begun = stretch.step - stretch.steps
    return begun <= 0 or any(begun <= fix.step < stretch.step for fix in state.fixes)


def _evaluation(state: RunState) -> tuple[float | None, int]:
    """Seconds of one evaluation, and every how many epochs there is one."""
    assert state.started is not None
    evaluations = sum(one.count for one in state.test_accuracy.bins)
    seconds = state.last_pass.evaluation_seconds if state.last_pass else None
    if seconds is None and evaluations:
        seconds = state.evaluation_seconds / evaluations
    set_to = [int(fix.after) for fix in state.fixes if fix.key == "train.evaluate_every"]
    return seconds, set_to[-1] if set_to else state.started.evaluate_every
