"""The verdict: made-up records in, and out what to do, every number computed by hand."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from cnntop.core.analysis.findings import count
from cnntop.core.analysis.verdict import Verdict, seconds_text, verdict
from cnntop.core.events import (
    AnyEvent,
    AugmentationTried,
    CpuSample,
    EpochFinished,
    FixApplied,
    GpuSample,
    Record,
    RunEnded,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.fix import Fix
from cnntop.core.run_state import RunState, fold

ON_CPU = RunStarted(
    run="r", name="n", preset="p", started_utc="2026-01-01T00:00:00Z", dataset="shapes",
    model="shallow8", parameters=10, batch_size=10, train_images=700, test_images=50,
    steps_per_epoch=70, device="cpu", device_name="c", threads=2, precision="fp32",
    augment_on="cpu", epochs_planned=4,
)  # fmt: skip
ON_GPU = msgspec.structs.replace(ON_CPU, device="cuda:0", device_name="g", gpu_uuid="GPU-0")

WAITING = (0.061, 0.001, 0.028, 0.010)
"""Seconds a step: wait, transfer, compute, other; 0.1 in all, so that an epoch takes 7 s."""
COMPUTING = (0.001, 0.0, 0.097, 0.002)
MIXED = (0.005, 0.005, 0.070, 0.020)


def stretch(parts: Sequence[float], step: int, steps: int = 10, **more: Any) -> StepsMeasured:
    wait, transfer, compute, other = (steps * part for part in parts)
    return StepsMeasured(
        epoch=1, step=step, steps=steps, images=10 * steps, loss=1.0, accuracy=0.5, lr=0.1,
        wait_seconds=wait, transfer_seconds=transfer, compute_seconds=compute,
        other_seconds=other, **more,
    )  # fmt: skip


def stretches(parts: Sequence[float], count: int = 5, first: int = 0, **more: Any) -> list[Any]:
    """`count` of them, ten steps each, after `first` steps."""
    return [stretch(parts, first + 10 * (one + 1), **more) for one in range(count)]


def epoch_end(
    evaluation: float | None, number: int = 1, images: int = 700, seconds: float = 7.0
) -> EpochFinished:
    return EpochFinished(
        epoch=number, step=70 * number, images=images, lr=0.1, train_loss=1.0, train_accuracy=0.5,
        test_loss=None if evaluation is None else 1.0,
        test_accuracy=None if evaluation is None else 0.5,
        epoch_seconds=seconds + (evaluation or 0.0), evaluation_seconds=evaluation,
        wait_seconds=0.0, transfer_seconds=0.0, compute_seconds=seconds,
        other_seconds=evaluation or 0.0,
    )  # fmt: skip


def tried(
    augment_on: str, wait: float, transfer: float, compute: float, steps: int = 8
) -> AugmentationTried:
    return AugmentationTried(augment_on, steps, wait, transfer, compute)


def gpu(**figures: Any) -> GpuSample:
    return GpuSample(0, "GPU-0", "g", **figures)


def memory(used: int) -> CpuSample:
    return CpuSample(0.5, (0.5,), used, 1000, 1, 1.0)


def applied(key: str, before: str, after: str, step: int = 50) -> FixApplied:
    return FixApplied(key, before, after, step, 100.0)


def state(*events: AnyEvent) -> RunState:
    return fold(Record(seq, 0.5 * seq, event) for seq, event in enumerate(events))


def judged(*events: AnyEvent) -> Verdict:
    found = verdict(state(*events))
    assert found is not None
    return found


# What must be measured first.


def test_nothing_is_said_before_the_first_step() -> None:
    assert verdict(RunState()) is None
    assert verdict(state(ON_CPU)) is None
    assert verdict(state(*stretches(WAITING))) is None, "nor without a start"


def test_the_first_stretch_warms_up_and_is_not_judged() -> None:
    slow_start = stretch((9.0, 0.0, 0.1, 0.0), 10)
    found = judged(ON_CPU, slow_start, *stretches(COMPUTING, 3, first=10))
    assert found.bound == "compute"
    assert found.epoch_seconds == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("count", "share", "told"), [(3, 1.0, False), (4, 1.0, True), (6, 0.39, False), (6, 0.41, True)]
)
def test_two_seconds_and_three_stretches_are_enough(count: int, share: float, told: bool) -> None:
    parts = [share * part for part in WAITING]
    assert (verdict(state(ON_CPU, *stretches(parts, count))) is not None) is told


def test_of_a_run_that_is_over_whatever_was_measured_counts() -> None:
    ended = RunEnded("finished", seconds=1.0)
    first = stretch(WAITING, 10)
    assert judged(ON_CPU, first, ended).finding.startswith("Input-bound: 61 %")
    later = stretch(COMPUTING, 20)
    assert judged(ON_CPU, first, later, ended).bound == "compute", "the first step only if need be"
    assert verdict(state(ON_CPU, ended)) is None


def test_steps_without_time_tell_nothing() -> None:
    still = stretch((0.0, 0.0, 0.0, 0.0), 10)
    assert verdict(state(ON_CPU, still, RunEnded("finished"))) is None


def test_after_a_fix_the_verdict_is_on_what_came_after_it() -> None:
    fix = applied("data.augment_on", "cpu", "loader")
    before = [ON_CPU, *stretches(WAITING), fix]
    warming = stretch((9.0, 0.0, 0.1, 0.0), 60)
    assert verdict(state(*before)) is None
    assert verdict(state(*before, warming, *stretches(COMPUTING, 2, first=60))) is None
    found = judged(*before, warming, *stretches(COMPUTING, 3, first=60))
    assert found.bound == "compute"


# Input.

ON_DEVICE = tried("device", 0.001, 0.002, 0.0284)
"""With 0.010 s of other things a step of 0.0414 s: 2.898 s an epoch."""


def test_input_bound_with_a_faster_way_measured() -> None:
    found = judged(ON_DEVICE, ON_GPU, *stretches(WAITING))
    assert found.bound == "input"
    assert found.advice == "augment on the GPU"
    assert found.epoch_seconds == pytest.approx(7.0)
    assert found.epoch_seconds_after == pytest.approx(2.898)
    assert found.gain == pytest.approx(7.0 / 2.898)
    assert found.fix is not None
    assert (found.fix.key, found.fix.value) == ("data.augment_on", "device")
    assert found.fix.gain == pytest.approx(0.1 / 0.0414)
    assert found.also == ()
    assert found.sentence("f") == (
        "Input-bound: 61 % of each step waits for augmentation. "
        "Press f to augment on the GPU: about 2.4x faster (7.0 -> 2.9 s an epoch)."
    )
    assert found.sentence() == (
        "Input-bound: 61 % of each step waits for augmentation. "
        "Augmenting on the GPU would be about 2.4x as fast (7.0 -> 2.9 s an epoch)."
    )


def test_evaluation_is_in_the_epochs_but_not_in_the_fixs_gain() -> None:
    found = judged(ON_DEVICE, ON_GPU, epoch_end(1.4), *stretches(WAITING, first=70))
    assert found.epoch_seconds == pytest.approx(8.4)
    assert found.epoch_seconds_after == pytest.approx(4.298)
    assert found.sentence("f").endswith("about 2.0x faster (8.4 -> 4.3 s an epoch).")
    assert found.fix is not None
    assert found.fix.gain == pytest.approx(0.1 / 0.0414)


@pytest.mark.parametrize(("wait", "bound"), [(0.0099, "compute"), (0.0101, "input")])
def test_input_bound_from_a_tenth(wait: float, bound: str) -> None:
    parts = (wait, 0.0, 0.1 - wait, 0.0)
    assert judged(ON_CPU, *stretches(parts)).bound == bound


@pytest.mark.parametrize(("seconds", "worth"), [(0.0851, True), (0.0853, False)])
def test_a_fix_promises_a_twentieth_at_least(seconds: float, worth: bool) -> None:
    # 0.1 / 1.05 = 0.09524, of which 0.01 is for other things.
    found = judged(tried("loader", 0.0, 0.0, seconds), ON_CPU, *stretches(WAITING))
    assert (found.fix is not None) is worth
    assert (found.epoch_seconds_after is not None) is worth


def test_a_twentieth_of_the_epoch_counts_not_of_its_steps() -> None:
    # Steps 0.1 / 0.0943 = 1.06 times as fast; with 4 s of evaluation the epoch 11 / 10.6 times.
    faster = tried("loader", 0.0, 0.0, 0.0843)
    assert judged(faster, ON_CPU, *stretches(WAITING)).fix is not None
    with_evaluation = judged(faster, ON_CPU, epoch_end(4.0), *stretches(WAITING, first=70))
    assert (with_evaluation.bound, with_evaluation.fix) == ("input", None)


def test_the_best_of_the_trials_is_taken() -> None:
    loader = tried("loader", 0.001, 0.0, 0.0284)
    found = judged(loader, tried("device", 0.002, 0.0, 0.0284), ON_GPU, *stretches(WAITING))
    assert found.fix is not None
    assert found.fix.value == "loader"
    assert found.advice == "augment in loader workers"


def test_where_no_gpu_trains_its_name_is_not_used() -> None:
    loader = msgspec.structs.replace(ON_CPU, augment_on="loader", workers=1)
    found = judged(tried("cpu", 0.001, 0.0, 0.028), loader, *stretches(WAITING))
    assert found.sentence().endswith(
        "Augmenting on the CPU would be about 2.6x as fast (7.0 -> 2.7 s an epoch)."
    )


def test_what_is_no_change_makes_no_fix() -> None:
    found = judged(tried("cpu", 0.001, 0.002, 0.02), ON_GPU, *stretches(WAITING))
    assert (found.bound, found.fix, found.epoch_seconds_after) == ("input", None, None)
    assert found.sentence("f") == (
        "Input-bound: 61 % of each step waits for augmentation. "
        "Try --set augment_on=device; how fast it is here was not measured."
    )


def test_beside_a_gpu_too_the_cpu_is_called_so() -> None:
    on_device = msgspec.structs.replace(ON_GPU, augment_on="device")
    found = judged(tried("cpu", 0.001, 0.002, 0.0284), on_device, *stretches(WAITING))
    assert found.advice == "augment on the CPU"


def test_a_fix_is_not_proposed_again_nor_taken_back() -> None:
    trials = [ON_DEVICE, tried("cpu", 0.0, 0.0, 0.02), tried("loader", 0.0, 0.0, 0.03)]
    after = stretches(WAITING, first=50)
    to_device = applied("data.augment_on", "cpu", "device")
    found = judged(*trials, ON_GPU, *stretches(WAITING), to_device, *after)
    assert found.fix is not None
    assert found.fix.value == "loader", "the third way may still be better"
    to_loader = applied("data.augment_on", "device", "loader")
    found = judged(*trials, ON_GPU, *stretches(WAITING), to_device, to_loader, *after)
    assert (found.bound, found.fix) == ("input", None)
    assert found.advice.startswith("No faster way was measured")


@pytest.mark.parametrize(
    ("started", "cores", "workers", "advice"),
    [
        (ON_CPU, 6, 2, "Try more --workers: 2 cores would be free for them."),
        (ON_CPU, 5, 2, "Try more --workers: 1 core would be free for them."),
        (ON_CPU, 4, 2, "Try --set augment_on=cpu; how fast it is here was not measured."),
        (ON_GPU, 4, 2, "Try more --workers: 1 core would be free for them."),
        (ON_GPU, 3, 2, "Try --set augment_on=device; how fast it is here was not measured."),
        (ON_GPU, None, 2, "Try --set augment_on=device; how fast it is here was not measured."),
        (ON_GPU, 9, None, "Try --set augment_on=device; how fast it is here was not measured."),
    ],
)
def test_more_workers_are_advised_where_cores_allow(
    started: RunStarted, cores: int | None, workers: int | None, advice: str
) -> None:
    loader = msgspec.structs.replace(started, augment_on="loader", cores=cores, workers=workers)
    assert judged(loader, *stretches(WAITING)).advice == advice


def test_ways_that_were_measured_to_be_slower_are_not_advised() -> None:
    slow = [tried(way, 0.2, 0.0, 0.1) for way in ("device", "loader")]
    advice = judged(slow[0], ON_GPU, *stretches(WAITING)).advice
    assert advice == "Try --set augment_on=loader; how fast it is here was not measured."
    advice = judged(*slow, ON_GPU, *stretches(WAITING)).advice
    assert advice == (
        "No faster way was measured; fewer transforms (--set augment=...) would wait less."
    )
    assert judged(slow[1], ON_CPU, *stretches(WAITING)).advice == advice, "a CPU is its own device"


# Transfer and launches.

MOVING = (0.0, 0.020, 0.070, 0.010)


def test_transfer_bound_with_the_device_measured() -> None:
    found = judged(ON_DEVICE, ON_GPU, *stretches(MOVING))
    assert found.sentence("f") == (
        "Transfer-bound: 20 % of each step moves its batch to the device. "
        "Press f to augment on the GPU: about 2.4x faster (7.0 -> 2.9 s an epoch)."
    )
    assert found.bound == "transfer"
    assert found.fix is not None
    assert (found.fix.key, found.fix.value) == ("data.augment_on", "device")
    assert found.fix.gain == pytest.approx(0.1 / 0.0414)


def test_transfer_takes_no_other_way_than_the_device() -> None:
    found = judged(tried("loader", 0.0, 0.0, 0.01), ON_GPU, *stretches(MOVING))
    assert (found.bound, found.fix) == ("transfer", None)
    assert found.advice.startswith("Try --set augment_on=device")


def test_transfer_where_the_device_does_not_pay_or_is_in_use() -> None:
    larger = "A larger --batch-size would move the images in fewer, larger copies."
    slow = tried("device", 0.0, 0.0, 0.2)
    assert judged(slow, ON_GPU, *stretches(MOVING)).advice == larger
    on_device = msgspec.structs.replace(ON_GPU, augment_on="device")
    assert judged(on_device, *stretches(MOVING)).advice == larger
    left = applied("data.augment_on", "device", "cpu")
    assert judged(on_device, left, *stretches(MOVING, first=60)).advice == larger


@pytest.mark.parametrize(("transfer", "bound"), [(0.0099, "compute"), (0.0101, "transfer")])
def test_transfer_bound_from_a_tenth(transfer: float, bound: str) -> None:
    parts = (0.0, transfer, 0.1 - transfer, 0.0)
    assert judged(ON_GPU, *stretches(parts)).bound == bound


@pytest.mark.parametrize(
    ("gap", "bound"),
    [(None, "balanced"), (0.0, "balanced"), (0.199, "balanced"), (0.201, "launch")],
)
def test_launch_bound_from_a_fifth_of_the_step(gap: float | None, bound: str) -> None:
    # Stretches take one second, so that the gap in seconds is its share of the step.
    found = judged(ON_GPU, *stretches(MIXED, launch_gap_seconds=gap))
    assert found.bound == bound


def test_launch_bound_in_words() -> None:
    found = judged(ON_GPU, *stretches(MIXED, launch_gap_seconds=0.34))
    assert found.sentence("f") == (
        "Launch-bound: for 34 % of each step the GPU stands idle between kernels. "
        "A larger --batch-size would fill the GPU better."
    )


# Evaluation.


def test_evaluation_bound() -> None:
    found = judged(ON_CPU, epoch_end(3.5), *stretches(COMPUTING, first=70))
    assert found.bound == "evaluation"
    # 3.5 s of 10.5; 7 s of steps are 95 % beside 0.368 s, so one evaluation in 9.5 epochs.
    assert found.fix is not None
    assert (found.fix.key, found.fix.value) == ("train.evaluate_every", 10)
    assert found.fix.gain == found.gain == pytest.approx(10.5 / 7.35)
    assert found.epoch_seconds == pytest.approx(10.5)
    assert found.epoch_seconds_after == pytest.approx(7.35)
    assert found.sentence("f") == (
        "Evaluation-bound: 33 % of each epoch is evaluation. "
        "Press f to evaluate every 10 epochs: about 1.4x faster (10.5 -> 7.3 s an epoch)."
    ), "7.35 is a little less in binary"
    assert found.sentence().endswith(
        "Evaluating every 10 epochs would be about 1.4x as fast (10.5 -> 7.3 s an epoch)."
    )


@pytest.mark.parametrize(
    ("evaluation", "bound", "every"),
    [(2.33, "compute", None), (2.34, "evaluation", 6), (2.6, "evaluation", 7),
     (2.9, "evaluation", 8), (70.0, "evaluation", 10)],
)  # fmt: skip
def test_evaluation_bound_from_a_quarter_of_the_epoch(
    evaluation: float, bound: str, every: int | None
) -> None:
    found = judged(ON_CPU, epoch_end(evaluation), *stretches(COMPUTING, first=70))
    assert found.bound == bound
    assert (found.fix.value if found.fix else None) == every


def test_an_epoch_without_evaluation_has_none_of_it() -> None:
    found = judged(ON_CPU, epoch_end(None), *stretches(COMPUTING, first=70))
    assert found.bound == "compute"
    assert found.epoch_seconds == pytest.approx(7.0)


def test_evaluation_that_was_made_seldom_is_counted_so() -> None:
    seldom = applied("train.evaluate_every", "1", "10", step=140)
    run = [ON_CPU, epoch_end(3.5), epoch_end(4.5, 2), seldom, *stretches(COMPUTING, first=140)]
    found = judged(*run)
    assert found.bound == "compute"
    assert found.epoch_seconds == pytest.approx(7.45)
    found = judged(*run, epoch_end(None, 3))  # that pass had none, so the mean of those before
    assert found.epoch_seconds == pytest.approx(7.4)


def test_evaluation_is_not_made_rarer_twice() -> None:
    seldom = applied("train.evaluate_every", "1", "2", step=70)
    found = judged(ON_CPU, epoch_end(7.0), seldom, *stretches(COMPUTING, first=80))
    assert (found.bound, found.fix) == ("evaluation", None)
    assert found.sentence("f") == (
        "Evaluation-bound: 33 % of each epoch is evaluation. A smaller test set would take less."
    )


def test_a_recipe_that_evaluates_seldom() -> None:
    every_third = msgspec.structs.replace(ON_CPU, evaluate_every=3)
    passes = [epoch_end(3.5 if number in (3, 6) else None, number) for number in range(1, 7)]
    found = judged(every_third, *passes, *stretches(COMPUTING, first=420))
    assert found.bound == "compute"
    assert found.epoch_seconds == pytest.approx(7.0 + 3.5 / 3)
    costly = [epoch_end(14.0 if number == 3 else None, number) for number in range(1, 4)]
    found = judged(every_third, *costly, *stretches(COMPUTING, first=210))
    assert found.fix is not None
    assert found.fix.value == 10
    assert found.epoch_seconds == pytest.approx(7.0 + 14.0 / 3)
    assert found.epoch_seconds_after == pytest.approx(8.4)


def test_a_little_rarer_is_not_worth_it() -> None:
    every_ninth = msgspec.structs.replace(ON_CPU, evaluate_every=9)
    costly = [epoch_end(70.0 if number == 9 else None, number) for number in range(1, 10)]
    found = judged(every_ninth, *costly, *stretches(COMPUTING, first=630))
    # Every tenth instead of every ninth: 14.8 s an epoch, and 14.0.
    assert found.fix is not None
    costly = [epoch_end(30.0 if number == 9 else None, number) for number in range(1, 10)]
    found = judged(every_ninth, *costly, *stretches(COMPUTING, first=630))
    # 10.3 s and 10.0.
    assert (found.bound, found.fix) == ("evaluation", None)


def test_a_pass_cut_short_is_no_measure_of_how_often_evaluation_comes() -> None:
    cut = epoch_end(3.5, images=50, seconds=0.5)
    found = judged(ON_CPU, *stretches(COMPUTING), cut, RunEnded("finished"))
    assert found.epoch_seconds == pytest.approx(10.5)


# The machine.


@pytest.mark.parametrize(
    ("used", "total", "full"),
    [(949, 1000, False), (950, 1000, True), (None, 1000, False), (950, None, False)],
)
def test_gpu_memory_nearly_full(used: int | None, total: int | None, full: bool) -> None:
    sample = gpu(memory_used_bytes=used, memory_total_bytes=total)
    found = judged(ON_GPU, sample, *stretches(COMPUTING))
    assert (found.bound == "memory") is full
    if full:
        assert found.sentence("f") == (
            "Memory nearly full: 95 % of the GPU's is in use. A smaller --batch-size needs less."
        )


@pytest.mark.parametrize(("used", "full"), [(949, False), (970, True)])
def test_machine_memory_nearly_full(used: int, full: bool) -> None:
    found = judged(ON_CPU, memory(used), *stretches(COMPUTING))
    assert (found.bound == "memory") is full
    if full:
        assert found.sentence() == (
            "Memory nearly full: 97 % of the machine's is in use. "
            "A smaller --batch-size needs less."
        )
        loader = msgspec.structs.replace(ON_CPU, augment_on="loader")
        found = judged(loader, memory(used), *stretches(COMPUTING))
        assert found.advice == "Fewer --workers or a smaller --batch-size needs less."


def test_the_memory_of_a_gpu_that_does_not_train_is_no_matter() -> None:
    other = GpuSample(1, "GPU-1", "other", memory_used_bytes=10, memory_total_bytes=10,
                      throttled_by=("heat",), other_processes=3)  # fmt: skip
    found = judged(ON_GPU, other, *stretches(COMPUTING))
    assert (found.bound, found.also) == ("compute", ())


def loading(cores: int | None, workers: int | None, threads: int, on: RunStarted) -> RunStarted:
    return msgspec.structs.replace(
        on, augment_on="loader", cores=cores, workers=workers, threads=threads
    )


def test_oversubscribed_in_words() -> None:
    found = judged(loading(4, 2, 4, ON_CPU), *stretches(COMPUTING))
    assert found.bound == "oversubscribed"
    assert found.fix == Fix("machine.threads", 2, None)
    assert found.epoch_seconds_after is None
    assert found.gain is None
    assert found.sentence("f") == (
        "Oversubscribed: 4 threads and 2 workers share 4 cores. "
        "Press f to compute on 2 threads; how much faster was not measured."
    )
    assert found.sentence() == (
        "Oversubscribed: 4 threads and 2 workers share 4 cores. "
        "Computing on 2 threads may be faster; how much was not measured."
    )
    assert found.also == ("Compute-bound: 97 % of each step computes.",)


@pytest.mark.parametrize(
    ("started", "told", "threads"),
    [
        (loading(4, 2, 2, ON_CPU), False, None),
        (loading(4, 2, 3, ON_CPU), True, 2),
        (loading(2, 4, 3, ON_CPU), True, 1),
        (loading(2, 4, 1, ON_CPU), True, None),
        (loading(None, 2, 9, ON_CPU), False, None),
        (loading(2, None, 9, ON_CPU), False, None),
        (msgspec.structs.replace(ON_CPU, cores=2, threads=3), True, 2),
        (msgspec.structs.replace(ON_CPU, cores=2, threads=2, workers=2), False, None),
        (loading(4, 3, 4, ON_GPU), False, None),
        (loading(4, 4, 4, ON_GPU), True, None),
    ],
    ids=["fits", "one more", "many workers", "one thread already", "cores unknown",
         "workers unknown", "threads alone", "no loader at work", "gpu fits", "gpu one more"],
)  # fmt: skip
def test_oversubscribed(started: RunStarted, told: bool, threads: int | None) -> None:
    found = judged(started, *stretches(COMPUTING))
    assert (found.bound == "oversubscribed") is told
    assert (found.fix.value if found.fix else None) == threads


def test_oversubscribed_where_fewer_threads_do_not_help() -> None:
    found = judged(loading(4, 4, 4, ON_GPU), *stretches(COMPUTING))
    assert found.sentence("f") == (
        "Oversubscribed: the training and 4 workers share 4 cores. Try fewer --workers."
    )


def test_oversubscribed_by_workers_that_a_trial_can_do_without() -> None:
    started = loading(4, 2, 4, ON_CPU)
    trial = tried("cpu", 0.004, 0.0, 0.044)
    found = judged(started, trial, *stretches(COMPUTING))
    assert found.bound == "oversubscribed"
    assert found.fix == Fix("data.augment_on", "cpu", pytest.approx(2.0))
    assert found.sentence("f") == (
        "Oversubscribed: 4 threads and 2 workers share 4 cores. "
        "Press f to augment on the CPU: about 2.0x faster (7.0 -> 3.5 s an epoch)."
    )
    slower = tried("cpu", 0.004, 0.0, 0.094)
    assert judged(started, slower, *stretches(COMPUTING)).fix == Fix("machine.threads", 2, None)


def test_threads_are_set_once() -> None:
    fewer = applied("machine.threads", "4", "3")
    found = judged(loading(4, 2, 4, ON_CPU), fewer, *stretches(COMPUTING, first=60))
    assert found.finding == "Oversubscribed: 3 threads and 2 workers share 4 cores."
    assert found.fix is None
    alone = msgspec.structs.replace(ON_CPU, cores=2, threads=4)
    found = judged(alone, fewer, *stretches(COMPUTING, first=60))
    assert found.sentence("f") == "Oversubscribed: 3 threads share 2 cores."
    right = applied("machine.threads", "4", "2")
    found = judged(loading(4, 2, 4, ON_CPU), right, *stretches(COMPUTING, first=60))
    assert found.bound == "compute"


def test_workers_count_while_the_loader_augments() -> None:
    away = applied("data.augment_on", "loader", "cpu")
    found = judged(loading(4, 2, 4, ON_CPU), away, *stretches(COMPUTING, first=60))
    assert found.bound == "compute"
    unknown = applied("data.augment_on", "cpu", "loader")
    started = msgspec.structs.replace(ON_CPU, cores=2)
    found = judged(started, unknown, *stretches(COMPUTING, first=60))
    assert found.bound == "compute", "how many workers a fix brought is not told"


@pytest.mark.parametrize(
    ("others", "text"),
    [(None, None), (0, None), (1, "Shared GPU: 1 other process uses it too."),
     (2, "Shared GPU: 2 other processes use it too.")],
)  # fmt: skip
def test_shared_gpu(others: int | None, text: str | None) -> None:
    found = judged(ON_GPU, gpu(other_processes=others), *stretches(COMPUTING))
    if text is None:
        assert found.bound == "compute"
    else:
        assert found.bound == "shared"
        assert found.sentence("f") == f"{text} Timings are not of this run alone."


@pytest.mark.parametrize(
    ("reasons", "by"),
    [(None, None), ((), None), (("heat",), "heat"), (("power", "heat"), "power and heat")],
)
def test_throttled_gpu(reasons: tuple[str, ...] | None, by: str | None) -> None:
    found = judged(ON_GPU, gpu(throttled_by=reasons), *stretches(COMPUTING))
    if by is None:
        assert found.bound == "compute"
    else:
        assert found.sentence("f") == f"Throttled: the GPU's clock is held down by {by}."


# Compute and the rest.


@pytest.mark.parametrize(("compute", "bound"), [(0.0799, "balanced"), (0.0801, "compute")])
def test_compute_bound_from_four_fifths(compute: float, bound: str) -> None:
    parts = (0.0, 0.0, compute, 0.1 - compute)
    assert judged(ON_CPU, *stretches(parts)).bound == bound


FAST_ON_CPU = msgspec.structs.replace(ON_CPU, speed="fast")
SMALLER = "A smaller network or a GPU would be faster."


@pytest.mark.parametrize(
    ("started", "advice"),
    [
        (ON_GPU, "Try --speed fast, which changes rounding only."),
        (ON_CPU, "Try --speed fast, which changes rounding only."),
        (msgspec.structs.replace(ON_GPU, speed="fast"), ""),
        (FAST_ON_CPU, SMALLER),
        (msgspec.structs.replace(FAST_ON_CPU, cores=2), SMALLER),
        (msgspec.structs.replace(FAST_ON_CPU, cores=4), "Try --set threads=4: there are 4 cores."),
        (loading(4, 1, 2, FAST_ON_CPU), "Try --set threads=3: there are 4 cores."),
        (loading(4, 2, 2, FAST_ON_CPU), SMALLER),
    ],
)
def test_what_may_help_computing(started: RunStarted, advice: str) -> None:
    found = judged(started, *stretches(COMPUTING))
    text = "Compute-bound: 97 % of each step computes."
    assert found == Verdict("compute", text, advice, None, found.epoch_seconds, None)
    assert found.sentence("f") == f"{text} {advice}".strip()


def test_a_gpu_that_stands_by_is_pointed_at() -> None:
    found = judged(gpu(), ON_CPU, *stretches(COMPUTING))
    assert found.advice == "Try --device cuda:0: this machine has a GPU."


def test_balanced_names_the_two_largest_parts() -> None:
    found = judged(ON_CPU, *stretches(MIXED))
    assert found.sentence("f") == "Balanced: compute takes 70 % of each step, other 20 %."
    other = judged(ON_CPU, *stretches((0.004, 0.001, 0.040, 0.055)))
    assert other.sentence() == (
        "Balanced: other takes 55 % of each step, compute 40 %. Try a larger --batch-size."
    )


# Which comes first.


def test_the_order_of_all_findings() -> None:
    parts = (0.011, 0.030, 0.057, 0.002)
    started = loading(4, 4, 4, ON_GPU)
    sample = gpu(
        memory_used_bytes=99, memory_total_bytes=100, throttled_by=("power",), other_processes=1
    )
    found = judged(
        started, sample, memory(990), epoch_end(7.0),
        *stretches(parts, first=70, launch_gap_seconds=0.22),
    )  # fmt: skip
    assert found.bound == "memory"
    assert found.finding == "Memory nearly full: 99 % of the GPU's is in use."
    assert found.also == (
        "Memory nearly full: 99 % of the machine's is in use.",
        "Evaluation-bound: 50 % of each epoch is evaluation.",
        "Transfer-bound: 30 % of each step moves its batch to the device.",
        "Launch-bound: for 22 % of each step the GPU stands idle between kernels.",
        "Input-bound: 11 % of each step waits for augmentation.",
        "Oversubscribed: the training and 4 workers share 4 cores.",
        "Shared GPU: 1 other process uses it too.",
        "Throttled: the GPU's clock is held down by power.",
    )


@pytest.mark.parametrize(("wait", "bound"), [(0.040, "evaluation"), (0.050, "input")])
def test_shares_of_the_epoch_are_compared_not_of_the_step(wait: float, bound: str) -> None:
    # Evaluation is 3 s of 10, so that a wait of 42.9 % of the step is as much of the epoch.
    parts = (wait, 0.0, 0.1 - wait, 0.0)
    assert judged(ON_CPU, epoch_end(3.0), *stretches(parts, first=70)).bound == bound


def test_compute_is_named_beside_what_the_machine_suffers_from_only() -> None:
    compute = "Compute-bound: 85 % of each step computes."
    shared = gpu(other_processes=1)
    assert judged(ON_GPU, shared, *stretches((0.0, 0.0, 0.085, 0.015))).also == (compute,)
    assert judged(ON_GPU, *stretches((0.012, 0.0, 0.085, 0.003))).also == ()


# Where forecasts come from.


@pytest.mark.parametrize("factor", [0.01, 1.0, 1000.0])
def test_forecasts_scale_with_what_was_measured(factor: float) -> None:
    """A machine so many times as slow has the same gains, and epochs so many times as long: no
    constant takes part."""
    trial = tried("device", 0.001 * factor, 0.002 * factor, 0.0284 * factor)
    many = round(1 / factor) if factor < 1 else 1  # so that enough seconds are measured
    parts = [factor * part for part in WAITING]
    steps = [stretch(parts, 10 * many * number, 10 * many) for number in range(1, 6)]
    found = judged(trial, ON_GPU, epoch_end(1.4 * factor), *steps[1:])
    assert found.epoch_seconds == pytest.approx(8.4 * factor)
    assert found.epoch_seconds_after == pytest.approx(4.298 * factor)
    assert found.fix is not None
    assert found.fix.gain == pytest.approx(0.1 / 0.0414)


def test_the_same_records_make_the_same_verdict() -> None:
    events = [ON_DEVICE, ON_GPU, *stretches(WAITING)]
    folded = state(*events)
    assert verdict(folded) == verdict(folded) == verdict(state(*events))


def test_several_passes_count_as_steps() -> None:
    """A trial takes one step a batch; the run four, which wait for their batch only once."""
    passes = msgspec.structs.replace(ON_GPU, passes=4, steps_per_epoch=280)
    found = judged(ON_DEVICE, passes, *stretches(WAITING))
    assert found.epoch_seconds == pytest.approx(28.0)
    assert found.epoch_seconds_after == pytest.approx(280 * (0.003 / 4 + 0.0284 + 0.010))


# Numbers in words.


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0.40"), (0.423, "0.42"), (7.0, "7.0"), (9.94, "9.9"), (9.96, "10.0"), (12.34, "12.3"),
     (99.94, "99.9"), (99.96, "100"), (641.7, "642"), (3600.0, "3600")],
)  # fmt: skip
def test_seconds_have_two_or_three_digits(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_counts() -> None:
    assert [count(1, "core"), count(2, "core"), count(2, "other process")] == [
        "1 core", "2 cores", "2 other processes",
    ]  # fmt: skip
