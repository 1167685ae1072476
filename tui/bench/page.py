"""What the pages of the benchmarks have in common."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from cnntop.core.machine import identity
from cnntop.tui.bench.race import Ready

_BUSY_CORES = 0.1
"""Cores taken by other programs from which on figures are not to be trusted to a percent."""


def machine_figures() -> dict[str, Any]:
    """Which machine it is, for JSON."""
    return {
        "host": identity.host_name(),
        "cpu_name": identity.cpu_name(),
        "cores": identity.cores(),
        "cpu_limit": identity.cpu_limit(),
        "system": platform.platform(),
    }


def ready_figures(ready: Ready) -> dict[str, Any]:
    """What was trained on or read, and where, for JSON."""
    return {
        "dataset": ready.dataset,
        "train_images": ready.images,
        "device": ready.device,
        "device_name": ready.device_name,
        "threads": ready.threads,
    }


def versions(*names: str) -> dict[str, str]:
    """Of the distributions `names` and of Python."""
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def aligned(rows: Sequence[tuple[str, list[str]]]) -> list[str]:
    """A line a row: its words, then its cells, all as wide as the widest."""
    head = max(len(words) for words, _ in rows)
    width = max(len(cell) for _, cells in rows for cell in cells)
    return [
        "  ".join((f"{words:<{head}}", *(f"{c:<{width}}" for c in cells))) for words, cells in rows
    ]


def noise(others_cores: float) -> list[str]:
    """The line that says that other programs were busy, if they were."""
    if others_cores <= _BUSY_CORES:
        return []
    return [f"Other programs kept {others_cores:.1f} cores busy meanwhile: the figures are noisy."]
