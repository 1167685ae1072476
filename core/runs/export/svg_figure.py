"""A run as a figure for a paper: loss, accuracy and where the time went, over training time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from cnntop.core.analysis.figure import DASHES, FAINT, PALETTE, Axis, Figure, Plot, shortened
from cnntop.core.curve import Curve
from cnntop.core.events import (
    AnyEvent,
    EpochFinished,
    FixApplied,
    Paused,
    RunResumed,
    StepsMeasured,
)
from cnntop.core.runs.export.figures import EventKind, RunFigures, Told
from cnntop.core.split import PARTS, Split

_WIDTH, _HEIGHT = 720, 704
_LEFT, _FRAME_WIDTH = 76, 620
_FRAMES = {"Loss": (88, 150), "Accuracy": (288, 150), "Time split": (488, 170)}
"""Upper edge and height of each plot."""
_TRAIN, _TEST = PALETTE[0], PALETTE[1]
_PART_COLOURS = {"wait": "#d55e00", "transfer": "#f0e442", "compute": "#56b4e9", "other": "#bfbfbf"}
_DOTTED = 40
"""So many test figures at most are drawn as dots too."""
_SLICES = 100
"""Of the run's time, in the split."""

Points = list[tuple[float, float]]
"""(time in the axis's unit, value)"""


def write(figures: RunFigures, file: BinaryIO) -> None:
    """Raises OSError."""
    figure = Figure(_WIDTH, _HEIGHT, *_headings(figures))
    seconds = max((told.trained_seconds for told in _timed(figures)), default=0.0)
    unit, unit_seconds = _unit(seconds)
    across = Axis("", 0.0, seconds / unit_seconds or 1.0)
    below = replace(across, label=f"training time ({unit})")  # for all three

    def curve(events: Sequence[Told[EventKind]], name: str, factor: float = 1.0) -> Points:
        """Of a field, where it was measured."""
        return [
            (told.trained_seconds / unit_seconds, factor * value)
            for told in events
            if (value := getattr(told.event, name)) is not None
        ]

    steps, epochs = figures.steps, figures.epochs
    plots = [
        _curves(figure, "Loss", "loss", across, curve(steps, "loss"), curve(epochs, "test_loss")),
        _curves(figure, "Accuracy", "accuracy (%)", across,
                curve(steps, "accuracy", 100), curve(epochs, "test_accuracy", 100)),
        _split(figure, below, figures, unit_seconds),
    ]  # fmt: skip
    _mark(plots, figures, unit_seconds)
    file.write(figure.svg().encode())


def _headings(figures: RunFigures) -> tuple[str, str]:
    """Title, and what the figures were measured on."""
    started = figures.state.started
    if started is None:
        return figures.run, figures.status
    on = f"batch {started.batch_size}, {started.precision}, {started.device_name}"
    return (
        f"{started.name}: {started.model} on {started.dataset}",
        f"{on}, {figures.run}, {figures.status}",
    )


def _unit(seconds: float) -> tuple[str, float]:
    """The unit in which so many seconds are easy to read, and how many seconds it has."""
    if seconds < 300:
        return "s", 1.0
    return ("minutes", 60.0) if seconds < 3 * 3600 else ("hours", 3600.0)


def _curves(
    figure: Figure, title: str, label: str, across: Axis, train: Points, test: Points
) -> Plot:
    """Training, thinned out with what its points range over, and test figures."""
    top, height = _FRAMES[title]
    values = [value for _, value in (*train, *test)]
    up = Axis.over(label, values, zero=title == "Loss")
    plot = figure.plot(_LEFT, top, _FRAME_WIDTH, height, across, up, title)
    curve = Curve()  # over the figure's own unit of time, whichever that is
    for number, (at, value) in enumerate(train):
        curve.add(number, at, value)
    plot.area([(b.seconds, b.minimum, b.maximum) for b in curve.bins], _TRAIN, opacity=0.2)
    plot.line([(b.seconds, b.mean) for b in curve.bins], _TRAIN, "train")
    plot.line(test, _TEST, "test", dash=DASHES[1], width=2)
    for at, value in test if len(test) <= _DOTTED else []:
        plot.dot(at, value, _TEST)
    plot.legend()
    return plot


