"""What was measured on this machine is remembered in the cache folder, one small file a thing.

A memory only saves time: where there is none, or it is damaged, too old or not to be written, what
it would have told is measured again. A file holds one entry and is replaced whole, so that runs
which start at once need no lock: the last one stays.
"""

import hashlib
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from cnntop.core.datasets import cache_folder
from cnntop.core.durable import replace_file

Key = dict[str, str | int]
"""All that the measurement depends on, such as the device's name and torch's version."""

KEPT_SECONDS = 30 * 86400.0
"""Drivers and cooling change; after so long a machine is asked anew."""
_CLOCK_SET_BACK_SECONDS = 3600.0
"""Entries from further in the future were written by a clock that was wrong, or is now."""


class _Entry(msgspec.Struct, frozen=True):
    """`at_unix_seconds` is when it was measured."""

    name: str
    key: Key
    at_unix_seconds: float
    value: Any


def remembered(key: Key, name: str) -> Any | None:
    """What `remember` was given last for `key` and `name`, as JSON carries it: lists, dictionaries,
    numbers and strings. None where nothing (readable, younger than 30 days) is known."""
    try:
        entry = msgspec.json.decode(_file(key, name).read_bytes(), type=_Entry)
    except (OSError, msgspec.MsgspecError):
        return None
    age_seconds = time.time() - entry.at_unix_seconds
    is_young = -_CLOCK_SET_BACK_SECONDS <= age_seconds <= KEPT_SECONDS
    return entry.value if is_young and (entry.key, entry.name) == (_plain(key), name) else None


def remember(key: Key, name: str, value: Any) -> None:
    """Keep `value` (plain JSON values) for other runs on this machine, if it can be written."""
    file = _file(key, name)
    entry = msgspec.json.encode(_Entry(name, _plain(key), time.time(), value))
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, lambda opened: opened.write(entry))


def _file(key: Key, name: str) -> Path:
    """`name` must do for a file name."""
    text = msgspec.json.encode(_plain(key), order="sorted")
    return cache_folder() / "machine" / f"{name}-{hashlib.sha256(text).hexdigest()[:16]}.json"


def _plain(key: Key) -> Key:
    """Without classes of their own for text, such as that of `torch.__version__`."""
    return {word: value if isinstance(value, int) else str(value) for word, value in key.items()}
