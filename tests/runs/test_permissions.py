"""Who may read a run: its owner alone, unless it is shared."""

import csv
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cnntop.core.run_request import RunRequest
from cnntop.core.runs.folder import RunFolder, require_writable
from cnntop.core.runs.repair import repair_all
from cnntop.core.runs.summary import COLUMNS, SUMMARY_FILE, Row, read_rows, write_row
from tests.conftest import Watched


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
        if not path.is_socket()
    }


@pytest.mark.parametrize(
    ("share", "folders", "files"), [(False, 0o700, 0o600), (True, 0o755, 0o644)]
)
def test_all_that_a_run_leaves(
    request_run: Callable[..., RunRequest],
    run: Callable[[RunRequest], Watched],
    share: bool,
    folders: int,
    files: int,
) -> None:
    request = replace(request_run(epochs=1), share=share)
    run(request)
    found = _modes(request.runs_dir.parent)
    inside = {name: mode for name, mode in found.items() if name.startswith(request.runs_dir.name)}
    assert len(inside) > 8
    for name, mode in inside.items():
        is_folder = (request.runs_dir.parent / name).is_dir()
        assert mode == (folders if is_folder else files), name


def test_repair_keeps_them(
    request_run: Callable[..., RunRequest], run: Callable[[RunRequest], Watched]
) -> None:
    done = run(request_run(epochs=1))
    with (done.folder / "events.jsonl").open("ab") as log:
        log.write(b'{"torn')
    (done.folder / "epochs.csv").unlink()
    assert list(repair_all(done.folder.parent, [RunFolder(done.folder)]))
    assert {mode & 0o077 for mode in _modes(done.folder).values()} == {0}


def test_a_shared_run_widens_the_summary_and_a_private_one_does_not_narrow_it(
    tmp_path: Path,
) -> None:
    require_writable(tmp_path / "runs", share=True)
    for share, mode in ((False, 0o600), (True, 0o644), (False, 0o644)):
        folder = RunFolder.create(tmp_path / "runs", "n", share)
        write_row(tmp_path / "runs", _row(folder.path.name, "n"))
        assert stat.S_IMODE((tmp_path / "runs" / SUMMARY_FILE).stat().st_mode) == mode


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "'=x", "'x"])
def test_no_cell_is_a_formula(tmp_path: Path, name: str) -> None:
    """A spreadsheet computes what begins with one of these; for cnntop the name is what it was."""
    folder = RunFolder.create(tmp_path, "n")
    write_row(tmp_path, _row(folder.path.name, name) | {"test_loss": "-0.5"})
    with (tmp_path / SUMMARY_FILE).open(newline="", encoding="utf-8") as file:
        [written] = csv.DictReader(file)
    assert written["name"] == "'" + name
    assert written["test_loss"] == "-0.5"
    (folder.path / "run.json").write_text("{}")
    [row] = read_rows(tmp_path)
    assert row["name"] == name


def _row(run: str, name: str) -> Row:
    return dict.fromkeys(COLUMNS, "") | {"run": run, "name": name, "status": "finished"}
