"""The step clock: parts close to wall time, and time goes to the part it was spent on."""

import time

import pytest
import torch

from cnntop.core.training.step_clock import CudaClock, HostClock, step_clock


def test_a_cpu_has_the_hosts_clock() -> None:
    assert isinstance(step_clock(torch.device("cpu")), HostClock)


def test_parts_close_to_wall_time() -> None:
    clock = HostClock()
    clock.start()
    began = time.perf_counter()
    for _ in range(2_000):
        clock.lap("wait")
        clock.lap("transfer")
        clock.lap("compute")
        clock.lap("other")
    time.sleep(0.02)
    clock.lap("other")
    wall = time.perf_counter() - began
    split = clock.read()
    assert split.seconds <= wall + 1e-3
    assert split.seconds >= 0.98 * wall - 1e-3
    assert all(seconds > 0 for seconds in split.parts().values())


def test_time_goes_to_its_part() -> None:
    clock = HostClock()
    slept = dict.fromkeys(("wait", "transfer", "compute", "other"), 0.0)
    clock.start()
    for _ in range(10):
        for part, seconds in (("wait", 0.02), ("transfer", 0.005), ("compute", 0.04)):
            begin = time.perf_counter()
            time.sleep(seconds)
            clock.lap(part)  # type: ignore[arg-type]
            slept[part] += time.perf_counter() - begin
    found = clock.read().parts()
    assert found == pytest.approx(slept, rel=0.05, abs=0.005)
    assert found["compute"] > found["wait"] > found["transfer"] > found["other"] == 0.0


def test_a_reading_begins_anew() -> None:
    clock = HostClock()
    clock.start()
    time.sleep(0.01)
    clock.lap("compute")
    first = clock.read()
    assert clock.read().seconds == 0.0
    clock.lap("other")
    second = clock.read()
    assert first.compute > 0.0
    assert second.compute == 0.0
    assert second.other > 0.0


def test_a_pause_belongs_to_nobody() -> None:
    clock = HostClock()
    began = time.perf_counter()
    clock.start()
    clock.lap("other")
    paused_at = time.perf_counter()
    time.sleep(0.2)
    paused = time.perf_counter() - paused_at
    clock.start()
    time.sleep(0.02)
    clock.lap("wait")
    awake = time.perf_counter() - began - paused
    assert clock.read().seconds <= awake + 1e-6


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpus_clock_closes_to_wall_time_and_tells_compute_from_wait() -> None:
    clock = step_clock(torch.device("cuda"))
    assert isinstance(clock, CudaClock)
    matrix = torch.randn(4096, 4096, device="cuda")
    (matrix @ matrix).sum().item()
    clock.start()
    began = time.perf_counter()
    busy = 0.0
    for _ in range(20):
        time.sleep(0.01)
        clock.lap("wait")
        clock.lap("transfer")
        begin = time.perf_counter()
        for _ in range(10):
            matrix @ matrix
        torch.cuda.synchronize()
        busy += time.perf_counter() - begin
        clock.lap("compute")
    torch.cuda.synchronize()
    wall = time.perf_counter() - began
    split = clock.read()
    assert split.seconds == pytest.approx(wall, rel=0.1)
    assert split.wait > 0.15
    assert split.compute == pytest.approx(busy, rel=0.2)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpus_clock_loses_no_time_to_work_still_under_way() -> None:
    clock = CudaClock()
    matrix = torch.randn(4096, 4096, device="cuda")
    (matrix @ matrix).sum().item()
    clock.start()
    began = time.perf_counter()
    total = 0.0
    for _ in range(20):
        for _ in range(5):
            matrix @ matrix
        clock.lap("compute")
        total += clock.read().seconds
    torch.cuda.synchronize()
    total += clock.read().seconds
    assert total == pytest.approx(time.perf_counter() - began, rel=0.1)
