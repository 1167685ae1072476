"""A stretch of a run's log, for those who look closer than a run's own curves do.

A curve keeps some five hundred bins of a run however long it is; the log has all of it, in order
of time. So its lines are found by halving the file, and only those between two moments are read.
"""

import time
from bisect import bisect_right
from pathlib import Path
from typing import BinaryIO

import msgspec

from cnntop.core.events import CpuSample, EpochFinished, GpuSample, Record, StepsMeasured
from cnntop.core.run_state import RunState
from cnntop.core.split import Split

WINDOW_BYTES = 16 << 20
"""Of log at most: what takes some tenths of a second."""

_BLOCK_BYTES = 1 << 16
_BREATH_SECONDS = 0.001
"""Between two blocks: a training in this process needs the interpreter too."""

_DRAWN = (StepsMeasured, EpochFinished, CpuSample, GpuSample)
_decoder = msgspec.json.Decoder(Record)


class _Stamp(msgspec.Struct):
    at_seconds: float


_stamps = msgspec.json.Decoder(_Stamp)


def read_window(
    log: Path, whole: RunState, begin_seconds: float, end_seconds: float
) -> RunState | None:
    """A state with the curves of `log` between two moments of the stream's clock, of a run whose
    whole state is given; None where that would be more than WINDOW_BYTES.

    Steps that were taken back count as little as they do in the whole. Lines that are damaged are
    left out: whoever follows the log tells of them. Raises OSError.
    """
    with log.open("rb") as file:
        size = file.seek(0, 2)
        begin = _offset(file, size, begin_seconds)
        end = _offset(file, size, end_seconds)
        if end - begin > WINDOW_BYTES:
            return None
        window = _beginning(whole, begin_seconds)
        file.seek(begin)
        rest = b""
        while block := file.read(min(_BLOCK_BYTES, max(0, end - file.tell()))):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                _take(window, line, whole.taken_back)
            time.sleep(_BREATH_SECONDS)
    return window


def _beginning(whole: RunState, begin_seconds: float) -> RunState:
    window = RunState(started=whole.started, begun_at_seconds=whole.begun_at_seconds)
    bins = next(iter(whole.parts.values())).bins
    before = bisect_right(bins, begin_seconds, key=lambda one: one.seconds)
    window.step = bins[before - 1].step if before else 0
    return window


def _take(window: RunState, line: bytes, taken_back: list[tuple[float, float]]) -> None:
    try:
        record = _decoder.decode(line)
    except ValueError:
        return
    at, event = record.at_seconds, record.event
    counts = not any(begin < at <= end for begin, end in taken_back)
    if not counts or not isinstance(event, _DRAWN):
        return
    if isinstance(event, EpochFinished) and not window.finished_epochs_split.seconds:
        # The epoch's first stretches may lie before the window: only its evaluation is beyond them.
        told = Split()
        told.add(event)
        window.epoch_split = told + Split(other=-(event.evaluation_seconds or 0.0))
    window.apply(record)


def _offset(file: BinaryIO, size: int, seconds: float) -> int:
    """Where the first line begins that was written at `seconds` or later, else `size`."""
    low, high = 0, size  # the line at `low` is earlier, or the first; those beyond `high` are not
    while high - low > _BLOCK_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        at = middle + len(file.readline())
        stamp = None
        while at < high and stamp is None:
            line = file.readline()
            if not line:
                break
            stamp = _stamp(line)
            at += len(line) if stamp is None else 0
        if stamp is None or stamp >= seconds:
            high = middle
        else:
            low = at
    file.seek(low)
    at = low
    for line in file:
        stamp = _stamp(line)
        if stamp is not None and stamp >= seconds:
            return at
        at += len(line)
    return min(at, size)


def _stamp(line: bytes) -> float | None:
    """When a line was written; None for one that is damaged, or torn off at its end."""
    try:
        return _stamps.decode(line).at_seconds
    except ValueError:
        return None
