"""A training loop the way it is usually written: what cnntop is measured against.

Pictures through torchvision's transforms in a DataLoader, fp32, the figures read out in every
step. Nothing in it is slow on purpose and nothing is tuned.
"""

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from cnntop.core.recipe import Recipe
from cnntop.core.split import Split
from cnntop.core.training import models
from cnntop.core.training.augmentation import CROP_PADDING, Normalization
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.schedule import rate_factor

_TEST_BATCH = 100


class PicturesInMemory(TorchDataset[tuple[Any, int]]):
    """Pictures, made once: what the comparison leaves out is decoding files in every epoch."""

    def __init__(self, images: ImageSet, transform: transforms.Compose) -> None:
        self._pictures = [to_pil_image(image) for image in images.images]
        self._labels = images.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self._transform(self._pictures[index]), self._labels[index]


class PlainLoop:
    """Trains the recipe's network, made from the recipe's seed, on the dataset's images.

    It has the recipe's augmentation, batch size, rate, momentum, weight decay and schedule; one
    pass a batch and fp32 whatever the recipe says. `loss` and `accuracy` are means over the pass
    under way, as trained; `split` sums up where the time of the steps went.
    """

    def __init__(
        self, recipe: Recipe, dataset: Dataset, workers: int, device: torch.device
    ) -> None:
        train = recipe.train
        torch.manual_seed(train.seed)
        channels, image_size = dataset.train.images.shape[1:3]
        self.model = models.build(recipe.model, channels, len(dataset.classes), image_size)
        if isinstance(self.model, models.ShallowNet):
            self.model.pools_first = False  # layer by layer, as it is usually written
        self.model.to(device)
        self.split = Split()
        self.loss = self.accuracy = 0.0
        self._device = device
        self._criterion = nn.CrossEntropyLoss()
        self._optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=train.lr,
            momentum=train.momentum,
            weight_decay=train.weight_decay,
        )
        self._batches = training_batches(recipe, dataset.train, workers)
        normalize = _normalize(dataset.train)
        test = PicturesInMemory(
            dataset.test, transforms.Compose([transforms.ToTensor(), normalize])
        )
        self._test_batches: DataLoader[Any] = DataLoader(test, _TEST_BATCH, num_workers=workers)
        self._scheduler: LambdaLR | None = None
        if train.schedule != "constant":
            assert train.epochs is not None, "the schedule follows the epochs"
            steps = train.epochs * len(self._batches)
            self._scheduler = LambdaLR(
                self._optimizer, lambda step: rate_factor(train.schedule, step / steps)
            )

    def epoch(self) -> Iterator[int]:
        """Train an epoch, and yield after each step the number of its images."""
        self.model.train()
        running_loss, hits, seen = 0.0, 0, 0
        began = time.perf_counter()
        for images, labels in self._batches:
            ready = time.perf_counter()
            images, labels = images.to(self._device), labels.to(self._device)
            moved = time.perf_counter()
            self._optimizer.zero_grad()
            outputs = self.model(images)
            loss = self._criterion(outputs, labels)
            loss.backward()
            self._optimizer.step()
            if self._scheduler is not None:
                self._scheduler.step()
            running_loss += loss.item() * len(labels)
            hits += (outputs.argmax(1) == labels).sum().item()
            seen += len(labels)
            self.loss, self.accuracy = running_loss / seen, hits / seen
            computed = time.perf_counter()
            self.split += Split(ready - began, moved - ready, computed - moved)
            yield len(labels)
            began = time.perf_counter()

    @torch.no_grad()
    def evaluate(self) -> float:
        """Accuracy on the test set."""
        self.model.eval()
        hits = seen = 0
        for images, labels in self._test_batches:
            images, labels = images.to(self._device), labels.to(self._device)
            hits += int((self.model(images).argmax(1) == labels).sum().item())
            seen += len(labels)
        return hits / seen


def training_batches(recipe: Recipe, images: ImageSet, workers: int) -> "DataLoader[Any]":
    """Shuffled batches of augmented, normalised float32 images and labels.

    Workers are forked, as is the default up to Python 3.13. That is unsafe beside other threads of
    the process; a process that uses this has none but torch's own, which forking does not harm.
    """
    augmented = PicturesInMemory(images, _augmentation(recipe, images))
    return DataLoader(
        augmented,
        batch_size=recipe.data.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def _augmentation(recipe: Recipe, images: ImageSet) -> transforms.Compose:
    steps: list[Any] = []
    if "crop" in recipe.data.augment:
        height, width = images.images.shape[2:]
        steps.append(transforms.RandomCrop((height, width), padding=CROP_PADDING))
    if "hflip" in recipe.data.augment:
        steps.append(transforms.RandomHorizontalFlip())
    if "vflip" in recipe.data.augment:
        steps.append(transforms.RandomVerticalFlip())
    return transforms.Compose([*steps, transforms.ToTensor(), _normalize(images)])


def _normalize(images: ImageSet) -> transforms.Normalize:
    """With the statistics of `images`, the training set's."""
    of_bytes = Normalization(images.images)
    return transforms.Normalize((of_bytes.mean / 255).tolist(), (of_bytes.deviation / 255).tolist())
