"""What was measured on this machine is remembered, and forgotten where that is safer."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from cnntop.core.datasets import cache_folder
from cnntop.core.training.machine_memory import KEPT_SECONDS, Key, remember, remembered

KEY: Key = {"cpu": "EPYC", "threads": 2}


def the_file() -> Path:
    (file,) = (cache_folder() / "machine").iterdir()
    return file


def test_tells_what_it_was_told() -> None:
    assert remembered(KEY, "limits") is None
    remember(KEY, "limits", {"a": [1, 2.5, "x"], "b": None})
    assert remembered(KEY, "limits") == {"a": [1, 2.5, "x"], "b": None}
    remember(KEY, "limits", 7)
    assert remembered(KEY, "limits") == 7


def test_keys_and_names_are_apart_and_the_order_of_a_key_is_nothing() -> None:
    remember(KEY, "limits", 1)
    assert remembered({"threads": 2, "cpu": "EPYC"}, "limits") == 1
    assert remembered(KEY | {"threads": 1}, "limits") is None
    assert remembered(KEY | {"threads": "2"}, "limits") is None
    assert remembered(KEY, "trials") is None
    remember(KEY, "trials", 2)
    remember(KEY | {"threads": 1}, "limits", 3)
    assert remembered(KEY, "limits") == 1


def test_text_of_a_class_of_its_own_is_text() -> None:
    remember(KEY | {"torch": torch.__version__}, "limits", 1)
    assert remembered(KEY | {"torch": str(torch.__version__)}, "limits") == 1


@pytest.mark.parametrize(
    ("age_seconds", "known"),
    [(60.0, True), (KEPT_SECONDS - 3600, True), (KEPT_SECONDS + 1, False), (-86400.0, False)],
)
def test_what_is_old_or_from_the_future_is_forgotten(age_seconds: float, known: bool) -> None:
    remember(KEY, "limits", 1)
    entry = msgspec.json.decode(the_file().read_bytes())
    entry["at_unix_seconds"] = time.time() - age_seconds
    the_file().write_bytes(msgspec.json.encode(entry))
    assert remembered(KEY, "limits") == (1 if known else None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[: len(text) // 2],
        lambda text: b"\xff\x00" + text,
        lambda text: b"[1, 2]",
        lambda text: b"{}",
        lambda text: text.replace(b"EPYC", b"Xeon"),
    ],
    ids=["empty", "torn", "not text", "another shape", "nothing in it", "another machine's"],
)
def test_a_damaged_file_is_nothing_known_and_is_replaced(damage: Callable[[bytes], bytes]) -> None:
    remember(KEY, "limits", 1)
    the_file().write_bytes(damage(the_file().read_bytes()))
    assert remembered(KEY, "limits") is None
    remember(KEY, "limits", 2)
    assert remembered(KEY, "limits") == 2


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "a file"
    in_the_way.write_text("not a folder")
    monkeypatch.setenv("CNNTOP_CACHE", str(in_the_way))
    remember(KEY, "limits", 1)
    assert remembered(KEY, "limits") is None
    assert in_the_way.read_text() == "not a folder"
