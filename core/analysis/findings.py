"""What holds a run up: one small rule for each kind of finding, over what was measured of it.

A rule looks at the folded stream alone and gives None where its figure was not measured or is
small. Forecasts are sums of measured seconds; where a part was not measured there is no forecast.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from cnntop.core.analysis.now import Now
from cnntop.core.fix import Fix
from cnntop.core.split import PARTS

Bound = Literal[
    "memory", "input", "transfer", "launch", "evaluation", "oversubscribed", "shared", "throttled",
    "compute", "balanced",
]  # fmt: skip

MEMORY_FULL = 0.95
"""Of a memory in use. Beyond it the next larger request can end the run, whatever its speed."""
WAIT_SHARE = 0.10
TRANSFER_SHARE = 0.10
"""Of a step. Less is won back at most 1.1-fold, and lies within what steps vary by."""
LAUNCH_SHARE = 0.20
"""Of a step between kernels. Higher than for waits, because some gaps stay at any batch size."""
EVALUATION_SHARE = 0.25
"""Of an epoch. A figure for every epoch is worth something, so that less is no fault."""
EVALUATION_AIM = 0.05
EVALUATE_EVERY_MOST = 10
"""Evaluation is brought down to this share, but stays often enough to see a run go wrong."""
COMPUTE_SHARE = 0.80
"""Of a step. With less, the other parts are together worth as much as a better network."""
WORTHWHILE_GAIN = 1.05
"""A change promising less is within what a forecast from a few steps can be wrong by."""


@dataclass(frozen=True)
class Finding:
    """`cost` is the share of an epoch's time that is lost, of those findings that tell one."""

    bound: Bound
    text: str
    advice: str = ""
    cost: float = 0.0
    fix: Fix | None = None
    epoch_seconds_after: float | None = None


def _gpu_memory(now: Now) -> Finding | None:
    sample = now.state.gpu.sample if now.state.gpu else None
    if sample is None or sample.memory_used_bytes is None or not sample.memory_total_bytes:
        return None
    share = sample.memory_used_bytes / sample.memory_total_bytes
    if share < MEMORY_FULL:
        return None
    text = f"Memory nearly full: {percent(share)} of the GPU's is in use."
    return Finding("memory", text, "A smaller --batch-size needs less.")


def _machine_memory(now: Now) -> Finding | None:
    cpu = now.state.cpu
    if cpu is None or not cpu.memory_total_bytes:
        return None
    share = cpu.memory_used_bytes / cpu.memory_total_bytes
    if share < MEMORY_FULL:
        return None
    text = f"Memory nearly full: {percent(share)} of the machine's is in use."
    if now.state.augment_on == "loader":
        return Finding("memory", text, "Fewer --workers or a smaller --batch-size needs less.")
    return Finding("memory", text, "A smaller --batch-size needs less.")


def _input(now: Now) -> Finding | None:
    share = now.wait / now.step
    if share < WAIT_SHARE:
        return None
    text = f"Input-bound: {percent(share)} of each step waits for augmentation."
    better = _augmenting_elsewhere("input", text, now.wait, now, {"loader", "cpu", "device"})
    return better or Finding("input", text, _input_advice(now), now.cost(now.wait))


def _input_advice(now: Now) -> str:
    """What else to try where no trial shows a faster way."""
    cores, workers = now.started.cores, now.workers
    if now.state.augment_on == "loader" and cores is not None and workers is not None:
        # Beside them the network computes: with its threads on a CPU, else with the one that
        # launches kernels.
        spare = cores - workers - ((now.state.threads or 1) if not now.on_gpu else 1)
        if spare > 0:
            return f"Try more --workers: {count(spare, 'core')} would be free for them."
    ways = ("device", "cpu", "loader") if now.on_gpu else ("cpu", "loader")
    known = {now.state.augment_on, *_tried_seconds(now), *now.used("data.augment_on")}
    untried = [way for way in ways if way not in known]
    if untried:
        return f"Try --set augment_on={untried[0]}; how fast it is here was not measured."
    return "No faster way was measured; fewer transforms (--set augment=...) would wait less."


