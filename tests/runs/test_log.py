"""events.jsonl: whole lines, read as they were written."""

import resource
import signal
from pathlib import Path

import pytest

from cnntop.core.events import FORMAT, CpuSample, Notice, Record, RunEnded, RunStarted
from cnntop.core.runs.log import DamagedLogError, RunLog, read_log

RECORDS = [
    Record(0, 0.0, Notice('line one\nline two \u2028 \x1b[31m "quoted"')),
    Record(1, 0.1 + 0.2, CpuSample(0.5, (0.25, 1 / 3), 1, 2**40, 3, 1.5)),
    Record(2, 1e9, RunEnded("finished", seconds=0.1)),
]


def written(path: Path) -> Path:
    log = RunLog(path)
    for record in RECORDS:
        log.append(record)
    log.sync()
    log.close()
    return path


def test_reads_what_was_written(tmp_path: Path) -> None:
    path = written(tmp_path / "events.jsonl")
    assert list(read_log(path)) == RECORDS
    assert path.read_bytes().count(b"\n") == len(RECORDS)


def test_appends_to_what_is_there(tmp_path: Path) -> None:
    written(tmp_path / "events.jsonl")
    assert list(read_log(written(tmp_path / "events.jsonl"))) == RECORDS * 2


@pytest.mark.parametrize("lost", [1, 2, 20])
def test_ends_before_a_torn_last_line(tmp_path: Path, lost: int) -> None:
    path = written(tmp_path / "events.jsonl")
    path.write_bytes(path.read_bytes()[:-lost])
    kept = list(read_log(path))
    # A line that lacks its line feed alone says all that it has to say.
    assert kept == (RECORDS if lost == 1 else RECORDS[:-1])


def test_an_empty_log_has_no_records_and_a_missing_one_raises(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").touch()
    assert list(read_log(tmp_path / "events.jsonl")) == []
    with pytest.raises(FileNotFoundError):
        list(read_log(tmp_path / "none.jsonl"))


def test_a_reader_beside_the_writer_sees_whole_lines(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "events.jsonl")
    for count in range(1, 50):
        log.append(Record(count, 0.0, Notice("x" * 1_000)))
        assert len(list(read_log(tmp_path / "events.jsonl"))) == count
    log.close()


def test_a_line_that_the_disk_takes_in_part_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = RunLog(path)
    for record in RECORDS[:2]:
        log.append(record)
    size = path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="No space left"):
            log.append(RECORDS[2])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.stat().st_size == size
    log.append(RECORDS[2])
    log.close()
    assert list(read_log(path)) == RECORDS


def test_a_damaged_line_before_the_end_is_told_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path / "events.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20] + b"\n" + lines[2])
    records = read_log(path)
    assert next(records) == RECORDS[0]
    with pytest.raises(DamagedLogError, match=r"events\.jsonl, line 2"):
        next(records)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    started = RunStarted(
        run="r", name="n", preset="p", started_utc="", dataset="shapes", model="shallow8",
        parameters=1, batch_size=1, train_images=1, test_images=1, steps_per_epoch=1,
        device="cpu", device_name="", threads=1, precision="fp32", augment_on="cpu",
        format=FORMAT + 1,
    )  # fmt: skip
    log = RunLog(path)
    log.append(Record(0, 0.0, started))
    log.close()
    with pytest.raises(DamagedLogError, match="newer cnntop"):
        list(read_log(path))
