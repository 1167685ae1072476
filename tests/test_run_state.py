"""The fold: made-up records in, what a person wants to know out."""

from typing import Any

import msgspec
import pytest

from cnntop.core.curve import CURVE_BINS
from cnntop.core.events import (
    Activity,
    AnyEvent,
    AugmentationTried,
    CheckpointSaved,
    CpuSample,
    EpochFinished,
    FixApplied,
    FixMeasured,
    GpuSample,
    GpusUnavailable,
    LimitsMeasured,
    Notice,
    Paused,
    PlanExtended,
    RateChanged,
    Record,
    Resumed,
    RunEnded,
    RunResumed,
    RunStarted,
    StepsMeasured,
    StopAsked,
)
from cnntop.core.marks import MARKS_KEPT
from cnntop.core.run_state import NOTICES_KEPT, RECENT_STRETCHES, RunState, fold
from cnntop.core.split import Split, StepDetail

STARTED = RunStarted(
    run="r", name="n", preset="p", started_utc="2026-01-01T00:00:00Z", dataset="shapes",
    model="shallow8", parameters=10, batch_size=10, train_images=100, test_images=50,
    steps_per_epoch=10, device="cpu", device_name="c", threads=1, precision="fp32",
    augment_on="cpu", epochs_planned=4,
)  # fmt: skip
TIMED = msgspec.structs.replace(STARTED, epochs_planned=None, time_limit_seconds=200.0)


def steps(epoch: int, step: int, images: int = 50, **more: Any) -> StepsMeasured:
    figures = {"steps": 5, "loss": 1.0, "accuracy": 0.5, "lr": 0.1} | more
    parts = {"wait_seconds": 1.0, "transfer_seconds": 0.5, "compute_seconds": 3.0}
    return StepsMeasured(
        **{"epoch": epoch, "step": step, "images": images, "other_seconds": 0.5, **parts, **figures}
    )


def finished(epoch: int, step: int, accuracy: float | None = 0.5, **more: Any) -> EpochFinished:
    figures: dict[str, Any] = {
        "images": 100, "lr": 0.1, "train_loss": 1.0, "train_accuracy": 0.4, "test_loss": 1.5,
        "epoch_seconds": 14.0, "evaluation_seconds": 4.0, "wait_seconds": 2.0,
        "transfer_seconds": 1.0, "compute_seconds": 6.0, "other_seconds": 5.0,
    }  # fmt: skip
    return EpochFinished(epoch=epoch, step=step, test_accuracy=accuracy, **(figures | more))


def cpu(utilization: float) -> CpuSample:
    return CpuSample(utilization, (utilization, 0.0), 1, 2, 1, 0.5)


def after(*events: tuple[float, AnyEvent]) -> RunState:
    return fold(Record(seq, at, event) for seq, (at, event) in enumerate(events))


def test_nothing_is_known_before_the_first_record() -> None:
    state = RunState()
    assert state.phase == "preparing"
    assert (state.epochs, state.elapsed_seconds(5.0), state.trained_seconds(5.0)) == (0, 0, 0)
    assert state.progress(5.0) is None
    assert state.eta_seconds(5.0) is None
    assert state.images_per_second is None
    assert state.recent_images_per_second is None
    assert set(state.split.fractions().values()) == {None}


def test_phases_follow_the_run() -> None:
    told: list[tuple[AnyEvent, str]] = [
        (Activity("importing torch"), "preparing"),
        (STARTED, "training"),
        (steps(1, 5), "training"),
        (Paused(), "paused"),
        (cpu(0.1), "paused"),
        (Resumed(1.0), "training"),
        (Activity("evaluating", 0, 50, "images"), "evaluating"),
        (cpu(0.1), "evaluating"),
        (finished(1, 10), "evaluating"),
        (steps(2, 15), "training"),
        (Notice("hello"), "training"),
        (RunEnded("stopped", seconds=9.0), "stopped"),
    ]
    state = RunState()
    seen = []
    for seq, (event, _) in enumerate(told):
        state.apply(Record(seq, float(seq), event))
        seen.append(state.phase)
    assert seen == [phase for _, phase in told]