def _transfer(now: Now) -> Finding | None:
    share = now.transfer / now.step
    if share < TRANSFER_SHARE:
        return None
    text = f"Transfer-bound: {percent(share)} of each step moves its batch to the device."
    better = _augmenting_elsewhere("transfer", text, now.transfer, now, {"device"})
    if better:
        return better
    known = {now.state.augment_on, *_tried_seconds(now), *now.used("data.augment_on")}
    if "device" not in known:
        advice = "Try --set augment_on=device; how fast it is here was not measured."
    else:
        advice = "A larger --batch-size would move the images in fewer, larger copies."
    return Finding("transfer", text, advice, now.cost(now.transfer))


def _augmenting_elsewhere(
    bound: Bound, text: str, lost: float, now: Now, ways: set[str]
) -> Finding | None:
    """The finding with its fix, if one of `ways` was measured to be worth it.

    A step is forecast as the trial's wait, transfer and compute, and what other things take now.
    """
    not_again = {now.state.augment_on, *now.used("data.augment_on")}
    tried = _tried_seconds(now)
    choices = [name for name in tried if name in ways - not_again]
    if not choices:
        return None
    best = min(choices, key=lambda name: tried[name])
    step = tried[best] + now.other
    after = now.epoch_with(step=step)
    # Of the epoch, as the sentence says it; evaluation being in both, the steps gain more.
    if now.epoch < WORTHWHILE_GAIN * after:
        return None
    fix = Fix("data.augment_on", best, now.step / step)
    advice = f"augment {_place(best, now.on_gpu)}"
    return Finding(bound, text, advice, now.cost(lost), fix, after)


def _tried_seconds(now: Now) -> dict[str, float]:
    """Seconds a step without its other things, by way to augment, where whole steps were tried.

    A trial has one step a batch; the run may have several, which wait for their batch once.
    """
    passes = now.started.passes
    return {
        name: (trial.wait_seconds + trial.transfer_seconds) / passes + trial.compute_seconds
        for name, trial in now.state.trials.items()
    }


def _place(augment_on: str, on_gpu: bool) -> str:
    if augment_on == "loader":
        return "in loader workers"
    return "on the GPU" if augment_on == "device" and on_gpu else "on the CPU"


def _launch(now: Now) -> Finding | None:
    if now.launch_gap is None or now.launch_gap < LAUNCH_SHARE * now.step:
        return None
    share = percent(now.launch_gap / now.step)
    text = f"Launch-bound: for {share} of each step the GPU stands idle between kernels."
    advice = "A larger --batch-size would fill the GPU better."
    return Finding("launch", text, advice, now.cost(now.launch_gap))


def _evaluating(now: Now) -> Finding | None:
    """The gain of its fix is that of whole epochs, as `FixMeasured` has it for this key: training
    steps stay as fast as they are. It is exact, the same evaluation coming more seldom."""
    if now.evaluation is None:
        return None
    cost = now.evaluation / now.evaluate_every / now.epoch
    if cost < EVALUATION_SHARE:
        return None
    text = f"Evaluation-bound: {percent(cost)} of each epoch is evaluation."
    steps = now.started.steps_per_epoch * now.step
    wanted = (1 - EVALUATION_AIM) / EVALUATION_AIM * now.evaluation / steps
    every = min(EVALUATE_EVERY_MOST, max(2, round(wanted)))
    after = now.epoch_with(evaluate_every=every)
    if now.epoch < WORTHWHILE_GAIN * after or now.used("train.evaluate_every"):
        return Finding("evaluation", text, "A smaller test set would take less.", cost)
    fix = Fix("train.evaluate_every", every, now.epoch / after)
    return Finding("evaluation", text, f"evaluate every {every} epochs", cost, fix, after)


_NO_WORKERS = {"cpu", "device"}


