"""Commands from another process: they reach the run, and only its owner's do."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from cnntop.core.control import Control
from cnntop.core.errors import CnntopError
from cnntop.core.events import (
    CheckpointSaved,
    Event,
    FixApplied,
    Paused,
    Record,
    Resumed,
    StepsMeasured,
)
from cnntop.core.extension import Extension
from cnntop.core.fix import Fix
from cnntop.core.run_request import RunRequest
from cnntop.core.runs.control_socket import (
    ANSWER_SECONDS,
    SOCKET_FILE,
    Answer,
    Command,
    ControlSocket,
    process_id,
    send,
)
from cnntop.core.runs.folder import RunFolder, RunInfo
from tests.conftest import Watched

SERVE = """
import sys, time
from pathlib import Path
from cnntop.core.control import Control
from cnntop.core.runs.control_socket import ControlSocket
from cnntop.core.runs.folder import RunFolder
with ControlSocket(RunFolder(Path(sys.argv[1])), Control()):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.fixture
def control(folder: RunFolder) -> Iterator[Control]:
    """Served in this process."""
    control = Control()
    with ControlSocket(folder, control):
        yield control


def asked(folder: RunFolder, line: bytes) -> bytes:
    """What the socket answers to any bytes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(folder.path / SOCKET_FILE))
        connection.sendall(line)
        return connection.makefile("rb").readline()


def test_each_command_reaches_the_control(folder: RunFolder, control: Control) -> None:
    assert send(folder, Command("pause")) == Answer(True, paused=True)
    assert control.paused
    assert send(folder, Command("resume")) == Answer(True, paused=False)
    assert not control.paused
    send(folder, Command("checkpoint"))
    assert control.take_checkpoint()
    fix = Fix("data.augment_on", "cpu", 1.5)
    send(folder, Command("fix", fix))
    assert control.take_fix() == fix
    send(folder, Command("rate", factor=2.0))
    assert control.take_rate_factor() == 2.0
    send(folder, Command("extend", extension=Extension(epochs=3)))
    assert control.take_extension() == Extension(epochs=3)
    send(folder, Command("stop-after-epoch"))
    assert control.ends_after_epoch
    send(folder, Command("go-on-after-epoch"))
    assert not control.ends_after_epoch
    send(folder, Command("stop"))
    assert control.stop_status == "stopped"
    assert not control.discarded
    send(folder, Command("discard"))
    assert control.discarded


def test_the_line_of_another_program(folder: RunFolder, control: Control) -> None:
    line = b'{"command": "fix", "fix": {"key": "machine.threads", "value": 2}}\n'
    assert json.loads(asked(folder, line))["ok"] is True
    assert control.take_fix() == Fix("machine.threads", 2)


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b"stop\n", b"{}\n", b'{"command": "explode"}\n', b"\xff\xfe\n", b"[" * 5000,
        b'{"command": "fix"}\n',
        b'{"command": "fix", "fix": {"key": "data.augment_on", "value": "nowhere"}}\n',
        b'{"command": "fix", "fix": {"key": "data.augment_on", "value": 3}}\n',
        b'{"command": "fix", "fix": {"key": "machine.threads", "value": 0}}\n',
        b'{"command": "fix", "fix": {"key": "machine.threads", "value": 1000000}}\n',
        b'{"command": "fix", "fix": {"key": "machine.threads", "value": "2"}}\n',
        b'{"command": "fix", "fix": {"key": "train.lr", "value": 1}}\n',
        b'{"command": "rate"}\n', b'{"command": "rate", "factor": 0}\n',
        b'{"command": "rate", "factor": 1e300}\n', b'{"command": "rate", "factor": -2}\n',
        b'{"command": "extend"}\n', b'{"command": "extend", "extension": {}}\n',
        b'{"command": "extend", "extension": {"epochs": -1}}\n',
        b'{"command": "extend", "extension": {"seconds": 1e300}}\n',
    ],
)  # fmt: skip
def test_what_is_no_command_is_refused_and_the_next_is_taken(
    folder: RunFolder, control: Control, line: bytes
) -> None:
    answer = json.loads(asked(folder, line))
    assert answer["ok"] is False
    assert answer["error"]
    assert not control.wanted
    assert send(folder, Command("pause")).paused


def test_a_refusal_is_told(folder: RunFolder, control: Control) -> None:
    with pytest.raises(CnntopError, match="no fix that a run can apply"):
        send(folder, Command("fix", Fix("machine.threads", -1)))


def test_one_who_says_nothing_does_not_keep_the_others(folder: RunFolder, control: Control) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(folder.path / SOCKET_FILE))
        assert send(folder, Command("pause")).paused


def test_for_the_owner_alone_and_gone_at_the_end(folder: RunFolder) -> None:
    before = os.umask(0)
    try:
        with ControlSocket(folder, Control()):
            mode = (folder.path / SOCKET_FILE).lstat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600
    finally:
        os.umask(before)
    assert list(folder.path.iterdir()) == []


def test_a_folder_too_deep_for_an_address(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 8)
    deep.mkdir(parents=True)
    control = Control()
    with ControlSocket(RunFolder(deep), control):
        assert (deep / SOCKET_FILE).is_socket()
        assert send(RunFolder(deep), Command("pause")).paused
        assert process_id(RunFolder(deep)) == os.getpid()
    assert list(deep.iterdir()) == []


def test_the_socket_of_a_killed_process_is_replaced(folder: RunFolder) -> None:
    command = [sys.executable, "-c", SERVE, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert process_id(folder) == process.pid
        assert send(folder, Command("pause")).paused
        process.send_signal(signal.SIGKILL)
    assert (folder.path / SOCKET_FILE).is_socket(), "nobody was left to take it away"
    assert process_id(folder) is None
    with pytest.raises(CnntopError, match="is not running"):
        send(folder, Command("pause"))
    with ControlSocket(folder, Control()):
        assert send(folder, Command("pause")).paused


def test_a_process_that_stands_still_is_told_of_in_time(folder: RunFolder) -> None:
    command = [sys.executable, "-c", SERVE, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.send_signal(signal.SIGSTOP)
            while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
                time.sleep(0.01)
            with pytest.raises(CnntopError, match="does not answer"):
                send(folder, Command("pause"))
        finally:
            process.kill()


def test_where_no_socket_can_be_the_run_goes_on(folder: RunFolder) -> None:
    (folder.path / SOCKET_FILE).mkdir()
    control = Control()
    with ControlSocket(folder, control):
        assert process_id(folder) is None
        handle = folder.lock()
        with pytest.raises(CnntopError, match="takes no commands"):
            send(folder, Command("pause"))
        os.close(handle)
    assert not control.wanted


def test_a_run_of_another_machine(
    folder: RunFolder, request_run: Callable[..., RunRequest]
) -> None:
    info = RunInfo(
        "r", "n", "p", "2026-01-01T00:00:00Z", request_run().recipe, "cpu",
        {"host": "far\x1baway"}, {}, "",
    )  # fmt: skip
    folder.write_info(info)
    handle = folder.lock()  # as a network's file system shows it here
    with pytest.raises(CnntopError, match=r"another machine, far\?away"):
        send(folder, Command("pause"))
    os.close(handle)


def test_a_command_is_one_line() -> None:
    assert msgspec.json.encode(Command("stop")) == b'{"command":"stop"}'


def test_a_real_run_is_steered(
    start: Callable[[RunRequest], Watched], request_run: Callable[..., RunRequest]
) -> None:
    watched = start(request_run(epochs=100_000))

    def told(kind: type[Event]) -> Callable[[list[Record]], bool]:
        return lambda records: any(isinstance(record.event, kind) for record in records)

    watched.until(told(StepsMeasured))
    folder = RunFolder(watched.folder)
    send(folder, Command("pause"))
    watched.until(told(Paused))
    send(folder, Command("resume"))
    watched.until(told(Resumed))
    send(folder, Command("fix", Fix("train.evaluate_every", 3)))
    watched.until(told(FixApplied))
    send(folder, Command("checkpoint"))
    watched.until(told(CheckpointSaved))
    send(folder, Command("stop"))
    assert watched.end().ended.status == "stopped"
    assert not (folder.path / SOCKET_FILE).exists()
    with pytest.raises(CnntopError, match="is not running"):
        send(folder, Command("stop"))