@pytest.mark.parametrize(
    "status", ["finished", "stopped", "interrupted", "failed", "diverged", "out-of-memory"]
)
def test_the_end_is_the_last_phase(status: Any) -> None:
    state = after((0.0, STARTED), (9.0, RunEnded(status, "why", 8.5)))
    assert state.phase == status
    assert not state.training
    assert state.elapsed_seconds(1000.0) == 8.5
    assert state.eta_seconds(1000.0) is None


def test_progress_and_eta_by_epochs() -> None:
    state = after((10.0, STARTED), (20.0, steps(1, 5)), (30.0, steps(1, 10)))
    assert state.epochs == 1.0
    assert state.progress() == 0.25
    assert state.elapsed_seconds() == 20.0
    assert state.elapsed_seconds(32.0) == 22.0
    assert state.eta_seconds() == pytest.approx(60.0)
    # The clock between two steps moves neither; only the next step does.
    assert state.progress(32.0) == 0.25
    assert state.eta_seconds(32.0) == pytest.approx(60.0)


def test_progress_and_eta_by_time() -> None:
    state = after((10.0, TIMED), (20.0, steps(1, 5)))
    assert state.progress() == pytest.approx(10 / 200)
    assert state.progress(60.0) == pytest.approx(50 / 200)
    assert state.eta_seconds(60.0) == pytest.approx(150.0)
    assert state.progress(900.0) == 1.0
    assert state.eta_seconds(900.0) == 0.0


def test_no_eta_before_the_first_step() -> None:
    assert after((10.0, STARTED)).progress(12.0) == 0.0
    assert after((10.0, STARTED)).eta_seconds(12.0) is None


def test_a_pause_is_elapsed_but_not_trained() -> None:
    state = after((0.0, TIMED), (10.0, steps(1, 5)), (10.0, Paused()))
    assert state.elapsed_seconds(70.0) == 70.0
    assert state.trained_seconds(70.0) == 10.0
    assert state.progress(70.0) == pytest.approx(10 / 200)
    state.apply(Record(3, 70.0, Resumed(60.0)))
    assert state.trained_seconds() == 10.0
    assert state.trained_seconds(75.0) == 15.0
    assert state.elapsed_seconds(75.0) == 75.0
    state.apply(Record(4, 80.0, Paused()))
    assert state.trained_seconds(90.0) == 20.0
    state.apply(Record(5, 100.0, Resumed(20.0)))
    assert state.paused_seconds == 80.0
    assert state.trained_seconds(101.0) == 21.0


def test_a_pause_does_not_move_the_eta_by_epochs() -> None:
    events = (0.0, STARTED), (10.0, steps(1, 10, images=100)), (10.0, Paused())
    assert after(*events).eta_seconds(500.0) == pytest.approx(30.0)
    resumed = after(*events, (500.0, Resumed(490.0)))
    assert resumed.eta_seconds(500.0) == pytest.approx(30.0)


def test_best_and_last_epoch() -> None:
    state = after(
        (0.0, STARTED),
        (1.0, finished(1, 10, 0.3)),
        (2.0, finished(2, 20, 0.7)),
        (3.0, finished(3, 30, 0.7)),
        (4.0, finished(4, 40, 0.6, lr=0.01)),
    )
    assert (state.best_test_accuracy, state.best_epoch) == (0.7, 2)
    assert state.last_pass is not None
    assert state.last_pass.epoch == state.epoch == 4
    assert (state.step, state.lr) == (40, 0.01)
    assert state.test_accuracy.last == 0.6
    assert [point.step for point in state.test_accuracy.bins] == [10, 20, 30, 40]


def test_an_epoch_that_was_not_evaluated_changes_no_best() -> None:
    cut = finished(2, 15, None, images=50, test_loss=None, evaluation_seconds=None)
    state = after((0.0, STARTED), (1.0, finished(1, 10, 0.0)), (2.0, cut))
    assert (state.best_test_accuracy, state.best_epoch) == (0.0, 1)
    assert state.test_accuracy.last == 0.0
    assert state.evaluation_seconds == 4.0