def _split(figure: Figure, across: Axis, figures: RunFigures, unit_seconds: float) -> Plot:
    """The parts of the time, stacked; the legend has those of the whole run."""
    title = "Time split"
    top, height = _FRAMES[title]
    up = Axis("share of time (%)", 0, 100)
    plot = figure.plot(_LEFT, top, _FRAME_WIDTH, height, across, up, title)
    slices = _slices(figures)
    whole = figures.state.split.fractions()
    below = [0.0] * len(slices)
    for part in reversed(PARTS):  # wait, what cnntop is about, on top
        points = []
        for number, (begin, end, split) in enumerate(slices):
            low = below[number]
            below[number] = low + 100 * (split.fractions()[part] or 0.0)
            points += [(at / unit_seconds, low, below[number]) for at in (begin, end)]
        share = whole[part]
        label = part if share is None else f"{part} {100 * share:.1f} %"
        plot.area(points, _PART_COLOURS[part], label)
    plot.legend()
    return plot


def _slices(figures: RunFigures) -> list[tuple[float, float, Split]]:
    """Equal slices of the trained time: begin and end in seconds, and where its time went."""
    spans = list(_spans(figures))
    total = max((end for _, end, _ in spans), default=0.0)
    if total <= 0:
        return []
    count = min(_SLICES, len(spans))
    width = total / count
    splits = [Split() for _ in range(count)]
    for begin, end, spent in spans:
        first, last = (min(count - 1, int(at / width)) for at in (begin, end))
        for number in range(first, last + 1):
            overlap = min(end, (number + 1) * width) - max(begin, number * width)
            splits[number] += spent * (overlap / (end - begin) if end > begin else 1.0)
    return [(number * width, (number + 1) * width, split) for number, split in enumerate(splits)]


def _spans(figures: RunFigures) -> Iterator[tuple[float, float, Split]]:
    """Stretches of steps, and after an epoch what it knows beyond them, such as its evaluation."""
    begin, told_split = 0.0, Split()
    for told in _timed(figures):
        split = Split()
        split.add(told.event)
        if isinstance(told.event, StepsMeasured):
            told_split += split
        else:
            rest = (split + told_split * -1.0).parts()
            split = Split(**{part: max(0.0, seconds) for part, seconds in rest.items()})
            told_split = Split()
        yield begin, told.trained_seconds, split
        begin = told.trained_seconds


def _timed(figures: RunFigures) -> list[Told[StepsMeasured] | Told[EpochFinished]]:
    """In the order of the log."""
    timed: list[Told[StepsMeasured] | Told[EpochFinished]] = [*figures.steps, *figures.epochs]
    return sorted(timed, key=lambda told: told.at_seconds)


def _mark(plots: list[Plot], figures: RunFigures, unit_seconds: float) -> None:
    """Fixes, pauses and resumes as lines through all plots, named where there is room."""
    marks: list[tuple[float, str]] = []
    for told in figures.happenings:
        if isinstance(told.event, RunResumed):  # what came after its checkpoint does not count
            resumed_seconds = told.event.trained_seconds
            marks = [mark for mark in marks if mark[0] <= resumed_seconds / unit_seconds]
        if name := _name(told.event):
            marks.append((told.trained_seconds / unit_seconds, name))
    named_at = -100.0
    for at, name in marks:
        x = plots[0].x(min(at, plots[0].across.high))
        for plot in plots:
            plot.figure.rule(x, plot.top, x, plot.top + plot.height, FAINT, DASHES[2])
        if x - named_at > 14:
            named_at, room = x, plots[0].height - 8
            plots[0].figure.text(x - 4, plots[0].top + 4, shortened(name, room, 10), size=10,
                                 anchor="end", colour=FAINT, turned=True)  # fmt: skip


def _name(event: AnyEvent) -> str:
    """Of an event that is marked."""
    match event:
        case FixApplied():
            return f"{event.key.partition('.')[2]} {event.before} → {event.after}"
        case Paused():
            return "paused"
        case RunResumed():
            return "resumed"
        case _:
            return ""
