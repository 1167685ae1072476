"""Following a log: whole lines only, in order, as far as there are any."""

import itertools
import os
import shutil
import threading
from pathlib import Path

import pytest

from cnntop.core.events import (
    CpuSample,
    Event,
    Notice,
    Record,
    RunEnded,
    RunResumed,
    RunStarted,
)
from cnntop.core.runs import follower as module
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.core.runs.log import DamagedLogError, RunLog, read_log

STARTED = RunStarted(
    "r", "n", "p", "2026-01-01T00:00:00Z", "shapes", "shallow4", 1, 8, 80, 20, 10, "cpu", "a CPU",
    1, "fp32", "cpu", epochs_planned=2,
)  # fmt: skip
RESUMED = RunResumed(3, 1.0, "2026-01-01T00:00:00Z", "cpu", "a CPU", 1, "cpu")


class Writer:
    """A log to follow."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        self.log = RunLog(self.folder.events)
        self._numbers = itertools.count()

    def tell(self, *events: Event) -> list[Record]:
        records = [Record(next(self._numbers), 0.25, event) for event in events]  # type: ignore[arg-type]
        for record in records:
            self.log.append(record)
        return records


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


def test_each_record_comes_once_and_in_order(writer: Writer) -> None:
    follower = LogFollower(writer.folder)
    assert follower.drain() == []
    first = writer.tell(STARTED, Notice('one\ntwo \u2028 \r "quoted"'))
    assert follower.drain() == first
    assert follower.drain() == []
    assert follower.drain() + writer.tell(Notice("three")) == follower.drain()


def test_a_torn_last_line_waits_until_it_is_whole(writer: Writer) -> None:
    follower = LogFollower(writer.folder)
    line = b'{"seq":0,"at_seconds":0.5,"event":{"type":"notice","text":"\xc3\xa9t\xc3\xa9"}}\n'
    with writer.folder.events.open("ab") as file:
        for byte in line[:-1]:
            file.write(bytes([byte]))
            file.flush()
            assert follower.drain() == []
        file.write(line[-1:])
        file.flush()
        assert [record.event for record in follower.drain()] == [Notice("été")]


def test_a_torn_line_may_be_taken_away_again(writer: Writer) -> None:
    """As a resumed run does."""
    follower = LogFollower(writer.folder)
    writer.tell(Notice("whole"))
    with writer.folder.events.open("ab") as file:
        file.write(b'{"seq":1,"at_sec')
    assert len(follower.drain()) == 1
    writer.log.trim()
    assert writer.tell(Notice("next")) == follower.drain()


def test_done_when_the_end_is_read_and_not_when_it_went_on(writer: Writer) -> None:
    follower = LogFollower(writer.folder)
    assert not follower.done
    writer.tell(STARTED, RunEnded("stopped"))
    assert not follower.done, "it has not been read"
    follower.drain()
    assert follower.done
    writer.tell(Notice("importing"), RESUMED)
    follower.drain()
    assert not follower.done
    writer.tell(RunEnded("finished"))
    follower.drain()
    assert follower.done


def test_a_long_log_comes_in_parts(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAIN_BYTES", 1000)
    sample = CpuSample(0.5, (0.25, 1 / 3), 1, 2**40, 3, 1.5)
    told = writer.tell(STARTED, Notice("x" * 5000), *[sample] * 200, RunEnded("finished"))
    follower, parts = LogFollower(writer.folder), []
    while follower.behind:
        assert not follower.done
        parts.append(follower.drain())
    assert follower.done
    assert len(parts) > 10
    assert [record for part in parts for record in part] == told


def test_it_follows_one_who_writes_at_the_same_time(writer: Writer) -> None:
    def write() -> None:
        for number in range(3000):
            writer.tell(Notice(f"{number}" * (number % 50)))
        writer.tell(RunEnded("finished"))

    thread = threading.Thread(target=write)
    followers = [LogFollower(writer.folder) for _ in range(3)]
    read: list[list[Record]] = [[] for _ in followers]
    thread.start()
    while not all(follower.done for follower in followers):
        for follower, records in zip(followers, read, strict=True):
            records += follower.drain()
    thread.join()
    whole = list(read_log(writer.folder.events))
    assert len(whole) == 3001
    assert read == [whole] * 3


def test_what_stands_before_a_damaged_line_counts(writer: Writer) -> None:
    told = writer.tell(STARTED, Notice("fine"))
    with writer.folder.events.open("ab") as file:
        file.write(b"\x00\x00\x00\n")
    writer.tell(Notice("after it"))
    follower = LogFollower(writer.folder)
    assert follower.drain() == told
    for _ in range(2):
        with pytest.raises(DamagedLogError, match="line 3"):
            follower.drain()


@pytest.mark.parametrize("broken", [b"\n", b"{}\n", b"%s %s\n\n"])
def test_a_damaged_line_among_whole_ones_is_told_by_its_number(
    writer: Writer, broken: bytes
) -> None:
    told = writer.tell(STARTED, *[Notice(str(n)) for n in range(50)])
    lines = writer.folder.events.read_bytes().splitlines()
    if b"%s" in broken:
        # Two on one line, and none on the next: as many records as lines.
        broken %= tuple(lines[1:3])
    log = writer.folder.events
    log.write_bytes(b"\n".join(lines[:30]) + b"\n" + broken + b"\n".join(lines[30:]) + b"\n")
    follower = LogFollower(writer.folder)
    assert follower.drain() == told[:30]
    with pytest.raises(DamagedLogError, match="line 31 "):
        follower.drain()


def test_a_flipped_bit_among_whole_lines_is_seen(writer: Writer) -> None:
    told = writer.tell(STARTED, *[Notice(str(n)) for n in range(100, 150)])
    text = writer.folder.events.read_bytes()
    writer.folder.events.write_bytes(text.replace(b'"125"', b'"124"'))
    follower = LogFollower(writer.folder)
    assert follower.drain() == told[:26]
    with pytest.raises(DamagedLogError, match=r"line 27 .*checksum"):
        follower.drain()


def test_the_last_words_of_a_run_that_is_removed(writer: Writer) -> None:
    told = writer.tell(STARTED)
    holder, other = LogFollower(writer.folder, holds=True), LogFollower(writer.folder)
    assert holder.drain() == other.drain() == told
    last = writer.tell(RunEnded("stopped", "", 1.0))
    shutil.rmtree(writer.folder.path)
    assert holder.drain() == last
    assert holder.done
    assert other.drain() == []
    assert not other.done
    holder.close()


def test_no_log_yet(tmp_path: Path) -> None:
    follower = LogFollower(RunFolder(tmp_path))
    assert follower.drain() == []
    assert not follower.done
    assert not follower.alive


def test_alive_while_the_lock_is_held(writer: Writer) -> None:
    follower = LogFollower(writer.folder)
    assert not follower.alive
    handle = writer.folder.lock()
    assert follower.alive
    os.close(handle)
    assert not follower.alive
