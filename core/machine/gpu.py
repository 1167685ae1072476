"""Reads NVIDIA GPUs through NVML, the library that comes with their driver."""

import contextlib
from dataclasses import dataclass
from typing import Any, Protocol

from cnntop.core.events import GpuSample
from cnntop.core.text import printable


class GpuError(Exception):
    """No GPU can be read; the message says why, in plain words.

    `remedy` says what to do about it; it is empty where nothing is wrong, as on a machine without
    an NVIDIA GPU.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class GpuReader(Protocol):
    """What the sampler asks. `read` raises GpuError and may be called again after it."""

    def read(self) -> list[GpuSample]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class _Gpu:
    index: int
    handle: Any
    uuid: str
    name: str


class NvmlReader:
    """Every NVIDIA GPU the driver shows, whether or not CUDA_VISIBLE_DEVICES hides it from torch.

    NVML is opened by the first reading and again after one that failed. Any call may hang where
    the driver does, so use it on a thread that nobody waits for. `library` stands in for pynvml.
    """

    def __init__(self, library: Any = None) -> None:
        self._library = library
        self._open = False
        self._gpus: list[_Gpu] = []
        self._trouble: Exception | None = None

    def read(self) -> list[GpuSample]:
        """One sample a GPU. A figure the driver does not give is None.

        Raises GpuError without NVML, without a GPU, and when no GPU gives any figure.
        """
        if not self._open:
            self._find()
        samples = [self._sample(gpu) for gpu in self._gpus]
        if not any(_measured(sample) for sample in samples):
            self.close()
            raise self._error(self._trouble)
        return samples

    def close(self) -> None:
        """Lets go of NVML; harmless when it is not open."""
        if self._open:
            self._open = False
            self._gpus = []
            with contextlib.suppress(self._library.NVMLError):  # the driver is gone already
                self._library.nvmlShutdown()

    def _find(self) -> None:
        if self._library is None:
            self._library = _pynvml()
        nvml = self._library
        try:
            nvml.nvmlInit()
            self._open = True
            count = nvml.nvmlDeviceGetCount()
        except nvml.NVMLError as error:
            self.close()
            raise self._error(error) from error
        self._trouble = None
        for index in range(count):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
            except nvml.NVMLError as error:  # one broken GPU does not hide the others
                self._trouble = error
                continue
            self._gpus.append(_Gpu(index, handle, printable(uuid), printable(name)))

    def _sample(self, gpu: _Gpu) -> GpuSample:
        nvml, handle = self._library, gpu.handle
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._memory(handle)
        power_milliwatts = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        limit_milliwatts = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        celsius = self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        millijoules = self._ask(nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        return GpuSample(
            index=gpu.index,
            uuid=gpu.uuid,
            name=gpu.name,
            utilization=None if rates is None else rates.gpu / 100,
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_watts=None if power_milliwatts is None else power_milliwatts / 1000,
            power_limit_watts=None if limit_milliwatts is None else limit_milliwatts / 1000,
            temperature_celsius=None if celsius is None else float(celsius),
            energy_joules=None if millijoules is None else millijoules / 1000,
        )

    def _memory(self, handle: Any) -> Any:
        # The first version counts what the driver keeps for itself as used; drivers before 2022
        # know no other.
        nvml = self._library
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle, nvml.nvmlMemory_v2)
        return memory if memory is not None else self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)

    def _ask(self, call: Any, *arguments: Any) -> Any:
        """The figure, or None. Which error means "not on this card" differs from driver to driver,
        so any does; `read` sees a dead driver by its giving no figure at all."""
        try:
            return call(*arguments)
        except self._library.NVMLError as error:
            self._trouble = error
            return None

    def _error(self, cause: Exception | None) -> GpuError:
        """`cause`, NVML's or None where there simply is no GPU, in plain words."""
        if cause is None:
            return GpuError("the NVIDIA driver finds no GPU")
        nvml = self._library
        plain = {
            nvml.NVML_ERROR_LIBRARY_NOT_FOUND: ("no NVIDIA driver found",),
            nvml.NVML_ERROR_DRIVER_NOT_LOADED: (
                "the NVIDIA driver is installed but not loaded",
                "Load it with `sudo modprobe nvidia`, or restart the machine.",
            ),
            nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
                "the NVIDIA driver was updated, but its old version is still loaded",
                "Restart the machine.",
            ),
            nvml.NVML_ERROR_NO_PERMISSION: (
                "no permission to ask the NVIDIA driver",
                "Check who may use the GPU with `ls -l /dev/nvidia*`.",
            ),
            nvml.NVML_ERROR_GPU_IS_LOST: (
                "the GPU is lost: the machine can no longer reach it",
                "Restart the machine; `dmesg` may say why.",
            ),
        }
        reason = f"the NVIDIA driver reports an error: {printable(str(cause))}"
        otherwise = (reason, "Check that `nvidia-smi` works; restart the machine if it does not.")
        return GpuError(*plain.get(getattr(cause, "value", None), otherwise))


def _measured(sample: GpuSample) -> bool:
    figures = (
        sample.utilization,
        sample.memory_used_bytes,
        sample.power_watts,
        sample.temperature_celsius,
        sample.energy_joules,
    )
    return any(figure is not None for figure in figures)


def _pynvml() -> Any:
    # Imported late: machines without a GPU need not pay for it.
    try:
        import pynvml
    except ImportError as error:
        missing = "the Python package nvidia-ml-py is not installed"
        raise GpuError(missing, "pip install nvidia-ml-py") from error
    return pynvml
