"""Sums over steps and over a pass, on their way to becoming events."""

import torch

from cnntop.core.events import EpochFinished, finite
from cnntop.core.split import Split


class StepSums:
    """Loss, hits and images since the last reading; loss and hits stay on the device."""

    def __init__(self, device: torch.device) -> None:
        self._totals = torch.zeros(2, dtype=torch.float64, device=device)
        self.images = 0
        self.steps = 0

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        count = len(labels)
        self._totals[0] += loss.detach() * count
        self._totals[1] += (logits.detach().argmax(1) == labels).sum()
        self.images += count
        self.steps += 1

    def take(self) -> tuple[float, float, int, int]:
        """Sum of losses, hits, images, steps; waits for the device, then begins anew."""
        loss, hits = self._totals.tolist()
        taken = loss, hits, self.images, self.steps
        self._totals.zero_()
        self.images = self.steps = 0
        return taken


class EpochTally:
    """Sums over one pass, closed into an `EpochFinished`."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.loss = 0.0
        self.hits = 0.0
        self.images = 0
        self.steps = 0
        self.split = Split()
        self.evaluation_seconds: float | None = None

    def finished(self, step: int, lr: float, test: tuple[float, float] | None) -> EpochFinished:
        test_loss, test_accuracy = test or (None, None)
        return EpochFinished(
            epoch=self.epoch,
            step=step,
            images=self.images,
            lr=lr,
            train_loss=finite(self.loss / self.images) if self.images else None,
            train_accuracy=self.hits / self.images if self.images else None,
            test_loss=None if test_loss is None else finite(test_loss),
            test_accuracy=test_accuracy,
            epoch_seconds=self.split.seconds,
            evaluation_seconds=self.evaluation_seconds,
            wait_seconds=self.split.wait,
            transfer_seconds=self.split.transfer,
            compute_seconds=self.split.compute,
            other_seconds=self.split.other,
        )
