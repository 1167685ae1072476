"""A run is a stream of small, typed events; this module is the whole vocabulary.

Training and the machine sampler write events; the run log, the live screen and the plain printer
read them. Events are frozen and hold plain numbers and strings only, so that a line on disk and a
record in memory say the same. Seconds and bytes are SI; accuracies, fractions and utilisations are
0 to 1; `None` means *not measured*, which is never the same as 0.
"""

import math
from typing import Literal

import msgspec

FORMAT = 1
"""Version of the event format, written in `RunStarted.format`; readers refuse a newer one."""

Status = Literal["finished", "stopped", "interrupted", "failed", "diverged", "out-of-memory"]
HowToStop = Literal["after-epoch", "discard", "go-on"]


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Event(msgspec.Struct, frozen=True, tag=_snake, gc=False):
    """Base of every event. The tag (`"type"` on disk) is the class name in snake case.

    Flat as they are, events make no cycles: the collector need not look at those of a long log.
    """


class Activity(Event, frozen=True):
    """Something a person waits for outside the training steps: importing, downloading, evaluating.

    `total` is None while the end is not known. `unit` is "bytes", "images" or "".
    """

    name: str
    done: int = 0
    total: int | None = None
    unit: str = ""


class RunStarted(Event, frozen=True):
    """Everything is ready and the first step comes next. Figures the readers need from the recipe
    and the machine are repeated here, so that the stream alone tells the whole story.

    `steps_per_epoch` counts optimiser steps: `passes` of them for each batch. `workers` is None
    where no loader works. `multiply_adds` are those of the answer to one image, None where they
    could not be counted.
    """

    run: str
    name: str
    preset: str
    started_utc: str
    dataset: str
    model: str
    parameters: int
    batch_size: int
    train_images: int
    test_images: int
    steps_per_epoch: int
    device: str
    device_name: str
    threads: int
    precision: str
    augment_on: str
    epochs_planned: int | None = None
    time_limit_seconds: float | None = None
    gpu_uuid: str | None = None
    passes: int = 1
    evaluate_every: int = 1
    cores: int | None = None
    workers: int | None = None
    speed: str = "safe"
    multiply_adds: int | None = None
    format: int = FORMAT


class AugmentationTried(Event, frozen=True):
    """A few steps with another way to augment, before the first step or beside it: what a step
    would take. Seconds are means a step; `cpu_seconds_per_image` is None where no CPU augments.
    """

    augment_on: str
    steps: int
    wait_seconds: float
    transfer_seconds: float
    compute_seconds: float
    cpu_seconds_per_image: float | None = None


class LimitsMeasured(Event, frozen=True):
    """How much an image's share of a training step is, and how much of it a second the device can
    do at most, before the first step; again in each process that the run goes on in.

    A multiply-add is two floating point operations. `bytes_per_image` is the traffic if every
    operation went through the memory, with no cache and nothing fused. `flop_per_second` is what a
    matrix product reached with `threads` threads, `bytes_per_second` what a copy read and wrote;
    None where other programs had the cores meanwhile.
    """

    flop_per_image: float
    bytes_per_image: float
    flop_per_second: float | None
    bytes_per_second: float | None
    threads: int


class StepsMeasured(Event, frozen=True):
    """A stretch of training steps, read out together (about four times a second).

    `wait`, `transfer`, `compute` and `other` seconds close to the stretch's wall time:
    wait is the network standing still because the augmented batch is not there (*exposed* wait);
    transfer is moving the batch to the device; compute is forward, backward and optimiser; other
    is the rest. `loss` and `accuracy` are means over the stretch's training images, each batch's
    first pass (None where not finite). `images` counts an image once, however many passes.

    `hidden_wait_seconds`: time in which batches were being prepared while the network did not wait
    for them. `augment_cpu_seconds`: CPU time of preparing the stretch's batches. Forward, backward
    and optimiser share `compute_seconds` as they did in the stretch's sampled steps.
    `launch_gap_seconds`: the part of `compute_seconds` in which the GPU stood idle between kernels.
    """

    epoch: int
    step: int
    steps: int
    images: int
    loss: float | None
    accuracy: float | None
    lr: float
    wait_seconds: float
    transfer_seconds: float
    compute_seconds: float
    other_seconds: float
    hidden_wait_seconds: float | None = None
    augment_cpu_seconds: float | None = None
    forward_seconds: float | None = None
    backward_seconds: float | None = None
    optimizer_seconds: float | None = None
    launch_gap_seconds: float | None = None


class EpochFinished(Event, frozen=True):
    """One pass over the training set, its evaluation included.

    `epoch` counts from 1. `images` is less than the training set where a time limit or a stop cut
    the pass short. `epoch_seconds` is wall time without pauses, evaluation included (it counts as
    `other`), and the four parts close to it. The figures beyond them are as in `StepsMeasured`.
    """

    epoch: int
    step: int
    images: int
    lr: float
    train_loss: float | None
    train_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    epoch_seconds: float
    evaluation_seconds: float | None
    wait_seconds: float
    transfer_seconds: float
    compute_seconds: float
    other_seconds: float
    hidden_wait_seconds: float | None = None
    augment_cpu_seconds: float | None = None
    forward_seconds: float | None = None
    backward_seconds: float | None = None
    optimizer_seconds: float | None = None
    launch_gap_seconds: float | None = None


