"""The device a run trains on."""

import torch

from cnntop.core.errors import UsageError
from cnntop.core.machine.identity import cpu_name


def choose(name: str) -> torch.device:
    """The device for "auto", "cpu", "cuda" or "cuda:N". Raises UsageError if it is not there."""
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError(
            f"machine.device: {name} was asked for, but torch sees no CUDA GPU here. "
            "Use --device cpu, or run `cnntop doctor` to see why."
        )
    index = int(name.partition(":")[2] or 0)
    count = torch.cuda.device_count()
    if index >= count:
        known = ", ".join(f"cuda:{i}" for i in range(count))
        raise UsageError(f"machine.device: {name} is not there. This machine has {known}.")
    return torch.device("cuda", index)


def device_name(device: torch.device) -> str:
    """What the summary calls the device: the GPU's or the CPU's product name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def gpu_uuid(device: torch.device) -> str | None:
    """The GPU's UUID as NVML writes it, to find its samples; None for a CPU."""
    if device.type != "cuda":
        return None
    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"
