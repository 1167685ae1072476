"""The process in which the arms of `cnntop bench overhead` take turns, on a terminal of its own:
`python -m cnntop.tui.bench.arm PLAN FOLDER PIPE`."""

import asyncio
import fcntl
import os
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import msgspec

from cnntop.core import session
from cnntop.core.events import AnyEvent, CpuSample
from cnntop.core.machine.cpu import CpuReader, others_cpu_seconds
from cnntop.core.machine.sampler import MachineSampler
from cnntop.core.settings import Settings
from cnntop.tui.app import CnntopApp
from cnntop.tui.bench.plan import Case, CaseTurns, Plan, Size, Told
from cnntop.tui.bench.slots import Slots
from cnntop.tui.launch import Launch
from cnntop.tui.look import Look

if TYPE_CHECKING:
    from cnntop.core.training.datasets import Dataset
    from cnntop.core.training.preparation import Prepared

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
"""A run evaluates at its end, which no slot counts: it need not take long."""

_RUNNING_SHARE, _SCREEN_SHARE = 2 / 3, 1 / 3
"""Of the time in which the run does not stand still, and its screen neither."""

_STRETCHED = (
    ("cnntop.core.training.loop.READOUT_SECONDS", 0.25 / _RUNNING_SHARE),
    ("cnntop.core.training.step_clock.SHORT_BATCH_SECONDS", 0.005 / _RUNNING_SHARE),
    ("cnntop.core.training.step_clock.TIMED_EVERY_SECONDS", 0.02 / _RUNNING_SHARE),
    ("cnntop.tui.look.FIGURES_SECONDS", 1.0 / _SCREEN_SHARE),
    ("cnntop.tui.widgets.axis_panel.REDRAW_SECONDS", 2.0 / _SCREEN_SHARE),
)
"""Periods of the run and the screen, whose clocks go on while they stand still."""


def _bare_steps(prepared: "Prepared") -> "Iterator[None]":
    """Steps of a plain loop without end."""
    from cnntop.core.training.bare_loop import bare_steps
    from cnntop.core.training.tally import StepSums

    sums = StepSums(prepared.device)
    epoch = 1_000_000  # none of the run's own
    while True:
        yield from bare_steps(prepared, epoch, sums)
        sums.take()
        epoch += 1


class Bench:
    """Measures the cases of a plan, in this process."""

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[Told | CaseTurns], None]) -> None:
        from cnntop.core.training.bare_loop import on_every_step

        self._plan = plan
        self._folder = folder
        self._tell = tell
        self._dataset: Dataset | None = None
        self._slots: Slots | None = None
        on_every_step(self._step)

    def _step(self) -> None:
        if self._slots is not None:
            self._slots.step()

    def measure(self, case: Case) -> CaseTurns:
        self._tell(Told(f"{case.name}: looking for the size of network"))
        for size in case.sizes:
            launch, prepared = self._prepared(size)
            if _step_seconds(prepared) >= case.least_step_seconds:
                break
        self._tell(Told(f"{size.label}: bare, as lines and on the screen in turns"))
        busy, began = others_cpu_seconds(), time.monotonic()
        slots = self._run(launch, prepared)
        others_cores = (others_cpu_seconds() - busy) / (time.monotonic() - began)
        return CaseTurns(case, size, slots.turns, max(0.0, others_cores))

    def _prepared(self, size: Size) -> "tuple[Launch, Prepared]":
        from cnntop.core.training import preparation
        from cnntop.core.training.datasets import Dataset, ImageSet

        preset = self._folder / f"{size.kernels}-{size.batch_size}.toml"
        text = _RECIPE.format(size=size, seconds=self._plan.case_seconds)
        preset.write_text(text, encoding="utf-8")
        launch = Launch(str(preset), self._folder / "runs")
        kept = self._dataset
        load = preparation.load if kept is None else lambda *_: kept  # type: ignore[attr-defined]
        with patch.object(preparation, "load", load):
            prepared = preparation.prepare(launch.recipe(), _Silence(), lambda: False)
        whole = prepared.dataset
        few = ImageSet(whole.test.images[:_TEST_IMAGES], whole.test.labels[:_TEST_IMAGES])
        prepared.dataset = Dataset(whole.name, whole.classes, whole.train, few)
        self._dataset = prepared.dataset
        return launch, prepared

    def _run(self, launch: Launch, prepared: "Prepared") -> Slots:
        from cnntop.core.training import preparation
        from cnntop.tui.screen_run import run_on_screen

        screen = _Screen()
        slots = Slots(_bare_steps(prepared), screen.poll, self._plan.turn_seconds)
        screen.slots = self._slots = slots
        with (
            patch.object(preparation, "prepare", lambda *_: prepared),
            _stretched(),
            _sampling_only_while_running(slots),
            screen.driven(),
        ):
            code = run_on_screen(launch)
        self._slots = None
        if code != 0:
            raise SystemExit(code)
        return slots


class _Screen:
    """The app's polls, at the moments that the slots say."""

    slots: Slots

    def __init__(self) -> None:
        self._app: CnntopApp | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._take = CnntopApp._poll
        self._start = CnntopApp._start

    def poll(self) -> None:
        """From the training thread."""
        if self._loop is not None and self._app is not None:
            self._loop.call_soon_threadsafe(self._take, self._app)

    @contextmanager
    def driven(self) -> Iterator[None]:
        def start(app: CnntopApp) -> None:
            self._app, self._loop = app, asyncio.get_running_loop()
            self._start(app)

        def poll(app: CnntopApp) -> None:
            """The app's own timer; it only sees the end."""
            if app.handle is not None and app.handle.done:
                app.exit()  # nobody is there to leave the screen

        with (
            patch.object(CnntopApp, "_start", start),
            patch.object(CnntopApp, "_poll", poll),
            patch.object(Look, "poll_seconds", 0.5),
            # Whose machine it is must not matter, nor what that person has switched off.
            patch("cnntop.tui.screen_app.read_settings", lambda: (Settings(), "")),
        ):
            yield


@contextmanager
def _stretched() -> Iterator[None]:
    patches: list[Any] = [patch(name, seconds) for name, seconds in _STRETCHED]
    interval = partial(MachineSampler, interval_seconds=1.0 / _RUNNING_SHARE)
    patches.append(patch.object(session, "MachineSampler", interval))
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


@contextmanager
def _sampling_only_while_running(slots: Slots) -> Iterator[None]:
    read = CpuReader.read

    def patient(reader: CpuReader) -> CpuSample:
        while slots.kind == "bare":
            time.sleep(0.005)
        return read(reader)

    with patch.object(CpuReader, "read", patient):
        yield


def _step_seconds(prepared: "Prepared") -> float:
    """How long a bare step takes, the middle one of many."""
    steps, seconds = _bare_steps(prepared), []
    for _ in range(150):
        begun = time.perf_counter()
        next(steps)
        seconds.append(time.perf_counter() - begun)
    return sorted(seconds[50:])[50]


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
