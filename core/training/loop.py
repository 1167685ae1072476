"""The training loop: one pass after the other until the recipe's limit, telling what it does.

Nothing in here waits for a reader. Figures are summed on the device and read out a few times a
second; a read-out per step would stop the GPU each time.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.nn import functional

from cnntop.core.control import Control
from cnntop.core.errors import DivergedError
from cnntop.core.events import (
    CheckpointSaved,
    Paused,
    Resumed,
    Status,
    StepsMeasured,
    finite,
)
from cnntop.core.feed import ActivityMeter, Sink
from cnntop.core.training.batches import Batch
from cnntop.core.training.checkpoint import save_weights
from cnntop.core.training.memory import memory_watched
from cnntop.core.training.preparation import Prepared
from cnntop.core.training.schedule import rate_factor
from cnntop.core.training.step_clock import step_clock
from cnntop.core.training.tally import EpochTally, StepSums

READOUT_SECONDS = 0.25
EVALUATION_BATCH = {"cpu": 100, "cuda": 1000}
"""By device. On a CPU larger batches fall out of its caches: measured 3,000 to 4,500 images/s of
ShallowNet 32 on one core at 100 to 250, 2,300 at 1,000."""


class TrainingLoop:
    """Trains `prepared` and emits what happens. `run` returns how it ended."""

    def __init__(self, prepared: Prepared, control: Control, sink: Sink, folder: Path) -> None:
        self._p = prepared
        self._control = control
        self._sink = sink
        self._folder = folder
        self._clock = step_clock(prepared.device)
        self._sums = StepSums(prepared.device)
        self._autocast = torch.autocast(
            prepared.device.type,
            dtype=torch.bfloat16,
            enabled=prepared.recipe.machine.precision == "bf16",
        )
        self._step = 0
        self._lr = prepared.recipe.train.lr
        self._paused_seconds = 0.0
        self._best: float | None = None

    def run(self) -> Status:
        """Train to the end. Raises DivergedError, OutOfMemoryError, OSError (no room on disk)."""
        with memory_watched(self._p.recipe, "training"):
            return self._run()

    def _run(self) -> Status:
        self._began = self._readout_at = time.monotonic()
        self._clock.start()
        epoch = 0
        while not self._over(epoch):
            epoch += 1
            self._train_epoch(epoch)
        self._save("last.pt", epoch, None)
        return self._control.stop_status or "finished"

    def _over(self, epochs_done: int) -> bool:
        if self._control.stop_status:
            return True
        train = self._p.recipe.train
        if train.epochs is not None:
            return epochs_done >= train.epochs
        return self._time_is_up()

    def _time_is_up(self) -> bool:
        limit = self._p.recipe.train.time_limit_seconds
        return limit is not None and self._trained_seconds() >= limit

    def _trained_seconds(self) -> float:
        return time.monotonic() - self._began - self._paused_seconds

    def _train_epoch(self, epoch: int) -> None:
        self._p.model.train()
        batches = self._p.batches.epoch(epoch)
        tally = EpochTally(epoch)
        self._clock.lap("other")  # writing down the epoch before is no waiting for a batch
        while (batch := self._next(batches)) is not None:
            self._train_step(batch)
            if self._readout_due(tally):
                self._read_out(tally)
            if self._control.paused:
                self._read_out(tally)
                self._pause()
            if self._control.stop_status or self._time_is_up():
                break
        self._read_out(tally)
        evaluated_from = self._trained_seconds()
        test = None if self._control.stop_status else self._evaluate()
        tally.evaluation_seconds = self._trained_seconds() - evaluated_from if test else None
        if test and (self._best is None or test[1] > self._best):
            self._best = test[1]
            self._save("best.pt", epoch, test[1])
        self._clock.lap("other")
        tally.split += self._clock.read()
        self._sink.emit(tally.finished(self._step, self._lr, test))
        if test:
            # Weights that broke in the very last step show only here.
            self._require_finite(test[0])

    def _next(self, batches: Iterator[Batch]) -> Batch | None:
        batch = next(batches, None)
        self._clock.lap("wait")
        return batch

    def _train_step(self, batch: Batch) -> None:
        device = self._p.device
        images, labels = (tensor.to(device, non_blocking=True) for tensor in batch)
        self._clock.lap("transfer")
        self._set_rate()
        with self._autocast:
            logits = self._p.model(self._as_input(images))
            loss = functional.cross_entropy(logits, labels)
        self._p.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._p.optimizer.step()
        self._clock.lap("compute")
        self._sums.add(loss, logits, labels)
        self._step += 1
        self._clock.lap("other")

    def _as_input(self, images: torch.Tensor) -> torch.Tensor:
        return self._p.normalization(images) if images.dtype == torch.uint8 else images

    def _set_rate(self) -> None:
        train = self._p.recipe.train
        limit = train.time_limit_seconds
        if limit is not None:
            progress = self._trained_seconds() / limit
        else:
            assert train.epochs is not None
            progress = self._step / (train.epochs * self._p.steps_per_epoch)
        self._lr = train.lr * rate_factor(train.schedule, progress)
        for group in self._p.optimizer.param_groups:
            group["lr"] = self._lr

    def _read_out(self, tally: EpochTally) -> None:
        loss, hits, images, steps = self._sums.take()
        self._clock.lap("other")
        self._readout_at = time.monotonic()
        split = self._clock.read()
        tally.split += split
        if steps == 0:
            return
        tally.loss += loss
        tally.hits += hits
        tally.images += images
        tally.steps += steps
        self._sink.emit(
            StepsMeasured(
                epoch=tally.epoch,
                step=self._step,
                steps=steps,
                images=images,
                loss=finite(loss / images),
                accuracy=hits / images,
                lr=self._lr,
                wait_seconds=split.wait,
                transfer_seconds=split.transfer,
                compute_seconds=split.compute,
                other_seconds=split.other,
            )
        )
        self._clock.lap("other")  # the log's write, which the next batch does not wait for
        self._require_finite(loss)

    def _require_finite(self, loss: float) -> None:
        if finite(loss) is None:
            raise DivergedError(
                f"the loss is no longer finite at step {self._step:,}. "
                f"Try a smaller learning rate than {self._p.recipe.train.lr:g} (--lr)."
            )

    def _readout_due(self, tally: EpochTally) -> bool:
        """Whether enough time has passed. A pass's last steps wait for its end, so that no stretch
        is so short that its mean loss is mostly noise."""
        if time.monotonic() - self._readout_at < READOUT_SECONDS:
            return False
        left = self._p.steps_per_epoch - tally.steps - self._sums.steps
        return left >= self._sums.steps // 2

    def _pause(self) -> None:
        paused_at = time.monotonic()
        self._sink.emit(Paused())
        self._control.wait_while_paused()
        paused = time.monotonic() - paused_at
        self._paused_seconds += paused
        self._sink.emit(Resumed(paused))
        self._clock.start()

    @torch.inference_mode()
    def _evaluate(self) -> tuple[float, float] | None:
        """Mean loss and accuracy on the test set, or None if a stop came in between."""
        test, device = self._p.dataset.test, self._p.device
        meter = ActivityMeter(self._sink, "evaluating", len(test), "images")
        self._p.model.eval()
        sums = StepSums(device)
        size = EVALUATION_BATCH[device.type]
        for start in range(0, len(test), size):
            if self._control.paused:
                self._clock.lap("other")
                self._pause()
            if self._control.stop_status:
                return None
            images = test.images[start : start + size].to(device)
            labels = test.labels[start : start + size].to(device)
            with self._autocast:
                logits = self._p.model(self._as_input(images))
                loss = functional.cross_entropy(logits, labels)
            sums.add(loss, logits, labels)
            meter.advance(len(labels))
        loss_sum, hits, images_seen, _ = sums.take()
        return loss_sum / images_seen, hits / images_seen

    def _save(self, name: str, epoch: int, test_accuracy: float | None) -> None:
        facts: dict[str, object] = {
            "model_label": self._p.recipe.model.label,
            "epoch": epoch,
            "step": self._step,
            "test_accuracy": test_accuracy,
            "classes": list(self._p.dataset.classes),
        }
        path = save_weights(self._folder, name, self._p.model, facts)
        self._sink.emit(CheckpointSaved(path, epoch, test_accuracy))
