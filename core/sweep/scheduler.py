"""Runs a sweep: each run in a process of its own, one after the other or one on each device.

A run that crashes, is killed or runs out of memory takes nothing with it; neither does this
process, whose runs go on without it and are found again by whoever goes on with the sweep.
"""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cnntop.core.errors import CnntopError
from cnntop.core.runs.control_socket import process_id
from cnntop.core.runs.folder import RunFolder
from cnntop.core.sweep.folder import Ending, SweepFolder
from cnntop.core.sweep.halving import Due, due
from cnntop.core.sweep.progress import PointState, SweepReader, SweepState

POLL_SECONDS = 0.25
MOST_KILLS = 3
"""How often a process of one run may be killed, by what is not the sweep, until it is left."""


@dataclass(frozen=True)
class Job:
    """A run to begin or go on with, and the device it is given ("" where the recipe names it)."""

    sweep: str
    due: Due
    device: str


class EarlyEndError(CnntopError):
    """The first run of the sweep ended before it began: others would end the same way."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code


@dataclass
class _Child:
    job: Job
    process: "subprocess.Popen[bytes]"
    printed: int
    """Bytes of the output that were there before it."""
    started: float
    told: bool = False
    """To stop."""


class Scheduler:
    """Takes the runs that are due until there are none. `state` is how the sweep stands, for any
    thread; `command` makes the command line of a job."""

    def __init__(
        self,
        folder: SweepFolder,
        devices: Sequence[str],
        command: Callable[[Job], list[str]],
    ) -> None:
        self.folder = folder
        self.slots = len(devices) or 1
        self.error: CnntopError | None = None
        self._devices = list(devices) or [""]
        self._command = command
        self._reader = SweepReader(folder)
        self.state: SweepState = self._reader.read()
        self._children: list[_Child] = []
        self._begun: Counter[tuple[int, int | None]] = Counter()
        self._left: set[tuple[int, int | None]] = set()
        self._stop = threading.Event()
        self._killed = False
        self._orphans_told = False
        self._lock = -1
        self._thread = threading.Thread(target=self._run, name="cnntop-sweep", daemon=True)

    def start(self) -> None:
        """Holds the sweep until it is over. Raises BlockingIOError where another process does."""
        self._lock = self.folder.lock()
        self._thread.start()

    def stop(self) -> None:
        """Have the runs that train stop at their next step, to be gone on with, and begin none."""
        self._stop.set()

    def kill(self) -> None:
        """End the runs that train at once."""
        self._killed = True
        self._stop.set()
        for child in list(self._children):
            child.process.kill()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the end; returns whether it came."""
        self._thread.join(timeout_seconds)
        return self.done

    def _run(self) -> None:
        try:
            while self._turn():
                time.sleep(POLL_SECONDS)
        except OSError as error:
            self.error = CnntopError(
                f"the sweep could not go on: {error}. The same command goes on with it."
            )
            self._stop_children()
            for child in self._children:
                child.process.wait()
        finally:
            os.close(self._lock)

    def _turn(self) -> bool:
        """One look at everything; returns whether there will be another."""
        self._reap()
        self.state = self._reader.read()
        if self.stopping:
            self._stop_children()
            return bool(self._children)
        orphans = self._orphans()
        free = self.slots - len(self._children) - len(orphans)
        open_jobs = self._open()
        for one in open_jobs:
            if free > 0 and self._begin(one):
                free -= 1
        return bool(self._children or orphans or open_jobs)

    def _open(self) -> list[Due]:
        """What is due and in no process yet, but for what was left in this one's life."""
        busy = {state.point.number for state in self.state.active}
        busy |= {child.job.due.state.point.number for child in self._children}
        return [
            one
            for one in due(self.state)
            if one.state.point.number not in busy and _key(one) not in self._left
        ]

    def _orphans(self) -> list[PointState]:
        """Points whose run goes on though the process that began it is gone."""
        own = {child.job.due.state.point.number for child in self._children}
        return [state for state in self.state.active if state.point.number not in own]

    def _begin(self, one: Due) -> bool:
        """Whether it has begun: not while somebody went on with it by hand, or looks at it."""
        number, run = one.state.point.number, one.state.run
        if run is not None and run.is_alive():
            return False
        job = Job(self.folder.path.name, one, self._device(run))
        try:
            output = self.folder.open_output(number)
        except BlockingIOError:
            return False
        with output:
            process = subprocess.Popen(
                self._command(job), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
            self._children.append(_Child(job, process, output.tell(), time.monotonic()))
        self._begun[_key(one)] += 1
        return True

    def _device(self, run: RunFolder | None) -> str:
        """One that has no run now; a run that goes on does so where it was."""
        used = Counter(child.job.device for child in self._children)
        free = list((Counter(self._devices) - used).elements()) or self._devices
        info = run.read_info() if run is not None else None
        own = info.recipe.machine.device if info is not None else ""
        return own if own in free else free[0]

    def _reap(self) -> None:
        for child in list(self._children):
            code = child.process.poll()
            if code is None:
                continue
            self._children.remove(child)
            number, key = child.job.due.state.point.number, _key(child.job.due)
            seconds = round(time.monotonic() - child.started, 3)
            message = self._complaint(child)
            with suppress(OSError):  # a full disk: the run's own folder has what matters
                self.folder.note(Ending(number, code, message, seconds))
            was_killed = code < 0 and not self.stopping
            if not was_killed or self._begun[key] >= MOST_KILLS:
                self._left.add(key)
            self._end_early(child, code, message)

    def _end_early(self, child: _Child, code: int, message: str) -> None:
        """Where nothing has begun yet and the first run says that it cannot."""
        if code not in (2, 3) or self.stopping:
            return
        if all(state.run is None for state in self._reader.read().points):
            self.error = EarlyEndError(_early_end(child.job, message, code), code)
            self._stop.set()

    def _complaint(self, child: _Child) -> str:
        """The line in which the process said why it ended; the rest is in its output."""
        with self.folder.output(child.job.due.state.point.number).open("rb") as file:
            file.seek(child.printed)
            lines = file.read().decode(errors="replace").splitlines()
        said = [number for number, line in enumerate(lines) if line.startswith("cnntop: ")]
        if not said:
            return ""
        first = lines[said[0]].removeprefix("cnntop: ")
        return lines[-1] if first.startswith("Traceback") else first

    def _stop_children(self) -> None:
        number = signal.SIGKILL if self._killed else signal.SIGINT
        for child in self._children:
            if not child.told and child.process.poll() is None:
                child.told = True  # a second signal would end it without a checkpoint
                child.process.send_signal(number)
        for state in self._orphans():
            pid = process_id(state.run) if state.run and not self._orphans_told else None
            if pid is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        self._orphans_told = True


def _early_end(job: Job, message: str, code: int) -> str:
    remedy = " --data-dir DIR or --dataset shapes gives it other images." if code == 3 else ""
    label = job.due.state.point.label
    return f"{message.rstrip('.')}. No run of the sweep has begun; the first was {label}.{remedy}"


def _key(one: Due) -> tuple[int, int | None]:
    return one.state.point.number, one.epochs
