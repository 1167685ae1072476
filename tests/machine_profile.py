"""A machine's profile with figures that are known, for the tests of several places."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from cnntop.core.analysis.profile import Profile, checked

Step = Callable[[int], float]


def line(fixed_seconds: float, image_seconds: float) -> Step:
    """Seconds of a step by its batch size: exactly a + b * batch."""
    return lambda batch_size: fixed_seconds + image_seconds * batch_size


def tree(
    steps: Mapping[str, Step], batch_sizes: Sequence[int] = (8, 32, 128), spread: float = 0.0
) -> dict[str, Any]:
    """The file's content: each network's steps in three rounds, `spread` around what they take.
    An evaluated image takes 1 ms and a checkpoint 0.1 s."""
    rounds = (1.0, 1.0 - spread, 1.0 + spread)
    machine = {"host": "b", "device": "cpu", "device_name": "Slow CPU", "cpu_name": "Slow CPU",
               "cores": 1, "threads": 1, "precision": "fp32", "speed": "safe", "torch": "2",
               "cnntop": "0"}  # fmt: skip
    images = {"dataset": "shapes", "channels": 3, "size": 32, "classes": 10, "augment": ["crop"]}
    networks = [
        {
            "model": model,
            "flop_per_image": 1e6,
            "evaluation_seconds_per_image": [0.001],
            "checkpoint_seconds": [0.1],
            "steps": [
                {"batch_size": size, "augment_on": "cpu", "computed": "fp32, 1 thread",
                 "step_seconds": [step(size) * one for one in rounds]}
                for size in batch_sizes
            ],
        }
        for model, step in steps.items()
    ]  # fmt: skip
    return {"name": "b", "measured_utc": "2026-11-25T00:00:00Z", "seconds": 60.0,
            "others_cores": 0.0, "machine": machine, "images": images, "networks": networks,
            "augmentation_images_per_second": {"cpu": [5000.0]},
            "transfer_bytes_per_second": None, "format": 1}  # fmt: skip


def profile(*arguments: Any, **keywords: Any) -> Profile:
    """Of `tree`."""
    return checked(msgspec.convert(tree(*arguments, **keywords), Profile))
