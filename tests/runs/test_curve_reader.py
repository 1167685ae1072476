"""Curves of runs from their epochs and logs."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from cnntop.core.events import AnyEvent, Record, RunResumed
from cnntop.core.runs.curve_reader import (
    FEW_EPOCHS,
    METRICS,
    MOST_MOMENTS,
    CurveReader,
    Curves,
)
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder
from cnntop.core.runs.log import RunLog
from tests.kept_runs import keep_run
from tests.tui import story

TEN_STEPS = msgspec.structs.replace(story.STARTED, steps_per_epoch=10)
RESUMED = RunResumed(10, 4.0, "2026-01-01T12:30:00Z", "cpu", "Some CPU", 2, "cpu")


def stretch(step: int, loss: float) -> AnyEvent:
    """Of five steps in half a second."""
    return msgspec.structs.replace(
        story.stretch(1 + (step - 1) // 10, 1, loss, 0.5), step=step, images=100,
        wait_seconds=0.1, transfer_seconds=0.1, compute_seconds=0.2, other_seconds=0.1,
    )  # fmt: skip


def end(epoch: int, accuracy: float | None = 0.5) -> AnyEvent:
    return msgspec.structs.replace(
        story.epoch_end(epoch, 1.0, accuracy), step=10 * epoch, images=200, epoch_seconds=4.0,
        evaluation_seconds=2.0,
    )  # fmt: skip


class Told:
    """A run folder with a log, and epochs.csv as if each epoch told were in it."""

    def __init__(self, runs_dir: Path) -> None:
        self.folder = keep_run(runs_dir, 1, {})
        self._log = RunLog(self.folder.events)
        self._seq = 0

    def tell(self, *events: AnyEvent) -> None:
        for event in events:
            self._log.append(Record(self._seq, 0.5 * self._seq, event))
            self._seq += 1


def read(folder: RunFolder) -> Curves:
    curves = CurveReader(folder).read()
    assert curves is not None
    assert set(curves) == set(METRICS)
    return curves


def values(curves: Curves, metric: str) -> list[float]:
    return [moment.mean for moment in curves[metric]]


def places(curves: Curves, metric: str) -> list[tuple[float, float, float]]:
    return [(m.step, m.epoch, round(m.seconds, 6)) for m in curves[metric]]


def test_a_run_of_few_epochs_is_told_step_by_step(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.tell(TEN_STEPS, stretch(5, 2.0), stretch(10, 1.5), end(1), stretch(15, 1.25))
    curves = read(told.folder)
    assert values(curves, "train_loss") == [2.0, 1.5, 1.25]
    assert places(curves, "train_loss") == [(5, 0.5, 0.5), (10, 1.0, 1.0), (15, 1.5, 4.5)]
    assert values(curves, "images_per_second") == pytest.approx([200.0] * 3)
    assert values(curves, "test_accuracy") == pytest.approx([0.48])
    assert places(curves, "test_accuracy") == [(10, 1.0, 4.0)]
    assert values(curves, "epoch_seconds") == [4.0]


def test_steps_that_a_resumed_run_takes_again_count_once(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.tell(TEN_STEPS, stretch(5, 2.0), stretch(10, 1.5), end(1, 0.5), stretch(15, 9.0))
    told.tell(stretch(20, 9.0), end(2, 0.9), RESUMED, stretch(15, 1.0), stretch(20, 0.5))
    told.tell(end(2, 0.6))
    curves = read(told.folder)
    assert values(curves, "train_loss") == [2.0, 1.5, 1.0, 0.5]
    assert values(curves, "test_accuracy") == pytest.approx([0.48, 0.58])
    assert places(curves, "test_accuracy") == [(10, 1.0, 4.0), (20, 2.0, 8.0)]


def test_of_many_epochs_the_table_is_enough(tmp_path: Path) -> None:
    reached = [(4.0, None if number % 2 else number / 100) for number in range(FEW_EPOCHS + 6)]
    folder = keep_run(tmp_path, 1, {}, reached=reached)
    folder.events.write_text("no log at all\n")
    curves = read(folder)
    assert len(curves["epoch_seconds"]) == FEW_EPOCHS + 6
    assert len(curves["test_accuracy"]) == FEW_EPOCHS / 2 + 3, "what was not measured has no place"
    assert places(curves, "test_accuracy")[1] == (3, 3, 12.0)
    # Of 4 s an epoch, 1 s is evaluation.
    assert values(curves, "images_per_second") == pytest.approx([100 / 3] * (FEW_EPOCHS + 6))


def test_a_run_under_way_grows(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.tell(TEN_STEPS, stretch(5, 2.0))
    reader = CurveReader(told.folder)
    first = reader.read()
    assert first is not None
    assert values(first, "train_loss") == [2.0]
    assert reader.read() is None
    told.tell(stretch(10, 1.0), end(1))
    later = reader.read()
    assert later is not None
    assert values(later, "train_loss") == [2.0, 1.0]
    assert reader.read() is None


@pytest.mark.parametrize("log", [None, "neither", ""])
def test_nothing_to_read(tmp_path: Path, log: str | None) -> None:
    folder = keep_run(tmp_path, 1, {})
    (folder.path / EPOCHS_FILE).unlink()
    if log is not None:
        folder.events.write_text(f"{log}\n")
    reader = CurveReader(folder)
    curves = reader.read()
    assert curves is not None
    assert not any(curves.values())
    assert reader.read() is None


def test_a_spike_among_many_steps_stays(tmp_path: Path) -> None:
    told = Told(tmp_path)
    many = msgspec.structs.replace(story.STARTED, steps_per_epoch=1_000_000)
    losses = [1.0] * 9000
    losses[4567] = 50.0
    told.tell(many, *(_first_epoch(step, loss) for step, loss in enumerate(losses, 1)))
    moments = read(told.folder)["train_loss"]
    assert MOST_MOMENTS / 4 < len(moments) <= MOST_MOMENTS
    assert max(moment.high for moment in moments) == 50.0
    assert _rising([moment.step for moment in moments])
    [spike] = [moment for moment in moments if moment.high == 50.0]
    assert 4500 < spike.step < 4700
    assert moments[-1].step == 9000


def _first_epoch(step: int, loss: float) -> AnyEvent:
    return msgspec.structs.replace(story.stretch(1, 1, loss, 0.5), step=step)


def _rising(steps: Sequence[float]) -> bool:
    return all(one < other for one, other in pairwise(steps))
