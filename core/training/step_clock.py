"""The step clock: every moment of training belongs to exactly one part of the split.

A lap closes the stretch since the last lap and gives it to a part. The parts add up to the time
between the first lap and the last by construction; there is nothing to reconcile.
"""

import random
import time
from dataclasses import dataclass
from typing import Literal

import torch

from cnntop.core.split import Split
from cnntop.core.training.stopwatch import Laps, Stopwatch, stopwatch

Lap = Literal["wait", "transfer", "forward", "backward", "optimizer", "other"]
"""The laps of a batch, in this order; with several passes forward, backward and optimizer come
again."""

SHORT_BATCH_SECONDS = 0.005
TIMED_EVERY_SECONDS = 0.02
"""Of batches shorter than the first, one in about every such while is timed. Timing one costs some
20 us, on a GPU for its events and on a CPU because the code for it has left the caches meanwhile:
that is then a tenth of a percent, and below half a percent of those that are all timed."""

PROBE_EVERY_SECONDS = 2.0

_TIMED = {"wait": "wait", "transfer": "transfer", "optimizer": "compute", "other": "other"}
_SAMPLED = _TIMED | {"forward": "forward", "backward": "backward", "optimizer": "optimizer"}
_PROBED = _TIMED | {"optimizer": "busy"}
_UNTIMED: dict[str, str] = {}


@dataclass
class Measured:
    """What a reading tells: the split, and what is known of its compute (None: not measured).

    Forward, backward and optimiser share `split.compute` as in the batch sampled last.
    `launch_gap_seconds` is the part of it in which the GPU stood idle between kernels.
    """

    split: Split
    forward_seconds: float | None = None
    backward_seconds: float | None = None
    optimizer_seconds: float | None = None
    launch_gap_seconds: float | None = None


class StepClock:
    """Says which batches are timed, and makes the split of all of them from those that are.

    A batch is timed as a whole or not at all. The time of those that are not is known as a sum and
    shared out as that of the timed ones of the same reading. Which ones are timed is drawn: a fixed
    distance could fall in step with the workers of a loader and always meet the same one.

    Once a reading a batch is *sampled*: its forward, backward and optimiser are timed one by one.
    Every two seconds one is *probed* where the device can be held: its kernels are launched while
    the device is kept busy, so that it shows what they take without the gaps between them.
    """

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch
        self._draw = random.Random(0)
        self._names = _TIMED
        self._spacing = 1
        self._untimed_to_come = 0
        self._timed = 0
        self._sampled_at = 0
        self._shares = Split(other=1.0)
        self._probed_at = time.monotonic()
        self._launch_gap: float | None = None
        self._sampled: list[float] | None = None

    def start(self) -> None:
        """Begin, or go on after a pause: the time since the last lap belongs to nobody."""
        self._watch.start()
        self._names = _TIMED

    def untimed_batches(self) -> int:
        """How many batches to train on before asking again, without a word about their laps. With
        0 it is the next one that is timed: tell its laps, and ask again after it. After a reading
        ask anew, too."""
        if self._untimed_to_come:
            count, self._untimed_to_come = self._untimed_to_come, 0
            self._names = _UNTIMED
            return count
        self.end_batches()
        if self._timed == self._sampled_at:
            self._names = _SAMPLED
        elif self._timed == self._sampled_at + 1 and self._probe_due():
            self._names = _PROBED
        self._timed += 1
        if self._spacing > 1:
            self._untimed_to_come = self._draw.randint(0, 2 * (self._spacing - 1))
        return 0

    def lap(self, lap: Lap) -> None:
        """Give the time since the last lap to `lap`, where this batch is timed so finely."""
        name = self._names.get(lap)
        if name is None:
            return
        self._watch.lap(name)
        if self._names is _PROBED:
            self._probe(lap)

    def end_batches(self) -> None:
        """What follows belongs to no batch. Call before work whose time goes `outside`."""
        if self._names is _UNTIMED:
            self._watch.lap("untimed")
        self._names = _TIMED

    def outside(self) -> None:
        """Give the time since the last lap to "other", as no part of a batch."""
        self.end_batches()
        self._watch.lap("outside")

    def read(self) -> Measured:
        """Everything since the last reading. Call after `outside`."""
        laps = self._watch.read()
        seconds = laps.seconds
        sampled = [seconds[name] for name in ("forward", "backward", "optimizer")]
        compute = sum(sampled) + seconds["compute"] + seconds["busy"]
        timed = Split(seconds["wait"], seconds["transfer"], compute, seconds["other"])
        if timed.seconds > 0:
            self._shares = timed * (1 / timed.seconds)
        split = timed + self._shares * seconds["untimed"]
        self._space_out(timed.seconds, laps.counts["wait"])
        split.other += seconds["outside"]
        if sum(sampled) > 0:
            self._sampled = sampled
        measured = Measured(split)
        if self._sampled is not None:
            forward, backward, optimizer = self._sampled
            part = split.compute / sum(self._sampled)
            measured.forward_seconds = part * forward
            measured.backward_seconds = part * backward
            measured.optimizer_seconds = part * optimizer
        self._note_gap(laps)
        if self._launch_gap is not None:
            measured.launch_gap_seconds = split.compute * self._launch_gap
        return measured

    def _space_out(self, seconds: float, batches: int) -> None:
        """From what the batches just read took that were timed: how many of the next to time."""
        if batches and seconds > 0:
            batch_seconds = seconds / batches
            short = batch_seconds < SHORT_BATCH_SECONDS
            self._spacing = max(1, round(TIMED_EVERY_SECONDS / batch_seconds)) if short else 1
        self._untimed_to_come = self._draw.randint(0, self._spacing - 1)
        # The first batch after a reading may find the device idle: rather sample the second.
        self._sampled_at = 1 if self._timed > 1 else 0
        self._timed = 0

    def _probe_due(self) -> bool:
        return time.monotonic() - self._probed_at >= PROBE_EVERY_SECONDS

    def _probe(self, lap: str) -> None:
        """Hold the device before the probed batch's compute; go on as usual after it."""
        if lap == "transfer":
            self._probed_at = time.monotonic()
            if self._watch.hold():
                self._watch.lap("outside")
            else:
                self._names = _TIMED
        elif lap == "optimizer":
            self._names = _TIMED

    def _note_gap(self, laps: Laps) -> None:
        busy, usual = laps.mean("busy"), laps.mean("compute")
        if busy is not None and usual:
            self._launch_gap = max(0.0, 1.0 - busy / usual)


def step_clock(device: torch.device) -> StepClock:
    return StepClock(stopwatch(device))
