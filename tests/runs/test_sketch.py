"""A long log at a glance: what samples tell of it is near the truth, and what they cannot is left
out."""

from pathlib import Path

import pytest

from cnntop.core.events import Paused, Record, RunEnded, RunResumed, StepsMeasured
from cnntop.core.run_state import RunState, fold
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.log import RunLog, read_log
from cnntop.core.runs.sketch import LONG_BYTES, sketch
from cnntop.tui.bench.made_run import write_run


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path, "long", 500_000)


def sketched(folder: RunFolder) -> RunState:
    state = sketch(folder.events)
    assert state is not None
    return state


def told(folder: RunFolder, *events: RunEnded | RunResumed | Paused | StepsMeasured) -> None:
    """What is told after all the rest."""
    last = list(read_log(folder.events))[-1]
    log = RunLog(folder.events)
    for number, event in enumerate(events, 1):
        log.append(Record(last.seq + number, last.at_seconds + number, event))
    log.close()


def test_how_a_run_stands_is_the_truth(folder: RunFolder) -> None:
    quick, whole = sketched(folder), fold(read_log(folder.events))
    for name in ("phase", "at_seconds", "step", "epoch", "lr", "started", "ended", "checkpoint",
                 "cpu", "recent"):  # fmt: skip
        assert getattr(quick, name) == getattr(whole, name), name


def test_sums_and_shares_are_near_the_truth(folder: RunFolder) -> None:
    quick, whole = sketched(folder), fold(read_log(folder.events))
    assert quick.progress() == pytest.approx(whole.progress(), rel=0.001)
    assert quick.images_per_second == pytest.approx(whole.images_per_second, rel=0.1)
    shares, true_shares = quick.split.fractions(), whole.split.fractions()
    for part, share in shares.items():
        assert share == pytest.approx(true_shares[part], abs=0.03), part
    assert quick.best_test_accuracy is None
    assert whole.best_test_accuracy is not None
    highest = max(point.maximum for point in quick.train_loss.bins)
    assert highest <= max(point.maximum for point in whole.train_loss.bins)
    assert len(quick.train_loss.bins) > 200


def test_a_run_that_goes_on_is_no_more_over(folder: RunFolder) -> None:
    whole = fold(read_log(folder.events))
    again = whole.recent[-1]
    resumed = RunResumed(whole.step, 1.0, "2026-01-01T00:00:00Z", "cpu", "a CPU", 1, "cpu")
    told(folder, resumed, again)
    state = sketched(folder)
    assert state.phase == "training"
    assert state.ended is None
    assert len(state.train_loss.bins) > 200, "and nothing was taken back"
    told(folder, Paused())
    assert sketched(folder).phase == "paused"


def test_what_is_damaged_is_left_out_of_it(folder: RunFolder) -> None:
    text = folder.events.read_bytes()
    middle = len(text) // 2
    folder.events.write_bytes(text[:middle] + b"\0" * 100_000 + text[middle + 100_000 :])
    assert sketched(folder).phase == "finished"
    folder.events.write_bytes(b"\0" * 300_000 + text[300_000:])
    assert sketch(folder.events) is None, "nothing begins there"


def test_a_short_log_and_none_have_no_sketch(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "short", 2_000)
    assert folder.events.stat().st_size < LONG_BYTES
    assert sketch(folder.events) is None
    assert sketch(tmp_path / "none") is None
