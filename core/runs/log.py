"""events.jsonl, the source of truth: one complete line an append, in the order of the stream."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cnntop.core.events import Record

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


class RunLog:
    """Appends records. A line is handed to the system in one write, so that a process killed at
    any moment leaves whole lines behind."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o666)

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


def read_log(path: Path) -> Iterator[Record]:
    """The log's records in order. Ends before a torn last line; raises OSError."""
    with path.open("rb") as file:
        for line in file:
            try:
                yield _decoder.decode(line)
            except msgspec.DecodeError:
                return
