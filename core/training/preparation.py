"""Everything between a recipe and the first step."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from cnntop.core.errors import UsageError
from cnntop.core.events import Activity, AugmentationTried
from cnntop.core.feed import Sink
from cnntop.core.machine.allocator import keep_freed_memory
from cnntop.core.machine.identity import cores
from cnntop.core.model_option import ModelCode, ModelSource
from cnntop.core.recipe import Recipe
from cnntop.core.training import device as devices
from cnntop.core.training import models
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import BatchSource, ResidentBatches
from cnntop.core.training.computation import chosen
from cnntop.core.training.datasets import Dataset, ImageSet, load
from cnntop.core.training.evaluation import VIEWS_REMARK
from cnntop.core.training.foreign_model import LoadedCode, load_code, torchvision_builder
from cnntop.core.training.limits import multiply_adds_of, tell_limits
from cnntop.core.training.memory import memory_watched
from cnntop.core.training.network import Computation, Network
from cnntop.core.training.speednet import SpeedNet
from cnntop.core.training.trial import try_out

_LOADER_WORTH_TRYING = 0.1
"""Share of a step. Less than this waiting is not worth the seconds that workers take to start."""


@dataclass
class Prepared:
    """A run ready to take its first step. `reasons` say why `auto` augments where it does, why a
    fast network is computed as it is, and what an accuracy by several views is. `model_source` is
    there for a network from code; `multiply_adds` are those of an answer to one image, None where
    they cannot be counted."""

    recipe: Recipe
    dataset: Dataset
    network: Network
    device: torch.device
    sources: "Sources"
    batches: BatchSource
    reasons: tuple[str, ...] = ()
    model_source: ModelSource | None = None
    multiply_adds: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps, of which there are `passes` for each batch."""
        batches = -(-len(self.dataset.train) // self.recipe.data.batch_size)
        return batches * self.recipe.train.passes

    @property
    def parameters(self) -> int:
        return models.parameter_count(self.network.model)

    @property
    def threads(self) -> int:
        return torch.get_num_threads()

    def computation(self) -> dict[str, Any]:
        """How the network is computed now, as a checkpoint keeps it."""
        return asdict(replace(self.network.computation, threads=self.threads))

    @property
    def device_name(self) -> str:
        return devices.device_name(self.device)

    @property
    def gpu_uuid(self) -> str | None:
        return devices.gpu_uuid(self.device)

    def augment_elsewhere(self, augment_on: str) -> None:
        """Take the batches from another source from now on."""
        self.batches.close()
        self.batches = self.sources.make(augment_on)


@dataclass
class Sources:
    """Makes the source of batches for any way to augment."""

    recipe: Recipe
    dataset: Dataset
    normalization: Normalization
    device: torch.device
    moved: ImageSet | None = None
    """The training images on the device, once a source has asked for them there."""

    def make(self, augment_on: str) -> BatchSource:
        data, seed = self.recipe.data, self.recipe.train.seed
        if augment_on == "loader":
            if self.dataset.train.mapped:
                raise UsageError(
                    "data.augment_on: loader keeps the images in shared memory, and these are more "
                    "than memory holds; use --set augment_on=cpu."
                )
            # Imported here because torchvision's transforms take a second to import.
            from cnntop.core.training.loader import LoaderBatches, Pictures

            images = self.dataset.train
            pictures = Pictures(images, data, self.normalization)
            return LoaderBatches(pictures, len(images), data, seed, self.device)
        if augment_on == "cpu":
            images = self.dataset.train
            return ResidentBatches(images, data, seed, torch.device("cpu"), augment_on)
        self.moved = self.moved or self.dataset.train.to(self.device)
        return ResidentBatches(self.moved, data, seed, self.device, augment_on)

    def in_process(self) -> list[str]:
        """The ways that need no workers, the likelier first."""
        if self.device.type == "cpu":
            return ["cpu"]
        fits = self.moved is not None or _fits(self.dataset.train, self.device)
        return ["device", "cpu"] if fits else ["cpu"]


def _fits(images: ImageSet, gpu: torch.device) -> bool:
    """Whether they leave enough of the GPU's memory to train in."""
    free_bytes, _ = torch.cuda.mem_get_info(gpu)
    return images.images.numel() < free_bytes / 2


def prepare(
    recipe: Recipe, sink: Sink, cancelled: Callable[[], bool],
    checkpoint: dict[str, Any] | None = None, code: ModelCode | None = None,
) -> Prepared:  # fmt: skip
    """Load the dataset, build the network (`code`'s, if there is some), put both where the run
    trains, try out how to augment and how to compute; to go on from `checkpoint` compute as until
    then.

    Call it in the thread that will train. Raises UsageError for a device that is not there, a batch
    larger than the dataset or a network that cannot be had, DatasetError for a dataset that is not
    to be had, Cancelled.
    """
    if recipe.machine.threads is not None:
        torch.set_num_threads(recipe.machine.threads)
    device = devices.choose(recipe.machine.device)
    if device.type == "cuda":
        # Streams and events belong to the thread's current device.
        torch.cuda.set_device(device)
    # Before the dataset, so that a mistake costs no download.
    loaded = None if code is None else load_code(code)
    if recipe.model.name == "torchvision":
        torchvision_builder(str(recipe.model.architecture))
    data = recipe.data
    folder = None if data.dir is None else Path(data.dir)
    with memory_watched(recipe, "loading the images"):
        dataset = load(data.dataset, folder, data.image_size, sink, cancelled)
    if data.batch_size > len(dataset.train):
        raise UsageError(
            f"data.batch_size: {data.batch_size:,} is more than the {len(dataset.train):,} "
            f"training images of {dataset.name}. Use --batch-size {len(dataset.train)} or less."
        )
    keep_freed_memory()  # only now: what loading took shall not stay
    sink.emit(Activity(f"building {recipe.model.label}"))
    with memory_watched(recipe, "building the network"):
        computation = None if checkpoint is None else Computation(**checkpoint["computation"])
        return build(recipe, dataset, device, sink, cancelled, computation, loaded)


def build(
    recipe: Recipe, dataset: Dataset, device: torch.device, sink: Sink,
    cancelled: Callable[[], bool], computation: Computation | None = None,
    code: LoadedCode | None = None,
) -> Prepared:  # fmt: skip
    """The part of `prepare` after the dataset is there, and torch has its number of threads."""
    torch.manual_seed(recipe.train.seed)
    channels, image_size = dataset.train.images.shape[1:3]
    size = channels, len(dataset.classes), image_size
    model = models.build(recipe.model, *size) if code is None else code.build(*size)
    multiply_adds = multiply_adds_of(model, dataset.train.images.shape[1:])
    normalization = Normalization(dataset.train.images)
    if isinstance(model, SpeedNet):
        model.whiten(dataset.train.images, normalization)
    network = Network(model, normalization, recipe.train, device)
    sources = Sources(recipe, dataset, normalization, device)
    why_computed = ""
    if computation is None:
        tried = sources.make(sources.in_process()[0])
        computation, why_computed = chosen(recipe, network, tried, sink, cancelled)
        tried.close()
    torch.set_num_threads(computation.threads)
    torch.backends.cudnn.benchmark = computation.graphs  # tries out its ways as well
    network = Network(model, normalization, recipe.train, device, computation)
    tell_limits(sink, network, dataset.train.images.shape[1:], recipe)
    batches, why_augmented = _chosen(sources, network, sink, cancelled)
    if batches.augment_on != "device":
        sources.moved = None  # the network may need the room
    if device.type == "cuda" and _fits(dataset.test, device):
        dataset = replace(dataset, test=dataset.test.to(device))  # every evaluation reads all
    views = VIEWS_REMARK[recipe.train.test_views]
    reasons = tuple(reason for reason in (why_computed, why_augmented, views) if reason)
    source = None if code is None else code.source
    return Prepared(
        recipe, dataset, network, device, sources, batches, reasons, source, multiply_adds
    )


def _chosen(
    sources: Sources, network: Network, sink: Sink, cancelled: Callable[[], bool]
) -> tuple[BatchSource, str]:
    """The source for the recipe's `augment_on`, and the reason if that is "auto".

    Ways which the recipe does not ask for are tried out all the same where they could be faster,
    so that a verdict can tell by how much.
    """
    wanted = sources.recipe.data.augment_on
    trials: dict[str, AugmentationTried] = {}
    made: dict[str, BatchSource] = {}

    def try_on(augment_on: str) -> None:
        sink.emit(Activity(f"trying augmentation on {augment_on}"))
        made[augment_on] = sources.make(augment_on)
        trials[augment_on] = try_out(made[augment_on], network, cancelled)
        sink.emit(trials[augment_on])

    on_cpu_already = network.device.type == "cpu" and wanted in ("cpu", "device")
    for augment_on in sources.in_process():
        if augment_on != wanted and not on_cpu_already:
            try_on(augment_on)
    if wanted != "auto":
        return sources.make(wanted), ""
    fewest_seconds = min(_step_seconds(trial) for trial in trials.values())
    least_wait = min(trial.wait_seconds for trial in trials.values())
    spare_cores = cores() - torch.get_num_threads()
    may_wait = sources.dataset.train.mapped or spare_cores <= 1
    if least_wait > _LOADER_WORTH_TRYING * fewest_seconds and not may_wait:
        try_on("loader")
    best = min(trials, key=lambda name: _step_seconds(trials[name]))
    for augment_on, source in made.items():
        if augment_on != best:
            source.close()
    return made[best], _reason(best, trials)


def _step_seconds(trial: AugmentationTried) -> float:
    return trial.wait_seconds + trial.transfer_seconds + trial.compute_seconds


def _reason(best: str, trials: dict[str, AugmentationTried]) -> str:
    steps = {name: f"{1e3 * _step_seconds(trial):.3g} ms" for name, trial in trials.items()}
    others = [f"{steps[name]} on {name}" for name in trials if name != best]
    wait = trials[best].wait_seconds / _step_seconds(trials[best])
    tried = f" ({', '.join(others)})" if others else ""
    return (
        f"augmentation on {best}: a step of {steps[best]} in the trial{tried}, "
        f"of which {100 * wait:.2g} % wait for its batch"
        + ("" if "loader" in trials else ", the most that workers could hide")
    )
