"""The run folder: its name, its files, and the lock that says whether the run is alive."""

import fcntl
import os
import re
import secrets
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from cnntop.core.durable import file_mode, replace_file
from cnntop.core.errors import UsageError
from cnntop.core.model_option import ModelSource
from cnntop.core.recipe import Recipe
from cnntop.core.runs.log import is_whole, sealed
from cnntop.core.text import printable

RUN_FILE = "run.json"
EVENTS_FILE = "events.jsonl"
EPOCHS_FILE = "epochs.csv"
STATUS_FILE = "status.json"
LOCK_FILE = "run.lock"
STALE_SECONDS = 60.0
"""A heartbeat older than this is none; there is one every five seconds."""
_LOCK_PATIENCE_SECONDS = 0.5
"""A look at a lock holds it for an instant, and so does the child of a process that was killed,
from its fork to its program: neither of them has the run."""


class RunInfo(msgspec.Struct, frozen=True):
    """What `run.json` holds: the experiment and where it ran, written once.

    `machine` and `versions` are plain facts by name; `git_commit` is that of the folder the run
    was started in, empty outside of a repository. `model_source` is there for a network from a
    person's code. `sweep_point` is the sweep's id and the point's number, as in
    `20260101-120000-mine-3f9a-sweep/7`, for a run of a sweep.
    """

    run: str
    name: str
    preset: str
    started_utc: str
    recipe: Recipe
    augment_on: str
    machine: dict[str, Any]
    versions: dict[str, str]
    git_commit: str
    model_source: ModelSource | None = None
    format: int = 1
    sweep_point: str = ""


def default_runs_dir() -> Path:
    """$CNNTOP_RUNS, else `runs` in the current folder."""
    return Path(os.environ.get("CNNTOP_RUNS") or "runs")


def require_writable(runs_dir: Path, share: bool = False) -> None:
    """Raises UsageError unless run folders can be made in `runs_dir`, which is made if missing, for
    others too if they `share` it."""
    try:
        runs_dir.mkdir(_folder_mode(share), parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=runs_dir):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"runs folder {printable(str(runs_dir))} cannot be written: {reason}. "
            "Choose another with --runs-dir DIR or $CNNTOP_RUNS."
        ) from None


@dataclass(frozen=True)
class RunFolder:
    """An existing run folder. `path.name` is the run's id."""

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, name: str, share: bool = False) -> "RunFolder":
        """A new folder that no other process has: for its owner alone, or for whom the umask says
        if they `share` it. What comes into it is for the same people. Raises OSError."""
        return cls(new_folder(runs_dir, name, share))

    @property
    def events(self) -> Path:
        return self.path / EVENTS_FILE

    @property
    def lacks_lines(self) -> bool:
        """Whether lines of the log are lost: `repair` keeps a log that had damaged ones."""
        return any(self.path.glob(f"{EVENTS_FILE}.damaged-*"))

    def write_info(self, info: RunInfo) -> None:
        """Raises OSError. The lock file gets a copy, because nothing else knows it all."""
        text = sealed(msgspec.json.format(msgspec.json.encode(info), indent=2))
        replace_file(self.path / RUN_FILE, lambda file: file.write(text))
        (self.path / LOCK_FILE).write_bytes(text)  # in place, for whoever holds the lock on it

    def read_info(self) -> RunInfo | None:
        """What run.json says, or None where it is missing, damaged or not readable as such."""
        return _info(self.path / RUN_FILE)

    def read_copied_info(self) -> RunInfo | None:
        """As `read_info`, from the copy; None for a run of an older cnntop."""
        return _info(self.path / LOCK_FILE)

    def write_status(self, status: str, heartbeat_utc: str | None = None) -> None:
        """`status` with a heartbeat, of now by default. "running" counts only while the lock is
        held. Raises OSError."""
        heartbeat = heartbeat_utc or utc_now()
        text = msgspec.json.encode({"status": status, "heartbeat_utc": heartbeat}) + b"\n"
        replace_file(self.path / STATUS_FILE, lambda file: file.write(text))

    def lock(self) -> int:
        """Hold the run's lock until the descriptor that is returned is closed, by the process's
        end at the latest. Raises BlockingIOError where another process has it, OSError."""
        handle = hold_lock(self.path / LOCK_FILE, file_mode(self.path))
        beat(handle)
        return handle

    def is_running(self) -> bool:
        """Whether a process holds the run's lock and has given a sign of life lately: one that
        hangs, or stands still, does not count as running."""
        if not self.is_alive():
            return False
        try:
            beaten_at = (self.path / LOCK_FILE).stat().st_mtime
        except OSError:
            return False
        return abs(time.time() - beaten_at) < STALE_SECONDS

    def is_alive(self) -> bool:
        """Whether a process holds the run's lock."""
        return is_locked(self.path / LOCK_FILE)


def hold_lock(path: Path, mode: int) -> int:
    """Hold the lock on a file, made with `mode` where there is none, until the descriptor that is
    returned is closed, by the process's end at the latest. Raises BlockingIOError where another
    process has it, OSError."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, mode)
    deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.005)
    except BaseException:
        os.close(handle)
        raise


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on a file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def new_folder(runs_dir: Path, name: str, share: bool = False, suffix: str = "") -> Path:
    """A folder that no other process has, named for now and for `name`, as far as a file can be.
    Raises OSError."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    while True:
        now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        path = runs_dir / f"{now}-{slug[:60]}-{secrets.token_hex(2)}{suffix}"
        try:
            path.mkdir(_folder_mode(share))
        except FileExistsError:
            continue
        return path


def _folder_mode(share: bool) -> int:
    return 0o777 if share else 0o700


def _info(path: Path) -> RunInfo | None:
    try:
        text = path.read_bytes()
        return None if is_whole(text) is False else msgspec.json.decode(text, type=RunInfo)
    except (OSError, ValueError):
        return None


def beat(lock: int) -> None:
    """The heartbeat of the run whose lock this is: the time of its file, which even a full disk
    takes. Raises OSError."""
    os.utime(lock)


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """All run folders in `runs_dir`, in order of their ids; none if it does not exist."""
    return [RunFolder(runs_dir / run) for run in run_ids(runs_dir)]


def run_ids(runs_dir: Path) -> list[str]:
    """Of all run folders in `runs_dir`, in order; as text, since ten thousand paths take time."""
    if not runs_dir.is_dir():
        return []
    with os.scandir(runs_dir) as entries:
        return sorted(e.name for e in entries if os.path.isfile(f"{e.path}/{RUN_FILE}"))  # noqa: PTH113


def utc_now() -> str:
    """The time as files write it: ISO 8601, UTC, whole seconds."""
    return as_utc(datetime.now(UTC).timestamp())


def as_utc(seconds: float) -> str:
    """A time in seconds since 1970 as files write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
