import io
import os
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from cnntop.core import doctor
from cnntop.core.datasets import CATALOGUE
from cnntop.core.doctor import Finding, examine

_USAGE = namedtuple("_USAGE", "total used free")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of the test's own for everything the doctor looks at."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("CNNTOP_CACHE", str(folder / "cache"))
    monkeypatch.setenv("CNNTOP_CONFIG", str(folder / "config"))
    return folder


def _assert_actionable(findings: list[Finding]) -> None:
    for finding in findings:
        assert finding.area
        assert finding.text
        assert finding.text.isprintable()
        if finding.status in ("warning", "problem"):
            assert finding.remedy, finding


def test_this_machine(home: Path) -> None:
    findings = examine(home / "runs")
    _assert_actionable(findings)
    status = {finding.area: finding.status for finding in findings}
    assert status["python"] == status["torch"] == status["torchvision"] == "ok"
    assert status["CPU"] == "ok"
    assert {"driver", "threads", "memory", "terminal"} <= set(status)
    assert {f"dataset {name}" for name in CATALOGUE} <= set(status)
    for area in ("runs folder", "cache folder", "config folder"):
        assert status[area] in ("ok", "warning")  # a warning where the disk is nearly full
    assert list(home.iterdir()) == []  # nothing left behind


def test_an_old_python_is_a_problem() -> None:
    assert doctor.examine_python((3, 10, 14)).status == "problem"
    assert doctor.examine_python((3, 11, 0)).status == "ok"
    assert doctor.examine_python((3, 14, 2)).text == "Python 3.14.2"


# --- CPU and memory ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threads", "cores", "limit", "room"),
    [
        (64, 64, 2.0, 2),  # a container on a large machine
        (8, 8, 0.5, 1),
        (16, 4, None, 4),  # pinned to four cores
        (1, 8, None, 8),  # OMP_NUM_THREADS=1
        (1, 8, 4.0, 4),
    ],
)
def test_threads_that_do_not_fit(threads: int, cores: int, limit: float | None, room: int) -> None:
    cpu, finding = doctor.examine_cpu(threads, cores, limit)
    assert cpu.status == "ok"
    assert ("container" in cpu.text) is (limit is not None)
    assert finding.status == "warning"
    assert finding.remedy == f"--set machine.threads={room}"


@pytest.mark.parametrize(("threads", "cores", "limit"), [(8, 8, None), (4, 8, 4.0), (1, 1, None)])
def test_threads_that_fit(threads: int, cores: int, limit: float | None) -> None:
    assert doctor.examine_cpu(threads, cores, limit)[1].status == "ok"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a file system without space")
def test_little_shared_memory_is_a_warning(tmp_path: Path) -> None:
    _, shared = doctor.examine_memory(Path("/proc"))  # holds 0 bytes
    assert shared.status == "warning"
    assert "--shm-size" in shared.remedy
    assert len(doctor.examine_memory(tmp_path / "missing")) == 1  # not Linux


def test_enough_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _USAGE(8 * 10**9, 0, 0))
    _, shared = doctor.examine_memory(tmp_path)
    assert (shared.status, shared.text) == ("ok", "8.0 GB for loader workers")


# --- the terminal --------------------------------------------------------------------------------

_GOOD_TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_GB.UTF-8"}


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    controller, end = os.openpty()
    with open(end, "w") as stream:  # noqa: PTH123 - a descriptor, not a path
        yield stream
    os.close(controller)


def test_a_good_terminal(terminal: TextIO) -> None:
    (finding,) = doctor.examine_terminal(terminal, _GOOD_TERMINAL, (120, 40))
    assert finding == Finding("terminal", "ok", "xterm-256color, 120x40, 16 million colours")


def test_a_pipe_is_no_terminal() -> None:
    (finding,) = doctor.examine_terminal(io.StringIO(), _GOOD_TERMINAL, (120, 40))
    assert finding.status == "info"
    assert "plain lines" in finding.text


