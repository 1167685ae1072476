"""How fast processors are relative to each other: the paper's Figure 5, but consistent.

The paper divides epoch seconds pair by pair, so that its ratios need not agree with each other.
Here each processor has one speed: logarithms of images a second are taken to be a processor's
speed plus a setting's ease, and both are fitted to all that was measured by least squares (the
additive two-way model with missing cells; H. Scheffé, "The Analysis of Variance", 1959, chapter
4). A/B times B/C is then A/C by construction, and with nothing missing A/B is the geometric mean
of the ratios of all settings. What the model cannot explain is the spread.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnntop.core.analysis.report.measured import MeasuredRun, geometric_mean
from cnntop.core.text import natural_order


@dataclass(frozen=True)
class Processor:
    """`threads` are those that compute on a CPU, in words: with fewer it is another processor."""

    name: str
    machine: str
    threads: str
    is_papers: bool


@dataclass(frozen=True)
class Setting:
    """What was trained: processors are compared only where all of it is the same."""

    dataset: str
    model: str
    batch_size: int
    variant: str


@dataclass(frozen=True)
class Group:
    """Processors that shared settings connect, the fastest first, with their `speeds` relative to
    the slowest. `spread` is the factor by which a measured speed typically lies off the fitted one
    (exp of the residual standard deviation), None where nothing is left over to tell. `residuals`
    has, by processor and setting, how many times its fitted speed was measured.
    """

    processors: tuple[Processor, ...]
    speeds: dict[Processor, float]
    residuals: dict[tuple[Processor, Setting], float]
    spread: float | None
    freedom: int


@dataclass(frozen=True)
class Hardware:
    """`groups` are those of two or more processors; `alone` shares no setting with any other."""

    groups: tuple[Group, ...]
    alone: tuple[Processor, ...]
    images_per_second: dict[tuple[Processor, Setting], float]
    changed: int
    unmeasured: int

    @property
    def processors(self) -> tuple[Processor, ...]:
        """All of them, group by group."""
        return (*(one for group in self.groups for one in group.processors), *self.alone)

    def ratio(self, one: Processor, other: Processor) -> float | None:
        """How many times as fast `one` is as `other`; None where nothing connects them."""
        for group in self.groups:
            if one in group.speeds and other in group.speeds:
                return group.speeds[one] / group.speeds[other]
        return None

    def measured_ratios(self, one: Processor, other: Processor) -> list[float]:
        """How many times as fast `one` was in each setting that both were measured in. There are
        none where their ratio leads through others."""
        speeds = self.images_per_second
        return [
            speed / speeds[other, setting]
            for (processor, setting), speed in speeds.items()
            if processor == one and (other, setting) in speeds
        ]

    def shared_settings(self, one: Processor, other: Processor) -> int:
        return len(self.measured_ratios(one, other))


def hardware(runs: Iterable[MeasuredRun], any_dataset: bool = False) -> Hardware:
    """Of `runs`; with `any_dataset` runs on different images count as the same setting.

    Repeats are averaged (geometrically). Where a processor ran a setting with augmentation in
    several places, the fastest counts: that is what the processor can do.
    """
    places: dict[tuple[Processor, Setting], dict[str, list[float]]] = {}
    changed = unmeasured = 0
    for run in runs:
        if run.was_changed:
            changed += 1
        elif run.images_per_second is None:
            unmeasured += not run.is_papers
        else:
            places.setdefault(_key(run, any_dataset), {}).setdefault(
                run.settings.get("augment_on", ""), []
            ).append(run.images_per_second)
    speeds = {
        key: max(geometric_mean(rates) for rates in by_place.values())
        for key, by_place in places.items()
    }
    settings: dict[Processor, set[Setting]] = {}
    for processor, setting in speeds:
        settings.setdefault(processor, set()).add(setting)
    parts = _connected(settings)
    groups = [_fitted(part, speeds) for part in parts if len(part) > 1]
    alone = sorted((part[0] for part in parts if len(part) == 1), key=_order)
    groups.sort(key=lambda group: (-len(group.processors), _order(group.processors[0])))
    return Hardware(tuple(groups), tuple(alone), speeds, changed, unmeasured)


def _key(run: MeasuredRun, any_dataset: bool) -> tuple[Processor, Setting]:
    return (
        Processor(run.trained_on, run.machine, run.threads, run.is_papers),
        Setting("" if any_dataset else run.dataset, run.model, run.batch_size, run.variant),
    )


def _order(processor: Processor) -> tuple[bool, str, list[str | int], str]:
    return processor.is_papers, processor.name, natural_order(processor.threads), processor.machine


def _connected(settings: dict[Processor, set[Setting]]) -> list[list[Processor]]:
    """Processors in groups that a chain of shared settings holds together."""
    parts: list[tuple[list[Processor], set[Setting]]] = []
    for processor, own in settings.items():
        touching = [part for part in parts if part[1] & own]
        parts = [part for part in parts if not part[1] & own]
        members = [processor, *(one for part in touching for one in part[0])]
        parts.append((members, own.union(*(part[1] for part in touching))))
    return [members for members, _ in parts]


def _fitted(
    processors: Sequence[Processor], speeds: dict[tuple[Processor, Setting], float]
) -> Group:
    """Least squares over the settings that two or more of the processors share: any other fits
    exactly, whatever the speeds, and says nothing about them."""
    import numpy as np

    by_setting: dict[Setting, list[Processor]] = {}
    for processor, setting in speeds:
        if processor in processors:
            by_setting.setdefault(setting, []).append(processor)
    shared = [setting for setting, ran in by_setting.items() if len(ran) > 1]
    cells = [(one, setting) for setting in shared for one in by_setting[setting]]
    # A column a processor and one a setting. A constant can be moved between the two kinds, which
    # leaves all ratios as they are; lstsq takes the smallest solution.
    design = np.zeros((len(cells), len(processors) + len(shared)))
    for number, (processor, setting) in enumerate(cells):
        design[number, processors.index(processor)] = 1
        design[number, len(processors) + shared.index(setting)] = 1
    measured = np.log([speeds[cell] for cell in cells])
    solution = np.linalg.lstsq(design, measured, rcond=None)[0]
    off = measured - design @ solution
    freedom = len(cells) - (len(processors) + len(shared) - 1)
    logs = dict(zip(processors, solution.tolist(), strict=False))
    slowest = min(logs.values())
    fitted = {one: math.exp(log - slowest) for one, log in logs.items()}
    return Group(
        tuple(sorted(processors, key=lambda one: (-fitted[one], _order(one)))),
        fitted,
        {cell: math.exp(rest) for cell, rest in zip(cells, off.tolist(), strict=True)},
        math.exp(math.sqrt(float(off @ off) / freedom)) if freedom else None,
        freedom,
    )
