"""`cnntop bench feed`: the figures as a table and as JSON."""

import json
from typing import Any

import msgspec

from cnntop.core.analysis.pairs import CONFIDENCE, PairedRatio
from cnntop.tui.bench.feed import PIL, PIL_WORKERS, Measured
from cnntop.tui.bench.page import aligned, machine_figures, noise, ready_figures, versions
from cnntop.tui.format import rate


def as_table(found: Measured) -> str:
    """For people."""
    ready, data = found.ready[PIL], found.recipe.data
    rows = [("", ["images/s", "CPU an image", "over PIL: images/s", "per core"])]
    for name in found.slots:
        micros = f"{1e6 * found.cpu_seconds_per_image(name):.3g} us"
        times = [_times(ratio) for ratio in (found.speed(name), found.speed_per_core(name))]
        rows.append(
            (f"  {_shown(name, found)}", [rate(found.images_per_second(name)), micros, *times])
        )
    lines = [
        f"Input alone: {', '.join(data.augment) or 'no augmentation'}, batches of "
        f"{data.batch_size} of {ready.dataset}, as float32 on {ready.device_name}",
        "",
        *aligned(rows),
        "",
        f"Medians of {len(found.slots[PIL])} rounds; in brackets the interval of "
        f"{100 * CONFIDENCE:.0f} %, or all ratios where they are fewer than six.",
        *noise(found.others_cores),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _shown(name: str, found: Measured) -> str:
    workers = found.ready[name].workers
    words = "PIL" if name in (PIL, PIL_WORKERS) else f"cnntop, {name}"
    return f"{words}, {workers} workers" if workers else words


def _times(ratio: PairedRatio) -> str:
    return f"{ratio.median:.3g}x ({ratio.low:.3g}x to {ratio.high:.3g}x)"


def as_json(found: Measured) -> str:
    """For programs; times in seconds."""
    tree = {
        "recipe": msgspec.to_builtins(found.recipe),
        **ready_figures(found.ready[PIL]),
        "paths": {name: _path(found, name) for name in found.slots},
        "confidence": CONFIDENCE,
        "others_cores": found.others_cores,
        "machine": machine_figures(),
        "versions": versions("cnntop", "torch", "torchvision"),
    }
    return json.dumps(tree, indent=2) + "\n"


def _path(found: Measured, name: str) -> dict[str, Any]:
    speed, per_core = found.speed(name), found.speed_per_core(name)
    return {
        "workers": found.ready[name].workers,
        "images_per_second": found.images_per_second(name),
        "cpu_seconds_per_image": found.cpu_seconds_per_image(name),
        "ratio": speed.median,
        "ratio_interval": (speed.low, speed.high),
        "ratio_per_core": per_core.median,
        "ratio_per_core_interval": (per_core.low, per_core.high),
        "slots": [
            {
                "images": slot.images,
                "seconds": slot.seconds,
                "cpu_seconds": slot.cpu_seconds,
            }
            for slot in found.slots[name]
        ],
    }
