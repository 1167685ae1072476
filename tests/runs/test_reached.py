"""When a run came to an accuracy: from epochs.csv, from the log, from neither."""

from pathlib import Path

import pytest

from cnntop.core.events import AnyEvent, CheckpointSaved, Record, RunResumed
from cnntop.core.runs.folder import EPOCHS_FILE, RunFolder
from cnntop.core.runs.log import RunLog
from cnntop.core.runs.reached import Evaluation, best_within, evaluations, seconds_to
from tests.kept_runs import epoch, keep_run

REACHED = [(10.0, 0.5), (12.5, None), (7.5, 0.75), (10.0, 0.7), (10.0, 0.8)]
TOLD = [Evaluation(10.0, 0.5), Evaluation(30.0, 0.75), Evaluation(40.0, 0.7), Evaluation(50.0, 0.8)]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return keep_run(tmp_path, 1, {}, reached=REACHED)


def write_log(folder: RunFolder, events: list[AnyEvent]) -> None:
    log = RunLog(folder.events)
    for seq, event in enumerate(events):
        log.append(Record(seq, float(seq), event))
    log.close()


def test_time_goes_on_where_nothing_is_evaluated(folder: RunFolder) -> None:
    assert evaluations(folder) == TOLD


@pytest.mark.parametrize(
    ("accuracy", "seconds"),
    [(0.5, 10.0), (0.4, 10.0), (0.51, 30.0), (0.75, 30.0), (0.76, 50.0), (0.8, 50.0), (0.81, None)],
)
def test_the_first_evaluation_at_or_above_counts(accuracy: float, seconds: float | None) -> None:
    assert seconds_to(accuracy, TOLD) == seconds


@pytest.mark.parametrize(
    ("seconds", "accuracy"),
    [(9.9, None), (10.0, 0.5), (29.9, 0.5), (30.0, 0.75), (49.0, 0.75), (1e9, 0.8)],
)
def test_what_was_over_in_time_counts(seconds: float, accuracy: float | None) -> None:
    assert best_within(seconds, TOLD) == accuracy


def test_nothing_reached() -> None:
    assert seconds_to(0.1, []) is None
    assert best_within(9.0, []) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"12.5", b"1x.5")),
        lambda path: path.write_bytes(path.read_bytes().replace(b"12.5", b"nan")),
        lambda path: path.write_bytes(path.read_bytes().replace(b"test_accuracy", b"accuracy")),
        lambda path: path.write_bytes(b"\xff\xfe" * 100),
        lambda path: path.write_bytes(b'"' + b"x" * 200_000),
    ],
)
def test_a_damaged_table_is_not_believed_and_the_log_is(folder: RunFolder, damage: object) -> None:
    assert callable(damage)
    damage(folder.path / EPOCHS_FILE)
    assert evaluations(folder) == []  # no log either
    write_log(folder, [epoch(place, *each) for place, each in enumerate(REACHED, 1)])
    assert evaluations(folder) == TOLD


def test_of_a_damaged_log_what_can_be_read_counts(folder: RunFolder) -> None:
    (folder.path / EPOCHS_FILE).unlink()
    write_log(folder, [epoch(place, *each) for place, each in enumerate(REACHED, 1)])
    lines = folder.events.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"0.7", b"0.9")  # its checksum does not match any more
    folder.events.write_bytes(b"".join(lines))
    assert evaluations(folder) == TOLD[:2]


def test_epochs_that_a_run_went_back_behind_do_not_count(folder: RunFolder) -> None:
    (folder.path / EPOCHS_FILE).unlink()
    resumed = RunResumed(
        step=1, trained_seconds=10.0, resumed_utc="2026-01-01T00:00:00Z", device="cpu",
        device_name="Some CPU", threads=1, augment_on="cpu",
    )  # fmt: skip
    saved = CheckpointSaved("last.pt", 1, 0.5, step=1)
    before = [epoch(1, 10.0, 0.5), saved, epoch(2, 10.0, 0.99)]
    write_log(folder, [*before, resumed, epoch(2, 20.0, 0.6)])
    assert evaluations(folder) == [Evaluation(10.0, 0.5), Evaluation(30.0, 0.6)]
