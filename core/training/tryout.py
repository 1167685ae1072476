"""A few seconds of a recipe's own training: what a step, an epoch and the memory come to here.

`python -m cnntop.core.training.tryout` reads a request from its input and says what it does and
finds, a line of JSON each. Its input stays open as long as somebody wants to know: when that
closes, it ends.
"""

import os
import resource
import shutil
import sys
import threading
from pathlib import Path

import msgspec
import torch
from torch.nn import functional

from cnntop.core.datasets import CATALOGUE, is_here
from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.events import Activity, AnyEvent
from cnntop.core.machine.allocator import keep_freed_memory, keep_to_one_arena
from cnntop.core.model_option import parse_model
from cnntop.core.recipe import Data
from cnntop.core.runs.folder import utc_now
from cnntop.core.training import device as devices
from cnntop.core.training.calibration_point import Point
from cnntop.core.training.datasets import Dataset, ImageSet, load
from cnntop.core.training.datasets.shapes import TEST_SEED, TRAIN_SEED, draw
from cnntop.core.training.foreign_model import load_code
from cnntop.core.training.input_paths import Loaded
from cnntop.core.tryout import Message, Refused, Request, Told, Tryout, endless

_DRAWN = 2_000
"""Images that a stand-in has of its own; they are repeated to the number of the dataset's."""
_FOLDER_IMAGES = (10_000, 2_000)
"""Of a stand-in for a folder, whose number nobody knows."""
_FOLDER_CLASSES, _FOLDER_IMAGE_SIZE = 10, 32


class _Teller:
    """Hears what a dataset is loaded with, and says it once."""

    def __init__(self) -> None:
        self._doing = ""

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Activity):
            self.say(event.name)

    def say(self, doing: str) -> None:
        if doing != self._doing:
            self._doing = doing
            tell(Told(doing))


def tell(message: Message) -> None:
    os.write(1, msgspec.json.encode(message) + b"\n")


def try_recipe(request: Request, teller: _Teller) -> Tryout:
    """Raises CnntopError; nothing is ever downloaded for it."""
    recipe, data = request.recipe, request.recipe.data
    if recipe.machine.threads is not None:
        torch.set_num_threads(recipe.machine.threads)
    device = devices.choose(recipe.machine.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    code = parse_model(request.model).code if request.model else None
    made = None if code is None else load_code(code)
    here = is_here(data.dataset, data.dir)
    if here:
        folder = None if data.dir is None else Path(data.dir)
        dataset = load(data.dataset, folder, data.image_size, teller)
    else:
        teller.say("drawing shapes in place of the dataset, which is not here")
        dataset = stand_in(data)
    keep_freed_memory()
    if data.batch_size > len(dataset.train):
        raise UsageError(
            f"data.batch_size: {data.batch_size:,} is more than the {len(dataset.train):,} "
            f"training images of {dataset.name}."
        )
    teller.say(f"building {recipe.model.label}")
    point = Point(endless(recipe), Loaded(dataset, device), Path(request.folder), made)
    teller.say(f"training for {request.seconds:.3g} seconds")
    point.slot(request.seconds)
    step_seconds = point.step_seconds[-1]
    train, size = recipe.train, data.batch_size
    steps = -(-len(dataset.train) // size) * train.passes
    evaluation = point.evaluation_seconds[-1] * len(dataset.test) * train.test_views
    epoch_seconds = (
        steps * step_seconds + evaluation / train.evaluate_every + point.checkpoint_seconds[-1]
    )
    return Tryout(
        tried_utc=utc_now(),
        images=dataset.name,
        stand_in=not here,
        device_name=devices.device_name(device),
        steps_seconds=request.seconds,
        step_seconds=step_seconds,
        images_per_second=size / (step_seconds * train.passes),
        epoch_seconds=epoch_seconds,
        process_memory_peak_bytes=_memory_peak_bytes(),
        gpu_memory_peak_bytes=(
            torch.cuda.max_memory_reserved(device) if device.type == "cuda" else None
        ),
    )


def stand_in(data: Data) -> Dataset:
    """Shapes in the place of a dataset that is not here: as many, as large, in as many channels
    and classes."""
    info = CATALOGUE.get(data.dataset)
    if info is None:
        counts, channels, classes, own_size = _FOLDER_IMAGES, 3, _FOLDER_CLASSES, _FOLDER_IMAGE_SIZE
    else:
        counts, channels, classes = (
            (info.train_images, info.test_images), info.channels, info.classes,
        )  # fmt: skip
        own_size = info.image_size
    size = data.image_size or own_size
    splits = [
        _repeated(draw(min(count, _DRAWN), seed), count, channels, classes, size)
        for count, seed in zip(counts, (TRAIN_SEED, TEST_SEED), strict=True)
    ]
    return Dataset("shapes", tuple(map(str, range(classes))), *splits)


def _repeated(drawn: ImageSet, count: int, channels: int, classes: int, size: int) -> ImageSet:
    images = drawn.images[:, :channels]
    if size != images.shape[-1]:  # what they show is of no account
        images = functional.interpolate(images.float(), size=size).to(torch.uint8)
    chosen = torch.arange(count) % len(drawn)
    return ImageSet(images[chosen], torch.arange(count) % classes)


def _memory_peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _end_with_parent(folder: str) -> None:
    """Whoever started this is gone, or wants no more of it."""
    while os.read(0, 1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main() -> None:
    keep_to_one_arena()
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    watcher = threading.Thread(target=_end_with_parent, args=(request.folder,), daemon=True)
    watcher.start()
    try:
        tell(try_recipe(request, _Teller()))
    except CnntopError as error:
        tell(Refused(str(error)))


if __name__ == "__main__":
    main()
