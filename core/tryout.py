"""What a few seconds of a recipe's own training told on this machine, kept for the next time.

The seconds are `core.training.tryout`'s affair; this is their result, which needs no torch. It is
kept in the cache folder, a file for each experiment and machine, because the folder may be that of
several machines.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

import msgspec

from cnntop.core.datasets import cache_folder
from cnntop.core.durable import replace_file
from cnntop.core.machine.identity import host_name
from cnntop.core.recipe import Recipe

TRYOUT_SECONDS = 5.0
_ENDLESS_EPOCHS = 1_000_000


class Told(msgspec.Struct, frozen=True, tag="told"):
    """What a try-out does now."""

    doing: str


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Why nothing was measured, for a person."""

    message: str


class Tryout(msgspec.Struct, frozen=True, tag="tryout"):
    """What was measured. `images` names what it was trained on; with `stand_in` that is generated
    images in the place of a dataset that is not here, of its size and number.

    `epoch_seconds` is with evaluation and checkpoint, `process_memory_peak_bytes` of the whole
    process, `gpu_memory_peak_bytes` what torch held on the GPU, None where none trains.
    """

    tried_utc: str
    images: str
    stand_in: bool
    device_name: str
    steps_seconds: float
    step_seconds: float
    images_per_second: float
    epoch_seconds: float
    process_memory_peak_bytes: int
    gpu_memory_peak_bytes: int | None = None


Message = Told | Refused | Tryout
"""What the process of a try-out says, a line of JSON each; the last one is no `Told`."""


class Request(msgspec.Struct, frozen=True):
    """What the process is asked. `model` is `--model`'s value for a network from code, "" without;
    checkpoints go below `folder`."""

    recipe: Recipe
    folder: str
    model: str = ""
    seconds: float = TRYOUT_SECONDS


def endless(recipe: Recipe) -> Recipe:
    """As a try-out trains it: its steps without an end, and nothing of how long it would go on."""
    train = msgspec.structs.replace(
        recipe.train, epochs=_ENDLESS_EPOCHS, time=None, evaluate_every=_ENDLESS_EPOCHS,
        test_views=1,
    )  # fmt: skip
    return msgspec.structs.replace(recipe, train=train)


def remembered(recipe: Recipe) -> Tryout | None:
    """The last one of this experiment on this machine, if it can be read."""
    try:
        return msgspec.json.decode(_file(recipe).read_bytes(), type=Tryout)
    except (OSError, UnicodeEncodeError, msgspec.MsgspecError):
        return None


def remember(recipe: Recipe, tryout: Tryout) -> None:
    """Keep it, if it can be written: where not, it is only to be measured again."""
    with suppress(OSError, UnicodeEncodeError):
        file = _file(recipe)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, lambda opened: opened.write(msgspec.json.encode(tryout)))


def _file(recipe: Recipe) -> Path:
    """By all that a step's time depends on; not by rates, seeds and the length of the run."""
    train = msgspec.structs.replace(
        recipe.train, epochs=1, time=None, lr=0.1, weight_decay=0.0, momentum=0.9, seed=0
    )
    alike = msgspec.structs.replace(recipe, train=train)
    key = host_name().encode() + b"\n" + msgspec.json.encode(alike)
    return cache_folder() / "tryouts" / f"{hashlib.sha256(key).hexdigest()[:24]}.json"
