"""Made-up runs, as their folders would look: long ones, and one that grows as if it trained."""

import math
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType

import msgspec

from cnntop.core.events import (
    Activity,
    CheckpointSaved,
    CpuSample,
    EpochFinished,
    Record,
    RunEnded,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.recipe import resolve
from cnntop.core.runs.folder import RunFolder, RunInfo, utc_now
from cnntop.core.runs.log import RunLog, sealed

LONG_STEPS = 10_000_000
STEPS_PER_SECOND = 200.0
_STEPS_PER_EPOCH, _BATCH_SIZE, _IMAGES = 1563, 32, 50_000
"""CIFAR-10 in batches of 32."""
_STRETCH_SECONDS = 0.25
_EVALUATION_SECONDS = 0.5
_FIRST_STEP_SECONDS = 2.0


def write_run(runs_dir: Path, name: str, steps: int = LONG_STEPS, over: bool = True) -> RunFolder:
    """A run of about so many steps at `STEPS_PER_SECOND`, told as often as a real one: some forty
    records a thousand steps. With `over` it has finished. Raises OSError."""
    folder = RunFolder.create(runs_dir, name)
    info = _info(folder, name)
    folder.write_info(info)
    folder.write_status("finished" if over else "running")
    encoder = msgspec.json.Encoder()
    with folder.events.open("wb", buffering=1 << 20) as log:
        for record in made_records(_started(info), steps, STEPS_PER_SECOND):
            log.write(sealed(encoder.encode(record)))
        if over:
            end = RunEnded("finished", "", round(record.at_seconds - _FIRST_STEP_SECONDS, 3))
            log.write(sealed(encoder.encode(Record(record.seq + 1, record.at_seconds, end))))
    return folder


class GrowingRun:
    """While entered, a run of `steps_per_second` grows in real time, and is alive to others."""

    def __init__(self, runs_dir: Path, name: str, steps_per_second: float) -> None:
        self.folder = RunFolder.create(runs_dir, name)
        self._info = _info(self.folder, name)
        self._steps_per_second = steps_per_second
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._grow, name="made-run", daemon=True)

    def __enter__(self) -> "GrowingRun":
        self._lock = self.folder.lock()
        self.folder.write_info(self._info)
        self.folder.write_status("running")
        self._log = RunLog(self.folder.events)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._log.close()
        with suppress(OSError):
            os.close(self._lock)

    def _grow(self) -> None:
        begun = time.monotonic()
        for record in made_records(_started(self._info), None, self._steps_per_second):
            if self._over.wait(max(0.0, begun + record.at_seconds - time.monotonic())):
                return
            self._log.append(record)


def made_records(
    started: RunStarted, steps: int | None, steps_per_second: float
) -> Iterator[Record]:
    """The records of a run up to `steps`, without an end where that is None, and without its last
    one. What it tells is drawn by lot, the same each time."""
    draw = random.Random(7)
    seq, at, sampled_at, step = count(), _FIRST_STEP_SECONDS, 0.0, 0
    yield Record(next(seq), at, started)
    for epoch in count(1):
        left = _STEPS_PER_EPOCH
        while left:
            taken = min(left, max(1, round(steps_per_second * _STRETCH_SECONDS)))
            left, step, at = left - taken, step + taken, at + taken / steps_per_second
            stretch = _stretch(draw, epoch, step, taken, steps_per_second)
            yield Record(next(seq), round(at, 6), stretch)
            if at - sampled_at >= 1.0:
                sampled_at = at
                yield Record(next(seq), round(at + 0.01, 6), _cpu(draw))
            if steps is not None and step >= steps:
                return
        evaluating = Activity("evaluating", 0, 10_000, "images")
        yield Record(next(seq), round(at + 0.02, 6), evaluating)
        at += _EVALUATION_SECONDS
        ends = _epoch_end(draw, epoch, step, steps_per_second)
        yield Record(next(seq), round(at, 6), ends)
        saved = CheckpointSaved("checkpoint/last.pt", epoch, ends.test_accuracy, step)
        yield Record(next(seq), round(at + 0.03, 6), saved)
        at += 0.05


def _stretch(
    draw: random.Random, epoch: int, step: int, taken: int, steps_per_second: float
) -> StepsMeasured:
    seconds = taken / steps_per_second
    wait, transfer, other = (share * seconds * draw.random() for share in (0.2, 0.04, 0.1))
    compute = seconds - wait - transfer - other
    loss = _loss(step) * (8.0 if draw.random() < 0.0002 else draw.uniform(0.8, 1.2))
    forward, backward = 0.3 * compute, 0.6 * compute
    return StepsMeasured(
        epoch, step, taken, taken * _BATCH_SIZE, loss, math.exp(-loss), _lr(step), wait, transfer,
        compute, other, 0.4 * wait, 0.5 * seconds, forward, backward, compute - forward - backward,
    )  # fmt: skip


def _epoch_end(
    draw: random.Random, epoch: int, step: int, steps_per_second: float
) -> EpochFinished:
    seconds = _STEPS_PER_EPOCH / steps_per_second
    loss = _loss(step) * draw.uniform(0.98, 1.02)
    wait, transfer, other = 0.1 * seconds, 0.02 * seconds, 0.05 * seconds
    return EpochFinished(
        epoch, step, _IMAGES, _lr(step), loss, math.exp(-loss), loss + 0.1, math.exp(-loss - 0.1),
        seconds + _EVALUATION_SECONDS, _EVALUATION_SECONDS, wait, transfer,
        seconds - wait - transfer - other, other + _EVALUATION_SECONDS,
    )  # fmt: skip


def _cpu(draw: random.Random) -> CpuSample:
    cores = tuple(round(draw.random(), 3) for _ in range(8))
    busy = sum(cores) / len(cores)
    return CpuSample(busy, cores, 6_200_000_000, 16_000_000_000, 812_000_000, len(cores) * busy)


def _loss(step: int) -> float:
    return 2.3 / math.pow(1.0 + step / 20_000, 0.3)


def _lr(step: int) -> float:
    return 0.05 * (1.0 + math.cos(math.pi * (step % LONG_STEPS) / LONG_STEPS))


def _info(folder: RunFolder, name: str) -> RunInfo:
    recipe = resolve(
        {"model": {"name": "shallow", "kernels": 32}, "data": {"dataset": "cifar10"},
         "train": {"epochs": math.ceil(LONG_STEPS / _STEPS_PER_EPOCH)}},
        "a made-up run",
    )  # fmt: skip
    return RunInfo(folder.path.name, name, name, utc_now(), recipe, "cpu", {}, {}, "")


def _started(info: RunInfo) -> RunStarted:
    return RunStarted(
        info.run, info.name, info.preset, info.started_utc, "cifar10", "shallow32", 251_834,
        _BATCH_SIZE, _IMAGES, 10_000, _STEPS_PER_EPOCH, "cpu", "a made-up CPU", 2, "fp32", "cpu",
        epochs_planned=info.recipe.train.epochs, cores=8,
    )  # fmt: skip
