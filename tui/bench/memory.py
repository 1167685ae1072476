"""What memory a run takes beyond its training, and whether that grows.

Two processes train the same one after the other: a plain loop, and a run on the screen. What is
compared is the memory that each has written to and shares with nobody: what is read from files, as
torch's libraries are, counts once for all processes that do.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cnntop.core.errors import CnntopError
from cnntop.tui.bench.exits import signals_as_exits
from cnntop.tui.bench.window import Window, environment, pseudo_terminal

_RECIPE = """
[model]
name = "shallow"
kernels = 8

[data]
dataset = "shapes"
augment_on = "cpu"

[train]
epochs = 1_000_000
evaluate_every = 1_000_000

[machine]
device = "cpu"
threads = 1
"""
"""Many steps and epochs a second, so that what grows with either shows soon."""
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Measured:
    """Private memory in bytes of the plain loop and of the run, looked at twice a second."""

    bare_bytes: list[int]
    run_bytes: list[int]
    seconds: float

    @property
    def beyond_bytes(self) -> float:
        """What the run takes more, in the second half of the time."""
        halves = [one[len(one) // 2 :] for one in (self.run_bytes, self.bare_bytes)]
        return median(halves[0]) - median(halves[1])

    @property
    def growth_bytes(self) -> float:
        """From the second quarter of the time to the last one."""
        quarter = len(self.run_bytes) // 4
        second, last = self.run_bytes[quarter : 2 * quarter], self.run_bytes[-quarter:]
        return median(last) - median(second)


def measure(seconds: float, tell: Callable[[str], None] = lambda _: None) -> Measured:
    """Train for `seconds` in each way. Raises CnntopError, and SystemExit for a signal; leaves
    neither processes nor files behind."""
    with ExitStack() as stack:
        stack.enter_context(signals_as_exits())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cnntop-bench-")))
        preset = folder / "memory.toml"
        preset.write_text(_RECIPE, encoding="utf-8")
        tell("a plain loop")
        bare = _looked_at(
            [sys.executable, "-P", "-m", "cnntop.tui.bench.bare", str(preset)], seconds
        )
        tell("the same as a run on the screen")
        command = [sys.executable, "-P", "-m", "cnntop.tui.cli", "run", "--preset", str(preset)]
        run = _looked_at([*command, "--runs-dir", str(folder / "runs")], seconds)
    return Measured(bare, run, seconds)


def _looked_at(command: list[str], seconds: float) -> list[int]:
    with ExitStack() as stack:
        ours, theirs = pseudo_terminal()
        stack.callback(os.close, ours)
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=environment(),
        )  # fmt: skip
        os.close(theirs)
        window = Window(ours)
        stack.callback(window.join)
        stack.callback(process.wait)
        stack.callback(process.kill)
        looked = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            if process.poll() is not None:
                window.join()
                raise CnntopError(f"the measured process failed:\n{window.last_words()}")
            looked.append(private_bytes(process.pid))
        return looked


def private_bytes(process: int) -> int:
    """What the process has written to and shares with nobody."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    [kilobytes] = re.findall(r"^Private_Dirty: +(\d+) kB$", rollup, re.MULTILINE)
    return 1024 * int(kilobytes)
