"""A run whose terminal has hung up takes no more CPU time for a step than one that prints lines."""

import os
import signal
import time
from dataclasses import dataclass

import psutil
import pytest

from cnntop.core.analysis.pairs import paired_ratio
from cnntop.core.events import StepsMeasured
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.tui.terminal import LOOK_SECONDS
from tests.tui.place import Place

SMALL_STEPS = (
    *("run", "--preset", "demo", "--kernels", "4", "--batch-size", "8", "--device", "cpu"),
    *("--set", "augment_on=cpu", "--epochs", "1000000"),
)
"""Steps of a millisecond or two, for which what is done beside them counts most."""
TURN_SECONDS = 0.6


@pytest.mark.alone
def test_a_few_pairs(place: Place) -> None:
    assert cpu_time_ratio(place, pairs=5) <= 1.25


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_pairs(place: Place) -> None:
    assert cpu_time_ratio(place, pairs=60) <= 1.05


def cpu_time_ratio(place: Place, pairs: int) -> float:
    """CPU seconds a step of a run that has lost its screen, by those of one that prints lines: the
    median over turns, in which one stands still while the other trains."""
    with (
        place.window(*SMALL_STEPS, "--name", "lost") as window,
        place.start(*SMALL_STEPS, "--name", "lines", "--plain") as lines,
    ):
        window.until("a step")
        lines.read_until("run folder")
        window.vanish()
        arms = (
            Arm.of(window.child.pid, place, "lost"), Arm.of(lines.process.pid, place, "lines"),
        )  # fmt: skip
        time.sleep(2 * LOOK_SECONDS)
        for arm in arms:
            os.kill(arm.process, signal.SIGSTOP)
        figures = [[arm.cpu_seconds_a_step() for arm in arms] for _ in range(pairs)]
        ratio = paired_ratio([one for one, _ in figures], [other for _, other in figures])
        print(f"{ratio.median:.3f} ({ratio.low:.3f} to {ratio.high:.3f}, {pairs} pairs)")  # noqa: T201
        for arm in arms:
            os.kill(arm.process, signal.SIGKILL)
    return ratio.median


@dataclass
class Arm:
    """A run that stands still but for its turns."""

    process: int
    log: LogFollower

    @classmethod
    def of(cls, process: int, place: Place, name: str) -> "Arm":
        [folder] = [one for one in place.run_folders() if f"-{name}-" in one.name]
        return cls(process, LogFollower(RunFolder(folder)))

    def cpu_seconds_a_step(self) -> float:
        os.kill(self.process, signal.SIGCONT)
        try:
            return self._measured()
        finally:
            os.kill(self.process, signal.SIGSTOP)

    def _measured(self) -> float:
        """From one stretch of steps that it tells to another, `TURN_SECONDS` or so later."""
        self._next_stretch()  # a part of it was before this turn
        step, used, began = self._next_stretch(), self._cpu_seconds(), time.monotonic()
        while True:
            more = self._next_stretch() - step
            if time.monotonic() - began > TURN_SECONDS:
                return (self._cpu_seconds() - used) / more

    def _next_stretch(self) -> int:
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline:
            steps = [one.event.step for one in self.log.drain()
                     if isinstance(one.event, StepsMeasured)]  # fmt: skip
            if steps:
                return steps[-1]
            time.sleep(0.005)
        raise AssertionError("it takes no steps")

    def _cpu_seconds(self) -> float:
        """Of all threads, in its own code and in the system's for it; children it has none."""
        assert psutil.Process(self.process).children() == []
        return time.clock_gettime((~self.process << 3) | 2)  # its CPU clock
