"""The training loop: one pass after the other until the recipe's limit, telling what it does.

Nothing in here waits for a reader. Figures are summed on the device and read out a few times a
second; a read-out per step would stop the GPU each time.
"""

import time
from collections.abc import Iterator
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
from cnntop.core.training.checkpoint import save_weights
from cnntop.core.training.fixes import Fixes
from cnntop.core.training.memory import memory_watched
from cnntop.core.training.preparation import Prepared
from cnntop.core.training.schedule import rate_factor
from cnntop.core.training.step_clock import Lap, StepClock, step_clock
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
        self._began = time.monotonic()
        self._note_readout()
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
        return self._seconds_left() <= 0

    def _seconds_left(self) -> float:
        limit = self._limit_seconds
        return float("inf") if limit is None else limit - self._trained_seconds()

    def _trained_seconds(self) -> float:
        return time.monotonic() - self._began - self._paused_seconds

    def _train_epoch(self, epoch: int) -> bool:
        """Whether the run is over with it."""
        self._p.network.model.train()
        tally = EpochTally(epoch)
        laps = self._laps(tally)
        control, clock = self._control, self._clock
        clock.outside()  # writing down the epoch before is no waiting for a batch
        # Small networks feel every line that runs for each of their batches: between two of them
        # the caches forget it. So this looks at next to nothing, and calls next to nothing.
        untimed = clock.untimed_batches()
        while (lap := next(laps, None)) is not None:
            if not untimed:
                clock.lap(lap)
            if lap != "other":
                continue
            if control.wanted or time.monotonic() >= self._look_at:
                if self._between_steps(tally):
                    laps = self._laps(tally)
                if control.stop_status or self._time_is_up():
                    break
                untimed = 0  # the clock has been read, and counts anew
            if untimed > 1:
                untimed -= 1
            else:
                untimed = clock.untimed_batches()
        self._read_out(tally)
        return self._finish_epoch(tally)

    def _between_steps(self, tally: EpochTally) -> bool:
        """Do what is wanted, and tell what was measured if it is time to or before something
        changes. Whether the batches to come are to be asked for anew."""
        if not self._control.wanted:
            if self._readout_due(tally):
                self._read_out(tally)
            return False
        self._read_out(tally)
        fix = self._control.take_fix()
        fixed = fix is not None and self._fix(fix)
        if self._control.paused:
            self._pause()
        return fixed

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

    def _laps(self, tally: EpochTally) -> Iterator[Lap]:
        """Train on the batches that the pass has left; name each part of their steps as it ends."""
        device, network, passes = self._p.device, self._p.network, self._passes
        scheduled = self._p.recipe.train.schedule != "constant"
        for batch in self._p.batches.epoch(tally.epoch, tally.batches):
            yield "wait"
            images = batch.images.to(device, non_blocking=True)
            labels = batch.labels.to(device, non_blocking=True)
            yield "transfer"
            for number in range(passes):
                if scheduled:
                    self._set_rate()
                loss, logits = network.forward(images, labels)
                if number == 0:  # the later passes know the batch: their figures would flatter
                    first = loss, logits
                yield "forward"
                network.backward(loss)
                yield "backward"
                network.update()
                self._step += 1
                yield "optimizer"
            self._sums.add(*first, labels)
            if batch.cpu_seconds is not None:
                self._preparation.add(batch)
            tally.batches += 1
            yield "other"

    def _set_rate(self) -> None:
        train = self._p.recipe.train
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
        self._note_readout()
        measured = self._clock.read()
        split = measured.split
        tally.split += split
        steps, self._steps_read = self._step - self._steps_read, self._step
        if steps == 0:
            return
        detail = Detail.of(measured, *self._preparation.take(split.wait, images))
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
            self._preparation = PreparationSums()
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

    def _note_readout(self) -> None:
        """The next one comes after a while; before, there is nothing to look at between steps but
        the time limit."""
        now = time.monotonic()
        self._readout_at = now + READOUT_SECONDS
        self._look_at = min(self._readout_at, now + self._seconds_left())

    def _readout_due(self, tally: EpochTally) -> bool:
        """Whether enough time has passed. A pass's last steps wait for its end, so that no stretch
        is so short that its mean loss is mostly noise."""
        now = time.monotonic()
        if now < self._readout_at:
            return False
        left = self._p.steps_per_epoch - tally.batches * self._passes
        if left >= (self._step - self._steps_read) // 2:
            return True
        self._look_at = now + self._seconds_left()
        return False

    def _pause(self) -> None:
        paused_at = time.monotonic()
        self._sink.emit(Paused())
        self._control.wait_while_paused()
        paused = time.monotonic() - paused_at
        self._paused_seconds += paused
        self._sink.emit(Resumed(paused))
        self._note_readout()
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
