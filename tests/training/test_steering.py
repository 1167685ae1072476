"""What a person does to a run while it trains, in real runs: rate, length, and ways to end."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cnntop.core.control import Control
from cnntop.core.events import (
    Activity,
    AnyEvent,
    CheckpointSaved,
    EpochFinished,
    FixApplied,
    Notice,
    Paused,
    PlanExtended,
    RateChanged,
    Record,
    Resumed,
    StepsMeasured,
    StopAsked,
)
from cnntop.core.extension import NOTHING, Extension
from cnntop.core.fix import Fix
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import fold
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.resumption import Resumption
from cnntop.core.runs.summary import read_rows
from cnntop.core.session import RunHandle
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.plan import Plan
from cnntop.core.training.preparation import prepare
from cnntop.core.training.steering import Steering
from tests.conftest import Watched
from tests.training.test_loop import TRAIN_IMAGES, events

Make = Callable[..., RunRequest]
LONG = 100_000


def seen(kind: type[AnyEvent], count: int = 1) -> Callable[[list[Record]], bool]:
    return lambda records: len(events(records, kind)) >= count


def steered(request: RunRequest, *asked: Callable[[Control], None]) -> Watched:
    """A run of which all that is asked is there before its first step."""
    handle = RunHandle(request)
    for ask in asked:
        ask(handle.control)
    handle.start()
    return Watched(handle)


def content(folder: Path) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(folder / "checkpoint" / "last.pt", weights_only=True)
    return saved


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_rate_is_changed_from_the_next_step_on(request_run: Make, schedule: str) -> None:
    request = request_run(epochs=2, lr=0.1, schedule=schedule)
    done = steered(
        request, lambda control: control.scale_rate(0.5), lambda control: control.scale_rate(0.5)
    ).end()
    share = [0.5 * (1 + math.cos(math.pi * step / 10)) if schedule == "cosine" else 1.0
             for step in range(10)]  # fmt: skip
    (changed,) = events(done.records, RateChanged)
    assert (changed.step, changed.factor, changed.scale) == (1, 0.25, 0.25)
    assert changed.lr_before == pytest.approx(0.1 * share[1])
    assert changed.lr_after == pytest.approx(0.025 * share[1])
    epochs = events(done.records, EpochFinished)
    assert [epoch.lr for epoch in epochs] == pytest.approx([0.025 * share[4], 0.025 * share[9]])
    assert content(done.folder)["optimizer"]["param_groups"][0]["lr"] == pytest.approx(
        0.025 * share[9]
    )
    state = fold(done.records)
    assert state.rate_changes == [changed]
    assert any("learning rate /4" in notice.text for _, notice in state.notices)
    (row,) = read_rows(done.folder.parent)
    assert (row["rate_changes"], row["lr"], row["extended"]) == ("/4 after step 1", "0.1", "")


def test_in_a_pause_it_is_done_at_once_and_the_pause_goes_on(start: Any, request_run: Make) -> None:
    watched = start(request_run(epochs=LONG))
    control = watched.handle.control
    watched.until(seen(StepsMeasured))
    control.pause()
    watched.until(seen(Paused))
    control.scale_rate(2.0)
    control.extend(Extension(epochs=3))
    control.checkpoint()
    watched.until(lambda records: seen(RateChanged)(records) and seen(PlanExtended)(records))
    at = [type(record.event) for record in watched.records].index(Paused)
    watched.until(lambda records: seen(CheckpointSaved)(records[at:]))
    assert not events(watched.records, Resumed)
    state = fold(watched.records)
    assert (state.phase, state.lr) == ("paused", 0.02)
    assert state.started is not None
    assert state.started.epochs_planned == LONG + 3
    assert content(watched.folder)["rate_scale"] == 2.0
    control.stop_after_epoch()
    done = watched.end()
    assert done.ended.status == "stopped"
    assert len(events(done.records, Resumed)) == 1
    assert events(done.records, EpochFinished)[-1].images == TRAIN_IMAGES


def test_a_fix_and_a_rate_asked_for_at_once_are_both_taken(request_run: Make) -> None:
    done = steered(
        request_run(epochs=3, augment_on="loader", workers=0),
        lambda control: control.apply(Fix("data.augment_on", "cpu", 1.5)),
        lambda control: control.scale_rate(2.0),
    ).end()
    (fixed,), (changed,) = (events(done.records, kind) for kind in (FixApplied, RateChanged))
    assert fixed.step == changed.step == 1
    assert done.ended.status == "finished"
    (row,) = read_rows(done.folder.parent)
    assert row["augment_on"] == "cpu"


def test_more_epochs_are_trained_and_the_row_says_so(request_run: Make) -> None:
    done = steered(
        request_run(epochs=2, lr=0.1, schedule="linear"),
        lambda control: control.extend(Extension(epochs=1)),
        lambda control: control.extend(Extension(epochs=1)),
    ).end()
    (told,) = events(done.records, PlanExtended)
    assert (told.epochs_before, told.epochs_planned) == (2, 4)
    epochs = events(done.records, EpochFinished)
    assert [epoch.lr for epoch in epochs] == pytest.approx([0.08, 0.055, 0.03, 0.005])
    state = fold(done.records)
    assert (done.ended.status, state.epochs, state.progress()) == ("finished", 4.0, 1.0)
    (row,) = read_rows(done.folder.parent)
    assert (row["epochs"], row["extended"]) == ("4", "epochs 2 -> 4")


def test_an_extension_of_the_other_kind_is_told_of(request_run: Make) -> None:
    done = steered(
        request_run(epochs=1), lambda control: control.extend(Extension(seconds=60.0))
    ).end()
    assert not events(done.records, PlanExtended)
    assert any("it ends by epochs" in notice.text for notice in events(done.records, Notice))
    assert len(events(done.records, EpochFinished)) == 1


class AsksWhileEvaluating:
    """Notes events, and when evaluation `number` begins asks for more; with `then_end`, once that
    is granted, for the end with the pass."""

    def __init__(
        self, control: Control, number: int, more: Extension, then_end: bool = False
    ) -> None:
        self.events: list[AnyEvent] = []
        self._control = control
        self._number = number
        self._more = more
        self._then_end = then_end

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)
        if isinstance(event, Activity) and event.name == "evaluating" and event.done == 0:
            self._number -= 1
            if self._number == 0:
                self._control.extend(self._more)
        if isinstance(event, PlanExtended) and self._then_end:
            self._control.stop_after_epoch()

    def told(self, kind: type[AnyEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def test_a_run_goes_on_that_is_extended_in_its_last_evaluation(
    request_run: Make, tmp_path: Path
) -> None:
    control = Control()
    sink = AsksWhileEvaluating(control, 2, Extension(epochs=1))
    prepared = prepare(request_run(epochs=2).recipe, sink, lambda: False)
    assert TrainingLoop(prepared, control, sink, tmp_path).run() == "finished"
    epochs = sink.told(EpochFinished)
    assert [(epoch.epoch, epoch.images) for epoch in epochs] == [(n, 72) for n in (1, 2, 3)]
    assert all(epoch.test_accuracy is not None for epoch in epochs)


def test_a_pass_that_the_time_had_cut_short_goes_on_where_it_was(
    request_run: Make, tmp_path: Path
) -> None:
    control = Control()
    sink = AsksWhileEvaluating(control, 1, Extension(seconds=600.0), then_end=True)
    request = request_run(time="0.05s", batch_size=1, model={"name": "resnet"})
    prepared = prepare(request.recipe, sink, lambda: False)
    assert TrainingLoop(prepared, control, sink, tmp_path).run() == "stopped"
    (epoch,) = sink.told(EpochFinished)
    assert (epoch.epoch, epoch.images, epoch.step) == (1, TRAIN_IMAGES, TRAIN_IMAGES)
    stretches = sink.told(StepsMeasured)
    assert sum(stretch.images for stretch in stretches) == TRAIN_IMAGES
    assert epoch.test_accuracy is not None


@pytest.mark.parametrize("settings", [{}, {"evaluate_every": 1_000}, {"time": "600s"}], ids=str)
def test_it_ends_with_the_epoch_that_it_is_in(
    start: Any, request_run: Make, settings: dict[str, Any]
) -> None:
    length = {} if "time" in settings else {"epochs": LONG}
    watched = start(request_run(batch_size=1, **length, **settings))
    watched.until(seen(StepsMeasured))
    watched.handle.control.stop_after_epoch()
    done = watched.end()
    assert (done.ended.status, done.handle.exit_code) == ("stopped", 0)
    (asked,) = events(done.records, StopAsked)
    last = events(done.records, EpochFinished)[-1]
    assert asked.epoch == last.epoch
    assert (last.images, last.step) == (TRAIN_IMAGES, last.epoch * TRAIN_IMAGES)
    assert last.test_accuracy is not None
    saved = content(done.folder)
    assert (saved["epoch"], saved["pass"]) == (last.epoch, None)
    state = fold(done.records)
    assert state.stop_asked == asked
    assert state.phase == "stopped"


def test_it_goes_on_where_that_is_taken_back_in_the_last_evaluation(
    request_run: Make, tmp_path: Path
) -> None:
    """Which the run makes because it is to end with the epoch."""
    control = Control()

    class TakesBack(AsksWhileEvaluating):
        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Activity) and event.name == "evaluating":
                control.go_on_after_epoch()
            super().emit(event)

    sink = TakesBack(control, 0, NOTHING)
    request = request_run(epochs=3, evaluate_every=1_000)
    prepared = prepare(request.recipe, sink, lambda: False)
    control.stop_after_epoch()
    assert TrainingLoop(prepared, control, sink, tmp_path).run() == "finished"
    epochs = sink.told(EpochFinished)
    assert [epoch.test_accuracy is not None for epoch in epochs] == [True, False, True]
    assert [asked.how for asked in sink.told(StopAsked)] == ["after-epoch", "go-on"]


def test_what_ended_the_run_is_told_though_nobody_looked_in_between(request_run: Make) -> None:
    """A stop that comes between the last look at what is wanted and that at whether to go on."""
    control = Control()
    sink = AsksWhileEvaluating(control, 0, NOTHING)
    plan = Plan(request_run().recipe.train, steps_per_epoch=9)
    control.discard()
    steering = Steering(control, plan, sink)
    steering.end(step=7, epoch=2)
    assert sink.told(StopAsked) == [StopAsked("discard", 7, 2)]


def test_the_last_epoch_of_the_plan_is_finished_all_the_same(request_run: Make) -> None:
    done = steered(request_run(epochs=1), lambda control: control.stop_after_epoch()).end()
    assert done.ended.status == "finished"


def discarded(watched: Watched) -> Watched:
    watched.until(seen(EpochFinished))
    watched.handle.control.discard()
    return watched.end()


def test_nothing_is_kept_of_a_run_that_is_discarded(
    start: Any, run: Any, request_run: Make
) -> None:
    other = run(request_run("other", epochs=1))
    done = discarded(start(request_run(epochs=LONG)))
    assert (done.ended.status, done.handle.exit_code, done.handle.error) == ("stopped", 0, None)
    assert [asked.how for asked in events(done.records, StopAsked)] == ["discard"]
    runs_dir = done.folder.parent
    assert [path.name for path in runs_dir.iterdir() if path.is_dir()] == [other.folder.name]
    assert [row["run"] for row in read_rows(runs_dir)] == [other.folder.name]
    assert done.folder.name not in (runs_dir / "summary.csv").read_text()


def test_a_paused_run_is_discarded_too(start: Any, request_run: Make) -> None:
    watched = start(request_run(epochs=LONG))
    watched.until(seen(EpochFinished))
    watched.handle.control.pause()
    watched.until(seen(Paused))
    done = discarded(watched)
    assert events(done.records, StopAsked)
    assert not done.folder.exists()


def test_another_folder_in_its_place_is_not_touched(start: Any, request_run: Make) -> None:
    watched = start(request_run(epochs=LONG))
    watched.until(seen(EpochFinished))
    away = watched.folder.parent / "away"
    watched.folder.rename(away)
    watched.folder.mkdir()
    (watched.folder / "run.lock").write_text("another's")
    (watched.folder / "run.json").write_text("another's")
    done = discarded(watched)
    assert "could not be discarded" in str(done.handle.error)
    assert done.handle.exit_code == 1
    assert {path.name for path in watched.folder.iterdir()} >= {"run.json", "run.lock"}
    assert (away / "events.jsonl").is_file(), "nor is what was moved away"


def test_a_run_that_was_to_go_on_stays_if_it_is_discarded_before(
    run: Any, request_run: Make
) -> None:
    request = request_run(epochs=1)
    earlier = run(request)
    resumption = Resumption.of(RunFolder(earlier.folder))
    again = RunRequest(
        resumption.recipe({"train.epochs": 9}), "none", "tiny", request.runs_dir, resume=resumption
    )
    steered(again, lambda control: control.discard()).end()
    assert (earlier.folder / "checkpoint" / "last.pt").is_file()
    assert len(read_rows(request.runs_dir)) == 1
