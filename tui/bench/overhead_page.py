"""`cnntop bench overhead`: the figures as a table and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from cnntop.core.analysis.pairs import CONFIDENCE, PairedRatio
from cnntop.tui.bench.overhead import Measured
from cnntop.tui.bench.page import aligned, machine_figures, noise, versions
from cnntop.tui.format import duration, percent

_LOSSES = (
    ("the record (--plain)", "plain", "bare"),
    ("the screen on top", "screen", "plain"),
    ("both", "screen", "bare"),
)
"""What costs: its words, the arm with it and the arm without."""


def as_table(cases: Sequence[Measured]) -> str:
    """For people."""
    machine = machine_figures()
    rows: list[tuple[str, list[str]]] = [
        ("", [case.case.name for case in cases]),
        ("network", [case.size.label for case in cases]),
        ("a step, bare", [duration(case.step_seconds) for case in cases]),
        ("pairs", [str(case.pairs) for case in cases]),
        ("images a second lost to", []),
    ]
    rows += [
        (f"  {words}", [_lost(c.speed(kind, of)) for c in cases]) for words, kind, of in _LOSSES
    ]
    rows.append(("CPU time a step, added by", []))
    rows += [
        (f"  {words}", [_added(c.cpu(kind, of)) for c in cases]) for words, kind, of in _LOSSES
    ]
    lines = [
        f"What watching costs on {machine['host']}: {machine['cpu_name']}, "
        f"{machine['cores']} cores, one thread",
        "",
        *aligned(rows),
        "",
        f"Medians of paired ratios; in brackets the interval of {100 * CONFIDENCE:.0f} %.",
    ]
    lines += noise(max(case.others_cores for case in cases))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _lost(ratio: PairedRatio) -> str:
    low, high = ratio.lost_interval
    return f"{percent(ratio.lost, 2)} ({percent(low, 2)} to {percent(high, 2)})"


def _added(ratio: PairedRatio) -> str:
    low, high = ratio.low - 1.0, ratio.high - 1.0
    return f"{percent(ratio.median - 1.0, 2)} ({percent(low, 2)} to {percent(high, 2)})"


def as_json(cases: Sequence[Measured]) -> str:
    """For programs. The figures of the first case stand at the top."""
    first = _case(cases[0])
    top = {key: first[key] for key in ("recording_fraction", "screen_fraction", "both_fraction")}
    tree = {
        **top,
        "pairs": cases[0].pairs,
        "confidence": CONFIDENCE,
        "sizes": [_case(case) for case in cases],
        "machine": machine_figures(),
        "versions": versions("cnntop", "torch", "textual"),
    }
    return json.dumps(tree, indent=2) + "\n"


def _case(case: Measured) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "name": case.case.name,
        "model": f"shallow{case.size.kernels}",
        "batch_size": case.size.batch_size,
        "step_seconds": case.step_seconds,
        "pairs": case.pairs,
        "others_cores": case.others_cores,
    }
    for name, (_, kind, of) in zip(("recording", "screen", "both"), _LOSSES, strict=True):
        speed, cpu = case.speed(kind, of), case.cpu(kind, of)
        figures[f"{name}_fraction"] = speed.lost
        figures[f"{name}_fraction_interval"] = speed.lost_interval
        figures[f"{name}_cpu_ratio"] = cpu.median
        figures[f"{name}_cpu_ratio_interval"] = (cpu.low, cpu.high)
    turns = {
        kind: [msgspec.to_builtins(turn) for turn in turns] for kind, turns in case.turns.items()
    }
    return {**figures, "turns": turns}
