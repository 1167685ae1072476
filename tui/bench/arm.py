"""The process in which the arms of `cnntop bench overhead` take turns, on a terminal of its own:
`python -m cnntop.tui.bench.arm PLAN FOLDER PIPE`.

All arms train the same network in the same memory. Between two processes that do the very same,
steps differ by percents, by where in memory their tensors happen to lie: more than what is
measured here. Each turn is a run of its own, begun and ended; what is counted lies between.
"""

import fcntl
import gc
import os
import random
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from cnntop.core.errors import CnntopError
from cnntop.core.events import AnyEvent
from cnntop.tui.bench.plan import KINDS, Case, CaseTurns, Plan, Size, Told, Turn
from cnntop.tui.launch import Launch

if TYPE_CHECKING:
    from cnntop.core.session import RunHandle
    from cnntop.core.training.datasets import Dataset
    from cnntop.core.training.preparation import Prepared
    from cnntop.tui.app import CnntopApp

_RECIPE = """
[model]
name = "shallow"
kernels = {size.kernels}

[data]
dataset = "shapes"
batch_size = {size.batch_size}
augment_on = "cpu"

[train]
time = "{seconds:.3f}s"
evaluate_every = 1_000_000
lr = 0.001

[machine]
device = "cpu"
threads = 1
"""
_TEST_IMAGES = 100
"""A run evaluates at its end, which no turn counts: it need not take long."""

_PROBE_SECONDS = 0.5
_SPARE_SECONDS = 0.1


class Window:
    """Counts the steps of a turn from the first one after its beginning that is to be counted."""

    def __init__(self) -> None:
        self._next_ns = sys.maxsize
        self._steps = 0
        self._marks: list[tuple[int, int, float, float]] = []

    def open(self, discarded_seconds: float, seconds: float) -> None:
        self._steps = 0
        self._marks.clear()
        self._lengths_ns = [round(1e9 * discarded_seconds), round(1e9 * seconds)]
        self._next_ns = 0

    def step(self) -> None:
        """After every step, in every arm alike."""
        now = time.perf_counter_ns()
        self._steps += 1
        if now >= self._next_ns:
            self._mark(now)

    def _mark(self, now: int) -> None:
        self._marks.append((self._steps, now, time.process_time(), _busy_seconds()))
        at = len(self._marks)
        self._next_ns = now + self._lengths_ns[at - 1] if at <= 2 else sys.maxsize

    def close(self) -> Turn:
        """Raises CnntopError if the steps ended before the window did."""
        self._next_ns = sys.maxsize
        if len(self._marks) < 3:
            raise CnntopError("the steps of a turn ended too early to be counted")
        _, (first, begun, cpu_begun, busy_begun), (last, ended, cpu_ended, busy_ended) = self._marks
        seconds, cpu_seconds = (ended - begun) / 1e9, cpu_ended - cpu_begun
        others = (busy_ended - busy_begun - cpu_seconds) / seconds
        return Turn(last - first, seconds, cpu_seconds, max(0.0, others))


