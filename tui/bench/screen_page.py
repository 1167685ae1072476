"""`cnntop bench screen`: the figures beside what is asked of them, as a table and as JSON."""

import json
from collections.abc import Callable
from dataclasses import asdict
from statistics import median
from typing import NamedTuple

from cnntop.tui.bench.page import aligned, machine_figures, noise, versions
from cnntop.tui.bench.screen import Measured
from cnntop.tui.format import bytes_size, duration, percent


class Line(NamedTuple):
    """A figure and the most that it may be, None where nothing is asked of it. `key` is its name
    in JSON, with its unit."""

    words: str
    key: str
    value: float
    most: float | None
    text: Callable[[float], str]

    @property
    def holds(self) -> bool | None:
        return None if self.most is None else self.value <= self.most

    @property
    def cells(self) -> list[str]:
        """The figure, what is asked, and whether it holds."""
        if self.most is None:
            return [self.text(self.value), "", ""]
        bound = "nothing" if self.most == 0 else f"at most {self.text(self.most)}"
        return [self.text(self.value), bound, "holds" if self.holds else "DOES NOT HOLD"]


_PAINT, _KEY, _OPENED = 0.3, 0.05, 1.0
_CORES, _SENT, _MEMORY = 0.04, 20_000.0, 60_000_000.0
_FLAT = 2_000_000.0
"""Bytes that memory may move by and count as flat."""


def lines(found: Measured) -> dict[str, list[Line]]:
    """All of the table, by what it is about."""
    starts = {name: median(seconds) for name, seconds in found.starts.items()}
    long = found.long
    sent, cores, seconds = _per_second, percent, duration
    table = {
        "from the start to the first frame": [
            Line("watch", "watch_paint_seconds", starts["watch"], _PAINT, seconds),
            Line("run", "run_paint_seconds", starts["run"], _PAINT, seconds),
            Line("  of it Python alone", "python_start_seconds", starts["python"], None, seconds),
            Line("  Python and Textual", "textual_start_seconds", starts["textual"], None, seconds),
        ],
        "a key's answer while a run trains": [
            Line("median", "key_seconds", median(found.key_seconds), _KEY, seconds),
            Line("worst", "key_worst_seconds", max(found.key_seconds), _KEY, seconds),
        ],
        "a watch of a run that grows": [
            Line("CPU of a core", "watch_cores", found.watch.cores, _CORES, cores),
            Line("sent", "watch_bytes_per_second", found.watch.bytes_per_second, _SENT, sent),
            Line(
                "memory beyond its imports", "watch_beyond_bytes", found.watch_beyond_bytes,
                _MEMORY, bytes_size,
            ),
        ],
        "a watch of a run that is over": [
            Line("CPU of a core", "still_cores", found.still.cores, None, cores),
            Line("sent", "still_bytes_per_second", found.still.bytes_per_second, 0.0, sent),
        ],
        "a run that trains": [
            Line("CPU of a core, to draw", "run_screen_cores", found.run.cores, _CORES, cores),
            Line("sent", "run_bytes_per_second", found.run.bytes_per_second, _SENT, sent),
            Line(
                "memory beyond a plain loop", "run_beyond_bytes", found.run_beyond_bytes, _MEMORY,
                bytes_size,
            ),
        ],
        f"a watch of a run of {found.plan.long_steps:,} steps": [
            Line("log", "long_log_bytes", long.log_bytes, None, bytes_size),
            Line("first frame", "long_paint_seconds", long.paint_seconds, _PAINT, seconds),
            Line("its curves and end", "long_shown_seconds", long.shown_seconds, _OPENED, seconds),
            Line("all of it read", "long_read_seconds", long.read_seconds, None, seconds),
            Line("memory", "long_memory_bytes", long.memory_bytes, None, bytes_size),
            Line("growth while it scrolls", "long_growth_bytes", long.growth_bytes, _FLAT, _change),
        ],
    }  # fmt: skip
    if long.key_seconds:
        table[f"a watch of a run of {found.plan.long_steps:,} steps"] += [
            Line("a key, median", "long_key_seconds", median(long.key_seconds), _KEY, seconds),
            Line("a key, worst", "long_key_worst_seconds", max(long.key_seconds), _KEY, seconds),
        ]
    return table


def as_table(found: Measured) -> str:
    """For people."""
    plan, machine = found.plan, machine_figures()
    at = "" if plan.refresh_hz is None else f", at {plan.refresh_hz:g} Hz"
    rows: list[tuple[str, list[str]]] = []
    for heading, its_lines in lines(found).items():
        rows.append((heading, ["", "asked", ""] if not rows else ["", "", ""]))
        rows += [(f"  {line.words}", line.cells) for line in its_lines]
    text = [
        f"The screen at {plan.columns}x{plan.lines}{at}, on {machine['cpu_name']}, "
        f"{machine['cores']} cores",
        "",
        *aligned(rows),
        "",
        f"Starts: medians of {len(found.starts['watch'])}; keys: of {len(found.key_seconds)}, "
        "from the key to the last of the words that answer it, of the help and the ways to stop.",
        *noise(found.others_cores),
    ]
    return "\n".join(line.rstrip() for line in text) + "\n"


def as_json(found: Measured) -> str:
    """For programs; shares of a core are 0 to 1. `holds` is null where nothing is asked."""
    figures = {
        line.key: {"value": line.value, "most": line.most, "holds": line.holds}
        for its_lines in lines(found).values()
        for line in its_lines
    }
    tree = {
        "figures": figures,
        **asdict(found),
        "machine": machine_figures(),
        "versions": versions("cnntop", "torch", "textual"),
    }
    return json.dumps(tree, indent=2) + "\n"


def _per_second(count: float) -> str:
    return f"{bytes_size(count)}/s"


def _change(count: float) -> str:
    return f"{'-' if count < 0 else ''}{bytes_size(abs(count))}"
