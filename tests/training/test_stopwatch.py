"""Stopwatches: laps close to wall time, and time goes to the lap it was spent on."""

import time

import pytest
import torch

from cnntop.core.training.stopwatch import CudaStopwatch, HostStopwatch, stopwatch

EXACT_SECONDS = 1e-6
"""What adding up thousands of laps rounds off, and far more."""

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


def test_a_cpu_has_the_hosts_stopwatch() -> None:
    assert isinstance(stopwatch(torch.device("cpu")), HostStopwatch)
    assert not HostStopwatch().hold()


def test_laps_close_to_wall_time() -> None:
    watch = HostStopwatch()
    before = time.perf_counter()
    watch.start()
    began = time.perf_counter()
    for _ in range(2_000):
        watch.lap("one")
        watch.lap("other")
    time.sleep(0.02)
    ended = time.perf_counter()
    watch.lap("other")
    after = time.perf_counter()
    laps = watch.read()
    total = sum(laps.seconds.values())
    assert ended - began - EXACT_SECONDS <= total <= after - before + EXACT_SECONDS
    assert laps.counts == {"one": 2_000, "other": 2_001}
    assert laps.mean("one") == pytest.approx(laps.seconds["one"] / 2_000)
    assert laps.mean("none") is None


def test_time_goes_to_its_lap() -> None:
    watch = HostStopwatch()
    least, most = {"long": 0.0, "short": 0.0}, {"long": 0.0, "short": 0.0}
    before = time.perf_counter()
    watch.start()
    for _ in range(10):
        for name, seconds in (("long", 0.04), ("short", 0.005)):
            begin = time.perf_counter()
            time.sleep(seconds)
            end = time.perf_counter()
            watch.lap(name)
            least[name] += end - begin
            most[name] += time.perf_counter() - before
            before = end
    laps = watch.read().seconds
    assert laps.keys() == least.keys()
    for name, seconds in laps.items():
        assert least[name] - EXACT_SECONDS <= seconds <= most[name] + EXACT_SECONDS


def test_a_reading_begins_anew() -> None:
    watch = HostStopwatch()
    time.sleep(0.01)
    watch.lap("one")
    assert watch.read().seconds["one"] >= 0.01
    assert not watch.read().seconds
    watch.lap("other")
    assert set(watch.read().seconds) == {"other"}


def test_a_pause_belongs_to_nobody() -> None:
    watch = HostStopwatch()
    began = time.perf_counter()
    watch.start()
    watch.lap("one")
    paused_at = time.perf_counter()
    time.sleep(0.2)
    paused = time.perf_counter() - paused_at
    watch.start()
    time.sleep(0.02)
    watch.lap("one")
    awake = time.perf_counter() - began - paused
    assert watch.read().seconds["one"] <= awake + 1e-6


@pytest.mark.cuda
@needs_gpu
def test_a_gpus_laps_close_to_wall_time_and_tell_work_from_waiting() -> None:
    watch = stopwatch(torch.device("cuda"))
    assert isinstance(watch, CudaStopwatch)
    matrix = torch.randn(4096, 4096, device="cuda")
    (matrix @ matrix).sum().item()
    watch.start()
    began = time.perf_counter()
    busy = 0.0
    for _ in range(20):
        time.sleep(0.01)
        watch.lap("wait")
        begin = time.perf_counter()
        for _ in range(10):
            matrix @ matrix
        torch.cuda.synchronize()
        busy += time.perf_counter() - begin
        watch.lap("compute")
    torch.cuda.synchronize()
    wall = time.perf_counter() - began
    laps = watch.read()
    assert sum(laps.seconds.values()) == pytest.approx(wall, rel=0.1)
    assert laps.seconds["wait"] > 0.15
    assert laps.seconds["compute"] == pytest.approx(busy, rel=0.2)


@pytest.mark.cuda
@needs_gpu
def test_a_gpus_stopwatch_loses_no_time_to_work_still_under_way() -> None:
    watch = CudaStopwatch()
    matrix = torch.randn(4096, 4096, device="cuda")
    (matrix @ matrix).sum().item()
    watch.start()
    began = time.perf_counter()
    total = 0.0
    for _ in range(20):
        for _ in range(5):
            matrix @ matrix
        watch.lap("compute")
        total += watch.read().seconds["compute"]
    torch.cuda.synchronize()
    assert total == pytest.approx(time.perf_counter() - began, rel=0.1)


@pytest.mark.cuda
@needs_gpu
def test_more_laps_than_events_are_all_counted() -> None:
    watch = CudaStopwatch()
    torch.cuda._sleep(200_000_000)  # nothing has passed while the laps below are taken
    watch.start()
    for _ in range(3_000):
        watch.lap("one")
    assert watch.read().counts["one"] == 3_000


@pytest.mark.cuda
@needs_gpu
def test_a_held_gpu_shows_its_work_without_the_gaps_of_the_launches() -> None:
    watch = CudaStopwatch()
    small = torch.ones(16, device="cuda")

    def work() -> None:  # each takes the GPU some 2 us, and the host longer to launch
        value = small
        for _ in range(200):
            value = torch.sin(value)

    work()
    torch.cuda.synchronize()
    for _ in range(20):
        watch.start()
        work()
        watch.lap("compute")
        torch.cuda.synchronize()
    for _ in range(20):
        watch.start()
        assert watch.hold()
        watch.lap("held")
        work()
        watch.lap("busy")
        torch.cuda.synchronize()
    laps = watch.read()
    usual, busy = laps.mean("compute"), laps.mean("busy")
    assert usual is not None
    assert busy is not None
    assert busy < 0.8 * usual
