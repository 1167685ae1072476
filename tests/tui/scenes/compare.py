"""The compare screen, the curves of several runs, and their recipes side by side."""

from pathlib import Path

import msgspec

from cnntop.core.events import AnyEvent, Record, RunEnded, StepsMeasured
from cnntop.core.runs.log import RunLog
from cnntop.tui.compare import Question
from cnntop.tui.screens.compare import CompareScreen
from tests.kept_runs import keep_run
from tests.tui import story
from tests.tui.scenes.scene import Scene, after, keys
from tests.tui.test_compare_screen import EVIL

RUNS = Path("runs")
FINALS = {8: 0.5, 32: 0.625, 128: 0.75}
"""Best accuracy of the runs of `three`, by their kernels."""
MARKED = ("space", "space", "end", "b")
"""Keys that mark the first two runs and hold them against the last."""


def reached(final: float, epochs: int, epoch_seconds: float) -> list[tuple[float, float | None]]:
    """An accuracy that climbs to `final` and wavers on the way."""
    return [
        (epoch_seconds, round(final * (1 - 0.6 / epoch) + 0.02 * (epoch % 3 - 1), 4))
        for epoch in range(1, epochs)
    ] + [(epoch_seconds, final)]


def three(epochs: int = 30) -> None:
    """The wider, the slower and better; one ends early."""
    for number, (kernels, final) in enumerate(FINALS.items(), 1):
        recipe = {"model.kernels": kernels, "train.lr": 0.01 * number, "train.seed": 7}
        many = epochs if kernels != 32 else 2 * epochs // 3
        keep_run(RUNS, number, recipe, reached=reached(final, many, kernels / 4), host="here")


def compared(**asked: str) -> CompareScreen:
    return CompareScreen([RUNS], Question(RUNS, **asked))  # type: ignore[arg-type]


def of_three() -> CompareScreen:
    three()
    return compared()


def of_long_names() -> CompareScreen:
    word = "unbroken" * 9
    keep_run(RUNS, 1, {}, reached=[(1.0, 0.5)], name=EVIL, device_name=EVIL, host=EVIL)
    keep_run(RUNS, 2, {}, reached=[(1.0, 0.25)], name=word, device_name=word, host=word)
    keep_run(RUNS, 3, {}, reached=[(1.0, 0.75)], name="plain", host="here", status="failed")
    return compared()


def of_many() -> CompareScreen:
    for number in range(30):
        final = 0.5 + 0.01 * number
        keep_run(RUNS, number, {"train.seed": number}, reached=reached(final, 5, 2.0), host="here")
    return compared()


def logged() -> CompareScreen:
    """Runs that kept a log, whose curves go on between the ends of epochs."""
    for number, factor in enumerate((1.0, 1.2, 1.5), 1):
        recipe = {"model.kernels": 8 * number}
        folder = keep_run(RUNS, number, recipe, reached=reached(0.5 / factor, 4, 4.0), host="here")
        log = RunLog(folder.events)
        told = [story.STARTED, *story.epochs(4), RunEnded("finished", "", 16.0)]
        for seq, event in enumerate(told):
            log.append(Record(seq, 0.5 * seq, slowed(event, factor)))
        log.close()
    return compared()


def slowed(event: AnyEvent, factor: float) -> AnyEvent:
    """The same with a loss so many times as high, and as long a step."""
    if not isinstance(event, StepsMeasured) or event.loss is None:
        return event
    compute = event.compute_seconds * factor
    return msgspec.structs.replace(event, loss=event.loss * factor, compute_seconds=compute)


def of_none() -> CompareScreen:
    return compared()


def of_unmeasured() -> CompareScreen:
    """Runs that ended before their first epoch did."""
    for number in (1, 2):
        keep_run(RUNS, number, {"train.seed": number}, host="here", status="failed")
    return compared()


OPENED = keys(*MARKED, "enter")
CURVES = {
    "curves": Scene(of_three, OPENED),
    "curves-step": Scene(of_three, after(OPENED, keys("x", "x"))),
    "curves-time": Scene(of_three, after(OPENED, keys("x"))),
    "curves-cursor": Scene(of_three, after(OPENED, keys("left"))),
    "curves-log-smooth": Scene(logged, after(OPENED, keys("tab", "tab", "l", "m", "m"))),
    "curves-rate": Scene(logged, after(OPENED, keys(*("tab",) * 4))),
    "curves-one": Scene(of_three, keys("enter")),
    "curves-many": Scene(of_many, keys("a", "enter")),
    "curves-none": Scene(of_unmeasured, keys("a", "enter")),
    "curves-long-names": Scene(of_long_names, keys("a", "enter")),
    "curves-help": Scene(of_three, after(keys("enter"), keys("question_mark"))),
}
SCENES = {
    "compare": Scene(of_three),
    "compare-none": Scene(of_none),
    "compare-filtered": Scene(of_three, keys("slash", *"shallow32", "enter")),
    "compare-filter-wrong": Scene(of_three, keys("slash", *"best_test_accuracy<=70")),
    "compare-filter-nothing": Scene(of_three, keys("slash", *"quiet", "enter")),
    "compare-marks": Scene(of_three, keys(*MARKED)),
    "compare-sorted": Scene(of_three, keys("right", "right", "right", "s")),
    "compare-many": Scene(of_many, keys("a")),
    "compare-long-names": Scene(of_long_names),
    "compare-help": Scene(of_three, keys("question_mark")),
    **CURVES,
    "recipes": Scene(of_three, keys(*MARKED, "r")),
    "recipes-all": Scene(of_three, keys(*MARKED, "r", "a")),
    "recipes-many": Scene(of_many, keys("a", "r")),
    "recipes-long-names": Scene(of_long_names, keys("a", "r")),
    "recipes-help": Scene(of_three, keys("r", "question_mark")),
}
