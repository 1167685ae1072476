"""The process of one arm: `python -m cnntop.tui.bench.racer ARM FOLDER`. Its input tells it
when to work, its output what came of it."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from unittest.mock import patch

import msgspec

from cnntop.core.errors import CnntopError
from cnntop.core.events import (
    EpochFinished,
    Paused,
    Record,
    RunEnded,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.machine.allocator import keep_to_one_arena
from cnntop.core.run_request import RunRequest
from cnntop.core.session import RunHandle, start_run
from cnntop.core.split import Split
from cnntop.tui.bench.exits import SIGNALS
from cnntop.tui.bench.race import Arm, Failed, Go, Ready, Slot, Trained, cpu_seconds

if TYPE_CHECKING:
    from cnntop.core.training.input_paths import Loaded
    from cnntop.core.training.plain_loop import PlainLoop

WARM_UP_SECONDS = 0.25
"""Of each slot, until caches and threads are as they are in the middle of it."""
POLL_SECONDS = 0.25
"""How often the events of a run are taken, as by its screen."""


class _Racer(Protocol):
    ready: Ready

    def slot(self, go: Go) -> Slot:
        """Work as told, and stand still again."""


class _Run:
    """A run of cnntop with everything but a screen, paused between its slots."""

    def __init__(self, arm: Arm, folder: Path) -> None:
        with patch("cnntop.core.training.preparation.prepare", _preparation(arm)):
            self._handle = start_run(RunRequest(arm.recipe, "bench", "bench", folder))
            self._handle.control.pause()
            # That it has paused after its first step says that it has been prepared.
            events = [record.event for record in _until_paused(self._handle)]
        (started,) = (event for event in events if isinstance(event, RunStarted))
        self.ready = Ready(
            started.dataset, started.train_images, started.device, started.device_name,
            started.threads, started.workers, started.augment_on,
        )  # fmt: skip
        self._warm_up_steps = 2 * (started.workers or 0)

    def slot(self, go: Go) -> Slot:
        stretches: list[tuple[float, StepsMeasured]] = []
        warm_up_steps = 0
        pausing = False
        self._handle.control.resume()
        for record in _until_paused(self._handle):
            event = record.event
            if not isinstance(event, StepsMeasured):
                continue
            if warm_up_steps <= self._warm_up_steps:
                warm_up_steps += event.steps
                begun = record.at_seconds
                continue
            stretches.append((record.at_seconds, event))
            steps = sum(stretch.steps for _, stretch in stretches)
            if record.at_seconds - begun >= go.seconds and steps >= go.least_steps and not pausing:
                pausing = True
                self._handle.control.pause()
        split = Split()
        for _, stretch in stretches:
            split.add(stretch)
        images = sum(stretch.images for _, stretch in stretches)
        # What lies between two stretches, as a checkpoint after a pass, is `other` too.
        seconds = stretches[-1][0] - begun
        split.other += seconds - split.seconds
        return Slot(steps, images, seconds, split_seconds=split.parts())


def _until_paused(handle: RunHandle) -> Iterator[Record]:
    """Records as they come, up to the next pause. Raises the error that ended the run."""
    while True:
        over = handle.wait(POLL_SECONDS)
        for record in handle.feed.drain():
            if isinstance(record.event, Paused):
                return
            yield record
        if over:
            _raise_error(handle)
            raise CnntopError("the run ended before all was measured.")


def _raise_error(handle: RunHandle) -> None:
    if handle.error is not None:
        raise type(handle.error)(f"{handle.traceback or ''}{handle.error}")


def _preparation(arm: Arm) -> Callable[..., object]:
    """How the run is prepared: as ever, or with a single batch for its source."""
    from cnntop.core.training import preparation
    from cnntop.core.training.repeated_batch import RepeatedBatch

    prepare = preparation.prepare

    def with_one_batch(*arguments: object) -> object:
        prepared = prepare(*arguments)  # type: ignore[arg-type]
        prepared.batches = RepeatedBatch(prepared.batches, len(prepared.dataset.train))
        return prepared

    return with_one_batch if arm.kind == "resident" else prepare


class _Steps:
    """An arm whose steps are taken one by one from here; between its slots none is."""

    def __init__(self, ready: Ready, epochs: Iterator[Iterator[int]]) -> None:
        self.ready = ready
        self._steps = chain.from_iterable(epochs)
        # Batches that workers had in stock when the slot began.
        self._warm_up = Go(WARM_UP_SECONDS, 2 * (ready.workers or 0) + 1)

    def _take(self, go: Go) -> tuple[int, int]:
        """Steps and images."""
        steps = images = 0
        until = time.perf_counter() + go.seconds
        while steps < go.least_steps or time.perf_counter() < until:
            images += next(self._steps)
            steps += 1
        return steps, images


class _Plain(_Steps):
    def __init__(self, arm: Arm) -> None:
        self._loop, loaded = _plain_loop(arm)
        super().__init__(_ready(loaded, arm.workers), (self._loop.epoch() for _ in count()))

    def slot(self, go: Go) -> Slot:
        self._take(self._warm_up)
        self._loop.split, begun = Split(), time.perf_counter()
        steps, images = self._take(go)
        seconds = time.perf_counter() - begun
        split = self._loop.split
        split.other = seconds - split.seconds
        return Slot(steps, images, seconds, split_seconds=split.parts())


class _Input(_Steps):
    def __init__(self, arm: Arm) -> None:
        from cnntop.core.training.input_paths import InputPath, load_images

        assert arm.kind in ("pil", "loader", "cpu", "device")
        loaded = load_images(arm.recipe)
        self._path = InputPath(arm.kind, arm.recipe, loaded, arm.workers)
        epochs = (self._path.epoch(number) for number in count(1))
        super().__init__(_ready(loaded, self._path.workers), epochs)

    def slot(self, go: Go) -> Slot:
        self._take(self._warm_up)
        self._path.settle()
        spent, begun = cpu_seconds(), time.perf_counter()
        steps, images = self._take(go)
        self._path.settle()
        seconds = time.perf_counter() - begun
        return Slot(steps, images, seconds, cpu_seconds() - spent)


def _plain_loop(arm: Arm) -> "tuple[PlainLoop, Loaded]":
    from cnntop.core.training.input_paths import load_images
    from cnntop.core.training.plain_loop import PlainLoop

    loaded = load_images(arm.recipe)
    return PlainLoop(arm.recipe, loaded.dataset, arm.workers, loaded.device), loaded


def _ready(loaded: "Loaded", workers: int | None) -> Ready:
    dataset = loaded.dataset
    return Ready(
        dataset.name, len(dataset.train), str(loaded.device), loaded.device_name, loaded.threads,
        workers,
    )  # fmt: skip


def _trained(arm: Arm, folder: Path) -> Trained:
    """All epochs of the recipe, and the test accuracy after the last."""
    if arm.kind == "plain":
        loop, _ = _plain_loop(arm)
        begun = time.perf_counter()
        for _ in range(arm.recipe.train.epochs or 0):
            for _ in loop.epoch():
                pass
        return Trained(loop.evaluate(), time.perf_counter() - begun)
    handle = start_run(RunRequest(arm.recipe, "bench", "bench", folder))
    handle.wait()
    _raise_error(handle)
    events = [record.event for record in handle.feed.drain()]
    (ended,) = (event for event in events if isinstance(event, RunEnded))
    last = [event for event in events if isinstance(event, EpochFinished)][-1]
    assert last.test_accuracy is not None, "a finished run has evaluated at its end"
    return Trained(last.test_accuracy, ended.seconds)


def _racer(arm: Arm, folder: Path) -> _Racer:
    if arm.kind in ("cnntop", "resident"):
        return _Run(arm, folder)
    return _Plain(arm) if arm.kind == "plain" else _Input(arm)


def main() -> None:
    """Work when told, until nobody is there to tell any more."""
    arm, folder = msgspec.json.decode(sys.argv[1], type=Arm), Path(sys.argv[2])
    if arm.kind in ("cnntop", "resident"):
        keep_to_one_arena()  # as `cnntop run` does, and a plain loop does not
    # Blocked while this process was started, and what the loaders' workers are ended with.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever else prints shall not mix with them

    def tell(told: Ready | Slot | Trained | Failed) -> None:
        os.write(answers, msgspec.json.encode(told) + b"\n")

    try:
        if arm.whole:
            tell(_trained(arm, folder))
            return
        racer = _racer(arm, folder)
        tell(racer.ready)
        for line in sys.stdin.buffer:
            tell(racer.slot(msgspec.json.decode(line, type=Go)))
    except CnntopError as error:
        tell(Failed(str(error), error.exit_code))


if __name__ == "__main__":
    main()
