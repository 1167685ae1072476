"""Epoch seconds by machine, processors, network and batch size: the paper's Figure 4."""

from collections.abc import Iterable
from dataclasses import dataclass

from cnntop.core.analysis.report.difference import spread_of
from cnntop.core.analysis.report.measured import MeasuredRun
from cnntop.core.analysis.statistics import Spread
from cnntop.core.text import natural_order


@dataclass(frozen=True)
class Setup:
    """A row of the table: who trained, who augmented, and on what. `variant` is what else makes
    an epoch longer or shorter, in words."""

    machine: str
    trained_on: str
    augmented_on: str
    dataset: str
    variant: str
    is_papers: bool
    on_cpu: bool


@dataclass(frozen=True)
class Workload:
    """A column of the table."""

    model: str
    batch_size: int


@dataclass(frozen=True)
class EpochTimes:
    """`cells` has the setups and workloads of which an epoch was timed. `unmeasured` runs ended
    before their first whole epoch, `changed` ones were changed by a fix while they ran: their
    epochs are means of two things, and left out.
    """

    setups: tuple[Setup, ...]
    workloads: tuple[Workload, ...]
    cells: dict[tuple[Setup, Workload], Spread]
    unmeasured: int
    changed: int


def epoch_times(runs: Iterable[MeasuredRun]) -> EpochTimes:
    """The table of `runs`, the measured before the paper's, workloads in the order of numbers."""
    found: dict[tuple[Setup, Workload], list[float]] = {}
    unmeasured = changed = 0
    for run in runs:
        if run.was_changed:
            changed += 1
        elif run.epoch_seconds is None:
            unmeasured += not run.is_papers
        else:
            key = _setup(run), Workload(run.model, run.batch_size)
            found.setdefault(key, []).append(run.epoch_seconds)
    setups = sorted({setup for setup, _ in found}, key=_order)
    workloads = sorted(
        {load for _, load in found}, key=lambda load: (natural_order(load.model), load.batch_size)
    )
    cells = {}
    for key, seconds in found.items():
        if timed := spread_of(seconds):
            cells[key] = timed
    return EpochTimes(tuple(setups), tuple(workloads), cells, unmeasured, changed)


def _setup(run: MeasuredRun) -> Setup:
    every, views = (run.settings.get(key) or "1" for key in ("evaluate_every", "test_views"))
    told = [
        run.threads,
        run.variant,
        f"evaluated every {every}" if every != "1" else "",
        f"{views} test views" if views != "1" else "",
    ]
    variant = ", ".join(filter(None, told))
    return Setup(
        run.machine, run.trained_on, run.augmented_on, run.dataset, variant, run.is_papers,
        run.on_cpu,
    )  # fmt: skip


def _order(setup: Setup) -> tuple[bool, str, str, bool, str, str, str]:
    """The paper's last; a machine's rows together, GPUs before the CPU, as in the paper."""
    return (
        setup.is_papers, setup.machine, setup.dataset, setup.on_cpu, setup.trained_on,
        setup.augmented_on, setup.variant,
    )  # fmt: skip
