"""Everything between a recipe and the first step."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from cnntop.core.errors import UsageError
from cnntop.core.events import Activity
from cnntop.core.feed import Sink
from cnntop.core.recipe import Recipe
from cnntop.core.training import device as devices
from cnntop.core.training import models
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import BatchSource, ResidentBatches
from cnntop.core.training.datasets import Dataset, load
from cnntop.core.training.memory import memory_watched


@dataclass
class Prepared:
    """A run ready to take its first step."""

    recipe: Recipe
    dataset: Dataset
    model: nn.Module
    optimizer: torch.optim.SGD
    device: torch.device
    batches: BatchSource
    normalization: Normalization

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.dataset.train) // self.recipe.data.batch_size)

    @property
    def parameters(self) -> int:
        return models.parameter_count(self.model)

    @property
    def threads(self) -> int:
        return torch.get_num_threads()

    @property
    def device_name(self) -> str:
        return devices.device_name(self.device)

    @property
    def gpu_uuid(self) -> str | None:
        return devices.gpu_uuid(self.device)


def prepare(recipe: Recipe, sink: Sink, cancelled: Callable[[], bool]) -> Prepared:
    """Load the dataset, build the network, put both where the run trains.

    Call it in the thread that will train. Raises UsageError for a device that is not there or a
    batch larger than the dataset, DatasetError for a dataset that is not to be had, Cancelled.
    """
    if recipe.machine.threads is not None:
        torch.set_num_threads(recipe.machine.threads)
    device = devices.choose(recipe.machine.device)
    if device.type == "cuda":
        # Streams and events belong to the thread's current device.
        torch.cuda.set_device(device)
    data = recipe.data
    folder = None if data.dir is None else Path(data.dir)
    with memory_watched(recipe, "loading the images"):
        dataset = load(data.dataset, folder, data.image_size, sink, cancelled)
    if data.batch_size > len(dataset.train):
        raise UsageError(
            f"data.batch_size: {data.batch_size:,} is more than the {len(dataset.train):,} "
            f"training images of {dataset.name}. Use --batch-size {len(dataset.train)} or less."
        )
    sink.emit(Activity(f"building {recipe.model.label}"))
    with memory_watched(recipe, "building the network"):
        return _build(recipe, dataset, device)


def _build(recipe: Recipe, dataset: Dataset, device: torch.device) -> Prepared:
    torch.manual_seed(recipe.train.seed)
    channels, image_size = dataset.train.images.shape[1:3]
    model = models.build(recipe.model, channels, len(dataset.classes), image_size).to(device)
    normalization = Normalization(dataset.train.images)
    batches = batch_source(recipe, dataset, normalization, device)
    normalization.to(device)
    return Prepared(recipe, dataset, model, _sgd(recipe, model), device, batches, normalization)


def _sgd(recipe: Recipe, model: nn.Module) -> torch.optim.SGD:
    """Made here and not in the loop: torch's first optimiser takes seconds to import, which are
    no training time."""
    train = recipe.train
    return torch.optim.SGD(
        model.parameters(), lr=train.lr, momentum=train.momentum, weight_decay=train.weight_decay
    )


def batch_source(
    recipe: Recipe,
    dataset: Dataset,
    normalization: Normalization,
    device: torch.device,
) -> BatchSource:
    """The source for the recipe's `augment_on`; "auto" augments where the network trains."""
    data, seed = recipe.data, recipe.train.seed
    if data.augment_on == "loader":
        # Imported here because torchvision's transforms take a second to import.
        from cnntop.core.training.loader import LoaderBatches

        return LoaderBatches(dataset.train, data, seed, normalization, device)
    augment_on = data.augment_on
    if augment_on == "auto":
        augment_on = "device" if device.type == "cuda" else "cpu"
    where = device if augment_on == "device" else torch.device("cpu")
    return ResidentBatches(dataset.train, data, seed, where, augment_on)
