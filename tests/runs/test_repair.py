"""Damaged run folders: read without a traceback or a wrong figure, and made whole."""

import os
import random
import shutil
from pathlib import Path

import pytest

from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.events import Record, RunEnded
from cnntop.core.recipe import resolve
from cnntop.core.runs.folder import RunFolder, RunInfo, run_folders
from cnntop.core.runs.log import PatientLog, RunLog, is_whole, read_log, sealed
from cnntop.core.runs.recorder import Recorder
from cnntop.core.runs.removal import remove_run
from cnntop.core.runs.repair import Finding, named_runs, repair_all, repair_run
from cnntop.core.runs.summary import COLUMNS, Row, derive_row, read_rows
from tests.runs.test_summary import LIFE, records

REPAIRED_EVERY = 67
"""Bytes; each repair waits for the disk some times."""
UNREADABLE = dict.fromkeys(COLUMNS, "") | {"status": "unreadable"}


def recorded(runs_dir: Path, run: str = "a") -> RunFolder:
    """A small run that ended, as its recorder left it."""
    (runs_dir / run).mkdir(parents=True)
    folder, recorder = RunFolder(runs_dir / run), Recorder()
    recipe = resolve({"model": {"kernels": 8}, "train": {"epochs": 2}}, "test")
    machine, versions = {"host": "here", "cpu_name": "a CPU"}, {"torch": "2.10"}
    began = "2026-01-01T00:00:00Z"
    recorder.open(folder, RunInfo(run, "n", "p", began, recipe, "device", machine, versions, ""))
    for record in records(LIFE):
        recorder.take(record)
    recorder.close()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return recorded(tmp_path)


def repaired(folder: RunFolder) -> list[Finding]:
    runs_dir = folder.path.parent
    return list(repair_all(runs_dir, run_folders(runs_dir)))


def require_true(folder: RunFolder, right: Row) -> None:
    """What readers make of the folder as it is: figures of the run, or of its beginning with a
    status that says so."""
    info = folder.read_info()
    assert info is None or info.recipe.train.lr == float(right["lr"])
    logged, damaged = [], info is None
    try:
        for record in read_log(folder.events):
            logged.append(record)
    except CnntopError:
        damaged = True
    assert logged == records(LIFE)[: len(logged)]
    row = derive_row(folder)
    assert row is not None
    if damaged:
        assert row["status"] == "unreadable"
    elif len(logged) == len(LIFE):
        assert row == right
    else:
        assert row["status"] == "interrupted"
    assert read_rows(folder.path.parent) == [right], "its row was written while all was whole"


def test_what_is_whole_needs_no_repair(folder: RunFolder) -> None:
    assert repaired(folder) == []


@pytest.mark.parametrize("name", ["events.jsonl", "epochs.csv", "run.json", "status.json"])
def test_a_file_of_a_run_cut_off_at_any_byte(folder: RunFolder, name: str) -> None:
    [right] = read_rows(folder.path.parent)
    path = folder.path / name
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        require_true(folder, right)
        if size % REPAIRED_EVERY and size != len(whole) - 1:
            continue
        for finding in repair_run(folder):
            assert finding.right, (size, finding)
        assert repair_run(folder) == [], size
        row = derive_row(folder)
        assert row is not None
        if name != "events.jsonl":
            assert row == right, size
            assert name == "status.json" or path.read_bytes() == whole
        else:
            ended = size == len(whole) - 1  # it lacks nothing but its line feed
            assert row["status"] == ("finished" if ended else "interrupted")
            shutil.rmtree(folder.path)
            recorded(folder.path.parent)


def test_a_summary_cut_off_at_any_byte(folder: RunFolder) -> None:
    path = folder.path.parent / "summary.csv"
    right, whole = read_rows(path.parent), path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert read_rows(path.parent) == right
        if size % REPAIRED_EVERY == 0:
            [finding] = repaired(folder)
            assert finding.where == "summary.csv"
            assert path.read_bytes() == whole
            assert repaired(folder) == []
            (path.parent / "summary.csv.damaged-1").unlink()


def test_flipped_bits_are_seen_and_set_right(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "runs")
    [right] = read_rows(folder.path.parent)
    shutil.copytree(tmp_path / "runs", tmp_path / "whole")
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*"))
    files = [name for name in files if (tmp_path / "whole" / name).is_file()]
    draw = random.Random(3)
    for _ in range(200):
        name = draw.choice(files)
        content = bytearray((tmp_path / "whole" / name).read_bytes())
        if not content:
            continue
        bit = draw.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "runs" / name).write_bytes(content)
        require_true(folder, right)
        findings = repaired(folder)
        assert all(finding.right for finding in findings), (name, bit, findings)
        assert repaired(folder) == [], (name, bit)
        [row] = read_rows(folder.path.parent)
        assert row == right, "its row was written while its log was whole"
        log = list(read_log(folder.events))
        assert [record for record in records(LIFE) if record in log] == log
        shutil.rmtree(tmp_path / "runs")
        shutil.copytree(tmp_path / "whole", tmp_path / "runs")


