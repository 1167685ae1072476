"""Runs that do not come to their end: killed, or with no room left on the disk."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec

from cnntop.core.run_request import RunRequest
from cnntop.core.runs import summary
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.log import read_log

ENDLESS = 1_000_000
Make = Callable[..., RunRequest]

ALONE = """
import resource, signal, sys, msgspec
from pathlib import Path
from cnntop.core.recipe import Recipe
from cnntop.core.run_request import RunRequest
from cnntop.core.runs import recorder
from cnntop.core.session import start_run

recorder.LAST_TRIES_SECONDS = 0.5

def limit(most_bytes):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

if __name__ == "__main__":
    recipe, runs_dir, when, most_bytes = sys.argv[1:]
    recipe = msgspec.json.decode(recipe, type=Recipe)
    if when == "before":
        limit(int(most_bytes))
    handle = start_run(RunRequest(recipe, "", "alone", Path(runs_dir)))
    while handle.folder is None and not handle.done:
        handle.wait(0.01)
    if when == "during":
        limit(int(most_bytes))
    handle.wait()
    print(handle.error)
    print([type(record.event).__name__ for record in handle.feed.drain()][-1])
    sys.exit(handle.exit_code)
"""


def alone(request: RunRequest, when: str = "", most_bytes: int = 0) -> subprocess.Popen[str]:
    """The run in a process of its own, whose files grow to `most_bytes` at most if `when` is
    "before" or "during" the run: the nearest thing to a full disk."""
    recipe = msgspec.json.encode(request.recipe).decode()
    command = [sys.executable, "-c", ALONE, recipe, str(request.runs_dir), when, str(most_bytes)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def test_a_killed_run_is_interrupted_and_keeps_what_it_had(request_run: Make) -> None:
    request = request_run(epochs=ENDLESS)
    process = alone(request)
    try:
        waited = 0.0
        # The log comes first, and then the table of epochs.
        while not (folders := list(request.runs_dir.glob("*-alone-*/epochs.csv"))) or (
            folders[0].read_bytes().count(b"\n") < 2
        ):
            assert process.poll() is None
            assert waited < 120
            waited += 0.05
            time.sleep(0.05)
        folder = RunFolder(folders[0].parent)
        (running,) = summary.read_rows(request.runs_dir)
        assert running["status"] == "running"
        assert folder.is_alive()
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    (row,) = summary.read_rows(request.runs_dir)
    assert row["status"] == "interrupted"
    assert float(row["epochs"]) >= 1
    assert row["test_accuracy"] != ""
    assert not folder.is_alive()
    assert b"epoch_finished" in folder.events.read_bytes()
    assert len(folders[0].read_text().splitlines()) >= 2


def test_a_disk_full_to_the_end_is_told_in_one_message(request_run: Make) -> None:
    request = request_run(time="2s")
    process = alone(request, "during", 4_096)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    message, last = output.splitlines()
    assert "records could not be written (" in message
    assert last == "RunEnded"
    (row,) = summary.read_rows(request.runs_dir)
    assert row["status"] in ("failed", "interrupted")
    (log,) = request.runs_dir.glob("*/events.jsonl")
    assert len(list(read_log(log))) == log.read_bytes().count(b"\n")


def test_a_disk_that_was_full_before_leaves_no_half_made_folder(request_run: Make) -> None:
    request = request_run()
    process = alone(request, "before", 100)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert output.splitlines()[-1] == "RunEnded"
    assert [path.name for path in request.runs_dir.iterdir()] == []
