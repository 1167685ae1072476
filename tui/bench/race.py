"""A race: arms in processes of their own, of which only one works at a time, in turns.

Each arm has all of the machine while it is at work. What is compared follows upon each other by
seconds, in an order drawn anew for each round, so that all share what the machine's speed does.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import psutil

from cnntop.core.errors import CnntopError, DatasetError, UsageError
from cnntop.core.recipe import Recipe
from cnntop.core.text import printable
from cnntop.tui.bench.exits import SIGNALS

Kind = Literal["cnntop", "resident", "plain", "pil", "loader", "cpu", "device"]
"""Training: a run of cnntop, one on a single batch again and again, a plain loop. Input alone: a
plain loop's, and cnntop's three."""

_SAID_LINES = 20
_DISMISSED_SECONDS = 2.0


class Arm(msgspec.Struct, frozen=True):
    """What a process is to do. `workers` are those of "plain" and "pil"; with `whole` it trains
    all of the recipe's epochs at once, and tells the test accuracy."""

    kind: Kind
    recipe: Recipe
    workers: int = 0
    whole: bool = False


class Go(msgspec.Struct, frozen=True):
    """Work, after some warm-up, for so many seconds, and for at least so many steps."""

    seconds: float
    least_steps: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Everything is there. `workers` is None where there is no loader; `augment_on` is what a run
    of cnntop has chosen."""

    dataset: str
    images: int
    device: str
    device_name: str
    threads: int
    workers: int | None
    augment_on: str | None = None


class Slot(msgspec.Struct, frozen=True, tag="slot"):
    """What an arm did in a turn, its warm-up left out.

    `cpu_seconds` are those of its process and workers, `split_seconds` is the time by part; None
    where it was not measured.
    """

    steps: int
    images: int
    seconds: float
    cpu_seconds: float | None = None
    split_seconds: dict[str, float] | None = None

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds

    @property
    def images_per_cpu_second(self) -> float:
        assert self.cpu_seconds is not None
        return self.images / self.cpu_seconds


class Trained(msgspec.Struct, frozen=True, tag="trained"):
    """All epochs of the recipe; `seconds` from the first step on, evaluation included."""

    test_accuracy: float
    seconds: float


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It cannot; `text` is for people."""

    text: str
    exit_code: int


_ERRORS: dict[int, type[CnntopError]] = {2: UsageError, 3: DatasetError}
_Answer = TypeVar("_Answer", Ready, Slot, Trained)


class ArmProcess:
    """An arm's process, seen from here."""

    def __init__(self, name: str, arm: Arm, folder: Path) -> None:
        self._name = name
        folder.mkdir()
        self._words = folder / "words.txt"
        try:
            told = msgspec.json.encode(arm).decode()
        except UnicodeEncodeError:
            shown = printable(arm.recipe.data.dir or "")
            raise UsageError(f"--data-dir: the name {shown} is no text; rename it.") from None
        command = [sys.executable, "-P", "-m", "cnntop.tui.bench.racer", told, str(folder)]
        with self._words.open("wb") as words:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words,
                start_new_session=True,  # so that Ctrl-C reaches us alone, and its workers end too
            )  # fmt: skip

    def go(self, go: Go) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # why it is gone, its answer tells
            self.process.stdin.write(msgspec.json.encode(go) + b"\n")
            self.process.stdin.flush()

    def answer(self, kind: type[_Answer]) -> _Answer:
        """Raises the CnntopError that ended the process."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            lines = self._words.read_text(errors="replace").splitlines()[-_SAID_LINES:]
            said = "\n".join(printable(line) for line in lines)
            raise CnntopError(f"{self._name}: the measuring process failed:\n{said}")
        told = msgspec.json.decode(line, type=Ready | Slot | Trained | Failed)
        if isinstance(told, Failed):
            raise _ERRORS.get(told.exit_code, CnntopError)(told.text)
        assert isinstance(told, kind)
        return told

    def dismiss(self) -> None:
        """It ends by itself, once it is not at work."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def end(self) -> None:
        """After a moment in which it could have done so, by force, with its workers."""
        self.dismiss()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_DISMISSED_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Race:
    """Arms that are ready, by name."""

    def __init__(self, folder: Path) -> None:
        self.ready: dict[str, Ready] = {}
        self._folder = folder
        self._processes: dict[str, ArmProcess] = {}
        self._draw = random.Random(0)

    def join(self, arms: dict[str, Arm]) -> None:
        """Wait until they all are ready."""
        for name, arm in arms.items():
            self._start(name, arm)
        for name in arms:
            self.ready[name] = self._processes[name].answer(Ready)

    def round(self, names: Sequence[str], go: Go) -> dict[str, Slot]:
        """A turn of each, in an order that is drawn."""
        found = {}
        for name in self._draw.sample(names, len(names)):
            self._processes[name].go(go)
            found[name] = self._processes[name].answer(Slot)
        return {name: found[name] for name in names}

    def trained(self, name: str, arm: Arm) -> Trained:
        """What a process of its own tells that trains all of `arm`."""
        self._start(name, arm)
        return self._processes[name].answer(Trained)

    def others_cores(self) -> "Callable[[], float]":
        """From now on until the call: cores that other programs kept busy."""
        begun, busy = time.monotonic(), _others_cpu_seconds()

        def cores() -> float:
            spent = _others_cpu_seconds() - busy
            return max(0.0, spent / (time.monotonic() - begun))

        return cores

    def end(self) -> None:
        for process in self._processes.values():
            process.dismiss()
        for process in self._processes.values():
            process.end()

    def _start(self, name: str, arm: Arm) -> None:
        folder = self._folder / str(len(self._processes))
        # A signal between its beginning and our knowing of it would leave it behind.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._processes[name] = ArmProcess(name, arm, folder)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def race() -> Iterator[Race]:
    """Leaves neither processes nor files behind."""
    with tempfile.TemporaryDirectory(prefix="cnntop-bench-") as folder:
        arms = Race(Path(folder))
        try:
            yield arms
        finally:
            arms.end()


def _others_cpu_seconds() -> float:
    """CPU time of all programs of the machine but this one and its arms, from some moment on."""
    times = psutil.cpu_times()
    busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
    return float(busy) - cpu_seconds()


def cpu_seconds() -> float:
    """CPU time of this process and all below it that are alive."""
    spent = time.process_time()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            spent += times.user + times.system
    return spent
