"""events.jsonl, the source of truth: one complete line an append, in the order of the stream."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cnntop.core.errors import CnntopError
from cnntop.core.events import FORMAT, Record, RunStarted

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)
_BLOCK_BYTES = 65_536


class RunLog:
    """Appends records. A line is handed to the system in one write, so that a process killed at
    any moment leaves whole lines behind."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def trim(self) -> None:
        """Take away a last line that was torn. Raises OSError."""
        size = os.fstat(self._handle).st_size
        end = size
        while end > 0:
            begin = max(0, end - _BLOCK_BYTES)
            at = os.pread(self._handle, end - begin, begin).rfind(b"\n")
            if at >= 0:
                end = begin + at + 1
                break
            end = begin
        if end < size:
            os.ftruncate(self._handle, end)

    def append(self, record: Record) -> None:
        """Raises OSError if the disk does not take the line; the log then ends before it."""
        line = _encoder.encode(record) + b"\n"
        written = os.write(self._handle, line)
        if written < len(line):  # a disk that is nearly full takes a part
            os.ftruncate(self._handle, os.fstat(self._handle).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self) -> None:
        """Have everything written so far survive the machine."""
        os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)


class DamagedLogError(CnntopError):
    """A log has a line that is no record, not at its end, or is of a newer cnntop."""


def read_log(path: Path) -> Iterator[Record]:
    """The log's records in order, up to a torn last line.

    Raises OSError, and DamagedLogError at the first other line that is no record of this format.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                record = _decoder.decode(line)
            except msgspec.DecodeError as error:
                if not line.endswith(b"\n"):
                    return
                raise DamagedLogError(f"{path}, line {number} is no event: {error}.") from None
            if isinstance(record.event, RunStarted) and record.event.format > FORMAT:
                raise DamagedLogError(f"{path} was written by a newer cnntop; update this one.")
            yield record
