"""How near a run comes to the machine's limit: by hand, and never more than all of it."""

from typing import Any

import msgspec
import pytest

from cnntop.core.analysis.limit import Limit, recent_limit, run_limit
from cnntop.core.events import (
    AnyEvent,
    EpochFinished,
    FixApplied,
    LimitsMeasured,
    Record,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.run_state import RunState, fold

STARTED = RunStarted(
    run="r", name="n", preset="p", started_utc="2026-01-01T00:00:00Z", dataset="d", model="m",
    parameters=1, batch_size=10, train_images=100, test_images=10, steps_per_epoch=10, device="cpu",
    device_name="c", threads=2, precision="fp32", augment_on="cpu", epochs_planned=9, cores=2,
)  # fmt: skip
LIMITS = LimitsMeasured(
    flop_per_image=100.0, bytes_per_image=10.0, flop_per_second=4_000.0, bytes_per_second=1_000.0,
    threads=2,
)  # fmt: skip


def steps(compute: float, images: int = 50, step: int = 5, other: float = 0.0) -> StepsMeasured:
    return StepsMeasured(
        epoch=1, step=step, steps=5, images=images, loss=1.0, accuracy=0.5, lr=0.1,
        wait_seconds=1.0, transfer_seconds=0.5, compute_seconds=compute, other_seconds=0.5 + other,
    )  # fmt: skip


def epoch(compute: float, other: float, evaluation: float | None) -> EpochFinished:
    return EpochFinished(
        epoch=1, step=10, images=100, lr=0.1, train_loss=1.0, train_accuracy=0.5, test_loss=1.0,
        test_accuracy=0.5, epoch_seconds=compute + other, evaluation_seconds=evaluation,
        wait_seconds=0.0, transfer_seconds=0.0, compute_seconds=compute, other_seconds=other,
    )  # fmt: skip


def after(*events: AnyEvent) -> RunState:
    return fold(Record(seq, float(seq), event) for seq, event in enumerate(events))


def limits(**changes: Any) -> LimitsMeasured:
    return msgspec.structs.replace(LIMITS, **changes)


def test_arithmetic_by_hand() -> None:
    """50 images of 100 operations in 2 s of 4: 2,500 a second, of 4,000."""
    assert recent_limit(after(LIMITS, STARTED, steps(2.0))) == Limit(
        "arithmetic", 2_500.0, 4_000.0, 0.625, 0.3125
    )


def test_memory_by_hand() -> None:
    """The same with 30 bytes an image: 750 a second, of 1,000."""
    state = after(limits(bytes_per_image=30.0), STARTED, steps(2.0))
    assert recent_limit(state) == Limit("memory", 750.0, 1_000.0, 0.75, 0.375)


def test_the_run_counts_whole_passes_without_their_evaluation() -> None:
    """100 images in 4 s of 5, and 3 s of evaluation."""
    state = after(LIMITS, STARTED, steps(1.0), steps(1.0, step=10), epoch(4.0, 4.0, 3.0))
    assert run_limit(state) == Limit("arithmetic", 2_500.0, 4_000.0, 0.625, 0.5)
    assert recent_limit(state) != run_limit(state)
    assert state.split.other == 4.0, "the state itself stays as it is"


def test_every_pass_over_a_batch_is_work() -> None:
    started = msgspec.structs.replace(STARTED, passes=4)
    state = after(limits(flop_per_second=16_000.0, bytes_per_second=4_000.0), started, steps(2.0))
    limit = recent_limit(state)
    assert limit is not None
    assert limit.achieved_per_second == 10_000.0
    assert limit.fraction == 0.625


def test_more_than_the_trial_reached_is_all_of_the_limit() -> None:
    limit = recent_limit(after(LIMITS, STARTED, steps(1.0)))
    assert limit == Limit("arithmetic", 5_000.0, 5_000.0, 1.0, 1 / 3)


def test_more_bytes_than_memory_can_move_are_of_caches() -> None:
    """Then the memory is no limit, and nothing is said of it."""
    state = after(limits(bytes_per_image=50.0), STARTED, steps(2.0))
    assert recent_limit(state) == Limit("arithmetic", 2_500.0, 4_000.0, 0.625, 0.3125)


@pytest.mark.parametrize("compute", [1e-3, 0.1, 1.0, 2.5, 40.0])
@pytest.mark.parametrize("bytes_per_image", [0.1, 10.0, 200.0])
def test_is_never_more_than_all(compute: float, bytes_per_image: float) -> None:
    state = after(limits(bytes_per_image=bytes_per_image), STARTED, steps(compute))
    limit = recent_limit(state)
    assert limit is not None
    assert limit.fraction is not None
    assert limit.step_fraction is not None
    assert limit.most_per_second is not None
    assert 0 < limit.step_fraction < limit.fraction <= 1
    assert limit.achieved_per_second <= limit.most_per_second


def test_nothing_is_known() -> None:
    assert recent_limit(RunState()) is None
    assert recent_limit(after(STARTED, steps(2.0))) is None, "of an older cnntop's log"
    assert recent_limit(after(LIMITS, STARTED)) is None
    assert run_limit(after(LIMITS, STARTED)) is None
    assert recent_limit(after(LIMITS, STARTED, steps(2.0, images=0))) is None
    assert recent_limit(after(LIMITS, STARTED, steps(0.0))) is None


@pytest.mark.parametrize("bytes_per_second", [None, 1_000.0])
def test_a_machine_that_was_busy(bytes_per_second: float | None) -> None:
    """What is achieved is known all the same; memory alone is no limit to compare with."""
    state = after(
        limits(flop_per_second=None, bytes_per_second=bytes_per_second), STARTED, steps(2.0)
    )
    assert recent_limit(state) == Limit("arithmetic", 2_500.0)


def test_memory_that_was_not_measured() -> None:
    state = after(limits(bytes_per_second=None, bytes_per_image=30.0), STARTED, steps(2.0))
    assert recent_limit(state) == Limit("arithmetic", 2_500.0, 4_000.0, 0.625, 0.3125)


def test_other_threads_have_another_limit() -> None:
    fix = FixApplied("machine.threads", "2", "1", 5, 10.0)
    told = [steps(2.0), fix, steps(2.0, step=10)]
    assert recent_limit(after(LIMITS, STARTED, *told)) == Limit("arithmetic", 2_500.0)
    back = FixApplied("machine.threads", "1", "2", 10, 10.0)
    assert _fraction(after(LIMITS, STARTED, *told, back, steps(2.0, step=15))) == 0.625
    on_gpu = msgspec.structs.replace(STARTED, device="cuda:0")
    assert _fraction(after(LIMITS, on_gpu, *told)) == 0.625, "a GPU's are not a CPU's threads"


def _fraction(state: RunState) -> float | None:
    limit = recent_limit(state)
    return limit.fraction if limit else None
