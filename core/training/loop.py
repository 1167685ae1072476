"""The training loop: one pass after the other until the recipe's limit, telling what it does.

Nothing in here waits for a reader. Figures are summed on the device and read out a few times a
second; a read-out per step would stop the GPU each time.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnntop.core.control import Control
from cnntop.core.errors import DivergedError
from cnntop.core.events import (
    Paused,
    Resumed,
    Status,
    StepsMeasured,
    finite,
)
from cnntop.core.feed import Sink
from cnntop.core.fix import Fix
from cnntop.core.training.checkpoint import BEST, LAST
from cnntop.core.training.evaluation import evaluate
from cnntop.core.training.fixes import Fixes
from cnntop.core.training.memory import memory_watched
from cnntop.core.training.plan import Plan
from cnntop.core.training.preparation import Prepared
from cnntop.core.training.saves import Saves
from cnntop.core.training.steering import Steering
from cnntop.core.training.step_clock import Lap, StepClock, step_clock
from cnntop.core.training.tally import Detail, EpochTally, PreparationSums, StepSums

READOUT_SECONDS = 0.25


class TrainingLoop:
    """Trains `prepared` and emits what happens. `run` returns how it ended.

    Goes on from `checkpoint`, if there is one, as if nothing had come in between. Saves one after
    every epoch, whenever a person asks, at the end, and every `checkpoint_seconds`.
    """

    def __init__(
        self, prepared: Prepared, control: Control, sink: Sink, folder: Path,
        clock: StepClock | None = None, checkpoint: dict[str, Any] | None = None,
        checkpoint_seconds: float = math.inf,
    ) -> None:  # fmt: skip
        self._p = prepared
        self._control = control
        self._sink = sink
        self._saves = Saves(folder, sink, checkpoint_seconds)
        self._clock = clock or step_clock(prepared.device)
        self._sums = StepSums(prepared.device)
        self._preparation = PreparationSums()
        self._fixes = Fixes(prepared)
        self._step = 0
        self._steps_read = 0
        self._lr = prepared.recipe.train.lr
        self._passes = prepared.recipe.train.passes
        self._plan = Plan(prepared.recipe.train, prepared.steps_per_epoch)
        self._time = self._plan.time
        self._steering = Steering(control, self._plan, sink)
        self._best: float | None = None
        self._test_accuracy: float | None = None
        self._epochs_done = 0
        self._trained_before_seconds = 0.0
        self._under_way: EpochTally | None = None
        if checkpoint is not None:
            self._restore(checkpoint)

    def run(self) -> Status:
        """Train to the end. Raises DivergedError, OutOfMemoryError, OSError (no room on disk)."""
        with memory_watched(self._p.recipe, "training"):
            return self._run()

    def _run(self) -> Status:
        self._time.begin(self._trained_before_seconds)
        self._saves.begin()
        self._note_readout()
        self._clock.start()
        over = self._control.cancelled() or self._plan.is_over(self._epochs_done)
        while not over:
            tally, self._under_way = self._under_way or EpochTally(self._epochs_done + 1), None
            over = self._train_epoch(tally)
        epoch = self._under_way.epoch if self._under_way else self._epochs_done
        self._steering.end(self._step, epoch)
        if self._control.discarded:
            return "stopped"
        self._saves.finish()
        if self._control.stop_status:
            return self._control.stop_status
        cut = self._control.ends_after_epoch and not self._plan.is_over(self._epochs_done)
        return "stopped" if cut else "finished"

    def _over(self, epochs_done: int) -> bool:
        control = self._control
        if control.cancelled() or control.ends_after_epoch:
            return True
        return self._plan.is_over(epochs_done)

    def _train_epoch(self, tally: EpochTally) -> bool:
        """From where `tally` stands. Whether the run is over with it."""
        self._p.network.model.train()
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
                if control.stop_status or self._time.is_up:
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
        save = time.monotonic() >= self._saves.due_at
        if not self._control.wanted and not save:
            if self._readout_due(tally):
                self._read_out(tally)
            return False
        self._read_out(tally)
        self._steer(tally)
        if save and time.monotonic() >= self._saves.due_at:
            self._save(LAST, self._epochs_done, tally)
        self._clock.outside()
        fix = self._control.take_fix()
        fixed = fix is not None and self._fix(fix)
        if self._control.paused:
            self._pause(tally)
        return fixed

    def _steer(self, tally: EpochTally) -> None:
        """Do what a person wants of the run and a pause does not put off. The checkpoint comes
        last, to know of the rest."""
        if not self._control.wanted:
            return
        if self._steering.take(self._step, tally.epoch):
            self._set_rate()
        if self._control.take_checkpoint():
            self._save(LAST, self._epochs_done, tally)

    def _goes_on(self, tally: EpochTally) -> bool:
        """Whether the time limit had cut the pass short, and there is more time by now."""
        timed = self._p.recipe.train.time_limit_seconds is not None
        cut = timed and tally.images < len(self._p.dataset.train) and not self._control.cancelled()
        self._under_way = tally if cut and not self._plan.is_over(self._epochs_done) else None
        return self._under_way is not None

    def _finish_epoch(self, tally: EpochTally) -> bool:
        self._steer(tally)
        if self._goes_on(tally):
            return False
        last = self._over(tally.epoch)
        evaluated_from = self._time.seconds
        test = None
        if self._evaluation_due(tally.epoch, last):
            test_set = self._p.dataset.test
            test = evaluate(
                self._p.network, test_set, self._sink, lambda: self._go_on_evaluating(tally)
            )
        evaluated_until = self._time.seconds
        self._clock.outside()
        tally.split += self._clock.read().split
        if test:
            seconds = evaluated_until - evaluated_from
            tally.evaluation_seconds = seconds + (tally.evaluation_seconds or 0.0)
        if self._goes_on(tally):
            return False
        best = test is not None and (self._best is None or test[1] > self._best)
        whole = tally.images == len(self._p.dataset.train) and not self._control.stop_status
        broken = test is not None and finite(test[0]) is None
        if not whole and not broken:  # a run that is resumed goes on in its middle
            self._save(LAST, self._epochs_done, tally)
        if test:
            self._test_accuracy = test[1]
            self._best = max(test[1], self._best or 0.0)
        finished = tally.finished(self._step, self._lr, test)
        self._sink.emit(finished)
        if test:
            # Weights that broke in the very last step show only here.
            self._require_finite(test[0])
        if whole:
            self._epochs_done = tally.epoch
            self._fixes.finished_pass(finished.images, finished.epoch_seconds)
            self._save(LAST, tally.epoch)
        if best:
            self._save(BEST, tally.epoch)
        self._tell_fix()
        if not whole:
            return True
        # Where the end came only after `last` was asked, an epoch without an evaluation cannot be
        # the last one: of a time limit, the next one is cut short and evaluated.
        if not last and test is None:
            return self._control.cancelled()
        if self._steering.take(self._step, tally.epoch):  # what came while the pass was saved
            self._set_rate()
        return self._over(tally.epoch)

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
        self._lr = self._plan.rate(self._step)
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
                f"Try a smaller learning rate than {self._plan.top_rate:g} (--lr)."
            )

    def _note_readout(self) -> None:
        """The next one comes after a while; before, there is nothing to look at between steps but
        the time limit."""
        now = time.monotonic()
        self._readout_at = now + READOUT_SECONDS
        self._look_at = min(self._readout_at, self._saves.due_at, now + self._time.left_seconds)

    def _readout_due(self, tally: EpochTally) -> bool:
        """Whether enough time has passed. A pass's last steps wait for its end, so that no stretch
        is so short that its mean loss is mostly noise."""
        now = time.monotonic()
        if now < self._readout_at:
            return False
        left = self._p.steps_per_epoch - tally.batches * self._passes
        if left >= (self._step - self._steps_read) // 2:
            return True
        self._look_at = min(self._saves.due_at, now + self._time.left_seconds)
        return False

    def _pause(self, tally: EpochTally) -> None:
        self._time.stand_still()
        self._sink.emit(Paused())
        while self._control.wait_while_paused():
            self._steer(tally)
        self._sink.emit(Resumed(self._time.go_on()))
        self._note_readout()
        self._clock.start()

    def _go_on_evaluating(self, tally: EpochTally) -> bool:
        self._steer(tally)
        if self._control.paused:
            self._clock.outside()
            self._pause(tally)
        return not self._control.stop_status

    def _save(self, name: str, epochs_done: int, tally: EpochTally | None = None) -> None:
        """A checkpoint after `epochs_done` whole epochs, or in the middle of that of `tally`."""
        if self._control.discarded:
            return
        state = self._p.network.state() | {
            "model_label": self._p.recipe.model.label,
            "classes": list(self._p.dataset.classes),
            "epoch": epochs_done,
            "step": self._step,
            "trained_seconds": self._time.seconds,
            "test_accuracy": self._test_accuracy,
            "best_test_accuracy": self._best,
            "augment_on": self._p.batches.augment_on,
            "threads": self._p.threads,
            "computation": self._p.computation(),
            "evaluate_every": self._fixes.evaluate_every,
            "rate_scale": self._plan.rate_scale,
            "pass": None if tally is None else tally.state(),
        }
        self._saves.save(name, state)

    def _restore(self, checkpoint: dict[str, Any]) -> None:
        self._p.network.restore(checkpoint)
        self._lr = self._p.network.rate
        self._step = self._steps_read = checkpoint["step"]
        self._epochs_done = checkpoint["epoch"]
        self._best = checkpoint["best_test_accuracy"]
        self._test_accuracy = checkpoint["test_accuracy"]
        self._trained_before_seconds = checkpoint["trained_seconds"]
        self._fixes.evaluate_every = checkpoint["evaluate_every"]
        self._plan.rate_scale = checkpoint.get("rate_scale", 1.0)  # older ones have none
        if checkpoint["pass"] is not None:
            self._under_way = EpochTally.restored(checkpoint["pass"])
