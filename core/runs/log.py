"""events.jsonl, the source of truth: one complete line an append, in the order of the stream."""

import errno
import os
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from cnntop.core.durable import file_mode
from cnntop.core.errors import CnntopError
from cnntop.core.events import (
    FORMAT,
    Activity,
    CpuSample,
    GpuSample,
    Record,
    RunStarted,
    StepsMeasured,
)

KEPT_RECORDS = 100_000
"""How many records wait in memory for a disk that takes none, before samples are dropped."""

_DROPPABLE = (Activity, StepsMeasured, CpuSample, GpuSample)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)
_BLOCK_BYTES = 65_536
_SEAL = b',"crc":"%08x"}\n'
_SEAL_BYTES = len(_SEAL % 0)


def sealed(text: bytes) -> bytes:
    """`text`, a JSON object, as a line whose last member is the CRC-32 of all that is before it.

    A flipped bit can turn a figure into another one that is just as good to read; so it is seen.
    """
    body = text[:-1].rstrip()
    return body + _SEAL % zlib.crc32(body)


def is_whole(text: bytes) -> bool | None:
    """Whether what was sealed is as it was; None for what has no seal, as of an older cnntop."""
    if text[-1:] != b"\n":  # torn off, or never there
        text += b"\n"
    if not text.startswith(b',"crc":"', len(text) - _SEAL_BYTES):
        return None
    return text.endswith(_SEAL % zlib.crc32(memoryview(text)[:-_SEAL_BYTES]))


class RunLog:
    """Appends records. A line is handed to the system in one write, so that a process killed at
    any moment leaves whole lines behind."""

    def __init__(self, path: Path) -> None:
        flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        self._handle = os.open(path, flags, file_mode(path.parent))
        self._torn_at: int | None = None

    def trim(self) -> None:
        """Take away a last line that was torn; one that lacks its line feed alone gets it.
        Raises OSError."""
        size = os.fstat(self._handle).st_size
        end, tail = size, b""
        while end > 0:
            begin = max(0, end - _BLOCK_BYTES)
            block = os.pread(self._handle, end - begin, begin)
            at = block.rfind(b"\n")
            tail = block[at + 1 :] + tail
            if at >= 0:
                end = begin + at + 1
                break
            end = begin
        if end == size:
            return
        try:
            LineReader().read(tail)
        except ValueError:
            os.ftruncate(self._handle, end)
        else:
            os.write(self._handle, b"\n")

    def append(self, record: Record) -> None:
        """Raises OSError if the disk does not take the line; the log then ends before it."""
        line = sealed(_encoder.encode(record))
        if self._torn_at is not None:
            self._take_back(self._torn_at)
        written = os.write(self._handle, line)
        if written < len(line):  # a disk that is nearly full takes a part
            self._torn_at = os.fstat(self._handle).st_size - written
            with suppress(OSError):  # else before the next line
                self._take_back(self._torn_at)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _take_back(self, end: int) -> None:
        os.ftruncate(self._handle, end)
        self._torn_at = None

    def sync(self) -> None:
        """Have everything written so far survive the machine."""
        os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)


class PatientLog:
    """A log that keeps the records which the disk does not take, to write them once it does.

    Beyond KEPT_RECORDS of them, samples and steps are dropped, the oldest first; milestones never.
    """

    def __init__(self, log: RunLog) -> None:
        self.trouble = ""
        """Why the disk did not take a line last; empty while it does."""
        self.unsure = ""
        """Why what was written may not survive the machine; empty where that was never told."""
        self.dropped = 0
        self._log = log
        self._milestones: deque[Record] = deque()
        self._samples: deque[Record] = deque()

    @property
    def kept(self) -> int:
        """How many records wait for the disk."""
        return len(self._milestones) + len(self._samples)

    def append(self, record: Record) -> None:
        """Write `record`, or keep it: behind others that wait it waits too."""
        if not self.trouble:
            try:
                self._log.append(record)
                return
            except OSError as error:
                self.trouble = reason(error)
        sample = isinstance(record.event, _DROPPABLE)
        (self._samples if sample else self._milestones).append(record)
        if self._samples and self.kept > KEPT_RECORDS:
            self._samples.popleft()
            self.dropped += 1

    def catch_up(self) -> None:
        """Write what waits, in order. Raises OSError where the disk does not take it all."""
        while self.kept:
            waiting = [queue for queue in (self._milestones, self._samples) if queue]
            oldest = min(waiting, key=lambda queue: queue[0].seq)
            try:
                self._log.append(oldest[0])
            except OSError as error:
                self.trouble = reason(error)
                raise
            oldest.popleft()
        self.trouble = ""

    def sync(self) -> None:
        """As that of RunLog, where the disk is able to."""
        try:
            self._log.sync()
        except OSError as error:
            self.unsure = reason(error)

    def close(self) -> None:
        self._log.close()


def reason(error: OSError) -> str:
    """What went wrong, in the system's words."""
    return error.strerror or str(error)


class DamagedLogError(CnntopError):
    """A log has a line that is no record, not at its end."""


class NewerLogError(DamagedLogError):
    """A log has a line that only a newer cnntop can read."""


class LineReader:
    """Reads the lines of one log, first to last."""

    def __init__(self) -> None:
        self._sealed = False

    def read(self, line: bytes) -> Record:
        """Raises ValueError for a line that is damaged, NewerLogError for one of a newer cnntop."""
        whole = is_whole(line)
        if whole is False or (whole is None and self._sealed):
            raise ValueError("its checksum does not match")
        try:
            record = _decoder.decode(line)
        except ValueError as error:
            if whole:
                text = f"the log was written by a newer cnntop ({error}); update this one."
                raise NewerLogError(text) from None
            raise
        self._sealed = bool(whole)
        if isinstance(record.event, RunStarted) and record.event.format > FORMAT:
            raise NewerLogError("the log was written by a newer cnntop; update this one.")
        return record

    def read_all(self, text: bytes) -> list[Record] | None:
        """The records of `text`, sealed lines with their line feeds, in a fraction of the time that
        they take one by one. None if there is anything about them that `read` has to tell."""
        lines = text.split(b"\n")
        if lines.pop():
            return None
        seal, size = _SEAL[:-1], _SEAL_BYTES - 1  # the line feeds are gone
        sums = [seal % zlib.crc32(line[:-size]) for line in lines]
        if sums != [line[-size:] for line in lines]:
            return None
        try:
            records = _decoder.decode_lines(text)
        except ValueError:
            return None
        starts = [one.event for one in records if isinstance(one.event, RunStarted)]
        if len(records) != len(lines) or any(started.format > FORMAT for started in starts):
            return None
        self._sealed = self._sealed or bool(lines)
        return records


def read_log(path: Path, over: bool = False) -> Iterator[Record]:
    """The log's records in order, up to a torn last line.

    Raises OSError, and DamagedLogError at the first other line that is no record of this format;
    where the run is `over`, and nobody goes on writing, also at a torn last one.
    """
    lines = LineReader()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield lines.read(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    if over:
                        raise DamagedLogError(f"the last line of {path.name} is torn.") from None
                    return
                raise DamagedLogError(f"{path}, line {number} is no event: {error}.") from None
            except NewerLogError as error:
                raise NewerLogError(f"{path}, line {number}: {error}") from None