def test_images_of_partial_epochs_count_once() -> None:
    state = after((0.0, STARTED), (1.0, steps(1, 5)), (2.0, steps(1, 9, images=40)))
    assert (state.images, state.epochs) == (90, 0.9)
    state.apply(Record(3, 3.0, finished(1, 10)))
    assert (state.images, state.epochs) == (100, 1.0)
    state.apply(Record(4, 4.0, steps(2, 13, images=30)))
    assert (state.images, state.epochs) == (130, 1.3)
    assert (state.epoch, state.epoch_images) == (2, 30)
    state.apply(Record(5, 5.0, finished(2, 13, None, images=30)))
    assert (state.images, state.epochs, state.progress()) == (130, 1.3, 1.3 / 4)


def test_an_epoch_whose_stretches_were_all_dropped_counts_too() -> None:
    state = after((0.0, STARTED), (1.0, steps(1, 5)), (2.0, finished(1, 10)))
    state.apply(Record(3, 3.0, finished(2, 20)))
    assert (state.images, state.epochs) == (200, 2.0)


def test_only_whole_epochs_make_the_epoch_seconds() -> None:
    state = after(
        (0.0, STARTED),
        (1.0, finished(1, 10, epoch_seconds=10.0)),
        (2.0, finished(2, 20, epoch_seconds=14.0)),
        (3.0, finished(3, 25, images=50, epoch_seconds=2.0)),
    )
    assert state.complete_epoch_seconds.value == 12.0


def test_an_epochs_split_takes_the_place_of_its_stretches() -> None:
    state = after((0.0, STARTED), (1.0, steps(1, 5)), (2.0, steps(1, 10)))
    assert state.split == Split(2.0, 1.0, 6.0, 1.0)
    state.apply(Record(3, 3.0, finished(1, 10)))
    assert state.split == Split(2.0, 1.0, 6.0, 5.0)
    state.apply(Record(4, 4.0, steps(2, 15)))
    assert state.split == Split(3.0, 1.5, 9.0, 5.5)
    shares = state.split.fractions()
    assert list(shares) == ["wait", "transfer", "compute", "other"]
    assert sum(share or 0.0 for share in shares.values()) == pytest.approx(1.0)
    assert shares["compute"] == pytest.approx(9.0 / 19.0)


def test_speed_leaves_evaluation_out() -> None:
    state = after((0.0, STARTED), (1.0, finished(1, 10)))
    assert state.images_per_second == pytest.approx(100 / (14.0 - 4.0))


def test_recent_figures_cover_the_last_stretches_only() -> None:
    old = [(1.0, steps(1, 5, images=1)) for _ in range(10)]
    new = [(2.0, steps(1, 5, images=50)) for _ in range(RECENT_STRETCHES)]
    state = after((0.0, STARTED), *old, *new)
    split, count = state.recent_split
    assert split.seconds == pytest.approx(5.0 * RECENT_STRETCHES)
    assert count == 5 * RECENT_STRETCHES
    assert state.recent_images_per_second == pytest.approx(10.0)


def test_a_loss_that_is_not_finite_leaves_the_curve_as_it_is() -> None:
    state = after((0.0, STARTED), (1.0, steps(1, 5)), (2.0, steps(1, 10, loss=None)))
    assert state.train_loss.last == 1.0
    assert len(state.train_accuracy.bins) == 2


def test_cpu_mean_counts_the_run_alone() -> None:
    state = after(
        (0.0, cpu(1.0)), (1.0, STARTED), (2.0, cpu(0.2)), (3.0, cpu(0.4)),
        (4.0, RunEnded("finished")), (5.0, cpu(1.0)),
    )  # fmt: skip
    assert state.cpu_mean_utilization.value == pytest.approx(0.3)
    assert len(state.cpu_utilization.bins) == 4


