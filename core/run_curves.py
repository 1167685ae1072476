"""What is drawn of a run over its steps and its time: the curves, and the marks between them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cnntop.core.curve import Curve
from cnntop.core.events import CheckpointSaved, CpuSample, EpochFinished, FixApplied, StepsMeasured
from cnntop.core.marks import Kind, Mark, Marks
from cnntop.core.split import PARTS, Split


def _parts() -> dict[str, Curve]:
    return {name: Curve() for name in PARTS}


@dataclass
class RunCurves:
    """The drawn part of a run's state, on one axis: each point has its step and its second."""

    at_seconds: float = 0.0
    step: int = 0
    begun_at_seconds: float = 0.0
    """When the run's very first process got to its first step."""

    train_loss: Curve = field(default_factory=Curve)
    train_accuracy: Curve = field(default_factory=Curve)
    test_loss: Curve = field(default_factory=Curve)
    test_accuracy: Curve = field(default_factory=Curve)
    learning_rate: Curve = field(default_factory=Curve)
    speed: Curve = field(default_factory=Curve)
    """Training images a second, evaluation and pauses left out."""
    parts: dict[str, Curve] = field(default_factory=_parts)
    """Seconds by part. All have the same bins, so that their totals make a split of any stretch."""
    cpu_utilization: Curve = field(default_factory=Curve)
    process_memory: Curve = field(default_factory=Curve)
    """Bytes."""

    marks: Marks = field(default_factory=Marks)
    taken_back: list[tuple[float, float]] = field(default_factory=list)
    """Stretches of the stream's clock that do not count: their steps were taken once more."""

    def mark(self, kind: Kind, text: str, step: int | None = None) -> None:
        """Something happened now, at the newest step unless another one is given."""
        self.marks.add(Mark(self.step if step is None else step, self.at_seconds, kind, text))

    def _draw_steps(self, event: StepsMeasured, before: StepsMeasured | None) -> None:
        """`before` is the stretch that came last before it, if that is known."""
        step, at = event.step, self.at_seconds
        if event.loss is None and (before is None or before.loss is not None):
            self.mark("nan", "the loss is not finite")
        self.train_loss.add(step, at, event.loss)
        self.train_accuracy.add(step, at, event.accuracy)
        self.learning_rate.add(step, at, event.lr)
        wait, transfer = event.wait_seconds, event.transfer_seconds
        compute, other = event.compute_seconds, event.other_seconds
        seconds = wait + transfer + compute + other
        self.speed.add(step, at, event.images / seconds if seconds > 0 else None)
        self._draw_split(step, (wait, transfer, compute, other))

    def _draw_epoch(self, event: EpochFinished, told: Split) -> None:
        """`told` is what the epoch's stretches of steps said already of where its time went; the
        rest is evaluation and what lies between them."""
        at = event.step, self.at_seconds
        self.test_loss.add(*at, event.test_loss)
        self.test_accuracy.add(*at, event.test_accuracy)
        whole = Split()
        whole.add(event)
        rest = (whole + told * -1.0).parts()
        self._draw_split(event.step, [max(0.0, left) for left in rest.values()])

    def _draw_split(self, step: int, seconds: Sequence[float]) -> None:
        """`seconds` of the parts in their order."""
        for curve, spent in zip(self.parts.values(), seconds, strict=True):
            curve.add(step, self.at_seconds, spent)

    def _draw_cpu(self, sample: CpuSample) -> None:
        self.cpu_utilization.add(self.step, self.at_seconds, sample.utilization)
        self.process_memory.add(self.step, self.at_seconds, sample.process_memory_bytes)

    def _mark_checkpoint(self, saved: CheckpointSaved) -> None:
        self.mark("checkpoint", saved.path, saved.step or None)

    def _mark_fix(self, fix: FixApplied) -> None:
        self.mark("fix", f"{fix.key} {fix.before} -> {fix.after}", fix.step)
