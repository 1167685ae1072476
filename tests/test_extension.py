"""What a person writes to have a run go on for longer."""

import pytest

from cnntop.core.errors import UsageError
from cnntop.core.extension import Extension, parse_extension


@pytest.mark.parametrize(
    ("text", "by_epochs", "extension"),
    [
        ("5", True, Extension(epochs=5)),
        (" + 12 epochs ", True, Extension(epochs=12)),
        ("1 epoch", True, Extension(epochs=1)),
        ("10m", False, Extension(seconds=600.0)),
        ("1h 30m", False, Extension(seconds=5400.0)),
        # Of the other unit, at the 40 s that an epoch took:
        ("10m", True, Extension(epochs=15)),
        ("5s", True, Extension(epochs=1)),
        ("3", False, Extension(seconds=120.0)),
    ],
)
def test_what_is_understood(text: str, by_epochs: bool, extension: Extension) -> None:
    assert parse_extension(text, by_epochs, 40.0) == extension


@pytest.mark.parametrize(
    ("text", "by_epochs", "words"),
    [
        ("", True, "neither a number of epochs"),
        ("-3", True, "neither a number of epochs"),
        ("many", False, "'many' is neither a number of epochs, as 5, nor a time, as 10m"),
        ("\x1b[31m5", True, r"'\?\[31m5' is neither"),
        ("0", True, "1 to 1,000,000 epochs"),
        ("0s", True, "1 to 1,000,000 epochs"),
        ("1000001", True, "1 to 1,000,000 epochs"),
        ("0.5s", False, "1 s to 366 days"),
        ("9000h", False, "1 s to 366 days"),
    ],
)
def test_what_is_not(text: str, by_epochs: bool, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_extension(text, by_epochs, 40.0)


@pytest.mark.parametrize(("text", "by_epochs"), [("10m", True), ("3", False)])
def test_nothing_is_converted_before_an_epoch_was_measured(text: str, by_epochs: bool) -> None:
    with pytest.raises(UsageError, match="no epoch has ended yet"):
        parse_extension(text, by_epochs, None)
