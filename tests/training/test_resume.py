"""Going on from a checkpoint: to the bit as if nothing had come in between."""

import csv
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
import torch

from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.events import (
    AnyEvent,
    CheckpointSaved,
    EpochFinished,
    Notice,
    PlanExtended,
    Record,
    RunResumed,
    StepsMeasured,
)
from cnntop.core.extension import Extension
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import RunState, fold
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.log import read_log
from cnntop.core.runs.resumption import Resumption
from cnntop.core.runs.summary import read_rows
from cnntop.core.session import RunHandle
from cnntop.core.training.checkpoint import Checkpoints
from tests.conftest import Watched

E = TypeVar("E", bound=AnyEvent)
Make = Callable[..., RunRequest]
PASS_FIGURES = ("epoch", "step", "images", "lr", "test_loss", "test_accuracy")


def events(records: list[Record], kind: type[E]) -> list[E]:
    return [record.event for record in records if isinstance(record.event, kind)]


def content(folder: Path, name: str = "last.pt") -> dict[str, Any]:
    return torch.load(folder / "checkpoint" / name, weights_only=True)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def assert_same_training(one: Path, other: Path) -> None:
    for name in ("last.pt", "best.pt"):
        first, second = content(one, name), content(other, name)
        for key in ("model", "optimizer", "random", "step", "epoch", "best_test_accuracy"):
            assert same(first[key], second[key]), f"{name}: {key}"


def stopped_early(handle: RunHandle) -> Watched:
    """Stopped as soon as it tells of steps, and by its own thread: who looks from outside may come
    when all of so short a run is over."""

    def stop(record: Record) -> None:
        if isinstance(record.event, StepsMeasured):
            handle.control.stop()

    handle._stream._readers = (*handle._stream._readers, stop)
    handle.start()
    return Watched(handle).end()


def resumed(request: RunRequest, folder: Path, **settings: Any) -> RunRequest:
    """The request of going on with the run of `folder`, longer if `settings` say so."""
    earlier = Resumption.of(RunFolder(folder))
    recipe = earlier.recipe({f"train.{key}": value for key, value in settings.items()})
    return replace(request, recipe=recipe, resume=earlier)


