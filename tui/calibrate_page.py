"""`cnntop calibrate`: which recipes are measured, and the profile as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnntop.core.analysis.pace import batch_error
from cnntop.core.analysis.profile import MachineFacts, Profile, Span
from cnntop.core.errors import UsageError
from cnntop.core.recipe import Recipe
from cnntop.core.text import printable
from cnntop.tui.bench.page import aligned, noise
from cnntop.tui.format import NOT_MEASURED, bytes_size, duration, percent, rate
from cnntop.tui.launch import Launch

PRESETS = (
    "shallow32", "shallow128", "resnet18", "shallow8", "shallow64", "shallow16", "shallow256",
    "shallow512", "shallow1024",
)  # fmt: skip
BATCH_SIZES = (32, 128, 8, 256)
"""Both with the most wanted first: where time is short, those are what is measured."""


def recipes(presets: Sequence[str] | None, settings: dict[str, Any]) -> tuple[Recipe, ...]:
    """One a network; on the images that need no download, unless `settings` say others. Raises
    UsageError."""
    settings = {"data.dataset": "shapes"} | settings
    found = [Launch(one, Path(), settings=settings).recipe() for one in presets or PRESETS]
    labels = [recipe.model.label for recipe in found]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"--preset: two of them train {label}; keep one.")
    return tuple(found)


def as_table(profile: Profile) -> str:
    """For people."""
    machine, images = profile.machine, profile.images
    sizes = sorted({steps.batch_size for one in profile.networks for steps in one.steps})
    rows = [("a step at batch", [*map(str, sizes), "evaluation"])]
    for one in sorted(profile.networks, key=lambda network: network.flop_per_image or 0.0):
        steps = {steps.batch_size: duration(Span.of(steps.step_seconds).median)
                 for steps in one.steps}  # fmt: skip
        evaluated = 1 / Span.of(one.evaluation_seconds_per_image).median
        cells = [steps.get(size, NOT_MEASURED) for size in sizes]
        rows.append((f"  {printable(one.model)}", [*cells, f"{rate(evaluated)} images/s"]))
    ways = [
        f"augmentation on {printable(way)} alone: {rate(Span.of(rounds).median)} images/s"
        for way, rounds in profile.augmentation_images_per_second.items()
    ]
    if profile.transfer_bytes_per_second is not None:
        speed = Span.of(profile.transfer_bytes_per_second).median
        ways.append(f"batches to the device: {bytes_size(speed)}/s")
    lines = [
        f"Profile of {printable(profile.name)}: {device_words(machine)}, "
        f"{printable(machine.precision)}, speed {printable(machine.speed)}, images of "
        f"{printable(images.dataset)}",
        "",
        *aligned(rows),
        *ways,
        "",
        *_certainty(profile),
        *noise(profile.others_cores),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def device_words(machine: MachineFacts) -> str:
    """What trained, and of a CPU with how many threads."""
    name = printable(machine.device_name)
    if machine.device != "cpu":
        return name
    return f"{name}, {machine.threads} thread{'s' * (machine.threads > 1)}"


def _certainty(profile: Profile) -> list[str]:
    spans = [Span.of(steps.step_seconds) for one in profile.networks for steps in one.steps]
    spread = max((span.high - span.low) / span.median for span in spans)
    lines = [
        f"Medians of {profile.rounds} rounds in {duration(profile.seconds)}, which lie up to "
        f"{percent(spread, 0)} apart."
    ]
    known = [error for one in profile.networks if (error := batch_error(one)) is not None]
    if known:
        lines.append(
            f"Between two batch sizes a forecast is off by up to {percent(max(known), 0)}: each "
            "measured one, from its neighbours."
        )
    return lines
