"""Loader workers that are killed."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cnntop.core.events import EpochFinished, RunResumed
from cnntop.core.run_request import RunRequest
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.resumption import Resumption
from cnntop.core.runs.summary import read_rows
from tests.training.test_resume import events, resumed
from tests.tui.place import workers_of

Make = Callable[..., RunRequest]
MOST_SECONDS = 10.0
"""Promised, from the kill to the end."""


def kill_a_worker(start: Any, request: RunRequest, after_seconds: float) -> None:
    """In its second epoch or later; the run must end with the likely cause, and can go on."""
    others = workers_of(os.getpid())  # of runs before
    watched = start(request)
    watched.until(lambda records: bool(events(records, EpochFinished)))
    time.sleep(after_seconds)
    worker = next(one for one in workers_of(os.getpid()) if one not in others)
    killed_at = time.monotonic()
    worker.kill()
    watched.end()
    assert time.monotonic() - killed_at < MOST_SECONDS
    assert watched.handle.traceback is None, watched.handle.traceback
    message = str(watched.handle.error)
    assert message.startswith("a DataLoader worker died (")
    assert "The likely cause is too little memory" in message
    assert "--workers" in message
    assert len(message.splitlines()) == 1
    assert (watched.ended.status, watched.handle.exit_code) == ("failed", 1)
    [row] = read_rows(request.runs_dir)
    assert row["status"] == "failed"


@pytest.fixture
def loading(request_run: Make) -> RunRequest:
    return request_run(augment_on="loader", workers=2, batch_size=2, epochs=1_000_000)


def test_a_killed_worker_ends_the_run_which_goes_on(
    start: Any, run: Any, loading: RunRequest
) -> None:
    kill_a_worker(start, loading, 0.0)
    [folder] = [path for path in loading.runs_dir.iterdir() if path.is_dir()]
    epochs = Resumption.of(RunFolder(folder)).state.epoch
    again = run(resumed(loading, folder, epochs=epochs + 1))
    assert again.ended.status == "finished"
    [resumption] = events(again.records, RunResumed)
    assert resumption.step > 0
    assert resumption.step % 36 == 0, "from the end of an epoch"


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_workers_killed_at_many_moments(start: Any, loading: RunRequest) -> None:
    for number in range(20):
        runs_dir = loading.runs_dir / str(number)
        kill_a_worker(start, replace(loading, runs_dir=runs_dir), 0.02 * number)
