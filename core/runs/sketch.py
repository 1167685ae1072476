"""A long log at a glance: samples of it, spread evenly, make a state to be shown until all of it
has been read. Ten million steps take a second or two, which is long for who waits for a screen."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cnntop.core.events import (
    EpochFinished,
    Paused,
    Record,
    Resumed,
    RunEnded,
    RunResumed,
    StepsMeasured,
)
from cnntop.core.run_state import RunState
from cnntop.core.runs.log import LineReader
from cnntop.core.split import Split

LONG_BYTES = 4 << 20
"""Of log from which on it is worth it: less is read in some hundredths of a second."""
_SAMPLES = 256
_SAMPLE_BYTES = 8 << 10
_END_BYTES = 256 << 10
"""Of the log's beginning and of its end, which are read whole."""
_TURNS = (Paused, Resumed, RunResumed, RunEnded)
"""They mean something only beside those before and after them."""
_STEPPED = (StepsMeasured, EpochFinished)


def is_long(log: Path) -> bool:
    try:
        return log.stat().st_size >= LONG_BYTES
    except OSError:
        return False


def sketch(log: Path) -> RunState | None:
    """What samples tell: curves without every spike, shares of time, and how the run stands. What
    only the whole log can tell is as if it were not measured. None for a log that is short, cannot
    be read or does not begin with a run."""
    if not is_long(log):
        return None
    try:
        with log.open("rb") as file:
            samples = list(_samples(file, file.seek(0, 2)))
    except OSError:
        return None
    state = RunState()
    for records in samples:
        state.apply_all(list(_forward(records, state.step)))
    newest = next((one for one in reversed(samples[-1]) if isinstance(one.event, _TURNS)), None)
    if newest is not None and isinstance(newest.event, Paused | RunEnded):
        state.apply(newest)
    return _estimated(state)


def _samples(file: BinaryIO, size: int) -> Iterator[list[Record]]:
    between = size - 2 * _END_BYTES
    yield _records(file, 0, _END_BYTES)
    for number in range(_SAMPLES):
        yield _records(file, _END_BYTES + number * between // _SAMPLES, _SAMPLE_BYTES)
    yield _records(file, size - _END_BYTES, _END_BYTES)


def _records(file: BinaryIO, begin: int, count: int) -> list[Record]:
    """Those of the whole lines there; none where one is damaged, of which others tell."""
    file.seek(begin)
    text = file.read(count)
    first = text.find(b"\n") + 1 if begin else 0
    return LineReader().read_all(text[first : text.rfind(b"\n") + 1]) or []


def _forward(records: Iterable[Record], step: int) -> Iterator[Record]:
    """Without turns, and without the steps that were taken once more after one."""
    for record in records:
        event = record.event
        if isinstance(event, _STEPPED):
            if event.step < step:
                continue
            step = event.step
        if not isinstance(event, _TURNS):
            yield record


def _estimated(state: RunState) -> RunState | None:
    """With the sums of the whole run in place of those of the samples."""
    started = state.started
    if started is None:
        return None
    state.images = round(state.step / started.steps_per_epoch * started.train_images)
    before = (state.epoch - 1) * started.train_images
    state.epoch_images = min(max(0, state.images - before), started.train_images)
    # Whole epochs know their evaluation too; where there are any, they alone stand for the run.
    if state.finished_epochs_split.seconds > 0:
        state.epoch_split = Split()
    sampled = state.split.seconds
    factor = state.stepped_seconds / sampled if sampled > 0 else 1.0
    state.finished_epochs_split *= factor
    state.epoch_split *= factor
    state.evaluation_seconds *= factor
    state.best_test_accuracy = state.best_epoch = None
    return state