def test_the_gpu_that_trains_is_found_by_its_uuid() -> None:
    on_gpu = msgspec.structs.replace(STARTED, device="cuda:0", gpu_uuid="GPU-b")
    state = after(
        (0.0, GpuSample(1, "GPU-b", "two", 1.0, memory_used_bytes=900, energy_joules=40.0)),
        (1.0, on_gpu),
        (2.0, GpuSample(0, "GPU-a", "one", 0.1, memory_used_bytes=10, energy_joules=5.0)),
        (2.0, GpuSample(1, "GPU-b", "two", 0.6, memory_used_bytes=700, energy_joules=50.0)),
        (3.0, GpuSample(1, "GPU-b", "two", 0.8, memory_used_bytes=500, energy_joules=80.0)),
        (4.0, GpuSample(1, "GPU-b", "two", None, energy_joules=95.0)),
    )
    assert state.gpu is not None
    assert state.gpu.sample.name == "two"
    assert state.gpu.mean_utilization.value == pytest.approx(0.7)
    assert state.gpu.memory_peak_bytes == 700
    assert state.gpu.energy_joules == 45.0
    assert sorted(state.gpus) == [0, 1]


def test_a_cpu_run_has_no_gpu_of_its_own() -> None:
    state = after((0.0, STARTED), (1.0, GpuSample(0, "GPU-a", "one", 0.9)))
    assert state.gpu is None
    assert state.gpus[0].energy_joules is None
    assert state.gpus[0].memory_peak_bytes is None


def test_unavailable_gpus_are_available_again_with_their_next_sample() -> None:
    state = after((0.0, GpusUnavailable("no driver")))
    assert state.gpus_unavailable == "no driver"
    state.apply(Record(1, 1.0, GpuSample(0, "GPU-a", "one")))
    assert state.gpus_unavailable is None


def test_notices_and_checkpoint() -> None:
    notices = [(float(n), Notice(str(n))) for n in range(NOTICES_KEPT + 20)]
    saved = CheckpointSaved("checkpoint/best.pt", 3, 0.5)
    state = after(*notices, (500.0, saved))
    assert len(state.notices) == NOTICES_KEPT
    assert state.notices[-1] == (NOTICES_KEPT + 19, Notice(str(NOTICES_KEPT + 19)))
    assert state.checkpoint == saved


