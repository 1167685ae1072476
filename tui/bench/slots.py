"""Slots: the arms of the benchmark take turns within one run, every few steps.

Machines that others use too change their speed by percents from second to second, and two
processes that do the very same differ by percents for as long as they live. What is compared
therefore follows upon each other by hundredths of a second, in one process and one memory.
"""

import random
import time
from collections.abc import Callable, Iterator
from itertools import permutations

from cnntop.tui.bench.plan import DRAWN_SLOT_SECONDS, KINDS, SLOT_SECONDS, Turn

SCREEN_POLL_SECONDS = 0.25
_WARM_UP_SECONDS = 2.0


class Slots:
    """Told of every step of a run, lets the arms take turns. `kind` is the one at work.

    "screen" is the run as it is; in "plain" its screen is left alone; in "bare" the run stands
    still, and one of `bare_steps` after the other is taken instead. `poll` has the screen take
    what is new; it is called as often in the screen's time as an ordinary screen does it in all
    of its time.
    """

    def __init__(
        self, bare_steps: Iterator[None], poll: Callable[[], None], turn_seconds: float
    ) -> None:
        self.kind = "screen"
        self.turns: dict[str, list[Turn]] = {kind: [] for kind in KINDS}
        self._bare_steps = bare_steps
        self._poll = poll
        self._turn_seconds = turn_seconds
        self._draw = random.Random(0)
        self._orders = list(permutations(KINDS))
        self._queue: list[str] = []
        self._open = {kind: Turn(0, 0.0, 0.0) for kind in KINDS}
        self._polled_at_seconds = 0.0
        self._screen_seconds = 0.0
        self._bare = False
        self._begin(_WARM_UP_SECONDS)
        self._warm = False

    def step(self) -> None:
        """After every step, the bare ones too."""
        self._steps += 1
        if self._bare or time.perf_counter() < self._until:
            return
        self._next_slot()

    def _next_slot(self) -> None:
        """Close the slot, and begin the next; those of "bare" are gone through on the spot."""
        self._end()
        self._warm = True
        while True:
            if not self._queue:
                self._close_turns()
                self._queue = list(self._draw.choice(self._orders))
            self.kind = self._queue.pop()
            polled = self.kind == "screen" and self._screen_seconds >= self._polled_at_seconds
            self._begin(DRAWN_SLOT_SECONDS if polled else SLOT_SECONDS)
            if self.kind != "bare":
                break
            self._bare = True
            for _ in self._bare_steps:
                if time.perf_counter() >= self._until:
                    break
            self._bare = False
            self._end()
        if polled:
            self._polled_at_seconds = self._screen_seconds + SCREEN_POLL_SECONDS
            self._poll()

    def _begin(self, seconds: float) -> None:
        self._steps = 0
        self._cpu_begun = time.process_time()
        self._begun = time.perf_counter()
        self._until = self._begun + seconds

    def _end(self) -> None:
        if not self._warm:
            return
        seconds = time.perf_counter() - self._begun
        cpu_seconds = time.process_time() - self._cpu_begun
        self._open[self.kind] += Turn(self._steps, seconds, cpu_seconds)
        if self.kind == "screen":
            self._screen_seconds += seconds

    def _close_turns(self) -> None:
        """Turns are whole once each arm had its time."""
        if min(turn.seconds for turn in self._open.values()) >= self._turn_seconds:
            for kind, turn in self._open.items():
                self.turns[kind].append(turn)
            self._open = {kind: Turn(0, 0.0, 0.0) for kind in KINDS}
