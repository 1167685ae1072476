"""Runs of other processes: which are running, stopping one, starting one in the background."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cnntop.core.durable import file_mode
from cnntop.core.errors import CnntopError
from cnntop.core.run_state import RunState
from cnntop.core.runs.control_socket import Command, process_id, send
from cnntop.core.runs.folder import RUN_FILE, RunFolder, run_folders
from cnntop.core.runs.follower import LogFollower
from cnntop.core.runs.log import DamagedLogError
from cnntop.core.runs.summary import Row, cell
from cnntop.core.text import printable
from cnntop.tui.format import clock, epoch_label, percent
from cnntop.tui.run_table import as_table

STOP_SECONDS = 15.0
OUTPUT_FILE = "output.txt"
"""In the folder of a run in the background: its plain lines."""
_SHOWN = ("run", "name", "status", "epoch", "done", "images_per_second", "ETA", "pid")
_POLL_SECONDS = 0.1


def running_table(runs_dir: Path) -> str:
    """`cnntop ps`: the runs that a process has, oldest first, as their logs tell of them."""
    rows = [_row(folder) for folder in run_folders(runs_dir) if folder.is_running()]
    if not rows:
        return f"Nothing is running in {printable(str(runs_dir))}.\n"
    return as_table(rows, _SHOWN, fixed=True)


def require_idle(runs_dir: Path) -> None:
    """Raises CnntopError where a run of that folder trains at this moment: what is measured beside
    it tells how fast the two are together."""
    for folder in run_folders(runs_dir):
        if folder.is_running() and _folded(folder).phase != "paused":
            raise CnntopError(
                f"run {printable(folder.path.name)} is training here, and beside it nothing can be "
                "measured: figures would be wrong many times over. Pause it, stop it, or wait "
                "until it has ended; `cnntop ps` shows how long that takes."
            )


def _row(folder: RunFolder) -> Row:
    state = _folded(folder)
    info = folder.read_info()
    started = state.started is not None
    return {
        "run": folder.path.name,
        "name": info.name if info else "",
        "status": state.phase,
        "epoch": epoch_label(state) if started else "",
        "done": percent(state.progress(), 0) if started else "",
        "images_per_second": cell(state.recent_images_per_second),
        "ETA": clock(state.eta_seconds()),
        "pid": cell(process_id(folder)),
    }


def standing(folder: RunFolder, state: RunState) -> str:
    """How a run stands, in a few words after its id."""
    if not folder.path.is_dir():
        return f"{printable(folder.path.name)}: its folder is gone."
    text = f"{printable(folder.path.name)}: {state.phase}"
    if state.started is None:
        return text + "."
    if state.ended is None:
        return f"{text}, epoch {epoch_label(state)}."
    best = state.best_test_accuracy
    return (
        f"{text} after {state.epochs:.4g} epochs"
        f"{f', best test accuracy {percent(best, 2)}' if best is not None else ''}."
    )


def stop_after_epoch(folder: RunFolder) -> str:
    """`cnntop stop --after-epoch`: have the run end with the epoch that it is in; returns at once.
    Raises CnntopError if it is not running or cannot be asked."""
    folder = RunFolder(folder.path.resolve())
    send(folder, Command("stop-after-epoch"))
    return _told(folder, "It stops when that is over.")


def go_on_after_epoch(folder: RunFolder) -> str:
    """`cnntop stop --go-on`: take `--after-epoch` back. Raises CnntopError as that does."""
    folder = RunFolder(folder.path.resolve())
    send(folder, Command("go-on-after-epoch"))
    return _told(folder, "It goes on as planned.")


def _told(folder: RunFolder, what: str) -> str:
    """How it stands and what it does now; of one that has ended since, how it ended."""
    state = _folded(folder)
    return standing(folder, state) if state.ended else f"{standing(folder, state)} {what}"


def stop(folder: RunFolder, discard: bool = False) -> str:
    """`cnntop stop`: have the run stop at its next step, and wait until it has ended. With
    `discard` nothing of it is kept.

    Returns how it stands then. Raises CnntopError if it is not running, cannot be asked, or has
    not ended after `STOP_SECONDS`.
    """
    folder = RunFolder(folder.path.resolve())
    send(folder, Command("discard" if discard else "stop"))
    deadline = time.monotonic() + STOP_SECONDS
    while folder.is_alive() or (discard and _is_going(folder)):
        if time.monotonic() > deadline:
            raise CnntopError(
                f"run {printable(folder.path.name)} was asked to stop, and ends after the step "
                f"that it is in; that takes longer than {STOP_SECONDS:g} s. `cnntop ps` shows it."
            )
        time.sleep(_POLL_SECONDS)
    if discard and folder.path.is_dir():
        raise CnntopError(
            f"run {printable(folder.path.name)} has stopped, and could not be discarded; "
            "`cnntop gc` removes runs."
        )
    if discard:
        return f"{printable(folder.path.name)}: discarded."
    return standing(folder, _folded(folder))


def _is_going(folder: RunFolder) -> bool:
    """Whether the folder is being removed: its run.json goes first, all else takes its time."""
    return folder.path.is_dir() and not (folder.path / RUN_FILE).exists()


def _folded(folder: RunFolder) -> RunState:
    """What can be read of the run by now."""
    follower, state = LogFollower(folder), RunState()
    while follower.behind:
        try:
            records = follower.drain()
        except (OSError, DamagedLogError):
            break
        state.apply_all(records)
    return state


def start_in_background(
    runs_dir: Path, arguments: Sequence[str], resumed: RunFolder | None = None
) -> RunFolder:
    """Start `cnntop ARGUMENTS` as lines in a session of its own, which no terminal's end ends, and
    wait until it has its run folder. What it prints goes to `OUTPUT_FILE` there. `-P` keeps the
    folder it is started in off its module path, from which nothing is imported by itself.

    Raises CnntopError with its message and exit code if it ends before that.
    """
    output = runs_dir / f".starting-{os.getpid()}"
    command = [sys.executable, "-P", "-m", "cnntop.tui.cli", *arguments, "--plain"]
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC
    with os.fdopen(os.open(output, flags, 0o600), "wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        while (folder := _begun(runs_dir, output, resumed)) is None:
            code = process.poll()
            if code is not None and _begun(runs_dir, output, resumed) is None:
                raise _ChildError(_complaint(output), code)
            time.sleep(_POLL_SECONDS)
    except BaseException:  # Ctrl-C too: what was not begun is not left behind
        process.terminate()
        output.unlink(missing_ok=True)
        raise
    output.chmod(file_mode(folder.path))
    output.replace(folder.path / OUTPUT_FILE)
    return folder


class _ChildError(CnntopError):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code if code > 0 else 128 - code


def _begun(runs_dir: Path, output: Path, resumed: RunFolder | None) -> RunFolder | None:
    """The folder that the process has by now: the resumed one, or the one its lines name."""
    if resumed is not None:
        return resumed if resumed.is_alive() else None
    for line in output.read_text(errors="replace").splitlines():
        _, found, path = line.partition("] run folder ")
        if found:
            return RunFolder(runs_dir / Path(path).name)
    return None


def _complaint(output: Path) -> str:
    """What it said on standard error: all but the lines of a run, which begin with the time."""
    lines = output.read_text(errors="replace").splitlines()
    said = "\n".join(line for line in lines if line and not line.startswith("["))
    return said.removeprefix("cnntop: ") or "the run ended before it began, without a word."
