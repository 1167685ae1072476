"""What is remembered between runs, and files that cannot be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cnntop.core.settings import (
    LARGEST_BYTES,
    Settings,
    read_settings,
    settings_file,
    write_settings,
)

CHOSEN = Settings("light", "charts", {"charts": ("loss", "axis")})


def test_nothing_was_chosen_at_first() -> None:
    assert read_settings() == (Settings(), "")


def test_what_was_chosen_comes_back() -> None:
    write_settings(CHOSEN)
    assert read_settings() == (CHOSEN, "")
    write_settings(Settings())
    assert read_settings() == (Settings(), "")


def _text(text: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text)


@pytest.mark.parametrize(
    "damage",
    [
        _text(b""),
        _text(b'{"theme": "light", "lay'),
        _text(b'{"theme": 7}'),
        _text(b'{"hidden": {"charts": "loss"}}'),
        _text(b"\xff\xfe\x00"),
        _text(b"[" * 60_000),
        _text(b'{"theme": "' + b"x" * LARGEST_BYTES + b'"}'),
        lambda path: path.mkdir(),
    ],
    ids=["empty", "torn", "type", "deep type", "bytes", "nested", "huge", "folder"],
)
def test_a_damaged_file_is_told_of_and_ignored(damage: Callable[[Path], object]) -> None:
    path = settings_file()
    path.parent.mkdir(parents=True)
    damage(path)
    settings, complaint = read_settings()
    assert settings == Settings()
    assert str(path) in complaint
    assert "\n" not in complaint
    assert len(complaint) < 400


def test_a_newer_file_is_read_as_far_as_it_is_known() -> None:
    path = settings_file()
    path.parent.mkdir(parents=True)
    path.write_text('{"theme": "light", "hologram": {"on": true}}')
    assert read_settings() == (Settings("light"), "")
