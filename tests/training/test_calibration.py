"""A machine, measured: the real loop's steps, in rounds, and nothing left behind."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from cnntop.core.analysis.profile import load, save
from cnntop.core.analysis.projection import Workload, forecast
from cnntop.core.datasets import cache_folder
from cnntop.core.errors import UsageError
from cnntop.core.events import AnyEvent, CheckpointSaved, EpochFinished, StepsMeasured
from cnntop.core.run_request import RunRequest
from cnntop.core.training import calibration_point
from cnntop.core.training.calibration import Plan, calibrate
from cnntop.core.training.calibration_point import Slot
from cnntop.core.training.network import Network

Requests = Callable[..., RunRequest]


@pytest.fixture
def slow_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps long enough for what other programs do in between to weigh little."""
    update = Network.update

    def slow(network: Network) -> None:
        time.sleep(0.01)
        update(network)

    monkeypatch.setattr(Network, "update", slow)


@pytest.mark.usefixtures("slow_steps")
def test_a_tiny_network_is_calibrated_and_its_run_forecast(
    request_run: Requests, run: Callable[[RunRequest], Any], tmp_path: Path
) -> None:
    """How near is the affair of `cnntop bench forecast`: here for whatever else the machine does,
    a wrong unit or a pass for a step would be far beyond."""
    request = request_run(epochs=20)
    told: list[str] = []
    plan = Plan((request.recipe,), (16, 8), seconds=0.0, slot_seconds=0.2, input_too=False)
    profile = calibrate(plan, "mine", told.append)
    assert list(cache_folder().glob("calibration-*")) == []
    save(profile, tmp_path / "mine.json")
    assert load(tmp_path / "mine.json") == profile

    # No time at all: the first point alone, in the fewest rounds.
    ((steps,),) = [network.steps for network in profile.networks]
    assert steps.batch_size == 16
    assert len(steps.step_seconds) == 3
    assert any("no time for 1 of 2 points" in line for line in told)
    assert (profile.images.size, profile.images.classes) == (16, 2)
    assert profile.machine.threads == 1
    assert profile.transfer_bytes_per_second is None

    ended = run(request).ended
    found = forecast(profile, Workload("shallow4", 16, 72, 24, image_size=16))
    assert 0.1 < found.seconds(20, 20).median / ended.seconds < 10


def test_every_point_and_way_has_its_rounds(request_run: Requests) -> None:
    plan = Plan((request_run().recipe,), (8, 16), seconds=2.0, slot_seconds=0.05)
    before = psutil.Process().children(recursive=True)
    profile = calibrate(plan, "mine", lambda _: None)
    left = {one for one in psutil.Process().children(recursive=True) if one not in before}
    assert not [one for one in left if one.children()], "the loader's workers are still there"
    assert set(profile.augmentation_images_per_second) == {"cpu", "loader"}
    for rounds in profile.augmentation_images_per_second.values():
        assert len(rounds) == profile.rounds


def steps(count: int) -> StepsMeasured:
    seconds = {f"{name}_seconds": 1.0 for name in ("wait", "transfer", "compute", "other")}
    return StepsMeasured(
        epoch=1, step=1, steps=count, images=1, loss=1.0, accuracy=0.0, lr=0.1, **seconds
    )


def test_warm_up_and_checkpoints_are_no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(calibration_point.time, "perf_counter", lambda: now)
    slot = Slot(seconds=2.0, warm_up_steps=0)
    epoch = msgspec.convert(
        dict.fromkeys(EpochFinished.__struct_fields__, 1) | {"type": "epoch_finished"},
        EpochFinished,
    )
    events: list[tuple[float, AnyEvent]] = [
        (7.0, steps(5)),  # warm-up
        (1.0, steps(4)),
        (0.25, epoch),  # a pass's end is its steps' affair
        (3.0, CheckpointSaved("checkpoint/last.pt", 1, None)),
        (0.5, steps(4)),
    ]
    for seconds, event in events:
        now += seconds
        slot.emit(event)
        assert not slot.control.cancelled()
    now += 0.25
    slot.emit(steps(2))
    assert slot.control.cancelled()
    assert slot.step_seconds == pytest.approx(0.2)
    assert slot.checkpoint_seconds == [3.0]


def test_what_workers_had_in_stock_is_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = Slot(seconds=0.0, warm_up_steps=4)
    for _ in range(3):  # two, four, six steps: only then are there more than four
        slot.emit(steps(2))
    assert not slot.control.cancelled()
    slot.emit(steps(2))
    assert slot.control.cancelled()


def test_a_batch_of_more_images_than_there_are(request_run: Requests) -> None:
    plan = Plan((request_run().recipe,), (16, 73), seconds=0.0)
    with pytest.raises(UsageError, match="--batch-size: 73 is more than the 72 training images"):
        calibrate(plan, "mine", lambda _: None)
