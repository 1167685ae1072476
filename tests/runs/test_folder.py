"""Run folders: names that nobody else has, and a lock that tells the living from the dead."""

import fcntl
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from cnntop.core.errors import UsageError
from cnntop.core.recipe import resolve
from cnntop.core.runs import folder as folder_module
from cnntop.core.runs.folder import (
    LOCK_FILE,
    STALE_SECONDS,
    RunFolder,
    RunInfo,
    beat,
    default_runs_dir,
    require_writable,
    run_folders,
    utc_now,
)


def info(run: str = "r") -> RunInfo:
    recipe = resolve({"train": {"epochs": 1}}, "test")
    return RunInfo(run, "n", "demo", utc_now(), recipe, "cpu", {"cores": 2}, {"torch": "2"}, "")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("shallow128", "shallow128"),
        ("a b/c", "a-b-c"),
        ("../up", "up"),
        ("..", "run"),
        ("", "run"),
        (".hidden", "hidden"),
        ("größe", "gr-e"),
        ("x" * 300, "x" * 60),
        ("a\nb\x1b[0m", "a-b-0m"),
    ],
)
def test_ids_are_time_name_and_chance(tmp_path: Path, name: str, slug: str) -> None:
    folder = RunFolder.create(tmp_path, name)
    assert folder.path.parent == tmp_path
    assert folder.path.is_dir()
    assert re.fullmatch(rf"\d{{8}}-\d{{6}}-{re.escape(slug)}-[0-9a-f]{{4}}", folder.path.name)


def test_many_at_once_get_a_folder_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: RunFolder.create(tmp_path, "same"), range(200)))
    assert len({folder.path for folder in made}) == 200


def test_info_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_info(info())
    assert folder.read_info() == info()
    tree = msgspec.json.decode((tmp_path / "run.json").read_bytes())
    assert list(tree["recipe"]) == ["model", "data", "train", "machine"]
    assert tree["recipe"]["train"]["lr"] == 0.001


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"run": 3}', b"\xff"])
def test_an_info_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    assert RunFolder(tmp_path).read_info() is None
    assert RunFolder(tmp_path / "none").read_info() is None


def test_run_folders_are_those_with_a_run_in_order(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
        RunFolder(tmp_path / name).write_info(info(name))
    (tmp_path / "empty").mkdir()
    (tmp_path / "summary.csv").write_text("run\n")
    assert [folder.path.name for folder in run_folders(tmp_path)] == ["a", "b", "c"]
    assert run_folders(tmp_path / "none") == []
    assert run_folders(tmp_path / "summary.csv") == []


def test_the_lock_tells_whether_a_run_lives(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_alive()
    handle = folder.lock()
    assert folder.is_alive()
    assert folder.is_alive()
    os.close(handle)
    assert not folder.is_alive()


def test_a_run_without_a_sign_of_life_is_not_running(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_running()
    handle = folder.lock()
    assert folder.is_running()
    long_ago = time.time() - 2 * STALE_SECONDS
    os.utime(tmp_path / LOCK_FILE, (long_ago, long_ago))
    assert folder.is_alive()
    assert not folder.is_running()
    beat(handle)
    assert folder.is_running()
    os.close(handle)
    assert not folder.is_running()
    os.utime(tmp_path / LOCK_FILE, (long_ago, long_ago))
    os.close(folder.lock())
    assert not folder.is_running()


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from cnntop.core.runs.folder import RunFolder\n"
        "RunFolder(Path(sys.argv[1])).lock(); print('locked', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        assert RunFolder(tmp_path).is_alive()
        process.kill()
    assert not RunFolder(tmp_path).is_alive()


def test_looking_at_a_run_does_not_keep_it_from_locking(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    os.close(folder.lock())
    assert not folder.is_alive()
    handle = folder.lock()
    with pytest.raises(BlockingIOError):
        folder.lock()
    os.close(handle)


def test_a_lock_waits_for_a_look_and_for_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    os.close(folder.lock())
    looks = [os.open(tmp_path / "run.lock", os.O_RDONLY)]
    fcntl.flock(looks[0], fcntl.LOCK_SH)

    def sleep(_: float) -> None:
        """The look is over while the lock waits for it."""
        while looks:
            os.close(looks.pop())

    monkeypatch.setattr(folder_module.time, "sleep", sleep)
    monkeypatch.setattr(folder_module, "_LOCK_PATIENCE_SECONDS", 60.0)
    handle = folder.lock()
    assert looks == []
    monkeypatch.setattr(folder_module, "_LOCK_PATIENCE_SECONDS", 0.0)
    with pytest.raises(BlockingIOError):
        folder.lock()
    assert held_open(tmp_path / "run.lock") == [handle]
    os.close(handle)


def held_open(path: Path) -> list[int]:
    """The descriptors that this process has of the file."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the folder itself is closed by now
            if entry.readlink() == path:
                found.append(int(entry.name))
    return found


def test_writable_folders_are_made(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    require_writable(tmp_path / "a" / "b")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(UsageError, match=r"cannot be written: .*--runs-dir DIR") as caught:
            require_writable(path)
        assert str(path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold root back")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(UsageError, match="Permission denied"):
        require_writable(tmp_path / "locked")


def test_the_default_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNTOP_RUNS", "/somewhere/else")
    assert default_runs_dir() == Path("/somewhere/else")
    for nothing in ("", None):
        if nothing is None:
            monkeypatch.delenv("CNNTOP_RUNS")
        else:
            monkeypatch.setenv("CNNTOP_RUNS", nothing)
        assert default_runs_dir() == Path("runs")


def test_times_are_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", utc_now())
