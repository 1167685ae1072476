"""Reads NVIDIA GPUs through NVML, the library that comes with their driver."""

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cnntop.core.events import GpuSample
from cnntop.core.text import printable

_PROC = Path("/proc")

_FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""The machine's own, the one no container is in; Linux gives it this number on every machine."""

# Bits of NVML's clock event reasons, as nvml.h has them. Their names change from one version of
# pynvml to the next, their values do not.
_POWER_REASONS = 0x04 | 0x80
"""The power limit is reached, or the power supply asks for less."""
_HEAT_REASONS = 0x20 | 0x40
"""Too hot, as the driver or as the hardware itself finds."""
_HARDWARE_SLOWDOWN = 0x08
"""One of the two, mostly with the bit that says which."""


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
    the driver does, so use it on a thread that nobody waits for. `library` stands in for pynvml,
    `proc` for /proc.

    Processes are counted every `processes_seconds`: making their list, the driver goes through
    all that every process holds, under a lock that training needs too.
    """

    def __init__(
        self, library: Any = None, *, proc: Path = _PROC, processes_seconds: float = 5.0
    ) -> None:
        self._library = library
        self._proc = proc
        self._processes_seconds = processes_seconds
        self._counted_at = float("-inf")
        self._other_processes: dict[int, int | None] = {}  # by the GPU's index
        self._open = False
        self._gpus: list[_Gpu] = []
        self._trouble: Exception | None = None

    def read(self) -> list[GpuSample]:
        """One sample a GPU. A figure the driver does not give is None.

        Raises GpuError without NVML, without a GPU, and when no GPU gives any figure.
        """
        if not self._open:
            self._find()
        # First, so that an old driver's not knowing these does not pass for the trouble.
        self._count_processes()
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
            self._counted_at = float("-inf")
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

    def _count_processes(self) -> None:
        now = time.monotonic()
        if now - self._counted_at >= self._processes_seconds:
            self._counted_at = now
            self._other_processes = {
                gpu.index: self._others(self._process_ids(gpu.handle)) for gpu in self._gpus
            }

    def _process_ids(self, handle: Any) -> set[int] | None:
        # By version: where the driver does not know the newest, the plain call raises an error
        # that is no NVMLError.
        names = "nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"
        compute, graphics = (
            self._ask_first([f"{name}_v3", f"{name}_v2"], handle) for name in names
        )
        if compute is None:
            return None
        # A card that tells of the one and not of the other cannot do graphics.
        return {int(process.pid) for process in (*compute, *(graphics or ()))}

    def _others(self, ids: set[int] | None) -> int | None:
        """How many of these processes are neither this one nor started by it, if that can be told.

        In a container it often cannot. Older drivers list ids as the machine has them, which mean
        nothing or something else in here. Newer ones leave out whoever is outside, so that none
        seen is not none; others that are seen are at least some of them.
        """
        if ids is None:
            return None
        lines = [_ancestry(one, self._proc) for one in ids]
        if not all(lines):
            return None  # outside of the container, another user's hidden one, or just ended
        me = os.getpid()
        others = {line[0] for line in lines if me not in line}
        we_are_seen = any(me in line for line in lines)
        if _sees_whole_machine(self._proc) or (we_are_seen and others):
            return len(others)
        return None

    def _sample(self, gpu: _Gpu) -> GpuSample:
        nvml, handle = self._library, gpu.handle
        # Drivers before 2023 know only the second name; newer bindings will drop it.
        reasons = self._ask_first(
            ["nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"],
            handle,
        )
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
            throttled_by=None if reasons is None else _throttled_by(int(reasons)),
            other_processes=self._other_processes.get(gpu.index),
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

    def _ask_first(self, names: Iterable[str], *arguments: Any) -> Any:
        """What the first of these calls gives that both the binding and the driver know."""
        for name in names:
            call = getattr(self._library, name, None)
            answer = None if call is None else self._ask(call, *arguments)
            if answer is not None:
                return answer
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


def _throttled_by(reasons: int) -> tuple[str, ...] | None:
    causes = (("power", _POWER_REASONS), ("heat", _HEAT_REASONS))
    named = tuple(cause for cause, bits in causes if reasons & bits)
    # Alone, the slowdown may have either cause or be a mere change of clock: we are not told.
    return None if not named and reasons & _HARDWARE_SLOWDOWN else named


def _ancestry(process_id: int, proc: Path) -> list[int]:
    """That process, the one that started it and so on, as far as can be seen.

    The driver may give the id of a thread instead; then it is the thread's process.
    """
    line: list[int] = []
    while process_id > 0:
        try:
            status = (proc / str(process_id) / "status").read_text(errors="replace")
            entries = dict(entry.split(":", 1) for entry in status.splitlines() if ":" in entry)
            line.append(int(entries["Tgid"]))
            process_id = int(entries["PPid"])
        except (OSError, KeyError, ValueError):  # ended, hidden, or not Linux
            break
    return line


def _sees_whole_machine(proc: Path) -> bool:
    """Whether this process is in no container, or in one that shows every process."""
    try:
        return str((proc / "self/ns/pid").readlink()) == _FIRST_PID_NAMESPACE
    except OSError:
        return False


def _pynvml() -> Any:
    # Imported late: machines without a GPU need not pay for it.
    try:
        import pynvml
    except ImportError as error:
        missing = "the Python package nvidia-ml-py is not installed"
        raise GpuError(missing, "pip install nvidia-ml-py") from error
    return pynvml