class FixApplied(Event, frozen=True):
    """A setting of the recipe was changed between two steps, because a verdict said so.

    `key` is the recipe's, as in "data.augment_on". `forecast_gain` is how many times as fast the
    run should become, None where that was not to be told.
    """

    key: str
    before: str
    after: str
    step: int
    images_per_second_before: float | None
    forecast_gain: float | None = None


class FixMeasured(Event, frozen=True):
    """What a fix brought, once enough steps have been taken with it: images a second before and
    after, of the training steps alone; for "train.evaluate_every" of whole passes."""

    key: str
    before: str
    after: str
    step: int
    images_per_second_before: float
    images_per_second_after: float
    forecast_gain: float | None = None


class RateChanged(Event, frozen=True):
    """A person multiplied the learning rate with `factor` between two steps: from the one after
    `step` on it is `scale`, the product of all such factors, times what the schedule says."""

    step: int
    factor: float
    scale: float
    lr_before: float
    lr_after: float


class PlanExtended(Event, frozen=True):
    """A person had the run go on for longer than planned: by epochs or by time, whichever ends it;
    the other two figures are None. The schedule is stretched over the longer run, so the learning
    rate may jump at `step`, to what it would be there in a run that was planned so long.
    """

    step: int
    epochs_before: int | None
    epochs_planned: int | None
    time_limit_before_seconds: float | None
    time_limit_seconds: float | None
    lr_before: float
    lr_after: float


class StopAsked(Event, frozen=True):
    """A person asked for an end that is more than a stop at the next step: with the pass `epoch`
    that is under way, or with nothing of the run kept; or took the former back, to go on."""

    how: HowToStop
    step: int
    epoch: int


class Paused(Event, frozen=True):
    """Training stands still between two steps."""


class Resumed(Event, frozen=True):
    """Training goes on after a pause of `paused_seconds`."""

    paused_seconds: float


class CheckpointSaved(Event, frozen=True):
    """A checkpoint is safely on disk; `path` is relative to the run folder, `step` the last one
    that it knows of."""

    path: str
    epoch: int
    test_accuracy: float | None
    step: int = 0


class RunResumed(Event, frozen=True):
    """The run goes on from a checkpoint, in another process: the steps told after `step` so far are
    taken once more, and no longer count.

    `trained_seconds` is the wall time of the steps that count, pauses left out. The rest is as it
    is now, as in `RunStarted`.
    """

    step: int
    trained_seconds: float
    resumed_utc: str
    device: str
    device_name: str
    threads: int
    augment_on: str
    epochs_planned: int | None = None
    time_limit_seconds: float | None = None
    gpu_uuid: str | None = None
    cores: int | None = None
    workers: int | None = None


class Notice(Event, frozen=True):
    """Something a person should read."""

    text: str
    level: Literal["info", "warning", "error"] = "info"


class CpuSample(Event, frozen=True):
    """The machine's CPU and memory, and this process's share. `process_utilization` is in cores."""

    utilization: float
    core_utilizations: tuple[float, ...]
    memory_used_bytes: int
    memory_total_bytes: int
    process_memory_bytes: int
    process_utilization: float


class GpuSample(Event, frozen=True):
    """One GPU. `energy_joules` counts from the driver's own start, so only differences mean
    anything. `throttled_by` names what slows its clock now, of "power" and "heat";
    `other_processes` counts the processes that use it beside this run's."""

    index: int
    uuid: str
    name: str
    utilization: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    temperature_celsius: float | None = None
    energy_joules: float | None = None
    throttled_by: tuple[str, ...] | None = None
    other_processes: int | None = None


class GpusUnavailable(Event, frozen=True):
    """No GPU can be watched, and why; the rest goes on."""

    reason: str


class RunEnded(Event, frozen=True):
    """The last event. `seconds` is the run's wall time, from its first step, pauses included."""

    status: Status
    message: str = ""
    seconds: float = 0.0


AnyEvent = (
    Activity
    | RunStarted
    | RunResumed
    | AugmentationTried
    | LimitsMeasured
    | StepsMeasured
    | EpochFinished
    | FixApplied
    | FixMeasured
    | RateChanged
    | PlanExtended
    | StopAsked
    | Paused
    | Resumed
    | CheckpointSaved
    | Notice
    | CpuSample
    | GpuSample
    | GpusUnavailable
    | RunEnded
)


class Record(msgspec.Struct, frozen=True, gc=False):
    """An event as the stream carries it: numbered without gaps, stamped with the stream's clock.

    `at_seconds` counts from the opening of the stream, on a monotonic clock.
    """

    seq: int
    at_seconds: float
    event: AnyEvent


def finite(value: float) -> float | None:
    """`value`, or None for NaN and infinities, which JSON cannot carry."""
    return value if math.isfinite(value) else None
