"""What a run's log tells, as every format needs it: the events that count, each with its place."""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from cnntop.core.events import (
    Activity,
    AnyEvent,
    CheckpointSaved,
    CpuSample,
    EpochFinished,
    Event,
    GpuSample,
    Record,
    RunResumed,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import EVENTS_FILE, RunFolder, RunInfo
from cnntop.core.runs.log import DamagedLogError, read_log, reason
from cnntop.core.split import Split
from cnntop.core.text import printable

EventKind = TypeVar("EventKind", bound=Event)


@dataclass(frozen=True, slots=True)
class Told(Generic[EventKind]):
    """An event, and where it stands. `at_seconds` is on the run's own clock, which counts its
    preparations, pauses and evaluations; `trained_seconds` counts from its first step, without
    pauses; `step` is the last one that was told by then."""

    event: EventKind
    at_seconds: float
    trained_seconds: float
    step: int


@dataclass
class RunFigures:
    """All that is exported of a run. Steps and epochs that a resumed run went back behind do not
    count; samples of the machine and `happenings`, all other events, only go on."""

    run: str
    info: RunInfo | None
    state: RunState = field(default_factory=RunState)
    steps: list[Told[StepsMeasured]] = field(default_factory=list)
    epochs: list[Told[EpochFinished]] = field(default_factory=list)
    cpu_samples: list[Told[CpuSample]] = field(default_factory=list)
    gpu_samples: list[Told[GpuSample]] = field(default_factory=list)
    happenings: list[Told[AnyEvent]] = field(default_factory=list)
    records: int = 0
    running: bool = False
    damage: list[str] = field(default_factory=list)
    """What could not be read, as sentences for people; empty for a whole run."""

    def __post_init__(self) -> None:
        self._counted: dict[int, tuple[int, int]] = {}
        self._clocks: list[tuple[float, float]] = []

    @property
    def status(self) -> str:
        if self.state.ended is not None:
            return self.state.ended.status
        return "running" if self.running else "interrupted"

    def add(self, record: Record) -> None:
        """The next record of the log."""
        state, event = self.state, record.event
        state.apply(record)
        self.records += 1

        def told(one: EventKind) -> Told[EventKind]:
            return Told(one, record.at_seconds, state.trained_seconds(), state.step)

        match event:
            case StepsMeasured():
                self.steps.append(told(event))
            case EpochFinished():
                self.epochs.append(told(event))
            case CpuSample():
                self.cpu_samples.append(told(event))
            case GpuSample():
                self.gpu_samples.append(told(event))
            case Activity():
                pass  # how far preparations are
            case _:
                self.happenings.append(told(event))
        match event:
            case RunStarted(started_utc=utc) | RunResumed(resumed_utc=utc):
                self._set_clock(record.at_seconds, utc)
            case CheckpointSaved() if not event.path.endswith("best.pt"):
                self._counted[event.step] = len(self.steps), len(self.epochs)
        if isinstance(event, RunResumed):
            self._go_back(event.step)

    def _go_back(self, step: int) -> None:
        """As core/rewind.py does with the state."""
        steps, epochs = self._counted.get(step, (0, 0))
        del self.steps[steps:]
        del self.epochs[epochs:]
        self._counted = {at: counts for at, counts in self._counted.items() if at <= step}

    def _set_clock(self, at_seconds: float, utc: str) -> None:
        try:
            self._clocks.append((at_seconds, datetime.fromisoformat(utc).timestamp()))
        except (ValueError, OverflowError):
            self.damage.append(f"{EVENTS_FILE} has no time of day but {printable(utc)!r}")

    def unix_seconds(self, at_seconds: float) -> float | None:
        """The time of day at a time of the run's own clock, in seconds since 1970: that of each
        start of a process is known to the second. None where the run never started."""
        if not self._clocks:
            return None
        after = bisect_right(self._clocks, at_seconds, key=lambda clock: clock[0])
        clock, unix = self._clocks[max(0, after - 1)]
        return round(unix + at_seconds - clock, 3)

    def facts(self) -> dict[str, Any]:
        """What run this is: everything in plain types, None for what is not known."""
        started = None if self.state.started is None else msgspec.to_builtins(self.state.started)
        info = {} if self.info is None else msgspec.to_builtins(self.info)
        name = self.info or self.state.started
        facts = {
            "run": self.run,
            "name": None if name is None else name.name,
            "status": self.status,
            "whole": not self.damage,
            "started": started and {k: v for k, v in started.items() if k not in _TOLD_ELSEWHERE},
        }
        for key in ("recipe", "machine", "versions", "git_commit"):
            facts[key] = info.get(key)
        clean: dict[str, Any] = _printable(facts)
        return clean


_TOLD_ELSEWHERE = ("type", "run", "name", "format")


def run_id(folder: RunFolder) -> str:
    """The name of its folder, wherever the path to it leads along."""
    return printable(folder.path.resolve().name)


def read_figures(folder: RunFolder) -> RunFigures:
    """Never raises for what is damaged or missing: what can be read counts, and `damage` tells the
    rest."""
    figures = RunFigures(run_id(folder), folder.read_info())
    figures.running = folder.is_running()
    if figures.info is None:
        figures.info = folder.read_copied_info()
        figures.damage.append("run.json is damaged")
    if folder.lacks_lines:
        figures.damage.append(f"{EVENTS_FILE} had damaged lines, which repair took out")
    try:
        for record in read_log(folder.events, over=not figures.running):
            figures.add(record)
    except OSError as error:
        figures.damage.append(f"{EVENTS_FILE} cannot be read: {reason(error)}")
    except DamagedLogError as error:
        figures.damage.append(str(error).rstrip("."))
    return figures


def images_per_second(event: StepsMeasured | EpochFinished) -> float | None:
    """Training images a second, evaluation left out; None where no time was measured."""
    split = Split()
    split.add(event)
    seconds = split.seconds
    if isinstance(event, EpochFinished):
        seconds -= event.evaluation_seconds or 0.0
    return event.images / seconds if seconds > 0 else None


def _printable(value: Any) -> Any:
    """`value` with all text in it made safe to print."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {_printable(key): _printable(one) for key, one in value.items()}
        case list() | tuple():
            return [_printable(one) for one in value]
        case _:
            return value
