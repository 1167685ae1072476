"""The two shapes that every dataset is handed over in."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class ImageSet:
    """One split. `images` is uint8 [N, C, H, W], `labels` int64 [N], both on the CPU as loaded.

    Images that are `mapped` lie in a file and are read as they are asked for; they are not to be
    written to.
    """

    images: torch.Tensor
    labels: torch.Tensor
    mapped: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "ImageSet":
        """The same where they are there already, else a copy in that device's memory."""
        if self.images.device == device:
            return self
        return ImageSet(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """A training and a test split with the same classes, channels and size.

    `name` is what the summary shows: `cifar10`, `shapes`, `folder:flowers`.
    """

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    test: ImageSet