@pytest.mark.parametrize(
    ("changes", "size", "words"),
    [
        ({"TERM": "dumb"}, (120, 40), "plain lines"),
        ({"TERM": ""}, (120, 40), "plain lines"),
        ({}, (79, 40), "small"),
        ({}, (120, 23), "small"),
        ({"LANG": "de_DE.ISO-8859-1"}, (120, 40), "not UTF-8"),
        ({"LANG": ""}, (120, 40), "not UTF-8"),
        ({"LC_ALL": "C"}, (120, 40), "not UTF-8"),
    ],
)
def test_a_terminal_that_lacks_something(
    terminal: TextIO, changes: dict[str, str], size: tuple[int, int], words: str
) -> None:
    findings = doctor.examine_terminal(terminal, _GOOD_TERMINAL | changes, size)
    assert [words in finding.text for finding in findings if finding.status == "warning"] == [True]
    _assert_actionable(findings)


@pytest.mark.parametrize(
    ("changes", "colours"),
    [
        ({"NO_COLOR": "1"}, "no colours"),
        ({"NO_COLOR": ""}, "16 million colours"),  # empty counts as not set
        ({"COLORTERM": ""}, "256 colours"),
        ({"COLORTERM": "", "TERM": "xterm"}, ", 16 colours"),
        ({"COLORTERM": "", "TERM": "xterm-direct"}, "16 million colours"),
        ({"LANG": "C", "LC_CTYPE": "C.utf8"}, "16 million colours"),
    ],
)
def test_colours(terminal: TextIO, changes: dict[str, str], colours: str) -> None:
    (finding,) = doctor.examine_terminal(terminal, _GOOD_TERMINAL | changes, (120, 40))
    assert colours in finding.text


# --- datasets and folders ------------------------------------------------------------------------


def _datasets() -> dict[str, Finding]:
    return {finding.area.removeprefix("dataset "): finding for finding in doctor.examine_datasets()}


def test_datasets_here_and_not_here(home: Path) -> None:
    before = _datasets()
    assert before["shapes"].status == "ok"
    assert before["cifar10"].status == "info"
    assert "170 MB" in before["cifar10"].text
    folder = home / "cache" / "datasets" / "cifar10"
    assert str(folder) in before["cifar10"].remedy
    for file in CATALOGUE["cifar10"].files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    after = _datasets()
    assert after["cifar10"] == Finding("dataset cifar10", "ok", f"in {folder}")
    assert after["cifar100"] == before["cifar100"]


def test_datasets_that_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor, "is_here", refuse)
    finding = _datasets()["cifar10"]
    assert finding.status == "problem"
    assert finding.text.endswith("Permission denied")
    assert "CNNTOP_CACHE" in finding.remedy


def _folder(path: Path) -> Finding:
    finding = doctor.examine_folder("runs folder", path, "--runs-dir")
    _assert_actionable([finding])
    return finding


def test_folders_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _USAGE(0, 0, 5 * 10**9))
    there = tmp_path / "there"
    there.mkdir()
    assert _folder(there) == Finding("runs folder", "ok", f"{there}, 5.0 GB free")
    missing = there / "a" / "b"
    assert _folder(missing).text == f"{missing}, 5.0 GB free (not made yet)"
    monkeypatch.chdir(there)
    assert _folder(Path("runs")).text.startswith(str(there / "runs"))
    assert list(there.iterdir()) == []


def test_a_nearly_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _USAGE(0, 0, 10**8))
    finding = _folder(tmp_path)
    assert finding.status == "warning"
    assert "100 MB free" in finding.text


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    unwritable = [file, file / "runs", link, link / "runs"]
    if Path("/proc/self").is_dir():
        unwritable.append(Path("/proc/runs"))
    for path in unwritable:
        finding = _folder(path)
        assert finding.status == "problem", path
        assert str(path) in finding.text
        assert "--runs-dir" in finding.remedy
    assert sorted(tmp_path.iterdir()) == [file, tmp_path / "home", link]
