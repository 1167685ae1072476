"""Forecasts against what came of them: this machine, and the same one with a single thread.

Each is calibrated, forecast from its profile alone, and only then trained on. With one thread the
machine plays the weak one of the paper's two, so that the ratio of both is a forecast too.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnntop.core.analysis import profile as profiles
from cnntop.core.analysis.profile import Profile, Span
from cnntop.core.analysis.projection import forecast, whole_epoch_seconds
from cnntop.core.errors import CnntopError
from cnntop.core.runs.selection import find_run
from cnntop.tui.bench.exits import signals_as_exits
from cnntop.tui.launch import Launch
from cnntop.tui.projected import of_run

ONE_THREAD, AS_IT_IS = "one thread", "as it is"
_MACHINES: dict[str, tuple[str, ...]] = {
    ONE_THREAD: ("--device", "cpu", "--set", "machine.threads=1"),
    AS_IT_IS: (),
}


@dataclass(frozen=True)
class Plan:
    """Train `preset` with the options `data` of `cnntop run` for `epochs` epochs on each machine,
    after `minutes` of calibration."""

    preset: str
    settings: dict[str, Any]
    data: tuple[str, ...] = ()
    minutes: float = 1.0
    epochs: int = 3


@dataclass(frozen=True)
class Outcome:
    """Seconds of an epoch: forecast from `profile`, and of the run made afterwards."""

    profile: Profile
    forecast_seconds: Span
    ran_seconds: Span

    @property
    def error(self) -> float:
        """By what share the forecast was too high (above 0) or too low."""
        return self.forecast_seconds.median / self.ran_seconds.median - 1


@dataclass(frozen=True)
class Measured:
    label: str
    dataset: str
    epochs: int
    outcomes: dict[str, Outcome]

    def ratio(self, seconds: Callable[[Outcome], Span]) -> float:
        """How many times as long an epoch takes on one thread."""
        one, as_it_is = (seconds(self.outcomes[name]).median for name in (ONE_THREAD, AS_IT_IS))
        return one / as_it_is


def measure(plan: Plan, tell: Callable[[str], None]) -> Measured:
    """Run all of `plan`; `tell` hears how far it is. Raises CnntopError, and SystemExit for a
    signal; leaves neither processes nor files behind."""
    recipe = Launch(plan.preset, Path(), settings=plan.settings).recipe()
    with signals_as_exits(), tempfile.TemporaryDirectory(prefix="cnntop-bench-") as temp:
        folder = Path(temp)
        found: dict[str, Profile] = {}
        for name, options in _MACHINES.items():
            tell(f"calibrating, {name}")
            out = folder / f"{len(found)}.json"
            batch = ("--batch-size", str(recipe.data.batch_size))
            limits = ("--minutes", str(plan.minutes), "--out", str(out))
            _cnntop("calibrate", "--preset", plan.preset, *options, *batch, *limits)
            found[name] = profiles.load(out)
        outcomes: dict[str, Outcome] = {}
        for name, options in _MACHINES.items():
            tell(f"training {plan.epochs} epochs, {name}")
            runs = folder / f"runs-{len(outcomes)}"
            _cnntop(
                "run", "--plain", "--preset", plan.preset, *options, *plan.data,
                "--epochs", str(plan.epochs), "--runs-dir", str(runs),
            )  # fmt: skip
            ran = of_run(find_run(runs, "last"))
            ran_seconds = whole_epoch_seconds(ran.epochs, ran.workload.train_images)
            if ran_seconds is None:
                raise CnntopError("the run ended before its first epoch.")
            there = forecast(found[name], ran.workload).epoch_seconds
            outcomes[name] = Outcome(found[name], there, ran_seconds)
    label = f"{recipe.model.label}, batch {recipe.data.batch_size}"
    return Measured(label, recipe.data.dataset, plan.epochs, outcomes)


def _cnntop(*arguments: str) -> None:
    """A command as a person would give it; what it says on standard error is for them too. Raises
    CnntopError where it fails."""
    command: Sequence[str] = (sys.executable, "-m", "cnntop.tui.cli", *arguments)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()  # which it answers in order
        process.wait()
        raise
    if code != 0:
        raise CnntopError(f"`cnntop {arguments[0]}` failed with exit code {code}.")
