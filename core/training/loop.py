"""The training loop: one pass after the other until the recipe's limit, telling what it does.

Nothing in here waits for a reader. Figures are summed on the device and read out a few times a
second; a read-out per step would stop the GPU each time.
"""

import time
from pathlib import Path

import torch

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
from cnntop.core.fix import Fix
from cnntop.core.training.batches import Batch
from cnntop.core.training.checkpoint import save_weights
from cnntop.core.training.fixes import Fixes
from cnntop.core.training.memory import memory_watched
from cnntop.core.training.preparation import Prepared
from cnntop.core.training.schedule import rate_factor
from cnntop.core.training.step_clock import StepClock, step_clock
from cnntop.core.training.tally import Detail, EpochTally, PreparationSums, StepSums

READOUT_SECONDS = 0.25
EVALUATION_BATCH = {"cpu": 100, "cuda": 1000}
"""By device. On a CPU larger batches fall out of its caches: measured 3,000 to 4,500 images/s of
ShallowNet 32 on one core at 100 to 250, 2,300 at 1,000."""


class TrainingLoop:
    """Trains `prepared` and emits what happens. `run` returns how it ended."""

    def __init__(
        self, prepared: Prepared, control: Control, sink: Sink, folder: Path,
        clock: StepClock | None = None,
    ) -> None:  # fmt: skip
        self._p = prepared
        self._control = control
        self._sink = sink
        self._folder = folder
        self._clock = clock or step_clock(prepared.device)
        self._sums = StepSums(prepared.device)
        self._preparation = PreparationSums()
        self._fixes = Fixes(prepared)
        self._step = 0
        self._steps_read = 0
        self._lr = prepared.recipe.train.lr
        self._passes = prepared.recipe.train.passes
        self._limit_seconds = prepared.recipe.train.time_limit_seconds
        self._paused_seconds = 0.0
        self._best: float | None = None

    def run(self) -> Status:
        """Train to the end. Raises DivergedError, OutOfMemoryError, OSError (no room on disk)."""
        with memory_watched(self._p.recipe, "training"):
            return self._run()

    def _run(self) -> Status:
        self._began = self._readout_at = time.monotonic()
        self._clock.start()
        epoch, over = 0, self._over(0)
        while not over:
            epoch += 1
            over = self._train_epoch(epoch)
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
        limit = self._limit_seconds
        return limit is not None and self._trained_seconds() >= limit

    def _trained_seconds(self) -> float:
        return time.monotonic() - self._began - self._paused_seconds

    def _train_epoch(self, epoch: int) -> bool:
        """Whether the run is over with it."""
        self._p.network.model.train()
        tally = EpochTally(epoch)
        batches = self._p.batches.epoch(epoch)
        self._clock.outside()  # writing down the epoch before is no waiting for a batch
        while True:
            self._clock.begin_batch()
            batch = next(batches, None)
            self._clock.lap("wait")
            if batch is None:
                break
            self._train_batch(batch)
            tally.batches += 1
            due = self._readout_due(tally)
            self._clock.lap("other")
            if due or self._control.wanted:
                self._read_out(tally)
                if (fix := self._control.take_fix()) and self._fix(fix):
                    batches = self._p.batches.epoch(epoch, tally.batches)
                if self._control.paused:
                    self._pause()
            if self._control.stop_status or self._time_is_up():
                break
        self._read_out(tally)
        return self._finish_epoch(tally)

    def _finish_epoch(self, tally: EpochTally) -> bool:
        last = self._over(tally.epoch)
        evaluated_from = self._trained_seconds()
        test = self._evaluate() if self._evaluation_due(tally.epoch, last) else None
        tally.evaluation_seconds = self._trained_seconds() - evaluated_from if test else None
        if test and (self._best is None or test[1] > self._best):
            self._best = test[1]
            self._save("best.pt", tally.epoch, test[1])
        self._clock.outside()
        tally.split += self._clock.read().split
        finished = tally.finished(self._step, self._lr, test)
        self._sink.emit(finished)
        if finished.images == len(self._p.dataset.train):
            self._fixes.finished_pass(finished.images, finished.epoch_seconds)
        self._tell_fix()
        if test:
            # Weights that broke in the very last step show only here.
            self._require_finite(test[0])
        # Where the time ran out only after `last` was asked, an epoch without an evaluation cannot
        # be the last one: the next one is cut short and evaluated.
        return last or self._control.cancelled() or (test is not None and self._time_is_up())

    def _evaluation_due(self, epoch: int, last: bool) -> bool:
        if self._control.stop_status:
            return False
        return last or epoch % self._fixes.evaluate_every == 0

    def _train_batch(self, batch: Batch) -> None:
        device, network, clock = self._p.device, self._p.network, self._clock
        images = batch.images.to(device, non_blocking=True)
        labels = batch.labels.to(device, non_blocking=True)
        clock.lap("transfer")
        for number in range(self._passes):
            self._set_rate()
            loss, logits = network.forward(images, labels)
            clock.lap("forward")
            network.backward(loss)
            clock.lap("backward")
            network.update()
            clock.lap("optimizer")
            self._step += 1
            if number == 0:  # the later passes know the batch already: their figures would flatter
                self._sums.add(loss, logits, labels)
                self._preparation.add(batch)
            if number < self._passes - 1:
                clock.lap("other")

    def _set_rate(self) -> None:
        train = self._p.recipe.train
        if train.schedule == "constant":
            return
        if self._limit_seconds is not None:
            progress = self._trained_seconds() / self._limit_seconds
        else:
            assert train.epochs is not None
            progress = self._step / (train.epochs * self._p.steps_per_epoch)
        self._lr = train.lr * rate_factor(train.schedule, progress)
        self._p.network.set_rate(self._lr)

    def _read_out(self, tally: EpochTally) -> None:
        self._clock.end_batches()
        loss, hits, images = self._sums.take()
        self._clock.outside()
        self._readout_at = time.monotonic()
        measured = self._clock.read()
        split = measured.split
        tally.split += split
        steps, self._steps_read = self._step - self._steps_read, self._step
        if steps == 0:
            return
        detail = Detail.of(measured, *self._preparation.take(split.wait))
        tally.detail.add(detail)
        tally.loss += loss
        tally.hits += hits
        tally.images += images
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
                **vars(detail),
            )
        )
        self._fixes.stretch(images, split.seconds)
        self._tell_fix()
        self._clock.outside()  # the log's write, which the next batch does not wait for
        self._require_finite(loss)

    def _fix(self, fix: Fix) -> bool:
        """Whether it was applied; the way to augment may be another one then."""
        applied = self._fixes.apply(fix, self._step)
        if applied is not None:
            self._sink.emit(applied)
        self._clock.outside()
        return applied is not None

    def _tell_fix(self) -> None:
        measured = self._fixes.measured(self._step)
        if measured is not None:
            self._sink.emit(measured)

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
        passes = self._p.recipe.train.passes
        left = self._p.steps_per_epoch - tally.batches * passes
        return left >= (self._step - self._steps_read) // 2

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
        self._p.network.model.eval()
        sums = StepSums(device)
        size = EVALUATION_BATCH[device.type]
        for start in range(0, len(test), size):
            if self._control.paused:
                self._clock.outside()
                self._pause()
            if self._control.stop_status:
                return None
            images = test.images[start : start + size].to(device)
            labels = test.labels[start : start + size].to(device)
            loss, logits = self._p.network.forward(images, labels)
            sums.add(loss, logits, labels)
            meter.advance(len(labels))
        loss_sum, hits, images_seen = sums.take()
        return loss_sum / images_seen, hits / images_seen

    def _save(self, name: str, epoch: int, test_accuracy: float | None) -> None:
        facts: dict[str, object] = {
            "model_label": self._p.recipe.model.label,
            "epoch": epoch,
            "step": self._step,
            "test_accuracy": test_accuracy,
            "classes": list(self._p.dataset.classes),
        }
        path = save_weights(self._folder, name, self._p.network.model, facts)
        self._sink.emit(CheckpointSaved(path, epoch, test_accuracy))
