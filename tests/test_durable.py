"""A file is replaced whole or not at all."""

import stat
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from cnntop.core.durable import replace_file


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    replace_file(path, lambda file: file.write(b"one, which is longer"))
    replace_file(path, lambda file: file.write(b"two"))
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_failure_half_way_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_file(path, fail)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none" / "a.json", lambda file: file.write(b"x"))


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o755, 0o644), (0o775, 0o664)])
def test_a_new_file_is_for_whom_its_folder_is_for(tmp_path: Path, folder: int, file: int) -> None:
    tmp_path.chmod(folder)
    path = tmp_path / "a"
    replace_file(path, lambda opened: opened.write(b"x"))
    assert stat.S_IMODE(path.stat().st_mode) == file
    path.chmod(0o640)
    replace_file(path, lambda opened: opened.write(b"y"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640  # as it was
    replace_file(path, lambda opened: opened.write(b"z"), 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    contents = {b"a" * 100_000, b"b" * 50_000}
    replace_file(path, lambda file: file.write(b"a" * 100_000))
    over = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not over.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            replace_file(path, lambda file, content=content: file.write(content))
    over.set()
    reader.join()
    assert seen <= contents
