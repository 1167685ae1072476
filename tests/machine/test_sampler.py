"""The CPU is the real one; the GPUs are a stand-in for pynvml, except where one is here."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pynvml
import pytest

from cnntop.core.events import CpuSample, GpuSample, GpusUnavailable, Notice
from cnntop.core.machine.gpu import NvmlReader
from cnntop.core.machine.sampler import MachineSampler


@pytest.fixture
def sampler(sink: Any, nvml: Any) -> Iterator[MachineSampler]:
    made = MachineSampler(
        sink, 0.02, gpus=NvmlReader(nvml), patience_seconds=60.0, retry_seconds=0.05
    )
    yield made
    made.stop()


def _has_nvml() -> bool:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    pynvml.nvmlShutdown()
    return True


def test_cpu_samples_are_of_this_machine(sink: Any, sampler: MachineSampler) -> None:
    sampler.start()
    sink.wait_for(lambda: len(sink.of(CpuSample)) >= 3)
    for sample in sink.of(CpuSample):
        assert len(sample.core_utilizations) == psutil.cpu_count()
        assert all(0 <= share <= 1 for share in sample.core_utilizations)
        assert 0 <= sample.utilization <= 1
        assert sample.memory_total_bytes == psutil.virtual_memory().total
        assert 0 < sample.process_memory_bytes < sample.memory_used_bytes
        assert sample.memory_used_bytes < sample.memory_total_bytes


@pytest.mark.skipif(_has_nvml(), reason="this machine has an NVIDIA driver")
def test_without_a_driver_it_is_said_once(sink: Any) -> None:
    sampler = MachineSampler(sink, 0.02, retry_seconds=0.02)
    sampler.start()
    sink.wait_for(lambda: len(sink.of(CpuSample)) >= 10)
    sampler.stop()
    assert sink.of(GpusUnavailable) == [GpusUnavailable("no NVIDIA driver found")]
    assert not sink.of(GpuSample)


def test_gpu_figures_and_their_units(sink: Any, nvml: Any, sampler: MachineSampler) -> None:
    nvml.count = 8
    sampler.start()
    sink.wait_for(lambda: len(sink.of(GpuSample)) >= 24)
    sampler.stop()
    samples = sink.of(GpuSample)
    assert [sample.index for sample in samples[:16]] == [*range(8), *range(8)]
    assert samples[3] == GpuSample(
        index=3,
        uuid="GPU-3",
        name="Fake? GPU",
        utilization=0.43,
        memory_used_bytes=3_000,
        memory_total_bytes=80_000,
        power_watts=123.456,
        power_limit_watts=700.0,
        temperature_celsius=55.0,
        energy_joules=9876.543,
    )
    assert not sink.of(GpusUnavailable)
    assert nvml.opened == 0  # let go of


def test_failing_midway_is_said_once_and_tried_again(
    sink: Any, nvml: Any, sampler: MachineSampler
) -> None:
    sampler.start()
    sink.wait_for(lambda: sink.of(GpuSample))
    nvml.failure = pynvml.NVML_ERROR_UNKNOWN
    sink.wait_for(lambda: sink.of(GpusUnavailable))
    cpu_samples, gpu_samples = len(sink.of(CpuSample)), len(sink.of(GpuSample))
    sink.wait_for(lambda: len(sink.of(CpuSample)) >= cpu_samples + 10)  # several tries meanwhile
    assert len(sink.of(GpusUnavailable)) == 1
    assert len(sink.of(GpuSample)) == gpu_samples
    nvml.failure = None
    sink.wait_for(lambda: len(sink.of(GpuSample)) > gpu_samples)
    nvml.failure = pynvml.NVML_ERROR_UNKNOWN
    sink.wait_for(lambda: len(sink.of(GpusUnavailable)) == 2)


def test_a_hanging_driver_delays_nothing(sink: Any, nvml: Any, sampler: MachineSampler) -> None:
    nvml.answers.clear()
    sampler._patience = 0.2
    sampler.start()
    sink.wait_for(lambda: len(sink.of(CpuSample)) >= 3)
    sink.wait_for(lambda: sink.of(GpusUnavailable))
    cpu_samples = len(sink.of(CpuSample))
    sink.wait_for(lambda: len(sink.of(CpuSample)) >= cpu_samples + 15)  # well past the patience
    (said,) = sink.of(GpusUnavailable)
    assert said.reason.startswith("the NVIDIA driver does not answer")
    assert not sink.of(GpuSample)
    nvml.answers.set()
    sink.wait_for(lambda: sink.of(GpuSample))
    nvml.answers.clear()
    sink.wait_for(lambda: len(sink.of(GpusUnavailable)) == 2)


def test_a_hanging_driver_does_not_hold_up_the_end(
    sink: Any, nvml: Any, sampler: MachineSampler
) -> None:
    nvml.answers.clear()
    sampler.start()
    sink.wait_for(lambda: sink.of(CpuSample))
    sampler.stop()
    at_stop = len(sink.events)
    nvml.answers.set()
    sink.wait_for(lambda: not _sampler_threads())
    assert len(sink.events) == at_stop  # the late answer is dropped


def test_the_process_can_end_while_the_driver_hangs() -> None:
    code = """
