"""`cnntop export` as a command: which runs, where to, and what it refuses."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from cnntop.core.errors import UsageError
from cnntop.core.events import CpuSample, Record
from cnntop.core.runs.export.files import FILES
from cnntop.core.runs.log import RunLog
from cnntop.tui.verbs.export import export
from tests.runs.test_export import RUN, written
from tests.tui.place import Place

OTHER = "20260102-120000-other-0002"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    written(tmp_path / "runs", RUN)
    written(tmp_path / "runs", OTHER, name="other")
    return tmp_path / "runs"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "out"


@pytest.mark.parametrize("to", FILES)
def test_every_format_writes_its_files_alone(
    to: str, runs: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(["last", OTHER], to=to, out=out, runs_dir=runs)
    written_there = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert written_there == {file.format(run=OTHER) for file in FILES[to]}
    told = capsys.readouterr()
    assert told.err == ""
    [line] = told.out.splitlines()
    assert line.startswith(str(out / OTHER))
    assert line.endswith(": 4 stretches of steps, 2 epochs, 5 machine samples, 10 events")


def test_several_runs_by_name_prefix_and_folder(runs: Path, out: Path) -> None:
    export(["20260101", "other", str(runs / RUN)], to="json", out=out, runs_dir=runs)
    assert sorted(path.name for path in out.iterdir()) == [f"{RUN}.json", f"{OTHER}.json"]


def test_a_run_is_named_by_its_folder_wherever_the_path_leads(
    runs: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs / RUN / "checkpoint").mkdir()
    monkeypatch.chdir(runs / RUN / "checkpoint")
    export([".."], to="json", out=out)
    assert [path.name for path in out.iterdir()] == [f"{RUN}.json"]


def test_nothing_is_overwritten_without_a_word(runs: Path, out: Path) -> None:
    export([RUN], to="csv", out=out, runs_dir=runs)
    before = out / RUN / "steps.csv"
    before.write_text("mine")
    with pytest.raises(UsageError, match=r"steps\.csv \(and 4 more\) is there already; --force"):
        export([OTHER, RUN], to="csv", out=out, runs_dir=runs)
    assert before.read_text() == "mine"
    assert not (out / OTHER).exists(), "refused before anything is written"
    export([RUN], to="json", out=out, runs_dir=runs)  # another format is no conflict
    export([OTHER, RUN], to="csv", out=out, force=True, runs_dir=runs)
    assert before.read_text().startswith("unix_seconds,")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "tensorbord"}, "'tensorbord' is no format. Did you mean 'tensorboard'"),
        ({"runs": ["nobody"]}, "no run 'nobody'"),
        ({"out": Path(__file__)}, "is no folder"),
    ],
)
def test_what_cannot_be_done_is_said(
    runs: Path, out: Path, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        export(**({"runs": [RUN], "to": "csv", "out": out, "runs_dir": runs} | arguments))
    assert not out.exists()


def test_two_runs_of_one_id_are_told_apart_by_their_folders(
    runs: Path, out: Path, tmp_path: Path
) -> None:
    written(tmp_path / "elsewhere", RUN)
    both = [str(runs / RUN), str(tmp_path / "elsewhere" / RUN)]
    with pytest.raises(UsageError, match="two runs have the id"):
        export(both, to="csv", out=out)


@pytest.mark.parametrize(
    ("to", "package"), [("tensorboard", "tensorboard"), ("parquet", "pyarrow")]
)
def test_a_missing_library_is_named_with_its_command(
    to: str, package: str, runs: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else there(name)
    )
    with pytest.raises(UsageError, match=f"-m pip install {package}"):
        export([RUN], to=to, out=out, runs_dir=runs)
    assert not out.exists()


def test_of_a_damaged_run_is_exported_what_can_be_read(
    runs: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = runs / RUN / "events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:5], b"{}\n", *lines[5:]]))
    (runs / OTHER / "events.jsonl").unlink()
    with pytest.raises(typer.Exit) as exit_of:
        export([OTHER, RUN], to="json", out=out, runs_dir=runs)
    assert exit_of.value.exit_code == 1
    told = capsys.readouterr()
    assert "events.jsonl, line 6 is no event" in told.err
    assert f"{OTHER}: nothing to export: events.jsonl cannot be read" in told.err
    assert told.err.count("\n") == 2
    whole = json.loads((out / f"{RUN}.json").read_text())
    assert [row["step"] for row in whole["steps"]] == [2]
    assert whole["run"]["whole"] is False
    assert whole["run"]["status"] == "interrupted"


def test_a_torn_last_line_is_told(
    runs: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = runs / RUN / "events.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole.removesuffix(b"\n"))  # which lacks a line feed, and no figure
    export([RUN], to="csv", out=out, runs_dir=runs)
    assert capsys.readouterr().err == ""
    log.write_bytes(whole + b'{"seq":99,"at_sec')
    with pytest.raises(typer.Exit) as exit_of:
        export([RUN], to="json", out=out, runs_dir=runs)
    assert exit_of.value.exit_code == 1
    assert f"{RUN}: the last line of events.jsonl is torn; what can be" in capsys.readouterr().err
    assert json.loads((out / f"{RUN}.json").read_text())["run"]["whole"] is False


@pytest.mark.parametrize("to", ["tensorboard", "parquet"])
def test_a_number_beyond_a_format_is_no_traceback(
    to: str, runs: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = RunLog(runs / RUN / "events.jsonl")
    log.append(Record(99, 12.0, CpuSample(0.5, (0.5,), 2**70, 1, 1, 0.5)))
    log.append(Record(100, 1e30, CpuSample(0.5, (0.5,), 1, 1, 1, 0.5)))
    log.close()
    with pytest.raises(typer.Exit):
        export([RUN, OTHER], to=to, out=out, runs_dir=runs)
    assert f"{RUN}: a number in its log is too large for {to}" in capsys.readouterr().err
    assert (out / OTHER).is_dir(), "the other run is exported"


def test_files_are_as_private_as_the_process_wants_them(runs: Path, out: Path) -> None:
    before = os.umask(0o077)
    try:
        export([RUN], to="csv", out=out, runs_dir=runs)
    finally:
        os.umask(before)
    assert (out / RUN).stat().st_mode & 0o777 == 0o700
    assert (out / RUN / "steps.csv").stat().st_mode & 0o777 == 0o600


def test_the_command_needs_no_torch(place: Place) -> None:
    written(place.runs)
    code = (
        "import sys\n"
        "from cnntop.tui.cli import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "assert 'tensorboard' in sys.modules\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    command = ["-c", code, "export", "last", "--to", "tensorboard", "--out", "tb"]
    answer = place.run(*command, command=sys.executable)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == (
        f"tb/{RUN}/events.out.tfevents.cnntop: 4 stretches of steps, 2 epochs, "
        "5 machine samples, 10 events\n"
    )


def test_misuse_is_one_line_and_a_code(place: Place) -> None:
    answer = place.run("export", "last", "--to", "csv", "--out", "out")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"cnntop: there are no runs in {place.runs} yet.\n"