def _busy_seconds() -> float:
    """CPU time of all programs of the machine, from some moment on."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


class Arms:
    """The arms of one size. All of them train `prepared`."""

    def __init__(self, launch: Launch, prepared: "Prepared", plan: Plan, window: Window) -> None:
        self._launch = launch
        self._prepared = prepared
        self._plan = plan
        self._window = window
        self._arms = {"bare": self._bare, "plain": self._plain, "screen": self._screen}

    def step_seconds(self) -> float:
        """How long a step takes, bare."""
        self._train_bare(_PROBE_SECONDS)  # the first steps ever set up memory and kernels
        self._window.open(0.1, _PROBE_SECONDS)
        self._train_bare(0.1 + _PROBE_SECONDS + _SPARE_SECONDS)
        turn = self._window.close()
        return turn.seconds / turn.steps

    def take_turn(self, kind: str) -> Turn:
        gc.collect()
        self._window.open(self._plan.discarded_seconds, self._plan.turn_seconds)
        self._arms[kind]()
        return self._window.close()

    def _bare(self) -> None:
        self._train_bare(_run_seconds(self._plan))

    def _train_bare(self, seconds: float) -> None:
        from cnntop.core.training.bare_loop import train_bare

        until = time.monotonic() + seconds
        thread = threading.Thread(target=train_bare, args=(self._prepared, 1, until))
        thread.start()  # in a thread of its own, as in the other arms
        thread.join()

    def _plain(self) -> None:
        from cnntop.tui.plain_run import run_plain

        with self._given():
            run_plain(self._launch)

    def _screen(self) -> None:
        from cnntop.tui.screen_run import run_on_screen

        with self._given():
            run_on_screen(self._launch)

    @contextmanager
    def _given(self) -> Iterator[None]:
        """A run inside finds everything prepared."""
        from cnntop.core.training import preparation

        prepare = preparation.prepare
        preparation.prepare = lambda *_: self._prepared
        try:
            yield
        finally:
            preparation.prepare = prepare


def _run_seconds(plan: Plan) -> float:
    return plan.discarded_seconds + plan.turn_seconds + _SPARE_SECONDS


class Bench:
    """Measures the cases of a plan, in this process."""

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[Told | CaseTurns], None]) -> None:
        from cnntop.core.training.bare_loop import on_every_step
        from cnntop.tui.app import CnntopApp

        self._plan = plan
        self._folder = folder
        self._tell = tell
        self._window = Window()
        self._dataset: Dataset | None = None
        on_every_step(self._window.step)
        # Nobody is there to leave the screen of a run that is over.
        CnntopApp._tell_end = _leave  # type: ignore[method-assign, assignment]

    def measure(self, case: Case) -> CaseTurns:
        self._tell(Told(f"{case.name}: looking for the size of network"))
        for size in case.sizes:
            arms = self._arms(size)
            if arms.step_seconds() >= case.least_step_seconds:
                break
        self._tell(Told(f"{size.label}: bare, as lines and on the screen in turns"))
        turns: dict[str, list[Turn]] = {kind: [] for kind in KINDS}
        orders = list(permutations(KINDS))
        draw = random.Random(0)
        deadline = time.monotonic() + self._plan.case_seconds
        for kind in KINDS:
            arms.take_turn(kind)  # the first of each imports what it needs
        while True:
            began = time.monotonic()
            for kind in draw.choice(orders):
                turns[kind].append(arms.take_turn(kind))
            now = time.monotonic()
            if len(turns["bare"]) >= self._plan.least_pairs and 2 * now - began > deadline:
                return CaseTurns(case, size, turns)

    def _arms(self, size: Size) -> Arms:
        from cnntop.core.training import preparation
        from cnntop.core.training.datasets import Dataset, ImageSet

        preset = self._folder / f"{size.kernels}-{size.batch_size}.toml"
        text = _RECIPE.format(size=size, seconds=_run_seconds(self._plan))
        preset.write_text(text, encoding="utf-8")
        launch = Launch(str(preset), self._folder / "runs")
        if self._dataset is not None:  # the images of the size before
            kept = self._dataset
            preparation.load = lambda *_: kept  # type: ignore[attr-defined]
        prepared = preparation.prepare(launch.recipe(), _Silence(), lambda: False)
        whole = prepared.dataset
        few = ImageSet(whole.test.images[:_TEST_IMAGES], whole.test.labels[:_TEST_IMAGES])
        self._dataset = Dataset(whole.name, whole.classes, whole.train, few)
        prepared.dataset = self._dataset
        return Arms(launch, prepared, self._plan, self._window)


def _leave(app: "CnntopApp", _handle: "RunHandle") -> None:
    app.exit()


class _Silence:
    """A sink for what nobody wants to know."""

    def emit(self, event: AnyEvent) -> None:
        pass


def main() -> None:
    """Measure, and write what is found to the pipe, a line each."""
    plan, folder, pipe = sys.argv[1:]
    # The terminal becomes this process's own, so that it ends with the one that reads it.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def tell(told: Told | CaseTurns) -> None:
        os.write(int(pipe), msgspec.json.encode(told) + b"\n")

    decoded = msgspec.json.decode(plan, type=Plan)
    bench = Bench(decoded, Path(folder), tell)
    for case in decoded.cases:
        tell(bench.measure(case))


if __name__ == "__main__":
    main()