def test_damaged_lines_are_kept_aside_and_the_run_says_that_it_lacks_them(
    folder: RunFolder,
) -> None:
    whole = folder.events.read_bytes()
    lines = whole.splitlines(keepends=True)
    damaged = whole.replace(b'"test_accuracy":0.75', b'"test_accuracy":0.85')
    folder.events.write_bytes(damaged)
    (folder.path.parent / "summary.csv").unlink()
    [row] = read_rows(folder.path.parent)
    assert row["status"] == "unreadable"
    texts = [finding.text for finding in repaired(folder)]
    assert texts[0].startswith("events.jsonl: 1 line is damaged (line 4)")
    assert texts[1].startswith("epochs.csv is not as the log says")
    assert texts[2].startswith("missing")
    assert (folder.path / "events.jsonl.damaged-1").read_bytes() == damaged
    assert folder.events.read_bytes() == b"".join(lines[:3] + lines[4:])
    assert b",0.75," in (folder.path / "epochs.csv.damaged-1").read_bytes()
    [row] = read_rows(folder.path.parent)
    assert row["status"] == "unreadable", "its figures lack an epoch"


def test_a_second_damage_gets_a_number_of_its_own(folder: RunFolder) -> None:
    for count in (1, 2):
        lines = folder.events.read_bytes().splitlines(keepends=True)
        lines[1] = b"{}\n"
        folder.events.write_bytes(b"".join(lines))
        repaired(folder)
        assert (folder.path / f"events.jsonl.damaged-{count}").read_bytes() == b"".join(lines)


def test_torn_lines_are_kept_too(folder: RunFolder) -> None:
    whole = folder.events.read_bytes()
    folder.events.write_bytes(whole[:-30])
    [log, status, summary] = repaired(folder)
    assert "torn" in log.text
    assert "status.json" in status.text
    assert summary.where == "summary.csv"
    left = folder.events.read_bytes() + (folder.path / "events.jsonl.torn").read_bytes()
    assert left == whole[:-30] + b"\n"
    assert repaired(folder) == []


def test_a_run_that_goes_on_keeps_a_last_line_that_lacks_its_line_feed(folder: RunFolder) -> None:
    whole = folder.events.read_bytes()
    folder.events.write_bytes(whole[:-1])
    log = RunLog(folder.events)
    log.trim()
    log.close()
    assert folder.events.read_bytes() == whole


def test_a_running_run_is_left_alone(folder: RunFolder) -> None:
    folder.events.write_bytes(b"{}\n" + folder.events.read_bytes())
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    handle = folder.lock()
    assert repair_run(folder) == [Finding("a", "is running; left alone")]
    assert not remove_run(folder)
    os.close(handle)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


def test_a_newer_log_is_left_alone(folder: RunFolder) -> None:
    line = b'{"seq":99,"at_seconds":1.0,"event":{"type":"telepathy"}}'
    with folder.events.open("ab") as file:
        file.write(sealed(line))
    before = folder.events.read_bytes()
    findings = repair_run(folder)
    assert ["newer cnntop" in finding.text for finding in findings] == [True]
    assert not findings[0].right
    assert folder.events.read_bytes() == before


def test_a_log_of_an_older_cnntop_has_no_checksums(folder: RunFolder) -> None:
    text = b"".join(
        line[: line.rfind(b',"crc"')] + b"}\n" for line in folder.events.read_bytes().splitlines()
    )
    folder.events.write_bytes(text)
    assert list(read_log(folder.events)) == records(LIFE)
    log = PatientLog(RunLog(folder.events))
    more = Record(len(LIFE), 9.0, RunEnded("finished", seconds=21.0))
    log.append(more)
    log.close()
    assert list(read_log(folder.events)) == [*records(LIFE), more]
    assert repair_run(folder) == []


def test_without_a_copy_a_damaged_run_file_stays_damaged(folder: RunFolder) -> None:
    (folder.path / "run.lock").write_bytes(b"")
    (folder.path / "run.json").write_bytes(b"{")
    [finding] = repaired(folder)
    assert not finding.right
    assert "run.json is damaged" in finding.text
    assert derive_row(folder) == UNREADABLE | {
        "run": "a", "name": "n", "preset": "p", "started_utc": "2026-01-01T00:00:00Z",
        "dataset": "shapes", "model": "shallow8", "batch_size": "32",
    }  # fmt: skip


@pytest.mark.parametrize("text", [b"{}", b'{"a":1}', b'{"a":"\\"crc\\""}', b'{\n "a": 1\n}'])
def test_seals(text: bytes) -> None:
    line = sealed(text)
    assert is_whole(text) is None
    assert is_whole(line) is True
    assert is_whole(line[:-1]) is True
    for at in range(len(line) - 1):
        for bit in range(8):
            flipped = bytearray(line)
            flipped[at] ^= 1 << bit
            assert is_whole(bytes(flipped)) is not True


def test_runs_are_named_by_id_name_prefix_or_path(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for run in ("b1", "b2", "c"):
        recorded(runs, run)
    picks: list[tuple[list[str], list[str]]] = [
        (["b1"], ["b1"]), (["n"], ["b1", "b2", "c"]), (["c", "c", "b2"], ["c", "b2"]),
        ([str(runs / "c"), "c"], ["c"]),
    ]  # fmt: skip
    for wanted, found in picks:
        assert [folder.path.name for folder in named_runs(runs, wanted)] == found
    for wanted in (["b"], ["none"]):
        with pytest.raises(UsageError):
            named_runs(runs, wanted)


def test_a_run_is_removed_with_its_row(tmp_path: Path) -> None:
    for run in ("a", "b"):
        recorded(tmp_path, run)
    assert remove_run(RunFolder(tmp_path / "a"))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["b"]
    assert [row["run"] for row in read_rows(tmp_path)] == ["b"]
    assert "\na," not in (tmp_path / "summary.csv").read_text()
    assert list(repair_all(tmp_path, run_folders(tmp_path))) == []
