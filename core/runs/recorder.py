"""The reader of the stream that keeps a run: its log, epochs.csv, status.json and summary row."""

import os
import shutil
import threading

from cnntop.core.events import EpochFinished, Record, RunEnded, RunResumed, RunStarted
from cnntop.core.run_state import RunState
from cnntop.core.runs.epoch_table import EpochTable, counted_epochs
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder, RunInfo
from cnntop.core.runs.log import RunLog, read_log
from cnntop.core.runs.summary import summary_row, write_row

HEARTBEAT_SECONDS = 5.0


class Recorder:
    """Holds records back until there is a run folder, so that a run that never came to be leaves
    nothing behind; from then on each record is on its way to disk before its writer goes on."""

    def __init__(self, state: RunState | None = None) -> None:
        """`state` is that of the log, of a run that goes on."""
        self.state = state or RunState()
        self._held_back: list[Record] = []
        self._folder: RunFolder | None = None
        self._info: RunInfo | None = None
        self._alive: int | None = None
        self._log: RunLog | None = None
        self._epochs: EpochTable | None = None
        # Held over each record and over the opening, which another thread's record may cross.
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="cnntop-heartbeat", daemon=True)

    def take(self, record: Record) -> None:
        """Reader's side of the stream. Raises OSError if the disk does not take the record."""
        with self._lock:
            self.state.apply(record)
            if self._log is None:
                self._held_back.append(record)
                return
            self._log.append(record)
            if isinstance(record.event, EpochFinished):
                assert self._epochs is not None
                self._epochs.add(record.event)
            if isinstance(record.event, EpochFinished | RunStarted | RunResumed | RunEnded):
                self._log.sync()

    def open(self, folder: RunFolder, info: RunInfo) -> None:
        """Begin to record into `folder`, a new one. Call once, before the first step.

        Raises OSError; a folder that could not be begun is taken away again.
        """
        try:
            self._alive = folder.lock()
            folder.write_info(info)
            folder.write_status("running")
            self._epochs = EpochTable(folder.path / EPOCHS_FILE)
            log = RunLog(folder.events)
            with self._lock:
                for record in self._held_back:
                    log.append(record)
                self._held_back.clear()
                self._log = log
        except OSError:
            shutil.rmtree(folder.path, ignore_errors=True)
            if self._alive is not None:
                os.close(self._alive)
            raise
        self._folder, self._info = folder, info
        self._heart.start()

    def resume(self, folder: RunFolder, info: RunInfo, resumed: RunResumed) -> None:
        """Go on recording into `folder`, of an earlier run, from the checkpoint that `resumed`
        names. Nothing is deleted but a torn last line. Raises OSError; BlockingIOError if another
        process has the run by now."""
        self._alive = folder.lock()
        try:
            records = list(read_log(folder.events))
            records.append(Record(0, 0.0, resumed))
            self._epochs = EpochTable(folder.path / EPOCHS_FILE, counted_epochs(records))
            folder.write_status("running")
            log = RunLog(folder.events)
            log.trim()
            with self._lock:
                for record in self._held_back:
                    log.append(record)
                self._held_back.clear()
                self._log = log
        except OSError:
            os.close(self._alive)
            raise
        self._folder, self._info = folder, info
        self._heart.start()

    def write_summary(self, status: str) -> None:
        """Put the run's row, as it stands, into summary.csv. Raises OSError."""
        assert self._folder is not None
        assert self._info is not None
        write_row(self._folder.path.parent, summary_row(self._info, self.state, status))

    def close(self) -> None:
        """Write what stands at the end: status.json and the summary row. After RunEnded."""
        self._over.set()
        if self._folder is None or self._info is None or self._log is None:
            return
        if self._heart.ident is not None:
            self._heart.join()
        self._log.close()
        ended = self.state.ended
        assert ended is not None
        try:
            self._folder.write_status(ended.status)
            self.write_summary(ended.status)
        finally:
            if self._alive is not None:
                os.close(self._alive)

    def _beat(self) -> None:
        assert self._folder is not None
        while not self._over.wait(HEARTBEAT_SECONDS):
            try:
                self._folder.write_status("running")
            except OSError:
                continue  # a missed heartbeat is just that; the log is what counts
