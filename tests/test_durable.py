"""A file is replaced whole or not at all."""

import os
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


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_rights_are_those_of_an_ordinary_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        replace_file(tmp_path / "a", lambda file: file.write(b"x"))
        (tmp_path / "b").write_bytes(b"x")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"]
    assert rights[0] == rights[1]


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
