"""`cnntop bench train`: the figures as a table and as JSON."""

import json
import statistics
from collections.abc import Sequence
from typing import Any

import msgspec

from cnntop.core.analysis.pairs import CONFIDENCE, PairedRatio
from cnntop.core.split import PARTS
from cnntop.tui.bench.page import aligned, machine_figures, noise, ready_figures, versions
from cnntop.tui.bench.race import Trained
from cnntop.tui.bench.train import CNNTOP, RESIDENT, Accuracies, Measured, plain
from cnntop.tui.format import clock, percent, rate


def as_table(case: Measured) -> str:
    """One network, for people."""
    ready = case.ready
    rows = [("", ["images/s", *PARTS])]
    rows += [
        (f"  {_shown(name)}", [_rate(case.images_per_second(name)), *_shares(case, name)])
        for name in case.slots
    ]
    threads = "one thread" if ready.threads == 1 else f"{ready.threads} threads"
    lines = [
        f"{case.label}, {ready.images:,} images of {ready.dataset}, on {ready.device_name}, "
        f"{threads}",
        *aligned(rows),
        f"  cnntop over, in {case.speed(RESIDENT).pairs} pairs",
        *(_ratio_line(case, number) for number in case.workers),
        f"    the same {RESIDENT}: {_share(case.speed(RESIDENT))}",
        *(_accuracy_lines(case) if case.accuracies else []),
        *(f"  {line}" for line in noise(case.others_cores)),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n\n"


def footnote() -> str:
    return (
        f"Medians of paired ratios; in brackets the interval of {100 * CONFIDENCE:.0f} %, or all "
        "ratios where they are fewer than six.\n"
    )


def _shown(name: str) -> str:
    return f"the same {name}" if name == RESIDENT else name


def _rate(per_second: float) -> str:
    return rate(per_second) if per_second >= 99.5 else f"{per_second:.1f}"


def _shares(case: Measured, name: str) -> list[str]:
    return [percent(share) for share in case.split(name).fractions().values()]


def _ratio_line(case: Measured, workers: int) -> str:
    ratio = case.speed(plain(workers))
    best = ", the best" if workers == case.best_workers else ""
    times = f"{ratio.median:.2f}x ({ratio.low:.2f}x to {ratio.high:.2f}x)"
    return f"    {plain(workers)}: {times}{best}"


def _share(ratio: PairedRatio) -> str:
    return f"{percent(ratio.median)} ({percent(ratio.low)} to {percent(ratio.high)})"


def _accuracy_lines(case: Measured) -> list[str]:
    found = case.accuracies
    assert found is not None
    lines = [f"  test accuracy after {found.epochs} epochs, a seed each"]
    for name, side in ((CNNTOP, found.cnntop), (plain(case.best_workers), found.plain)):
        accuracies = [one.test_accuracy for one in side]
        each = ", ".join(percent(accuracy, 2) for accuracy in accuracies)
        seconds = statistics.mean(one.seconds for one in side)
        mean = percent(statistics.mean(accuracies), 2)
        lines.append(f"    {name}: {each}; mean {mean}, in {clock(seconds)}")
    lines.append(f"    difference of the means: {100 * found.difference:+.2f} points")
    return lines


def as_json(cases: Sequence[Measured]) -> str:
    """For programs: seconds, shares 0 to 1."""
    tree = {
        "networks": [_case(case) for case in cases],
        "confidence": CONFIDENCE,
        "machine": machine_figures(),
        "versions": versions("cnntop", "torch", "torchvision"),
    }
    return json.dumps(tree, indent=2) + "\n"


def _case(case: Measured) -> dict[str, Any]:
    speed, resident = case.speed(plain(case.best_workers)), case.speed(RESIDENT)
    figures = {
        "preset": case.preset,
        "model": case.recipe.model.label,
        "batch_size": case.recipe.data.batch_size,
        "recipe": msgspec.to_builtins(case.recipe),
        **ready_figures(case.ready),
        "augment_on": case.ready.augment_on,
        "best_workers": case.best_workers,
        "pairs": speed.pairs,
        "ratio": speed.median,
        "ratio_interval": (speed.low, speed.high),
        "resident_fraction": resident.median,
        "resident_fraction_interval": (resident.low, resident.high),
        "others_cores": case.others_cores,
        "arms": {name: _arm(case, name) for name in case.slots},
    }
    if case.accuracies is not None:
        figures["accuracy"] = _accuracy(case.accuracies)
    return figures


def _arm(case: Measured, name: str) -> dict[str, Any]:
    speed = case.speed(name)
    return {
        "cnntop_over_it": speed.median,
        "cnntop_over_it_interval": (speed.low, speed.high),
        "images_per_second": case.images_per_second(name),
        "split_fractions": case.split(name).fractions(),
        "slots": [
            {
                "steps": slot.steps,
                "images": slot.images,
                "seconds": slot.seconds,
                "split_seconds": slot.split_seconds,
            }
            for slot in case.slots[name]
        ],
    }


def _accuracy(found: Accuracies) -> dict[str, Any]:
    def side(trained: list[Trained]) -> dict[str, Any]:
        return {
            "test_accuracies": [one.test_accuracy for one in trained],
            "mean_test_accuracy": statistics.mean(one.test_accuracy for one in trained),
            "seconds": [one.seconds for one in trained],
        }

    return {
        "epochs": found.epochs,
        "cnntop": side(found.cnntop),
        "plain": side(found.plain),
        "difference": found.difference,
    }
