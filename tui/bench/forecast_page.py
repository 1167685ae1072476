"""`cnntop bench forecast`: the figures as a table and as JSON."""

import json
from dataclasses import asdict

import msgspec

from cnntop.core.analysis.profile import Span
from cnntop.tui.bench.forecast import Measured, Outcome
from cnntop.tui.bench.page import aligned, machine_figures, noise, versions
from cnntop.tui.format import duration


def as_table(found: Measured) -> str:
    """For people."""
    rows = [("an epoch", ["forecast", "measured", "off by"])]
    for name, one in found.outcomes.items():
        span = one.forecast_seconds
        interval = f"({duration(span.low)} to {duration(span.high)})"
        cells = [f"{duration(span.median)} {interval}", duration(one.ran_seconds.median)]
        rows.append((f"  {name}", [*cells, f"{100 * one.error:+.1f} %"]))
    forecast, ran = (found.ratio(of) for of in (_forecast, _ran))
    rows.append(
        ("  ratio", [f"{forecast:.2f}x", f"{ran:.2f}x", f"{100 * (forecast / ran - 1):+.1f} %"])
    )
    lines = [
        f"{found.label}, {found.epochs} epochs of {found.dataset}, forecast from a profile first",
        "",
        *aligned(rows),
        "",
        *noise(max(one.profile.others_cores for one in found.outcomes.values())),
    ]
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def as_json(found: Measured) -> str:
    """For programs; times in seconds."""
    tree = {
        "network": found.label,
        "dataset": found.dataset,
        "epochs": found.epochs,
        "machines": {
            name: {
                "forecast_epoch_seconds": asdict(one.forecast_seconds),
                "measured_epoch_seconds": asdict(one.ran_seconds),
                "error": one.error,
                "profile": msgspec.to_builtins(one.profile),
            }
            for name, one in found.outcomes.items()
        },
        "ratio_forecast": found.ratio(_forecast),
        "ratio_measured": found.ratio(_ran),
        "machine": machine_figures(),
        "versions": versions("cnntop", "torch", "torchvision"),
    }
    return json.dumps(tree, indent=2) + "\n"


def _forecast(one: Outcome) -> Span:
    return one.forecast_seconds


def _ran(one: Outcome) -> Span:
    return one.ran_seconds
