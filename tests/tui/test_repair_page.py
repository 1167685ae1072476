"""`cnntop repair` and `cnntop gc` as commands, on run folders that no training made."""

import fcntl
import os
from pathlib import Path

import pytest

from cnntop.core.runs.repair import Finding
from cnntop.tui.repair_page import finding_line
from tests.runs.test_repair import recorded
from tests.tui.place import Place


@pytest.fixture
def runs(place: Place) -> Path:
    for run in ("20260101-a", "20260102-b"):
        recorded(place.runs, run)
    return place.runs


def test_whole_runs_and_no_runs_need_nothing(place: Place, runs: Path, tmp_path: Path) -> None:
    for folder in (runs, tmp_path / "none"):
        answer = place.run("repair", "--runs-dir", str(folder))
        assert (answer.code, answer.out, answer.err) == (0, "nothing to repair\n", "")
    assert not (tmp_path / "none").exists()


def test_each_finding_is_a_line(place: Place, runs: Path) -> None:
    (runs / "20260101-a" / "run.json").write_bytes(b"")
    (runs / "20260102-b" / "epochs.csv").unlink()
    compared = place.run("compare", "--csv")
    assert (compared.code, compared.err) == (0, "")
    answer = place.run("repair")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == [
        "20260101-a: run.json is damaged; written anew, the old one is run.json.damaged-1.",
        "20260102-b: epochs.csv is not as the log says; written anew.",
    ]
    assert place.run("repair").out == "nothing to repair\n"


def test_only_the_runs_that_are_named(place: Place, runs: Path) -> None:
    for run in runs.glob("2026*"):
        (run / "epochs.csv").write_bytes(b"")
    answer = place.run("repair", "20260102")
    assert (answer.code, answer.out.count("\n")) == (0, 1)
    assert (runs / "20260101-a" / "epochs.csv").read_bytes() == b""
    refused = place.run("repair", "none")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("cnntop: no run 'none'")


def test_what_cannot_be_repaired_has_an_exit_code(place: Place, runs: Path) -> None:
    (runs / "20260101-a" / "run.lock").write_bytes(b"")
    (runs / "20260101-a" / "run.json").write_bytes(b"{")
    answer = place.run("repair")
    assert answer.code == 1
    assert "run.json is damaged and there is no copy of it" in answer.out
    compared = place.run("compare", "--columns", "run,status", "--csv")
    assert compared.code == 0


def test_a_running_run_is_left_alone_and_not_removed(place: Place, runs: Path) -> None:
    handle = os.open(runs / "20260101-a" / "run.lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    answer = place.run("repair")
    assert (answer.code, answer.out) == (0, "20260101-a: is running; left alone.\n")
    for more in ((), ("--yes",)):
        answer = place.run("gc", "20260101-a", *more)
        assert answer.code == 1
        assert "is running; it stays" in answer.out
    os.close(handle)
    assert (runs / "20260101-a" / "run.json").exists()


def test_gc_says_what_it_would_do_and_does_it_when_told(place: Place, runs: Path) -> None:
    folder = runs / "20260101-a"
    answer = place.run("gc", "20260101-a")
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"would remove {folder}, ")
    assert answer.out.endswith(" kB\n")
    assert folder.exists()
    answer = place.run("gc", "20260101-a", "--yes")
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"removed {folder}, ")
    assert not folder.exists()
    assert [row["run"] for row in place.rows()] == ["20260102-b"]
    assert place.run("gc", "n", "--yes").code == 0, "a name is as good as an id"
    assert place.rows() == []


def test_gc_removes_nothing_that_is_not_named(place: Place, runs: Path) -> None:
    for arguments in ((), ("2026",), ("none",)):
        answer = place.run("gc", "--yes", *arguments)
        assert answer.code == 2
        assert answer.out == ""
        assert answer.err.startswith("cnntop: ")
        assert answer.err.count("\n") == 1
    assert len(list(runs.glob("2026*"))) == 2


def test_lines_are_cleaned_of_escapes() -> None:
    assert finding_line(Finding("a\x1b[31m", "is\ndamaged")) == "a?[31m: is?damaged."
