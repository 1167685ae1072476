"""Folding many records at once: what comes of it is what comes of one after the other."""

import random
from collections.abc import Iterator
from itertools import count

import pytest

from cnntop.core.events import (
    Activity,
    AnyEvent,
    CheckpointSaved,
    CpuSample,
    EpochFinished,
    FixApplied,
    GpuSample,
    Paused,
    Record,
    Resumed,
    RunResumed,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.run_state import RunState

STARTED = RunStarted(
    "r", "n", "p", "2026-01-01T00:00:00Z", "shapes", "shallow4", 1, 8, 80, 20, 10, "cuda:0",
    "a GPU", 1, "fp32", "cpu", epochs_planned=200, gpu_uuid="GPU-0",
)  # fmt: skip
BACK = RunResumed(0, 1.0, "2026-01-01T00:00:00Z", "cpu", "a CPU", 1, "cpu")


def stream(draw: random.Random, length: int) -> list[Record]:
    """A run in which anything may come after anything, most of it steps and samples."""
    told = islice_events(draw)
    return [Record(seq, 0.25 * seq + draw.random() / 8, next(told)) for seq in range(length)]


def islice_events(draw: random.Random) -> Iterator[AnyEvent]:
    yield Activity("importing torch")
    yield STARTED
    step, saved = 0, [0]
    for epoch in count(1):
        for _ in range(draw.randrange(60)):
            step += 1
            yield steps(draw, epoch, step)
            if draw.random() < 0.3:
                yield CpuSample(draw.random(), (0.5,), 1, 2, draw.randrange(10**9), 1.0)
            if draw.random() < 0.1:
                yield GpuSample(0, "GPU-0", "a GPU", draw.choice((None, 0.5)), 10, 20, 300.0)
            if draw.random() < 0.02:
                yield from (Paused(), Resumed(draw.random()))
            if draw.random() < 0.01:
                yield FixApplied("data.augment_on", "cpu", "device", step, 10.0)
            if draw.random() < 0.01:
                step = draw.choice(saved[-2:])
                yield RunResumed(step, float(step), BACK.resumed_utc, "cpu", "a CPU", 1, "cpu")
        yield Activity("evaluating", 0, 20, "images")
        yield finished(draw, epoch, step)
        for path in ("checkpoint/best.pt", "checkpoint/last.pt")[draw.randrange(2) :]:
            yield CheckpointSaved(path, epoch, 0.5, step)
        saved.append(step)


def steps(draw: random.Random, epoch: int, step: int) -> StepsMeasured:
    def some(share: float) -> float | None:
        return draw.random() if draw.random() < share else None

    return StepsMeasured(
        epoch, step, 1, 8, some(0.97), some(0.97), draw.random(), draw.random(), draw.random(),
        draw.random(), draw.random(), some(0.5), some(0.5), some(0.5), some(0.5), some(0.5),
    )  # fmt: skip


def finished(draw: random.Random, epoch: int, step: int) -> EpochFinished:
    figures = [draw.random() for _ in range(12)]
    return EpochFinished(epoch, step, draw.choice((80, 8)), *figures)


@pytest.mark.parametrize("seed", range(8))
def test_at_once_is_as_one_by_one(seed: int) -> None:
    draw = random.Random(seed)
    records = stream(draw, 3000)
    one_by_one, at_once = RunState(), RunState()
    while records:
        size = draw.choice((1, 3, 30, 300, 1000))
        now, records = records[:size], records[size:]
        for record in now:
            one_by_one.apply(record)
        at_once.apply_all(now)
        assert at_once == one_by_one
    # What was kept to go back to is the same too.
    for kept in range(one_by_one.step + 1):
        record = Record(0, one_by_one.at_seconds, replaced(kept))
        one_by_one.apply(record)
        at_once.apply(record)
        assert at_once == one_by_one


def replaced(step: int) -> RunResumed:
    return RunResumed(step, 1.0, BACK.resumed_utc, "cpu", "a CPU", 1, "cpu")


def test_nothing_changes_nothing() -> None:
    state = RunState()
    state.apply_all([])
    assert state == RunState()
