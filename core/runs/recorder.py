"""The reader of the stream that keeps a run: its log, epochs.csv, status.json and summary row."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cnntop.core.events import EpochFinished, Notice, Record, RunEnded, RunResumed, RunStarted
from cnntop.core.run_state import RunState
from cnntop.core.runs.epoch_table import EpochTable, counted_epochs
from cnntop.core.runs.folder import EPOCHS_FILE, LOCK_FILE, RunFolder, RunInfo, beat
from cnntop.core.runs.log import DamagedLogError, PatientLog, RunLog, read_log, reason
from cnntop.core.runs.removal import remove_held
from cnntop.core.runs.summary import summary_row, write_row

HEARTBEAT_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""Time between two tries to write what the disk has not taken."""
LAST_TRIES_SECONDS = 10.0
"""How long the end of a run waits for a disk that takes nothing."""

_MAY_PASS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


@dataclass
class _Trouble:
    """A disk that does not take what it is given: since when, and whether a person knows."""

    since: float
    dropped_before: int
    told: bool = False


class Recorder:
    """Holds records back until there is a run folder, so that a run that never came to be leaves
    nothing behind; from then on each record is on its way to disk before its writer goes on.

    A disk that takes no more does not stop the run: what it does not take is kept in memory, tried
    again every RETRY_SECONDS, and told as a notice when it begins and when it is over.
    """

    def __init__(
        self, state: RunState | None = None, notify: Callable[[Notice], None] | None = None
    ) -> None:
        """`state` is that of the log, of a run that goes on. `notify` takes notices of trouble, on
        a thread of the recorder's own."""
        self.state = state or RunState()
        self._notify = notify
        self._held_back: list[Record] = []
        self._folder: RunFolder | None = None
        self._info: RunInfo | None = None
        self._alive: int | None = None
        self._log: PatientLog | None = None
        self._epochs: EpochTable | None = None
        self._trouble: _Trouble | None = None
        self._table_trouble = ""
        self._unsure_told = False
        # Held over each record and over the opening, which another thread's record may cross.
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="cnntop-heartbeat", daemon=True)

    @property
    def trouble(self) -> str | None:
        """What the disk does not take now and why, for people; None while it takes all."""
        log, table = self._log, self._epochs
        if log is not None and log.kept:
            kept = f"{log.kept:,} record{'s are' if log.kept > 1 else ' is'}"
            return f"the disk does not take the log ({log.trouble}); {kept} kept in memory"
        if table is not None and table.waiting:
            kept = f"{table.waiting:,} row{'s are' if table.waiting > 1 else ' is'}"
            why = self._table_trouble
            return f"the disk does not take {EPOCHS_FILE} ({why}); {kept} kept in memory"
        return None

    def take(self, record: Record) -> None:
        """Reader's side of the stream."""
        with self._lock:
            self.state.apply(record)
            if self._log is None:
                self._held_back.append(record)
                return
            self._log.append(record)
            if isinstance(record.event, EpochFinished):
                assert self._epochs is not None
                try:
                    self._epochs.add(record.event)
                except OSError as error:
                    self._table_trouble = reason(error)
            if isinstance(record.event, EpochFinished | RunStarted | RunResumed | RunEnded):
                self._log.sync()
            if self._trouble is None and (self._log.trouble or self._epochs_wait):
                self._trouble = _Trouble(time.monotonic(), self._log.dropped)

    @property
    def _epochs_wait(self) -> bool:
        return self._epochs is not None and self._epochs.waiting > 0

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
                self._log = PatientLog(log)
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
                self._log = PatientLog(log)
        except (OSError, DamagedLogError):
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
        """Write what stands at the end: all that waits, status.json and the summary row. After
        RunEnded.

        Raises OSError, where there is trouble that may pass after LAST_TRIES_SECONDS only; it says
        how many records could not be written.
        """
        self._over.set()
        if self._folder is None or self._info is None or self._log is None:
            return
        if self._heart.ident is not None:
            self._heart.join()
        ended, folder = self.state.ended, self._folder
        assert ended is not None
        status = ended.status
        failure: OSError | None = None
        until = time.monotonic() + LAST_TRIES_SECONDS
        for write in (
            self._catch_up, lambda: folder.write_status(status), lambda: self.write_summary(status),
        ):  # fmt: skip
            try:
                _insist(write, until)
            except OSError as error:
                failure = failure or error
        self._log.sync()
        self._log.close()
        if self._alive is not None:
            os.close(self._alive)
        if self._log.kept:
            count = f"{self._log.kept:,} record{'s' if self._log.kept > 1 else ''}"
            raise OSError(f"{count} could not be written ({self._log.trouble})")
        if failure is not None:
            raise failure

    def discard(self) -> None:
        """In place of `close`: remove the run's folder with all that is in it, and its row. A run
        that was not opened or resumed yet is left as it is.

        Raises OSError; for a folder that is not the run's own any more it does nothing else.
        """
        self._over.set()
        if self._folder is None or self._log is None or self._alive is None:
            return
        if self._heart.ident is not None:
            self._heart.join()
        self._log.close()
        try:
            lock = self._folder.path / LOCK_FILE
            # The descriptor stays with the run, wherever its folder was moved; the name does not.
            if not os.path.samestat(os.fstat(self._alive), lock.stat()):
                raise OSError(errno.ESTALE, "another folder is in its place", str(lock.parent))
            remove_held(self._folder)
        finally:
            os.close(self._alive)

    def _catch_up(self) -> None:
        """Write all that waits. Raises OSError where the disk still does not take it."""
        assert self._log is not None
        assert self._epochs is not None
        with self._lock:
            waited = self._log.kept
            self._log.catch_up()
            if waited:
                self._log.sync()
            try:
                self._epochs.catch_up()
            except OSError as error:
                self._table_trouble = reason(error)
                raise

    def _beat(self) -> None:
        assert self._folder is not None
        beat_at = time.monotonic()
        while not self._over.wait(min(RETRY_SECONDS, HEARTBEAT_SECONDS)):
            with suppress(OSError):
                self._catch_up()
            for notice in self._news():
                if self._notify is not None:
                    self._notify(notice)
            if time.monotonic() - beat_at >= HEARTBEAT_SECONDS:
                beat_at = time.monotonic()
                with suppress(OSError):  # a missed heartbeat is just that; the log is what counts
                    assert self._alive is not None
                    beat(self._alive)
                    self._folder.write_status("running")

    def _news(self) -> list[Notice]:
        """What a person should know of the disk and does not yet."""
        assert self._log is not None
        news = []
        with self._lock:
            now, trouble, text = time.monotonic(), self._trouble, self.trouble
            if text is not None and trouble is not None and not trouble.told:
                trouble.told = True
                news.append(Notice(f"{text} and written when it does", "warning"))
            elif text is None and trouble is not None:
                self._trouble = None
                lost = self._log.dropped - trouble.dropped_before
                if lost:
                    news.append(
                        Notice(
                            f"the log goes on after {now - trouble.since:.0f} s; {lost:,} "
                            f"sample{'s were' if lost > 1 else ' was'} lost",
                            "warning",
                        )
                    )
                elif trouble.told:
                    news.append(
                        Notice(f"the log is complete again after {now - trouble.since:.0f} s")
                    )
            if self._log.unsure and not self._unsure_told:
                self._unsure_told = True
                text = f"the disk does not confirm what it was given ({self._log.unsure})"
                news.append(Notice(f"{text}; training goes on", "warning"))
        return news


def _insist(write: Callable[[], None], until: float) -> None:
    """`write`, again and again until that time, while what keeps it may pass. Raises OSError."""
    while True:
        try:
            return write()
        except OSError as error:
            if error.errno not in _MAY_PASS or time.monotonic() >= until:
                raise
        time.sleep(0.25)
