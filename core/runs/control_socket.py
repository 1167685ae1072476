"""Pause, stop and steer from another process: a socket in the run folder, for its owner alone.

One line of JSON asks, one answers, and the connection is over. The socket is a file, so whoever
may not open it cannot ask; a run elsewhere on the network has none to reach.
"""

import os
import platform
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args

import msgspec

from cnntop.core.control import Control
from cnntop.core.errors import CnntopError
from cnntop.core.extension import Extension
from cnntop.core.fix import Fix
from cnntop.core.recipe import AugmentOn
from cnntop.core.runs.folder import RunFolder
from cnntop.core.text import printable

SOCKET_FILE = "control.sock"
ANSWER_SECONDS = 2.0
"""How long one who asks waits for the answer."""
_ASK_SECONDS = 0.5
"""How long the run waits for the line of one who has connected, while others stand in line."""
_LONGEST_LINE = 4096
_LONGEST_ADDRESS = 100
"""Bytes; systems allow 104 to 108."""
_MOST = 4096
"""Of a number that a fix sets; threads beyond it break the system, not only the run."""


_MOST_FACTOR = 1024.0
"""Of the learning rate, up or down in one command."""


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked for. `fix` goes with "fix", `factor` with "rate", `extension` with "extend".
    "discard" stops the run and keeps nothing of it: a person was asked twice by then."""

    command: Literal[
        "pause", "resume", "stop", "stop-after-epoch", "go-on-after-epoch", "discard", "checkpoint",
        "fix", "rate", "extend",
    ]  # fmt: skip
    fix: Fix | None = None
    factor: float | None = None
    extension: Extension | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the command was taken, and whether the run is (about to be) paused; else why not."""

    ok: bool
    paused: bool = False
    error: str = ""


class ControlSocket:
    """While entered, one thread takes commands for `control` on the folder's socket.

    Enter it while the run's lock is held. Where the folder's file system has no sockets there is
    nothing to enter: the run goes on, and can only be watched.
    """

    def __init__(self, folder: RunFolder, control: Control) -> None:
        self._folder = folder
        self._control = control
        self._over = threading.Event()
        self._listener: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="cnntop-control", daemon=True)

    def __enter__(self) -> "ControlSocket":
        with suppress(OSError):
            self._listener = _listen(self._folder.path)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._listener is None:
            return
        with suppress(OSError):
            (self._folder.path / SOCKET_FILE).unlink()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, as closing would not
        self._thread.join(ANSWER_SECONDS)
        self._listener.close()

    def _serve(self) -> None:
        assert self._listener is not None
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                self._over.wait(1.0)  # the end, or a moment without a free file descriptor
                continue
            with connection, suppress(OSError):
                connection.settimeout(_ASK_SECONDS)
                line = _read_line(connection)
                if line:  # nothing from one who only wanted to know who listens
                    connection.sendall(msgspec.json.encode(self._answer(line)) + b"\n")

    def _answer(self, line: bytes) -> Answer:
        try:
            command = msgspec.json.decode(line, type=Command)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Answer(False, error=f"no command: {error}")
        refusal = self._obey(command)
        return Answer(False, error=refusal) if refusal else Answer(True, self._control.paused)

    def _obey(self, command: Command) -> str:
        """Hand the command on; why not, or "" if it was."""
        control = self._control
        match command:
            case Command("fix", fix=fix):
                if fix is None or not _usable(fix):
                    return "no fix that a run can apply"
                control.apply(fix)
            case Command("rate", factor=factor):
                if factor is None or not 1 / _MOST_FACTOR <= factor <= _MOST_FACTOR:
                    return f"no factor from 1/{_MOST_FACTOR:g} to {_MOST_FACTOR:g}"
                control.scale_rate(factor)
            case Command("extend", extension=extension):
                if extension is None or not extension.usable:
                    return "no number of epochs or seconds that a run can go on for"
                control.extend(extension)
            case _:
                {
                    "pause": control.pause,
                    "resume": control.resume,
                    "stop": control.stop,
                    "stop-after-epoch": control.stop_after_epoch,
                    "go-on-after-epoch": control.go_on_after_epoch,
                    "discard": control.discard,
                    "checkpoint": control.checkpoint,
                }[command.command]()
        return ""


def send(folder: RunFolder, command: Command) -> Answer:
    """Have the run take `command`; returns its answer, within `ANSWER_SECONDS`.

    Raises CnntopError that says what to do: the run is over, elsewhere, another person's, or
    refuses.
    """
    run = printable(folder.path.name)
    try:
        with _connection(folder.path) as connection:
            connection.sendall(msgspec.json.encode(command) + b"\n")
            answer = msgspec.json.decode(_read_line(connection), type=Answer)
    except TimeoutError:
        raise CnntopError(f"run {run} does not answer; try again, or end its process.") from None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CnntopError(_reason(folder, run, error)) from None
    if not answer.ok:
        raise CnntopError(f"run {run} does not take {command.command!r}: {answer.error}.")
    return answer


def process_id(folder: RunFolder) -> int | None:
    """Of the process that trains, where the system tells who listens on a socket."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        with _connection(folder.path) as connection:
            size = struct.calcsize("3i")
            told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return None
    process: int = struct.unpack("3i", told)[0]
    return process or None


def _reason(folder: RunFolder, run: str, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"run {run} is another person's: only its owner may steer it."
    if not folder.is_alive():
        return f"run {run} is not running. `cnntop ps` lists the runs that are."
    info = folder.read_info()
    host = info.machine.get("host") if info else None
    if host not in (None, platform.node()):
        return f"run {run} is on another machine, {printable(str(host))}; steer it from there."
    return f"run {run} takes no commands: it begins, ends, or its folder cannot hold a socket."


def _usable(fix: Fix) -> bool:
    if fix.key == "data.augment_on":
        return fix.value != "auto" and fix.value in get_args(AugmentOn)
    return isinstance(fix.value, int) and 1 <= fix.value <= _MOST


def _listen(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(folder) as address:
            # Of a process that was killed: this one holds the run's lock.
            Path(address).unlink(missing_ok=True)
            listener.bind(address)
            # Nobody can connect before `listen`, so nobody gets in before this.
            Path(address).chmod(0o600)
        listener.listen(16)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _connection(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        with _address(folder) as address:
            connection.connect(address)
        yield connection


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """The socket's path, by way of an open folder where it is too long for an address. Changing
    into the folder instead would move the whole process, all of its threads."""
    path = folder / SOCKET_FILE
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET_FILE}"
    finally:
        os.close(handle)


def _read_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
        part = connection.recv(_LONGEST_LINE - len(line))
        if not part:
            break
        line += part
    return line