def test_a_long_run_does_not_grow_the_state() -> None:
    events: list[tuple[float, AnyEvent]] = [(0.0, STARTED)]
    for step in range(1, 20_000):
        events.append((float(step), steps(1 + step // 100, step)))
        events.append((float(step), cpu(0.5)))
    state = after(*events)
    curves = state.train_loss, state.train_accuracy, state.cpu_utilization
    assert all(len(curve.bins) <= CURVE_BINS for curve in curves)
    assert len(state.recent) == RECENT_STRETCHES


def test_figures_of_the_last_pass_are_those_of_a_whole_one_if_there_is_one() -> None:
    whole = finished(1, 10, 0.5)
    cut = finished(2, 11, 0.4, images=1)
    assert after((0.0, STARTED), (1.0, whole), (2.0, cut)).last_pass == whole
    assert after((0.0, STARTED), (2.0, cut)).last_pass == cut


def test_samples_in_a_pause_do_not_count_for_the_means() -> None:
    busy, idle = (CpuSample(share, (share,), 1, 2, 1, 1.0) for share in (1.0, 0.0))
    paused = after((0.0, STARTED), (1.0, busy), (2.0, Paused()), (3.0, idle), (4.0, Resumed(2.0)))
    assert paused.cpu_mean_utilization.value == 1.0
    assert paused.cpu == idle, "shown all the same"


def test_trials_are_kept_by_the_way_they_tried_the_newest_each() -> None:
    first, second = (AugmentationTried("cpu", 9, wait, 0.0, 1.0) for wait in (0.5, 0.25))
    loader = AugmentationTried("loader", 9, 0.1, 0.0, 1.0)
    state = after((0.0, first), (1.0, loader), (2.0, second), (3.0, STARTED))
    assert state.trials == {"cpu": second, "loader": loader}
    assert state.augment_on == "cpu", "of the run, not of a trial"


def test_limits_are_those_of_the_process_that_trains() -> None:
    first, second = (LimitsMeasured(1.0, 2.0, most, 4.0, 1) for most in (3.0, 5.0))
    gone_on = RunResumed(0, 0.0, "2026-01-01T00:00:00Z", "cpu", "a CPU", 1, "cpu")
    state = after((0.0, first), (1.0, STARTED), (2.0, second), (3.0, gone_on))
    assert state.limits == second


def test_settings_follow_the_fixes() -> None:
    assert (RunState().augment_on, RunState().threads) == (None, None)
    state = after((0.0, STARTED))
    assert (state.augment_on, state.threads) == ("cpu", 1)
    for number, (key, before, value) in enumerate(
        [
            ("data.augment_on", "cpu", "device"),
            ("machine.threads", "1", "3"),
            ("data.augment_on", "device", "loader"),
            ("train.evaluate_every", "1", "4"),
        ]
    ):
        fix = FixApplied(key, before, value, number, 100.0)
        state.apply(Record(number + 1, number + 1.0, fix))
    assert (state.augment_on, state.threads) == ("loader", 3)
    assert [fix.after for fix in state.fixes] == ["device", "3", "loader", "4"]
    assert state.fixes_measured == []
    told = FixMeasured("data.augment_on", "device", "loader", 9, 100.0, 200.0)
    state.apply(Record(9, 9.0, told))
    assert state.fixes_measured == [told]


def test_what_a_person_changed_shows_and_the_phase_stays() -> None:
    state = after(
        (0.0, STARTED), (1.0, steps(1, 5)), (1.0, Activity("evaluating", 0, 50, "images")),
        (2.0, RateChanged(5, 2.0, 2.0, 0.1, 0.2)),
        (3.0, PlanExtended(5, 4, 8, None, None, 0.2, 0.3)),
        (4.0, StopAsked("after-epoch", 5, 1)),
    )  # fmt: skip
    assert (state.phase, state.lr) == ("evaluating", 0.3)
    assert state.started is not None
    assert (state.started.epochs_planned, state.progress()) == (8, 0.5 / 8)
    assert [at for at, _ in state.notices] == [2.0, 3.0, 4.0]
    assert state.stop_asked is not None


def test_an_end_with_the_epoch_that_is_taken_back_is_none() -> None:
    asked = [(0.0, STARTED), (1.0, steps(1, 5)), (2.0, StopAsked("after-epoch", 5, 1))]
    assert after(*asked).asked_last_epoch == 1
    state = after(*asked, (3.0, StopAsked("go-on", 6, 1)))
    assert state.asked_last_epoch is None
    assert [at for at, _ in state.notices] == [2.0, 3.0]


def test_a_resumed_run_keeps_its_length_and_takes_back_what_came_after_its_checkpoint() -> None:
    changes = [RateChanged(step, 2.0, 2.0, 0.1, 0.2) for step in (5, 10)]
    state = after(
        (0.0, TIMED), (1.0, steps(1, 5)), (1.0, changes[0]),
        (2.0, CheckpointSaved("checkpoint/last.pt", 0, None, 5)), (3.0, steps(1, 10)),
        (3.0, changes[1]), (4.0, PlanExtended(10, None, None, 200.0, 300.0, 0.2, 0.2)),
        (5.0, StopAsked("after-epoch", 10, 1)),
        (9.0, RunResumed(5, 1.0, "", "cpu", "c", 1, "cpu", time_limit_seconds=300.0)),
    )  # fmt: skip
    assert state.rate_changes == changes[:1]
    assert state.stop_asked is None
    assert len(state.extensions) == 1
    assert state.started is not None
    assert state.started.time_limit_seconds == 300.0


def test_now_begins_anew_with_a_fix_and_the_run_does_not() -> None:
    state = after((0.0, STARTED), (1.0, steps(1, 5)), (2.0, FixApplied("k", "a", "b", 5, 1.0)))
    assert state.recent_split == (Split(), 0)
    assert state.recent_images_per_second is None
    assert state.split == Split(1.0, 0.5, 3.0, 0.5)
    state.apply(Record(3, 3.0, steps(1, 10, wait_seconds=0.0)))
    assert state.recent_split == (Split(0.0, 0.5, 3.0, 0.5), 5)
    assert state.images == 100


def shares(detail: StepDetail) -> dict[str, float | None]:
    return {name: ratio.value for name, ratio in vars(detail).items()}


def test_details_are_shares_and_none_where_nothing_was_measured() -> None:
    state = after((0.0, STARTED), (1.0, steps(1, 5)))
    assert set(shares(state.detail).values()) == set(shares(state.recent_detail).values()) == {None}
    figures = {"hidden_wait_seconds": 2.0, "augment_cpu_seconds": 4.0, "forward_seconds": 0.75,
               "backward_seconds": 1.5, "optimizer_seconds": 0.75}  # fmt: skip
    state.apply(Record(2, 2.0, steps(1, 10, **figures)))
    # Of that stretch alone: the one before told nothing of them.
    assert shares(state.recent_detail) == shares(state.detail) == {
        "hidden_wait": 2 / 5, "augment_cpu": 4 / 50, "forward": 0.25, "backward": 0.5,
        "optimizer": 0.25, "launch_gap": None,
    }  # fmt: skip


def test_an_epochs_detail_takes_the_place_of_its_stretches() -> None:
    state = after((0.0, STARTED), (1.0, steps(1, 5, forward_seconds=3.0)))
    assert state.detail.forward.value == 1.0
    state.apply(Record(2, 2.0, finished(1, 10, forward_seconds=1.5, launch_gap_seconds=0.0)))
    assert state.detail.forward.value == 0.25
    assert state.detail.launch_gap.value == 0.0, "measured to be none"
    state.apply(Record(3, 3.0, steps(2, 15, forward_seconds=0.0, augment_cpu_seconds=1.0)))
    assert state.detail.forward.value == pytest.approx(1.5 / 9)
    assert state.detail.augment_cpu.value == 1 / 50


def kinds(state: RunState) -> list[tuple[str, int]]:
    return [(mark.kind, mark.step) for mark in state.marks]


def test_each_figure_has_a_curve_over_steps_and_time() -> None:
    gpu = GpuSample(0, "GPU-a", "one", 0.5, 900, 1000, 310.0, 700.0, 61.0)
    state = after(
        (1.0, cpu(0.1)), (2.0, STARTED), (4.0, steps(1, 5)), (5.0, gpu), (6.0, cpu(0.3)),
        (7.0, steps(1, 10, lr=0.2, images=100)),
    )  # fmt: skip
    assert state.begun_at_seconds == 2.0
    track = state.gpus[0]
    curves = {
        "train_loss": state.train_loss, "learning_rate": state.learning_rate,
        "speed": state.speed, "cpu": state.cpu_utilization, "memory": state.process_memory,
        "gpu": track.utilization, "gpu memory": track.memory_used_bytes,
        "power": track.power_watts, "temperature": track.temperature_celsius,
    }  # fmt: skip
    told = {n: [(b.step, b.seconds, b.mean) for b in c.bins] for n, c in curves.items()}
    assert told == {
        "train_loss": [(5, 4.0, 1.0), (10, 7.0, 1.0)],
        "learning_rate": [(5, 4.0, 0.1), (10, 7.0, 0.2)],
        "speed": [(5, 4.0, 10.0), (10, 7.0, 20.0)],
        "cpu": [(0, 1.0, 0.1), (5, 6.0, 0.3)],
        "memory": [(0, 1.0, 1.0), (5, 6.0, 1.0)],
        "gpu": [(5, 5.0, 0.5)],
        "gpu memory": [(5, 5.0, 900.0)],
        "power": [(5, 5.0, 310.0)],
        "temperature": [(5, 5.0, 61.0)],
    }


def test_the_split_s_curves_sum_up_to_the_split() -> None:
    events = [(float(n), steps(1 + n // 2, 5 * n)) for n in range(1, 2001) if n % 2]
    ends = [(float(n) + 0.5, finished(1 + n // 2, 5 * n)) for n in range(1, 2001) if n % 2]
    state = after((0.0, STARTED), *sorted([*events, *ends], key=lambda pair: pair[0]))
    sums = {name: sum(one.total for one in curve.bins) for name, curve in state.parts.items()}
    assert sums == pytest.approx(state.split.parts())
    assert {len(curve.bins) for curve in state.parts.values()} == {len(state.parts["wait"].bins)}


def test_what_happens_is_marked() -> None:
    state = after(
        (0.0, STARTED),
        (1.0, steps(1, 5)),
        (2.0, FixApplied("data.augment_on", "cpu", "device", 5, 100.0)),
        (3.0, steps(1, 6, loss=None)),
        (4.0, steps(1, 7, loss=None)),
        (5.0, steps(1, 8)),
        (6.0, Paused()),
        (9.5, Resumed(3.5)),
        (10.0, finished(1, 10)),
        (10.1, CheckpointSaved("checkpoint/last.pt", 1, 0.5, 10)),
        (10.2, CheckpointSaved("checkpoint/best.pt", 1, 0.5, 10)),
        (11.0, RunEnded("finished")),
    )
    assert kinds(state) == [
        ("fix", 5), ("nan", 6), ("pause", 8), ("checkpoint", 10), ("end", 10),
    ]  # fmt: skip
    texts = {mark.kind: mark.text for mark in state.marks}
    assert texts["fix"] == "data.augment_on cpu -> device"
    assert "3.5 s" in texts["pause"]


def test_a_resumed_run_keeps_the_curves_and_marks_of_its_checkpoint() -> None:
    """Those of the machine too, for otherwise they would go back over the same steps."""
    before = [
        (0.0, STARTED), (1.0, steps(1, 5)), (1.5, cpu(0.5)), (1.6, GpuSample(0, "a", "one", 0.5)),
        (2.0, CheckpointSaved("checkpoint/last.pt", 1, None, 5)),
    ]  # fmt: skip
    at_checkpoint = after(*before)
    state = after(
        *before, (3.0, steps(1, 9)), (3.5, cpu(0.9)), (3.6, GpuSample(0, "a", "one", 0.9)),
        (3.7, Paused()), (4.0, RunEnded("interrupted")),
        (8.0, RunResumed(5, 1.0, "2026-01-01T00:00:00Z", "cpu", "a CPU", 1, "cpu")),
    )  # fmt: skip
    assert kinds(state) == [("checkpoint", 5), ("resume", 5)]
    assert state.taken_back == [(2.0, 8.0)]
    for name in ("train_loss", "speed", "parts", "cpu_utilization", "process_memory"):
        assert getattr(state, name) == getattr(at_checkpoint, name), name
    assert state.gpus[0].utilization == at_checkpoint.gpus[0].utilization
    assert state.gpus[0].sample.utilization == 0.9, "the newest there is"
    assert state.begun_at_seconds == 0.0


def test_the_marks_of_ten_thousand_epochs_are_few_and_a_fix_is_among_them() -> None:
    saved = [
        (float(n), CheckpointSaved("checkpoint/last.pt", n, None, 10 * n)) for n in range(1, 10_000)
    ]
    fix = (50.5, FixApplied("data.augment_on", "cpu", "device", 505, None))
    state = after((0.0, STARTED), *saved[:50], fix, *saved[50:], (1e4, RunEnded("finished")))
    marks = list(state.marks)
    assert MARKS_KEPT // 2 <= len(marks) <= MARKS_KEPT
    assert [mark.at_seconds for mark in marks] == sorted(mark.at_seconds for mark in marks)
    assert ("fix", 505) in kinds(state)
    assert marks[-1].kind == "end"
    assert marks[-2].step > 9_000
