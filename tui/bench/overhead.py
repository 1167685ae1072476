"""What watching a run costs: the same run bare, with the record of it, and with the screen too.

One process trains a network on the screen. Every few steps its training thread goes over from one
arm to the next: the run as it is, the run with its screen left alone, a plain loop on the same
network. Whatever comes at intervals comes as often in an arm's own time as in an ordinary run.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cnntop.core.analysis.pairs import PairedRatio, paired_ratio
from cnntop.core.errors import CnntopError
from cnntop.tui.bench.exits import signals_as_exits
from cnntop.tui.bench.plan import Case, CaseTurns, Plan, Size, Told, Turn
from cnntop.tui.bench.window import Window, environment, pseudo_terminal


@dataclass(frozen=True)
class Measured:
    """A case, measured: the turns of each arm, in pairs by their place. `others_cores` is how
    many cores other programs kept busy meanwhile."""

    case: Case
    size: Size
    turns: dict[str, list[Turn]]
    others_cores: float

    @property
    def pairs(self) -> int:
        return len(self.turns["bare"])

    @property
    def step_seconds(self) -> float:
        """Of the bare run, its mean."""
        turns = self.turns["bare"]
        return sum(turn.seconds for turn in turns) / sum(turn.steps for turn in turns)

    def speed(self, kind: str, of: str) -> PairedRatio:
        """Steps a second of one arm over those of another."""
        return paired_ratio(*([t.steps_per_second for t in self.turns[k]] for k in (kind, of)))

    def cpu(self, kind: str, of: str) -> PairedRatio:
        """CPU seconds a step, of the whole process, of one arm over those of another."""
        return paired_ratio(*([t.cpu_seconds_per_step for t in self.turns[k]] for k in (kind, of)))


def measure(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> list[Measured]:
    """Run all of `plan`; `tell` hears how far it is. Raises CnntopError, and SystemExit for a
    signal; leaves neither processes nor files behind."""
    found = []
    with ExitStack() as stack:
        stack.enter_context(signals_as_exits())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cnntop-bench-")))
        for told in stack.enter_context(_arms_process(plan, folder)):
            if isinstance(told, Told):
                tell(told.text)
            else:
                found.append(Measured(told.case, told.size, told.turns, told.others_cores))
    return found


@contextmanager
def _arms_process(plan: Plan, folder: Path) -> Iterator[Iterator[Told | CaseTurns]]:
    """What the process tells that measures, until it ends; it is killed if it has not by then."""
    with ExitStack() as stack:
        ours, theirs = pseudo_terminal()
        stack.callback(os.close, ours)
        reading, writing = os.pipe()
        lines = stack.enter_context(os.fdopen(reading, "rb"))
        command = [sys.executable, "-P", "-m", "cnntop.tui.bench.arm"]
        command += [msgspec.json.encode(plan).decode(), str(folder), str(writing)]
        try:
            process = subprocess.Popen(
                command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                pass_fds=(writing,), env=environment(),
            )  # fmt: skip
        finally:
            os.close(theirs)
            os.close(writing)
        window = Window(ours)
        stack.callback(window.join)
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield (msgspec.json.decode(line, type=Told | CaseTurns) for line in lines)
        if process.wait() != 0:
            window.join()
            raise CnntopError(f"the measuring process failed:\n{window.last_words()}")