SPEED: dict[str, Any] = {
    "name": "speed", "model": {"name": "speednet", "kernels": 4}, "image_size": 20,
    "batch_size": 4, "augment": ["crop", "altflip"], "crop_padding": 2, "crop_border": "reflect",
    "augment_on": "cpu", "nesterov": True, "decay_biases": False, "bias_lr_factor": 8.0,
    "muon_lr": 0.05, "label_smoothing": 0.1, "schedule": "triangle", "test_views": 6,
}  # fmt: skip
"""All that the presets for speed are made of."""
WAYS: list[dict[str, Any]] = [
    {"augment_on": "cpu"},
    {"augment_on": "cpu", "schedule": "cosine", "passes": 2},
    {"augment_on": "loader", "workers": 0},
    {"augment_on": "cpu", "evaluate_every": 2},
    SPEED,
    {**SPEED, "augment_on": "loader", "workers": 0, "epochs": 8},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
def test_stopped_anywhere_and_resumed_is_as_one_run(
    run: Any, request_run: Make, way: dict[str, Any], tmp_path: Path
) -> None:
    request = request_run(**{"epochs": 20 // way.get("passes", 1), "batch_size": 1, **way})
    whole = run(replace(request, runs_dir=tmp_path / "whole"))
    part = stopped_early(RunHandle(request))
    for _ in range(2):
        stopped_early(RunHandle(resumed(request, part.folder)))
    done = run(resumed(request, part.folder))
    assert done.ended.status == "finished"
    assert done.folder == part.folder
    assert_same_training(whole.folder, done.folder)
    check_figures(whole.folder, done.folder)


def steered(request: RunRequest) -> RunHandle:
    """With a rate and a length of a person's own, which are there from the first step on."""
    handle = RunHandle(request)
    handle.control.scale_rate(0.5)
    handle.control.extend(Extension(epochs=7))
    return handle


@pytest.mark.parametrize("way", [{"schedule": "constant"}, SPEED], ids=["constant", "speed"])
def test_what_a_person_changed_holds_when_it_goes_on(
    run: Any, request_run: Make, way: dict[str, Any], tmp_path: Path
) -> None:
    request = request_run(**{"epochs": 10, "batch_size": 1, **way})
    whole = Watched(steered(replace(request, runs_dir=tmp_path / "whole")))
    whole.handle.start()
    whole.end()
    part = stopped_early(steered(request))
    again = resumed(request, part.folder)
    assert again.recipe.train.epochs == 17
    done = run(again)
    assert done.ended.status == "finished"
    assert events(done.records, RunResumed)[0].epochs_planned == 17
    assert_same_training(whole.folder, done.folder)
    check_figures(whole.folder, done.folder)
    [row] = read_rows(done.folder.parent)
    assert (row["rate_changes"], row["extended"]) == ("/2 after step 1", "epochs 10 -> 17")
    with pytest.raises(UsageError, match="has finished"):
        resumed(request, done.folder)


def test_more_time_holds_when_it_goes_on(start: Any, request_run: Make) -> None:
    part = start(request_run(time="600s"))
    part.until(lambda records: bool(events(records, StepsMeasured)))
    part.handle.control.extend(Extension(seconds=90.5))
    part.until(lambda records: bool(events(records, PlanExtended)))
    part.handle.control.stop()
    part.end()
    earlier = Resumption.of(RunFolder(part.folder))
    assert earlier.recipe({}).train.time_limit_seconds == 690.5
    assert earlier.recipe({"train.time": "20s"}).train.time == "20s", "what is asked for now counts"
    by_epochs = earlier.recipe({"train.epochs": 3}).train
    assert (by_epochs.epochs, by_epochs.time) == (3, None)


def check_figures(whole: Path, parts: Path) -> None:
    """The fold of the log, epochs.csv and the summary row say what one run says."""
    one, other = (fold(read_log(folder / "events.jsonl")) for folder in (whole, parts))
    for name in ("step", "epoch", "images", "epochs", "best_test_accuracy", "best_epoch", "phase"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("test_loss", "test_accuracy"):
        # At the same steps; the seconds are those of each, and of the resumed run more have passed.
        curves = [
            [(b.step, b.minimum, b.maximum, b.total, b.count) for b in getattr(state, name).bins]
            for state in (one, other)
        ]
        assert curves[0] == curves[1], name
    check_curves(other)
    tables = [list(csv.DictReader((folder / "epochs.csv").open())) for folder in (whole, parts)]
    for figure in PASS_FIGURES:
        assert [row[figure] for row in tables[0]] == [row[figure] for row in tables[1]], figure
    for row, like in zip(*tables, strict=True):
        assert float(row["train_loss"]) == pytest.approx(float(like["train_loss"]), rel=1e-4)
    numbers = [record.seq for record in read_log(parts / "events.jsonl")]
    assert numbers == sorted(set(numbers)), "the stream goes on where it was"
    times = [record.at_seconds for record in read_log(parts / "events.jsonl")]
    assert times == sorted(times)
    [row] = read_rows(parts.parent)
    assert row["status"] == "finished"
    assert float(row["epochs"]) == one.epochs


def check_curves(state: RunState) -> None:
    """Over steps and over time they go on; what was taken back has left nothing in them."""
    curves = [state.train_loss, state.speed, state.learning_rate, *state.parts.values()]
    for curve in curves:
        steps = [one.step for one in curve.bins]
        assert steps == sorted(steps)
    assert len({one.step for one in state.train_loss.bins}) == len(state.train_loss.bins)
    for curve in (*curves, state.cpu_utilization, state.process_memory):
        seconds = [one.seconds for one in curve.bins]
        assert seconds == sorted(seconds)
    resumed_at = [mark.step for mark in state.marks if mark.kind == "resume"]
    assert resumed_at == sorted(resumed_at)
    assert 1 <= len(resumed_at) <= len(state.taken_back)
    assert [mark.kind for mark in state.marks][-1] == "end"
    assert sum(mark.kind == "end" for mark in state.marks) == 1


def test_the_live_state_is_that_of_the_log(start: Any, run: Any, request_run: Make) -> None:
    request = request_run(epochs=30, batch_size=1)
    part = start(request)
    part.until(lambda records: bool(events(records, EpochFinished)))
    part.handle.control.stop()
    part.end()
    again = run(resumed(request, part.folder))
    live = again.handle.history()
    for record in again.records:
        live.apply(record)
    assert again.handle.feed.dropped == 0
    assert live == fold(read_log(part.folder / "events.jsonl"))


def test_a_finished_run_goes_on_for_more_epochs(
    run: Any, request_run: Make, tmp_path: Path
) -> None:
    request = request_run(epochs=2)
    whole = run(request_run(epochs=5, runs_dir=tmp_path / "whole"))
    done = run(request)
    with pytest.raises(UsageError, match="has finished"):
        resumed(request, done.folder)
    again = run(resumed(request, done.folder, epochs=5))
    assert again.handle.exit_code == 0
    assert_same_training(whole.folder, again.folder)
    check_figures(whole.folder, again.folder)


def test_a_run_without_a_checkpoint_begins_again(
    start: Any, run: Any, request_run: Make, tmp_path: Path
) -> None:
    request = request_run(epochs=2)
    done = run(request)
    whole = run(replace(request, runs_dir=tmp_path / "whole"))
    for path in (done.folder / "checkpoint").iterdir():
        path.unlink()
    tear(done.folder)
    again = run(resumed(request, done.folder))
    assert events(again.records, RunResumed)[0].step == 0
    assert_same_training(whole.folder, again.folder)
    assert fold(read_log(again.folder / "events.jsonl")).epochs == 2.0


def tear(folder: Path) -> None:
    """Leave the log as a killed process would: without its end, the last line torn."""
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join(lines[:-2]) + lines[-2][:-9])


def test_a_damaged_checkpoint_is_passed_over(run: Any, request_run: Make, tmp_path: Path) -> None:
    request = request_run(epochs=3)
    whole = run(request_run(epochs=5, runs_dir=tmp_path / "whole"))
    done = run(request)
    last = done.folder / "checkpoint" / "last.pt"
    broken = bytearray(last.read_bytes())
    broken[len(broken) // 2] ^= 1
    last.write_bytes(broken)
    again = run(resumed(request, done.folder, epochs=5))
    assert again.ended.status == "finished"
    told = [notice.text for notice in events(again.records, Notice)]
    assert any("last.pt is damaged; going on from previous.pt" in text for text in told)
    assert events(again.records, RunResumed)[0].step == 10
    assert_same_training(whole.folder, again.folder)
    check_figures(whole.folder, again.folder)


def test_nothing_whole_is_said_and_changes_nothing(run: Any, request_run: Make) -> None:
    request = request_run(epochs=2)
    done = run(request)
    for name in ("last.pt", "previous.pt"):
        (done.folder / "checkpoint" / name).write_bytes(b"nonsense")
    before = (done.folder / "events.jsonl").read_bytes()
    again = run(resumed(request, done.folder, epochs=3))
    assert "damaged" in str(again.handle.error)
    assert again.handle.exit_code == 1
    assert (done.folder / "events.jsonl").read_bytes() == before


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_every_torn_or_flipped_checkpoint_is_noticed(tmp_path: Path, at: float) -> None:
    kept = Checkpoints(tmp_path)
    for number in range(3):
        kept.save("last.pt", {"number": number, "weights": torch.full((100,), float(number))})
    path = tmp_path / "checkpoint" / "last.pt"
    whole = path.read_bytes()
    where = min(len(whole) - 1, int(at * len(whole)))
    flipped = bytearray(whole)
    flipped[where] ^= 4
    for damaged in (whole[:where], bytes(flipped)):
        path.write_bytes(damaged)
        loaded = kept.load()
        assert loaded is not None
        assert (loaded.name, loaded.content["number"]) == ("previous.pt", 1)
        assert loaded.damaged == ("last.pt",)
    path.write_bytes(whole)
    loaded = kept.load()
    assert loaded is not None
    assert loaded.content["number"] == 2
    assert loaded.damaged == ()


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path).load() is None


def test_no_room_keeps_the_checkpoint_there_was(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    kept.save("last.pt", {"number": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            kept.save("last.pt", {"weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    loaded = kept.load()
    assert loaded is not None
    assert loaded.content == {"number": 1}
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == [
        "hashes.json",
        "last.pt",
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"train.lr": 0.5}, "train.lr was 0.01, now 0.5"),
        ({"data.batch_size": 8, "model.kernels": 5}, "data.batch_size was 16, now 8"),
        ({"train.seed": 3}, "train.seed was 0, now 3"),
    ],
)
def test_another_recipe_is_refused(
    run: Any, request_run: Make, settings: dict[str, Any], words: str
) -> None:
    done = run(request_run())
    with pytest.raises(UsageError, match=words):
        Resumption.of(RunFolder(done.folder)).recipe(settings)


def test_a_longer_time_is_not_another_recipe(run: Any, request_run: Make) -> None:
    done = run(request_run(time="1s"))
    earlier = Resumption.of(RunFolder(done.folder))
    assert earlier.recipe({"train.time": "2s"}).train.time == "2s"
    again = run(resumed(request_run(time="1s"), done.folder, time="2s"))
    assert 2.0 <= again.ended.seconds < 3.5, "the first second counts, and what came between not"


def test_other_images_are_refused(run: Any, request_run: Make, pictures: Path) -> None:
    request = request_run(augment_on="cpu")
    done = run(request)
    folder = RunFolder(done.folder)
    info = folder.read_info()
    assert info is not None
    data = msgspec.structs.replace(info.recipe.data, image_size=24)
    recipe = msgspec.structs.replace(info.recipe, data=data)
    folder.write_info(msgspec.structs.replace(info, recipe=recipe))
    again = run(resumed(request, done.folder, epochs=3))
    assert isinstance(again.handle.error, UsageError)
    assert "parameters" in str(again.handle.error)


def test_a_run_that_is_alive_is_refused(start: Any, request_run: Make) -> None:
    watched = start(request_run(epochs=1_000_000))
    watched.until(lambda records: bool(events(records, StepsMeasured)))
    with pytest.raises(UsageError, match="still running"):
        Resumption.of(RunFolder(watched.folder))
    watched.handle.control.stop()
    watched.end()


def test_a_checkpoint_comes_when_asked_for_and_after_a_while(start: Any, request_run: Make) -> None:
    watched = start(request_run(epochs=1_000_000, batch_size=1, evaluate_every=1_000_000))
    watched.until(lambda records: bool(events(records, StepsMeasured)))
    watched.handle.control.checkpoint()
    watched.until(lambda records: any(e.step % 72 for e in events(records, CheckpointSaved)))
    watched.handle.control.stop()
    watched.end()
    seldom = replace(request_run(epochs=60, batch_size=1), checkpoint_seconds=0.05)
    middle = start(seldom).end()
    assert any(event.step % 72 for event in events(middle.records, CheckpointSaved))


def test_an_older_checkpoint_than_any_known_counts_nothing_twice() -> None:
    state = RunState()
    stretch = StepsMeasured(1, 5, 5, 50, 1.0, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1)
    state.apply(Record(0, 1.0, stretch))
    state.apply(Record(1, 2.0, RunResumed(3, 0.1, "", "cpu", "cpu", 1, "cpu")))
    assert (state.images, state.step, state.train_loss.bins) == (0, 0, [])


def test_unreadable_facts_are_no_run(tmp_path: Path) -> None:
    with pytest.raises(CnntopError, match="no run folder"):
        Resumption.of(RunFolder(tmp_path))