import threading
from cnntop.core.machine.sampler import MachineSampler
class Hanging:
    def read(self): threading.Event().wait()
    def close(self): pass
class Sink:
    def emit(self, event): seen.set()
seen = threading.Event()
MachineSampler(Sink(), 0.02, gpus=Hanging()).start()
assert seen.wait(20)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_stop_ends_the_threads_and_may_be_repeated(
    sink: Any, nvml: Any, sampler: MachineSampler
) -> None:
    sampler.stop()
    other = MachineSampler(sink, 0.02, gpus=NvmlReader(nvml))
    other.start()
    assert len(_sampler_threads()) == 2
    sink.wait_for(lambda: sink.of(CpuSample) and sink.of(GpuSample))
    other.stop()
    at_stop = len(sink.events)
    other.stop()
    sink.wait_for(lambda: not _sampler_threads())
    assert len(sink.events) == at_stop


def test_a_cpu_that_cannot_be_read_leaves_the_gpus(
    sink: Any, nvml: Any, sampler: MachineSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(percpu: bool) -> None:
        raise PermissionError("no /proc\nhere")

    monkeypatch.setattr(psutil, "cpu_percent", refuse)
    sampler._patience = 0.2
    sampler.start()
    sink.wait_for(lambda: sink.of(Notice) and len(sink.of(GpuSample)) >= 5)
    nvml.answers.clear()
    sink.wait_for(lambda: sink.of(GpusUnavailable))
    assert sink.of(Notice) == [Notice("The CPU cannot be watched: no /proc?here", "warning")]


def _sampler_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.endswith("-sampler")]


@pytest.mark.cuda
def test_the_real_gpus(sink: Any) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    sampler = MachineSampler(sink, 0.1)
    sampler.start()
    try:
        block = torch.ones(256 * 2**20, dtype=torch.uint8, device="cuda")
        seen = len(sink.of(GpuSample))
        sink.wait_for(lambda: len(sink.of(GpuSample)) >= seen + 4 * pynvml.nvmlDeviceGetCount())
    finally:
        sampler.stop()
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    sample = [sample for sample in sink.of(GpuSample) if sample.uuid == uuid][-1]
    assert sample.name == torch.cuda.get_device_name(0)
    assert block.numel() <= sample.memory_used_bytes <= sample.memory_total_bytes
    assert sample.utilization is None or 0 <= sample.utilization <= 1
    assert sample.power_watts is None or 1 < sample.power_watts < 2000
    assert sample.temperature_celsius is None or 0 < sample.temperature_celsius < 120
    assert not sink.of(GpusUnavailable)