def _oversubscribed(now: Now) -> Finding | None:
    """More threads at work than cores. Where a GPU trains, the threads do not compute: only the
    workers and the one that launches kernels count, and fewer threads would not help."""
    threads, workers, cores = now.state.threads, now.workers, now.started.cores
    if threads is None or workers is None or cores is None:
        return None
    busy = workers + (1 if now.on_gpu else threads)
    if busy <= cores:
        return None
    who = [count(workers, "worker")] if workers else []
    who.insert(0, "the training" if now.on_gpu else count(threads, "thread"))
    text = f"Oversubscribed: {' and '.join(who)} share {count(cores, 'core')}."
    # Without workers there is no crowd, and a trial tells what that is worth.
    if workers and (better := _augmenting_elsewhere("oversubscribed", text, 0.0, now, _NO_WORKERS)):
        return better
    fewer = max(1, cores - workers)
    if now.on_gpu or fewer >= threads or now.used("machine.threads"):
        return Finding("oversubscribed", text, "Try fewer --workers." if workers else "")
    fix = Fix("machine.threads", fewer)
    return Finding("oversubscribed", text, f"compute on {count(fewer, 'thread')}", fix=fix)


def _shared(now: Now) -> Finding | None:
    others = now.state.gpu.sample.other_processes if now.state.gpu else None
    if not others:
        return None
    text = f"Shared GPU: {count(others, 'other process')} use{'s' if others == 1 else ''} it too."
    return Finding("shared", text, "Timings are not of this run alone.")


def _throttled(now: Now) -> Finding | None:
    reasons = now.state.gpu.sample.throttled_by if now.state.gpu else None
    if not reasons:
        return None
    text = f"Throttled: the GPU's clock is held down by {' and '.join(reasons)}."
    return Finding("throttled", text)


def _computing(now: Now) -> Finding | None:
    share = now.compute / now.step
    if share < COMPUTE_SHARE:
        return None
    text = f"Compute-bound: {percent(share)} of each step computes."
    return Finding("compute", text, _compute_advice(now))


def _compute_advice(now: Now) -> str:
    """Tries, without a number: none of them was measured."""
    if now.state.gpus and not now.on_gpu:
        return "Try --device cuda:0: this machine has a GPU."
    if now.started.speed == "safe":
        return "Try --speed fast, which changes rounding only."
    if now.on_gpu:
        return ""
    threads, workers, cores = now.state.threads, now.workers, now.started.cores
    if threads is not None and workers is not None and cores is not None:
        free = cores - workers
        if threads < free:
            return f"Try --set threads={free}: there are {count(cores, 'core')}."
    return "A smaller network or a GPU would be faster."


def _balanced(now: Now) -> Finding:
    largest = sorted(PARTS, key=lambda part: -getattr(now, part))[:2]
    first, second = (f"{part} takes {percent(getattr(now, part) / now.step)}" for part in largest)
    text = f"Balanced: {first} of each step, {second.replace(' takes', '')}."
    # What is done around each step, such as its sums, does not grow with its batch.
    advice = "Try a larger --batch-size." if largest[0] == "other" else ""
    return Finding("balanced", text, advice)


Rule = Callable[[Now], Finding | None]
MEMORY_RULES: tuple[Rule, ...] = (_gpu_memory, _machine_memory)
TIME_RULES: tuple[Rule, ...] = (_input, _transfer, _launch, _evaluating)
MACHINE_RULES: tuple[Rule, ...] = (_oversubscribed, _shared, _throttled)


def findings(now: Now) -> list[Finding]:
    """All that hold, the one to act on first: what may end the run, then what costs the most of an
    epoch, then what the machine suffers from. Compute is no fault, so it shows where no time is
    lost elsewhere; with nothing at all to tell, the parts are named."""

    def holding(rules: tuple[Rule, ...]) -> Iterator[Finding]:
        return (found for rule in rules if (found := rule(now)) is not None)

    lost = sorted(holding(TIME_RULES), key=lambda finding: -finding.cost)
    found = [*holding(MEMORY_RULES), *lost, *holding(MACHINE_RULES)]
    if not lost:
        found += holding((_computing,))
    return found or [_balanced(now)]


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def count(number: int, noun: str) -> str:
    """`1 core`, `2 cores`, `2 other processes`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
