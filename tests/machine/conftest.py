"""A sink that keeps everything and a stand-in for pynvml."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from cnntop.core.events import AnyEvent

_DEADLINE_SECONDS = 20.0


class Sink:
    """Keeps what is emitted."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain; last: {self.events[-5:]}"
            time.sleep(0.005)


class FakeNvml:
    """pynvml with GPUs of our own; its errors and constants are the real ones."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self.failure: int | None = None  # every call gives this error
        self.unsupported: set[str] = set()  # figures this card does not have
        self.lost: set[int] = set()
        # As drivers too old to know the calls, until a test says otherwise:
        self.clock_reasons: int | None = None
        self.compute_ids: list[int] | None = None
        self.graphics_ids: list[int] | None = None
        self.lists_made = 0
        self.answers = threading.Event()
        self.answers.set()
        self.opened = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(pynvml, name)

    def _figure(self, name: str, gpu: int, value: Any) -> Any:
        self.answers.wait()
        if self.failure is not None:
            raise pynvml.NVMLError(self.failure)
        if gpu in self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        if name in self.unsupported:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return value

    def nvmlInit(self) -> None:  # noqa: N802
        self._figure("init", -1, None)
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.opened -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return int(self._figure("count", -1, self.count))

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return int(self._figure("handle", index, index))

    def nvmlDeviceGetUUID(self, gpu: int) -> str:  # noqa: N802
        return str(self._figure("uuid", gpu, f"GPU-{gpu}"))

    def nvmlDeviceGetName(self, gpu: int) -> str:  # noqa: N802
        return str(self._figure("name", gpu, "Fake\x1b GPU"))

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> Any:  # noqa: N802
        return self._figure("utilization", gpu, SimpleNamespace(gpu=40 + gpu, memory=1))

    def nvmlDeviceGetMemoryInfo(self, gpu: int, version: int | None = None) -> Any:  # noqa: N802
        # The old call counts the driver's own share as used.
        used = 3_000 if version == pynvml.nvmlMemory_v2 else 3_500
        name = "memory" if version is None else "memory2"
        return self._figure(name, gpu, SimpleNamespace(used=used, total=80_000))

    def nvmlDeviceGetPowerUsage(self, gpu: int) -> Any:  # noqa: N802
        return self._figure("power", gpu, 123_456)

    def nvmlDeviceGetEnforcedPowerLimit(self, gpu: int) -> Any:  # noqa: N802
        return self._figure("limit", gpu, 700_000)

    def nvmlDeviceGetTemperature(self, gpu: int, sensor: int) -> Any:  # noqa: N802
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return self._figure("temperature", gpu, 55)

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: int) -> Any:  # noqa: N802
        return self._figure("energy", gpu, 9_876_543)

    def _newer(self, gpu: int, value: Any) -> Any:
        if value is None:  # said by the binding, whatever state the driver is in
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return self._figure("newer", gpu, value)

    def nvmlDeviceGetCurrentClocksEventReasons(self, gpu: int) -> Any:  # noqa: N802
        return self._newer(gpu, self.clock_reasons)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu: int) -> Any:  # noqa: N802
        return self._newer(gpu, None)

    def nvmlDeviceGetComputeRunningProcesses_v3(self, gpu: int) -> Any:  # noqa: N802
        self.lists_made += 1
        return _processes(self._newer(gpu, self.compute_ids))

    def nvmlDeviceGetComputeRunningProcesses_v2(self, gpu: int) -> Any:  # noqa: N802
        return self._newer(gpu, None)

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: int) -> Any:  # noqa: N802
        try:
            return self.nvmlDeviceGetComputeRunningProcesses_v3(gpu)
        except pynvml.NVMLError_FunctionNotFound as error:  # as the real one: no NVMLError
            raise pynvml.NVMLLibraryMismatchError from error

    def nvmlDeviceGetGraphicsRunningProcesses_v3(self, gpu: int) -> Any:  # noqa: N802
        return _processes(self._newer(gpu, self.graphics_ids))

    def nvmlDeviceGetGraphicsRunningProcesses_v2(self, gpu: int) -> Any:  # noqa: N802
        return self._newer(gpu, None)


def _processes(ids: list[int]) -> list[Any]:
    # The driver does not tell the memory of a process that is not its caller's to see.
    return [SimpleNamespace(pid=one, usedGpuMemory=None) for one in ids]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def nvml() -> Iterator[FakeNvml]:
    fake = FakeNvml()
    yield fake
    fake.answers.set()  # let a hanging thread go
