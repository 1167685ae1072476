"""A log of many steps: read to its end, in little memory, and faster than line by line."""

import time
import tracemalloc
from collections.abc import Callable

import pytest

from cnntop.core.run_state import RunState, fold
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.core.runs.log import read_log
from cnntop.tui.bench.made_run import write_run


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Of a million steps: a tenth of the longest that is promised."""
    return write_run(tmp_path_factory.mktemp("runs"), "long", 1_000_000)


def followed(folder: RunFolder) -> RunState:
    follower, state = LogFollower(folder), RunState()
    while not follower.done:
        state.apply_all(follower.drain())
    return state


def test_what_is_read_many_lines_at_a_time_is_what_stands_there(long_run: RunFolder) -> None:
    assert followed(long_run) == fold(read_log(long_run.events))


def test_memory_stays_flat_while_it_is_read(long_run: RunFolder) -> None:
    follower, state = LogFollower(long_run), RunState()
    while state.step < 600_000:
        state.apply_all(follower.drain())
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        while not follower.done:
            state.apply_all(follower.drain())
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2 * 1024 * 1024, "curves grow until they are full, and no further"


@pytest.mark.alone
def test_it_is_read_faster_than_line_by_line(long_run: RunFolder) -> None:
    many, single = [], []
    for _ in range(3):  # in turn; the least of each is the one that other programs disturbed least
        many.append(_seconds(lambda: followed(long_run)))
        single.append(_seconds(lambda: fold(read_log(long_run.events))))
    assert min(many) < 0.85 * min(single)


def _seconds(read: Callable[[], RunState]) -> float:
    begun = time.perf_counter()
    read()
    return time.perf_counter() - begun
