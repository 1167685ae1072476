"""Measures a machine: a profile from which other machines' runs are forecast (P15).

What is timed is the run's own loop on real batches, for a second at a time. Machines are not
equally fast all day long, so all points are visited in rounds, in an order that is drawn anew for
each: every point sees many moments of the calibration's time, and how far its figures lie apart
says how steady the machine is.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import metadata
from itertools import chain, count
from pathlib import Path

import msgspec
import torch

from cnntop.core.analysis.profile import (
    Images,
    MachineFacts,
    NetworkSpeed,
    Profile,
    checked,
)
from cnntop.core.datasets import cache_folder
from cnntop.core.errors import OutOfMemoryError, UsageError
from cnntop.core.machine import identity
from cnntop.core.machine.cpu import others_cpu_seconds
from cnntop.core.recipe import Recipe
from cnntop.core.runs.folder import utc_now
from cnntop.core.training.calibration_point import Point, rounded
from cnntop.core.training.datasets import ImageSet
from cnntop.core.training.input_paths import InputPath, Loaded, PathName, load_images

_ENDLESS_EPOCHS = 1_000_000
_LEAST_ROUNDS = 3
_FIRST_ROUND_SHARE = 1 / 3
"""Of the time. Points that it does not reach are left out, so that the others have their rounds."""
_GPU_IMAGES = 50_000
"""A GPU passes over fewer so fast that it would mostly begin and end passes."""
_WARM_UP_SECONDS = 0.25
_TRANSFER_BATCH = 128


@dataclass(frozen=True)
class Plan:
    """What to measure: the network of each of `recipes` at each of `batch_sizes`, the most wanted
    first, for about `seconds` in all, in slots of `slot_seconds`. With `input_too` the ways to
    augment and to the device are measured alone as well."""

    recipes: tuple[Recipe, ...]
    batch_sizes: tuple[int, ...]
    seconds: float
    slot_seconds: float = 1.0
    input_too: bool = True

    def points(self) -> Iterator[Recipe]:
        """Of runs that never end by themselves, a batch size for all networks at a time."""
        for batch_size in self.batch_sizes:
            for recipe in self.recipes:
                data = msgspec.structs.replace(recipe.data, batch_size=batch_size)
                train = msgspec.structs.replace(
                    recipe.train, epochs=_ENDLESS_EPOCHS, time=None, passes=1, test_views=1,
                    evaluate_every=_ENDLESS_EPOCHS,
                )  # fmt: skip
                yield msgspec.structs.replace(recipe, data=data, train=train)


def calibrate(plan: Plan, name: str, tell: Callable[[str], None]) -> Profile:
    """The profile `name` of this machine; `tell` hears how far it is. Takes `plan.seconds`, and
    longer where three rounds do. Raises CnntopError; leaves no files or processes behind."""
    first = plan.recipes[0]
    tell(f"loading {first.data.dataset}")
    loaded = _many(load_images(first))
    if (most := max(plan.batch_sizes)) > len(loaded.dataset.train):
        raise UsageError(
            f"--batch-size: {most:,} is more than the {len(loaded.dataset.train):,} training "
            f"images of {loaded.dataset.name}."
        )
    if loaded.device.type == "cuda":
        torch.cuda.set_device(loaded.device)
    cache_folder().mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Checkpoints go where the disk is likely to be the runs' own: /tmp may be memory.
        folder = tempfile.TemporaryDirectory(prefix="calibration-", dir=cache_folder())
        calibration = _Calibration(plan, loaded, Path(stack.enter_context(folder)), tell)
        stack.callback(calibration.close)
        calibration.first_round()
        calibration.more_rounds()
        return calibration.profile(name)


def _many(loaded: Loaded) -> Loaded:
    train = loaded.dataset.train
    if loaded.device.type == "cpu" or len(train) >= _GPU_IMAGES:
        return loaded
    times = -(-_GPU_IMAGES // len(train))
    repeated = ImageSet(train.images.repeat(times, 1, 1, 1), train.labels.repeat(times))
    return replace(loaded, dataset=replace(loaded.dataset, train=repeated))


class _Calibration:
    """The points and ways that are measured, in rounds."""

    def __init__(
        self, plan: Plan, loaded: Loaded, folder: Path, tell: Callable[[str], None]
    ) -> None:
        self._plan, self._loaded, self._folder, self._tell = plan, loaded, folder, tell
        self._threads = torch.get_num_threads()
        self._points: list[Point] = []
        self._ways: list[_Way] = []
        self._transfer: list[float] = []
        self._begun = time.perf_counter()
        self._others = _Others()

    def first_round(self) -> None:
        """Build every point and measure it once, as long as there is time."""
        points = list(self._plan.points())
        until = self._begun + _FIRST_ROUND_SHARE * self._plan.seconds
        for number, recipe in enumerate(points):
            if number > 0 and time.perf_counter() > until:
                left = len(points) - number
                self._tell(f"no time for {left} of {len(points)} points; --minutes gives more")
                break
            label = f"{recipe.model.label}, batch {recipe.data.batch_size}"
            torch.set_num_threads(self._threads)  # the point before may have chosen others
            try:
                point = Point(recipe, self._loaded, self._folder)
                self._measure(point)
            except OutOfMemoryError as error:
                self._tell(f"{label} is left out: {error}")
                continue
            self._points.append(point)
            self._tell(f"{label}: {1e3 * point.step_seconds[-1]:,.1f} ms a step")
        if not self._points:
            raise UsageError("nothing could be measured; choose smaller networks or batches.")
        if self._plan.input_too:
            self._tell("augmentation alone")
            torch.set_num_threads(self._threads)
            self._ways = list(_ways(self._plan.recipes[0], self._loaded))
            self._measure_input()

    def more_rounds(self) -> None:
        draw = random.Random(0)
        until = self._begun + self._plan.seconds
        for number in count(2):
            begun = time.perf_counter()
            for point in draw.sample(self._points, len(self._points)):
                self._measure(point)
            self._measure_input()
            now = time.perf_counter()
            self._tell(f"round {number}: {now - self._begun:.0f} of {self._plan.seconds:.0f} s")
            # Not a round that would end later than half of it too late.
            if number >= _LEAST_ROUNDS and now + (now - begun) / 2 > until:
                return

    def _measure(self, point: Point) -> None:
        with self._others:
            point.slot(self._plan.slot_seconds)

    def _measure_input(self) -> None:
        torch.set_num_threads(self._threads)
        for way in self._ways:
            way.slot(self._plan.slot_seconds / 2)
        if self._plan.input_too and self._loaded.device.type == "cuda":
            self._transfer.append(_transfer_rate(self._loaded, self._plan.slot_seconds / 4))

    def profile(self, name: str) -> Profile:
        first, dataset = self._points[0], self._loaded.dataset
        channels, size = dataset.train.images.shape[1:3]
        models = dict.fromkeys(point.recipe.model.label for point in self._points)
        ways = {way.name: tuple(way.images_per_second) for way in self._ways}
        return checked(
            Profile(
                name=name,
                measured_utc=utc_now(),
                seconds=round(time.perf_counter() - self._begun, 3),
                others_cores=self._others.cores,
                machine=_facts(self._loaded, first.recipe, self._threads),
                images=Images(
                    dataset=dataset.name, channels=channels, size=size,
                    classes=len(dataset.classes), augment=first.recipe.data.augment,
                ),
                networks=tuple(self._network(model) for model in models),
                augmentation_images_per_second=ways,
                transfer_bytes_per_second=rounded(self._transfer) or None,
            )
        )  # fmt: skip

    def _network(self, model: str) -> NetworkSpeed:
        points = [point for point in self._points if point.recipe.model.label == model]
        return NetworkSpeed(
            model=model,
            flop_per_image=points[0].flop_per_image,
            evaluation_seconds_per_image=rounded(chain(*(p.evaluation_seconds for p in points))),
            checkpoint_seconds=rounded(chain(*(p.checkpoint_seconds for p in points))),
            steps=tuple(point.steps() for point in points),
        )

    def close(self) -> None:
        for way in self._ways:
            way.close()


class _Way:
    """A way to augment, without a network."""

    def __init__(self, name: PathName, recipe: Recipe, loaded: Loaded) -> None:
        self.name: str = name
        self.images_per_second: list[float] = []
        self._path = InputPath(name, recipe, loaded)
        self._images = chain.from_iterable(self._path.epoch(epoch) for epoch in count(1))
        # Batches that workers have in stock when a slot begins.
        self._warm_up_batches = 2 * (self._path.workers or 0) + 1

    def slot(self, seconds: float) -> None:
        self._take(_WARM_UP_SECONDS, self._warm_up_batches)
        self._path.settle()
        begun = time.perf_counter()
        images = self._take(seconds, 1)
        self._path.settle()
        self.images_per_second.append(images / (time.perf_counter() - begun))

    def _take(self, seconds: float, least_batches: int) -> int:
        images = batches = 0
        until = time.perf_counter() + seconds
        while batches < least_batches or time.perf_counter() < until:
            images += next(self._images)
            batches += 1
        return images

    def close(self) -> None:
        self._path.close()


def _ways(recipe: Recipe, loaded: Loaded) -> Iterator[_Way]:
    names: list[PathName] = ["cpu", "loader"]
    for name in names + (["device"] if loaded.device.type == "cuda" else []):
        yield _Way(name, recipe, loaded)


def _transfer_rate(loaded: Loaded, seconds: float) -> float:
    """Bytes a second of batches on their way to a GPU, as the loop sends them."""
    batch = loaded.dataset.train.images[:_TRANSFER_BATCH]
    copies, begun = 0, time.perf_counter()
    while copies == 0 or time.perf_counter() - begun < seconds:
        batch.to(loaded.device, non_blocking=True)
        torch.cuda.synchronize(loaded.device)
        copies += 1
    return copies * batch.nbytes / (time.perf_counter() - begun)


@dataclass
class _Others:
    """How many cores other programs keep busy, in the times that it is entered for."""

    _spent: float = 0.0
    _seconds: float = 0.0
    _begun: tuple[float, float] = field(default=(0.0, 0.0))

    def __enter__(self) -> None:
        self._begun = others_cpu_seconds(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._spent += others_cpu_seconds() - self._begun[0]
        self._seconds += time.perf_counter() - self._begun[1]

    @property
    def cores(self) -> float:
        return round(max(0.0, self._spent / self._seconds), 3)


def _facts(loaded: Loaded, recipe: Recipe, threads: int) -> MachineFacts:
    return MachineFacts(
        host=identity.host_name(),
        device=str(loaded.device),
        device_name=loaded.device_name,
        cpu_name=identity.cpu_name(),
        cores=identity.cores(),
        threads=threads,
        precision=recipe.machine.precision,
        speed=recipe.machine.speed,
        torch=str(torch.__version__),
        cnntop=metadata.version("cnntop"),
    )
