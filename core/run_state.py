"""The fold: records of a run in, what a person wants to know out.

The live screen, the plain printer, the summary and everyone who opens a log from disk use this one
fold, so what one of them shows the others show too. Nothing here reads a clock or a file.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from cnntop.core.events import (
    Activity,
    AnyEvent,
    AugmentationTried,
    CheckpointSaved,
    CpuSample,
    EpochFinished,
    FixApplied,
    FixMeasured,
    GpuSample,
    GpusUnavailable,
    LimitsMeasured,
    Notice,
    Paused,
    PlanExtended,
    RateChanged,
    Record,
    Resumed,
    RunEnded,
    RunResumed,
    RunStarted,
    Status,
    StepsMeasured,
    StopAsked,
)
from cnntop.core.gpu_track import GpuTrack, Mean
from cnntop.core.marks import Marks
from cnntop.core.rewind import Rewind, is_last
from cnntop.core.run_curves import RunCurves
from cnntop.core.split import Split, StepDetail
from cnntop.core.stretches import take_stretches
from cnntop.core.trail import Steered, trail_line

Phase = Literal["preparing", "training", "evaluating", "paused"] | Status

NOTICES_KEPT = 100
LOG_KEPT = 1000
RECENT_STRETCHES = 40
"""Stretches of steps in the "now" figures: about ten seconds."""
_SAMPLES = (CpuSample, GpuSample)
_STEADY = (
    Activity, AugmentationTried, CpuSample, GpuSample, LimitsMeasured, StepsMeasured,
)  # fmt: skip
"""Events that come all the time, or say what no log needs."""


@dataclass
class RunState(RunCurves):
    """All that readers show of a run. `apply` takes the run's records one by one, in order."""

    phase: Phase = "preparing"
    started: RunStarted | None = None
    started_at_seconds: float = 0.0
    activity: Activity | None = None
    activity_at_seconds: float = 0.0

    stepped_seconds: float = 0.0
    """Time trained, pauses left out, up to the newest step."""
    epoch: int = 0
    epoch_images: int = 0
    lr: float | None = None
    images: int = 0
    evaluation_seconds: float = 0.0
    last_pass: EpochFinished | None = None
    """The newest pass that saw every training image, else the newest at all: for figures that a
    pass cut short after a few steps would distort."""
    complete_epoch_seconds: Mean = field(default_factory=Mean)
    best_test_accuracy: float | None = None
    best_epoch: int | None = None

    finished_epochs_split: Split = field(default_factory=Split)
    epoch_split: Split = field(default_factory=Split)
    finished_epochs_detail: StepDetail = field(default_factory=StepDetail)
    epoch_detail: StepDetail = field(default_factory=StepDetail)
    trials: dict[str, AugmentationTried] = field(default_factory=dict)
    """By `augment_on`: what a step was measured to take with it."""
    limits: LimitsMeasured | None = None
    fixes: list[FixApplied] = field(default_factory=list)
    fixes_measured: list[FixMeasured] = field(default_factory=list)
    rate_changes: list[RateChanged] = field(default_factory=list)
    extensions: list[PlanExtended] = field(default_factory=list)
    """What a person decided of the run's length: `started` has what is planned now, and a run that
    is resumed keeps to it."""
    stop_asked: StopAsked | None = None
    recent: deque[StepsMeasured] = field(default_factory=lambda: deque(maxlen=RECENT_STRETCHES))

    paused_seconds: float = 0.0
    paused_at_seconds: float | None = None

    cpu: CpuSample | None = None
    cpu_mean_utilization: Mean = field(default_factory=Mean)
    process_memory_peak_bytes: int | None = None
    gpus: dict[int, GpuTrack] = field(default_factory=dict)
    gpus_unavailable: str | None = None

    checkpoint: CheckpointSaved | None = None
    notices: deque[tuple[float, Notice]] = field(default_factory=lambda: deque(maxlen=NOTICES_KEPT))
    log: deque[Record] = field(default_factory=lambda: deque(maxlen=LOG_KEPT))
    """The newest of all that happens now and then."""
    logged: int = 0
    """How many there were, those no longer kept included."""
    ended: RunEnded | None = None

    def __post_init__(self) -> None:
        self._rewind = Rewind(self)

    def apply(self, record: Record) -> None:
        self.at_seconds = record.at_seconds
        if not isinstance(record.event, _STEADY):
            self.log.append(record)
            self.logged += 1
        self._apply(record.event)

    def apply_all(self, records: Sequence[Record]) -> None:
        """As `apply` for each of them, in a fraction of the time where they are many."""
        self._rewind.pass_over(records)
        stretches: list[Record] = []
        for record in records:
            event = record.event
            if isinstance(event, StepsMeasured):
                stretches.append(record)
                self.step = event.step
                continue
            if stretches and not isinstance(event, _SAMPLES):
                take_stretches(self, stretches)
                stretches = []
            self.apply(record)
        if stretches:
            take_stretches(self, stretches)
            self.at_seconds = records[-1].at_seconds

    def _apply(self, event: AnyEvent) -> None:
        match event:
            case StepsMeasured():
                self._steps_measured(event)
            case CpuSample():
                self.cpu = event
                self._draw_cpu(event)
                peak = self.process_memory_peak_bytes or 0
                self.process_memory_peak_bytes = max(peak, event.process_memory_bytes)
                if self._measuring:
                    self.cpu_mean_utilization.add(event.utilization)
            case GpuSample():
                self._gpu_sample(event)
            case Activity():
                self.activity = event
                self.activity_at_seconds = self.at_seconds
                if event.name == "evaluating":
                    self.phase = "evaluating"
            case EpochFinished():
                self._epoch_finished(event)
            case RunStarted():
                self.started = event
                self.started_at_seconds = self.begun_at_seconds = self.at_seconds
                self.marks = Marks()
                self.ended = None  # of a process that got no further than this one's beginning
                self.phase = "training"
                self.epoch = 1
            case AugmentationTried():
                self.trials[event.augment_on] = event
            case LimitsMeasured():
                self.limits = event
            case FixApplied():
                self.fixes.append(event)
                self._mark_fix(event)
                self.recent.clear()  # what is shown as "now" is from here on
            case FixMeasured():
                self.fixes_measured.append(event)
            case RateChanged() | PlanExtended() | StopAsked():
                self._steered(event)
            case Paused():
                self.phase = "paused"
                self.paused_at_seconds = self.at_seconds
                self.mark("pause", "paused")
            case Resumed():
                self.phase = "training"
                self.paused_at_seconds = None
                self.paused_seconds += event.paused_seconds
                self.marks.reword("pause", f"paused for {event.paused_seconds:,.1f} s")
            case CheckpointSaved():
                self.checkpoint = event
                if is_last(event):
                    self._mark_checkpoint(event)
                    self._rewind.remember(self, event.step)
            case RunResumed():
                self._resumed(event)
            case Notice():
                self.notices.append((self.at_seconds, event))
            case GpusUnavailable():
                self.gpus_unavailable = event.reason
            case RunEnded():
                self.phase = event.status
                self.ended = event
                self.mark("end", event.status)

    def _steered(self, event: Steered) -> None:
        self.notices.append((self.at_seconds, Notice(trail_line(event))))
        match event:
            case RateChanged():
                self.rate_changes.append(event)
                self.lr = event.lr_after
                self.mark("rate", trail_line(event), event.step)
            case PlanExtended():
                self.extensions.append(event)
                self.lr = event.lr_after
                self.mark("extend", trail_line(event), event.step)
                if self.started is not None:
                    names = ("epochs_planned", "time_limit_seconds")
                    now = {name: getattr(event, name) for name in names}
                    self.started = msgspec.structs.replace(self.started, **now)
            case StopAsked():
                self.stop_asked = None if event.how == "go-on" else event

    def _resumed(self, event: RunResumed) -> None:
        self._rewind.take_back(self, event.step)
        self.mark("resume", "another process went on from here", event.step)
        text = f"another process goes on after step {event.step:,}"
        self.notices.append((self.at_seconds, Notice(text)))
        self.phase = "training"
        self.ended = self.stop_asked = None
        self.paused_at_seconds = None
        self.epoch = max(1, self.epoch)
        if self.started is not None:
            names = ("device", "device_name", "threads", "augment_on", "epochs_planned",
                     "time_limit_seconds", "gpu_uuid", "cores", "workers")  # fmt: skip
            now = {name: getattr(event, name) for name in names}
            self.started = msgspec.structs.replace(self.started, **now)
        # As if what came in between had not been: the steps that do not count, and the time until
        # another process took over.
        self.started_at_seconds = self.at_seconds - event.trained_seconds - self.paused_seconds

    def _steps_measured(self, event: StepsMeasured) -> None:
        self.phase = "training"
        if event.epoch != self.epoch:
            self.epoch_images = 0
        self.epoch = event.epoch
        self.step = event.step
        self.stepped_seconds = self.trained_seconds()
        self.epoch_images += event.images
        self.images += event.images
        self.lr = event.lr
        self.epoch_split.add(event)
        self.epoch_detail.add(event)
        self._draw_steps(event, self.recent[-1] if self.recent else None)
        self.recent.append(event)

    def _epoch_finished(self, event: EpochFinished) -> None:
        if event.epoch != self.epoch:  # a live feed may have dropped all of its stretches
            self.epoch_images = 0
        self.step = event.step
        self.epoch = event.epoch
        self.lr = event.lr
        # The epoch's own sum knows what its stretches do not: evaluation and the gaps between.
        self.images += event.images - self.epoch_images
        self.epoch_images = event.images
        self.finished_epochs_split.add(event)
        self._draw_epoch(event, self.epoch_split)
        self.epoch_split = Split()
        self.finished_epochs_detail.add(event)
        self.epoch_detail = StepDetail()
        self.evaluation_seconds += event.evaluation_seconds or 0.0
        complete = self.started is not None and event.images >= self.started.train_images
        if complete or self.complete_epoch_seconds.count == 0:
            self.last_pass = event
        if complete:
            self.complete_epoch_seconds.add(event.epoch_seconds)
        best = self.best_test_accuracy
        if event.test_accuracy is not None and (best is None or event.test_accuracy > best):
            self.best_test_accuracy = event.test_accuracy
            self.best_epoch = event.epoch

    def _gpu_sample(self, sample: GpuSample) -> None:
        self.gpus_unavailable = None
        track = self.gpus.setdefault(sample.index, GpuTrack(sample))
        track.take(sample, self.step, self.at_seconds)
        if not self._measuring:
            return
        track.mean_utilization.add(sample.utilization)
        if sample.memory_used_bytes is not None:
            track.memory_peak_bytes = max(track.memory_peak_bytes or 0, sample.memory_used_bytes)
        if track.energy_at_start_joules is None:
            track.energy_at_start_joules = sample.energy_joules

    @property
    def training(self) -> bool:
        """Whether the run is between its first step and its end."""
        return self.started is not None and self.ended is None

    @property
    def _measuring(self) -> bool:
        """Whether machine samples count for the run's means: pauses do not."""
        return self.training and self.paused_at_seconds is None

    @property
    def gpu(self) -> GpuTrack | None:
        """The GPU that trains, if one does and it is watched."""
        if self.started is None or self.started.gpu_uuid is None:
            return None
        uuid = self.started.gpu_uuid
        return next((track for track in self.gpus.values() if track.sample.uuid == uuid), None)

    @property
    def split(self) -> Split:
        """Where the run's time went so far."""
        return self.finished_epochs_split + self.epoch_split

    @property
    def detail(self) -> StepDetail:
        """What is known of the run's steps beyond the four parts."""
        return self.finished_epochs_detail + self.epoch_detail

    @property
    def recent_detail(self) -> StepDetail:
        recent = StepDetail()
        for stretch in self.recent:
            recent.add(stretch)
        return recent

    @property
    def augment_on(self) -> str | None:
        """Where batches are augmented now, after any fix."""
        return self._setting("data.augment_on", self.started.augment_on if self.started else None)

    @property
    def threads(self) -> int | None:
        """The CPU threads that compute now, after any fix."""
        threads = self._setting(
            "machine.threads", str(self.started.threads) if self.started else None
        )
        return None if threads is None else int(threads)

    def _setting(self, key: str, at_start: str | None) -> str | None:
        changes = [fix.after for fix in self.fixes if fix.key == key]
        return changes[-1] if changes else at_start

    @property
    def recent_split(self) -> tuple[Split, int]:
        """Where the last seconds went, and over how many steps."""
        recent = Split()
        for stretch in self.recent:
            recent.add(stretch)
        return recent, sum(stretch.steps for stretch in self.recent)

    @property
    def recent_images_per_second(self) -> float | None:
        recent, _ = self.recent_split
        images = sum(stretch.images for stretch in self.recent)
        return images / recent.seconds if recent.seconds > 0 else None

    @property
    def images_per_second(self) -> float | None:
        """Training images a second over the whole run, evaluation and pauses left out."""
        seconds = self.split.seconds - self.evaluation_seconds
        return self.images / seconds if seconds > 0 and self.images else None

    def elapsed_seconds(self, now: float | None = None) -> float:
        """Wall time since the first step, pauses included. `now` is on the stream's clock."""
        if self.started is None:
            return 0.0
        if self.ended is not None:
            return self.ended.seconds
        return max(self.at_seconds, now or 0.0) - self.started_at_seconds

    def trained_seconds(self, now: float | None = None) -> float:
        """Wall time since the first step without pauses: what a time limit counts."""
        at = max(self.at_seconds, now or 0.0)
        pause = 0.0 if self.paused_at_seconds is None else at - self.paused_at_seconds
        return max(0.0, self.elapsed_seconds(now) - self.paused_seconds - pause)

    @property
    def asked_last_epoch(self) -> int | None:
        """The epoch that a person asked it to end with; None where nobody did."""
        asked = self.stop_asked
        return asked.epoch if asked is not None and asked.how == "after-epoch" else None

    @property
    def epochs(self) -> float:
        """Passes over the training set so far, the unfinished one as a part."""
        if self.started is None:
            return 0.0
        return self.images / self.started.train_images

    def progress(self, now: float | None = None) -> float | None:
        """Share of the run that is done, 0 to 1; None before the first step."""
        if self.started is None:
            return None
        if self.started.epochs_planned is not None:
            return min(1.0, self.epochs / self.started.epochs_planned)
        assert self.started.time_limit_seconds is not None
        return min(1.0, self.trained_seconds(now) / self.started.time_limit_seconds)

    def eta_seconds(self, now: float | None = None) -> float | None:
        """Seconds of training still to come at the pace so far; None while there is no telling."""
        done = self.progress(now)
        if self.started is None or not done or self.ended is not None:
            return None
        if self.started.time_limit_seconds is not None:
            return self.started.time_limit_seconds * (1.0 - done)
        # The clock ticking on between steps, as in an evaluation, must not move it.
        return self.stepped_seconds * (1.0 - done) / done


def fold(records: Iterable[Record]) -> RunState:
    """The state after all of `records`."""
    state = RunState()
    for record in records:
        state.apply(record)
    return state
