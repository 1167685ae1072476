"""`cnntop bench memory`: the figures as a table and as JSON."""

import json
from dataclasses import asdict
from statistics import median

from cnntop.tui.bench.memory import Measured
from cnntop.tui.bench.page import aligned, machine_figures, versions
from cnntop.tui.format import duration


def as_table(measured: Measured) -> str:
    """For people."""
    last = -len(measured.run_bytes) // 2
    rows = [
        ("a plain loop", [_megabytes(median(measured.bare_bytes[last:]))]),
        ("screen, log, sampler and loop on top", [_megabytes(measured.beyond_bytes)]),
        (
            f"growth within {duration(measured.seconds)}, from its second quarter on",
            [_megabytes(measured.growth_bytes)],
        ),
    ]
    lines = ["Memory of a run's own, in MB of 1,000,000 bytes", "", *aligned(rows)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _megabytes(count: float) -> str:
    return f"{count / 1e6:9.1f}"


def as_json(measured: Measured) -> str:
    """For programs."""
    figures = {"beyond_bytes": measured.beyond_bytes, "growth_bytes": measured.growth_bytes}
    tree = {
        **figures,
        **asdict(measured),
        "machine": machine_figures(),
        "versions": versions("cnntop", "torch", "textual"),
    }
    return json.dumps(tree, indent=2) + "\n"
