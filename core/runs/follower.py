"""Reading a run's log while another process writes it, or after the fact."""

from typing import BinaryIO

from cnntop.core.events import Record, RunEnded, RunResumed, RunStarted
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.log import DamagedLogError, LineReader, NewerLogError

DRAIN_BYTES = 1 << 20
"""Of log in one `drain`: a hundredth of a second or two of decoding and folding, so that a screen
which opens a long run answers keys meanwhile."""
_BEGINNINGS = (RunStarted, RunResumed)


class LogFollower:
    """A reader of a run folder's events.jsonl with the `drain` of a live feed. Any number of them,
    in any processes, may follow a run; none of them writes or locks anything.

    One that `holds` keeps the log open, and so reads the last words of a run that is removed.
    """

    def __init__(self, folder: RunFolder, holds: bool = False) -> None:
        self.folder = folder
        self._holds = holds
        self._held: BinaryIO | None = None
        self._offset = 0
        self._number = 0
        self._lines = LineReader()
        self._ended = False
        self._behind = True
        self._failure: DamagedLogError | None = None

    @property
    def behind(self) -> bool:
        """Whether the last `drain` left whole lines in the log, so that the next one should come
        soon. True before the first."""
        return self._behind

    @property
    def done(self) -> bool:
        """Whether all of the log is read and the run is over: its end was told, and not that it
        was resumed after that."""
        return self._ended and not self._behind

    @property
    def alive(self) -> bool:
        """Whether a process has the run. One that was killed is not alive, nor ever `done`."""
        return self.folder.is_alive()

    def drain(self) -> list[Record]:
        """The records since the last call, in order, `DRAIN_BYTES` of them at most. Never waits.

        A torn last line is left for the next call. Raises OSError, and DamagedLogError for a line
        that is no record of this format; nothing is read beyond it.
        """
        if self._failure is not None:
            raise self._failure
        text = self._whole_lines()
        records = self._lines.read_all(text)
        if records is None:
            records = self._one_by_one(text)
        else:
            self._number += len(records)
        for record in records:
            if isinstance(record.event, RunEnded):
                self._ended = True
            elif isinstance(record.event, _BEGINNINGS):
                self._ended = False
        return records

    def _one_by_one(self, text: bytes) -> list[Record]:
        records: list[Record] = []
        for line in text.split(b"\n")[:-1]:
            try:
                records.append(self._read(line))
            except DamagedLogError as failure:
                self._failure = failure
                if not records:
                    raise
                return records  # what could be read still counts; the next call tells the rest
        return records

    def _whole_lines(self) -> bytes:
        try:
            # Opened each time: a run folder that is moved or set right is then seen as it is.
            file = self.folder.events.open("rb")
        except FileNotFoundError:
            # Removed; or killed before its first event, or just about to write it.
            chunk = b"" if self._held is None else self._chunk(self._held)
        else:
            self.close()
            self._held = file
            chunk = self._chunk(file)
            if not self._holds:
                self.close()
        end = chunk.rfind(b"\n") + 1
        self._behind = end > 0 and len(chunk) >= DRAIN_BYTES
        self._offset += end
        return chunk[:end]

    def _chunk(self, file: BinaryIO) -> bytes:
        file.seek(self._offset)
        chunk = file.read(DRAIN_BYTES)
        while len(chunk) >= DRAIN_BYTES and b"\n" not in chunk:
            more = file.read(DRAIN_BYTES)
            chunk += more
            if not more:
                break
        return chunk

    def close(self) -> None:
        """Let go of the log, if it is held."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _read(self, line: bytes) -> Record:
        self._number += 1
        where = f"{self.folder.events}, line {self._number}"
        try:
            return self._lines.read(line)
        except ValueError as error:
            raise DamagedLogError(f"{where} is no event: {error}.") from None
        except NewerLogError as error:
            raise NewerLogError(f"{where}: {error}") from None
