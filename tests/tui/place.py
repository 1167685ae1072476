"""A place to run the real command in: folders of its own, a clean environment."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import psutil

from cnntop.core.events import CheckpointSaved, Event, RunStarted
from cnntop.core.runs.folder import EVENTS_FILE
from cnntop.core.runs.log import read_log
from tests.tui.terminal_window import PATIENCE_SECONDS, TerminalWindow

COMMAND = str(Path(sys.executable).with_name("cnntop"))
# What a person's shell may have set and which would change what is printed.
_FOREIGN = (
    "NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "CUDA_VISIBLE_DEVICES",
    "TERMINAL_WIDTH", "PY_COLORS", "CLICOLOR", "CLICOLOR_FORCE", "CNNTOP_ASCII", "LANG", "LC_CTYPE",
)  # fmt: skip
NO_NETWORK = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "http://127.0.0.1:9",
) | {"no_proxy": "", "NO_PROXY": ""}
"""Variables that send every download to a port where nobody listens."""

LOADING = ("--set", "augment_on=loader", "--workers", "2", "--set", "threads=1")
"""Arguments of a run with worker processes."""


EventKind = TypeVar("EventKind", bound=Event)


def until(seen: Callable[[], bool], meanwhile: Callable[[], object] | None = None) -> None:
    """Wait for `seen`; `meanwhile` is called again and again, to read what a program prints."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen():
        assert time.monotonic() < deadline, "never seen"
        if meanwhile is not None:
            meanwhile()
        time.sleep(0.02)


def signals_of(process: int, line: str) -> list[int]:
    """The signals in a line of the process's status: "SigCgt" those it handles itself, "ShdPnd"
    those that wait for it."""
    status = Path(f"/proc/{process}/status").read_text()
    [bits] = [text.split()[1] for text in status.splitlines() if text.startswith(line)]
    return [number for number in range(1, 65) if int(bits, 16) >> (number - 1) & 1]


def workers_of(process: int) -> list[psutil.Process]:
    """The loader's workers, which a server of forks has started."""
    servers = psutil.Process(process).children()
    return [worker for server in servers for worker in server.children()]


def is_gone(process: psutil.Process) -> bool:
    """Also where nobody has asked yet how it ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class Place:
    """A folder with runs, cache and config below it, as the working folder of commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.cache = folder / "cache"
        self.config = folder / "config"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in _FOREIGN}
        own = {f"CNNTOP_{k.upper()}": str(getattr(self, k)) for k in ("runs", "cache", "config")}
        fixed = {"OMP_NUM_THREADS": "1", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        return kept | own | fixed | more

    def run(self, *arguments: str, command: str = COMMAND, **variables: str) -> Answer:
        """`cnntop` with `arguments` on pipes, to its end."""
        done = subprocess.run(
            [command, *arguments], cwd=self.folder, env=self.environment(**variables),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        # Undecoded line ends, so that a stray carriage return would be seen.
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str, **variables: str) -> "Line":
        """`cnntop` on pipes, to go along with."""
        return Line(
            subprocess.Popen(
                [COMMAND, *arguments], cwd=self.folder, env=self.environment(**variables),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, bufsize=1,
            )
        )  # fmt: skip

    def window(
        self, *arguments: str, columns: int = 120, lines: int = 40, leads: bool = True,
        errors: Path | None = None, **variables: str,
    ) -> TerminalWindow:  # fmt: skip
        """`cnntop` in a pseudo-terminal; with `errors`, a file is its standard error."""
        environment = self.environment(**variables)
        command = [COMMAND, *arguments]
        if errors is not None:
            command = ["/bin/sh", "-c", 'exec "$@" 2>"$0"', str(errors), *command]
        return TerminalWindow(command, columns, lines, self.folder, environment, leads)

    def run_folders(self) -> list[Path]:
        """Everything in the runs folder that is a folder."""
        return sorted(p for p in self.runs.iterdir() if p.is_dir()) if self.runs.is_dir() else []

    def told(self, kind: type[EventKind]) -> list[EventKind]:
        """What the log of the only run has of one kind of event, so far."""
        logs = [log for folder in self.run_folders() if (log := folder / EVENTS_FILE).is_file()]
        if not logs:
            return []
        [log] = logs
        return [one.event for one in read_log(log) if isinstance(one.event, kind)]

    def rows(self) -> list[dict[str, str]]:
        with (self.runs / "summary.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


class Line:
    """A process whose lines a test reads as they come."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.text = ""

    def read_until(self, text: str) -> None:
        """Read lines up to one with `text`; the end of the output fails the test."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text += line
            if text in line:
                return
        raise AssertionError(f"{text!r} was never printed:\n{self.text}")

    def read_line(self) -> None:
        assert self.process.stdout is not None
        self.text += self.process.stdout.readline()

    def kill(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            self.process.send_signal(number)

    def end(self) -> int:
        """The exit code, and the rest of the output in `text`."""
        assert self.process.stdout is not None
        self.text += self.process.stdout.read()
        return self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> "Line":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def asked_for_checkpoint(place: Place) -> bool:
    """Whether the run has saved one that was not due: in the middle of an epoch."""
    starts, saves = place.told(RunStarted), place.told(CheckpointSaved)
    return any(one.step > one.epoch * starts[0].steps_per_epoch for one in saves)
