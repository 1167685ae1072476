"""Sums over steps and over a pass, on their way to becoming events."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from cnntop.core.events import EpochFinished, finite
from cnntop.core.split import Split
from cnntop.core.training.batches import Batch
from cnntop.core.training.step_clock import Measured

_KEPT_STEPS = 256


class StepSums:
    """Loss, hits and images since the last reading.

    A step only puts its loss and logits aside, which costs it next to nothing; the sums are made
    on the device when they are read, or when many have gathered.
    """

    def __init__(self, device: torch.device) -> None:
        self._totals = torch.zeros(2, dtype=torch.float64, device=device)
        self._kept: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        self.images = 0

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Mean loss (scalar), logits [N, classes] and labels [N] of N images."""
        self._kept.append((loss.detach(), logits.detach(), labels))
        self.images += len(labels)
        if len(self._kept) == _KEPT_STEPS:
            self._sum_up()

    def take(self) -> tuple[float, float, int]:
        """Sum of losses, hits, images; waits for the device, then begins anew."""
        self._sum_up()
        loss, hits = self._totals.tolist()
        taken = loss, hits, self.images
        self._totals.zero_()
        self.images = 0
        return taken

    def _sum_up(self) -> None:
        if not self._kept:
            return
        losses, logits, labels = zip(*self._kept, strict=True)
        counts = torch.tensor([len(one) for one in labels], dtype=torch.float64)
        every_loss = torch.stack(losses).double()
        self._totals[0] += every_loss @ counts.to(every_loss.device, non_blocking=True)
        self._totals[1] += (torch.cat(logits).argmax(1) == torch.cat(labels)).sum()
        self._kept.clear()


class PreparationSums:
    """When batches were prepared, side by side counted once, and what CPU time that took."""

    def __init__(self) -> None:
        self._covered_until = float("-inf")
        self._seconds: float | None = None
        self._cpu_seconds = 0.0
        self._cpu_images = 0
        self._cpu_seconds_per_image: float | None = None

    def add(self, batch: Batch) -> None:
        """Take the times of `batch`, if it has any."""
        if batch.cpu_seconds is not None:
            self._cpu_seconds += batch.cpu_seconds
            self._cpu_images += len(batch.labels)
        if batch.begun_seconds is None or batch.ready_seconds is None:
            return
        # Batches come in the order in which their preparation began, or nearly so.
        begun = max(batch.begun_seconds, self._covered_until)
        self._seconds = (self._seconds or 0.0) + max(0.0, batch.ready_seconds - begun)
        self._covered_until = max(self._covered_until, batch.ready_seconds)

    def take(self, wait_seconds: float, images: int) -> tuple[float | None, float | None]:
        """Hidden wait, given the exposed wait of the same batches, and CPU seconds of all their
        `images`; None where not measured. Begins anew.

        CPU seconds are those of the batches that were timed, by image; where none was, as much an
        image as before.
        """
        if self._cpu_images:
            self._cpu_seconds_per_image = self._cpu_seconds / self._cpu_images
        seconds, per_image = self._seconds, self._cpu_seconds_per_image
        self._seconds, self._cpu_seconds, self._cpu_images = None, 0.0, 0
        hidden = None if seconds is None else max(0.0, seconds - wait_seconds)
        return hidden, None if per_image is None else per_image * images


@dataclass
class Detail:
    """Figures of a stretch or a pass beyond its split; None is what was not measured."""

    hidden_wait_seconds: float | None = None
    augment_cpu_seconds: float | None = None
    forward_seconds: float | None = None
    backward_seconds: float | None = None
    optimizer_seconds: float | None = None
    launch_gap_seconds: float | None = None

    @classmethod
    def of(cls, measured: Measured, hidden: float | None, cpu: float | None) -> "Detail":
        return cls(
            hidden,
            cpu,
            measured.forward_seconds,
            measured.backward_seconds,
            measured.optimizer_seconds,
            measured.launch_gap_seconds,
        )

    def sharing(self, compute_seconds: float) -> "Detail":
        """With forward, backward and optimiser as shares of all of `compute_seconds`: a short
        stretch may have had no step in which they were sampled."""
        names = ("forward_seconds", "backward_seconds", "optimizer_seconds")
        sampled = {name: getattr(self, name) or 0.0 for name in names}
        known = sum(sampled.values())
        if known <= 0:
            return self
        scaled = {name: seconds * compute_seconds / known for name, seconds in sampled.items()}
        return replace(self, **scaled)

    def add(self, more: "Detail") -> None:
        for name, seconds in vars(more).items():
            if seconds is not None:
                setattr(self, name, (getattr(self, name) or 0.0) + seconds)


class EpochTally:
    """Sums over one pass, closed into an `EpochFinished`."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.loss = 0.0
        self.hits = 0.0
        self.images = 0
        self.batches = 0
        self.split = Split()
        self.detail = Detail()
        self.evaluation_seconds: float | None = None

    def state(self) -> dict[str, Any]:
        """As plain values, for a checkpoint in the middle of the pass."""
        return {
            "epoch": self.epoch,
            "batches": self.batches,
            "loss": self.loss,
            "hits": self.hits,
            "images": self.images,
            "split": self.split.parts(),
            "detail": dict(vars(self.detail)),
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "EpochTally":
        """What `state` gave."""
        tally = cls(state["epoch"])
        tally.batches, tally.images = state["batches"], state["images"]
        tally.loss, tally.hits = state["loss"], state["hits"]
        tally.split, tally.detail = Split(**state["split"]), Detail(**state["detail"])
        return tally

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
            **vars(self.detail.sharing(self.split.compute)),
        )
