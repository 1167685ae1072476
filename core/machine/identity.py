"""Which machine this is: the CPU's name, the cores this process may use, the memory."""

import os
import platform
from pathlib import Path

import psutil

from cnntop.core.text import printable

_CPUINFO = Path("/proc/cpuinfo")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_PCI_DEVICES = Path("/sys/bus/pci/devices")

_NAME_KEYS = ("model name", "hardware", "cpu model", "model", "cpu")
"""Where /proc/cpuinfo keeps the name, best first: x86, ARM boards, MIPS, Raspberry Pi, POWER."""


def cpu_name(cpuinfo: Path = _CPUINFO) -> str:
    """The CPU's model name, or at least its architecture, as one printable line."""
    name = _listed_name(cpuinfo) or platform.processor() or platform.machine() or "unknown CPU"
    return printable(" ".join(name.split()))


def _listed_name(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""  # not Linux
    # Reversed, so that the first core's entry is the one that stays.
    entries = {
        key.strip().lower(): value.strip()
        for key, _, value in (line.partition(":") for line in reversed(lines))
    }
    # A number under "model" is x86's model number, which names nothing.
    names = (entries.get(key, "") for key in _NAME_KEYS)
    return next((name for name in names if name and not name.isdigit()), "")


def host_name() -> str:
    """The machine's name on its network, as one printable line."""
    return printable(platform.node()) or "unknown host"


def memory_total_bytes() -> int:
    """The machine's memory; a container may be allowed less."""
    return int(psutil.virtual_memory().total)


def cores() -> int:
    """Logical cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_limit(cgroups: Path = _CGROUPS, own_cgroup: Path = _OWN_CGROUP) -> float | None:
    """Cores' worth of time this process's container (cgroup v2) allows; None without a limit."""
    try:
        lines = own_cgroup.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None  # not Linux
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), None)
    if own is None:
        return None
    # A limit holds for everything below it, so the tightest on the way up counts. Inside a
    # container the path may name the host's folders, which do not exist here: only the top does.
    folder = cgroups / own
    levels = [folder, *folder.parents]
    limits = [_quota(level / "cpu.max") for level in levels[: levels.index(cgroups) + 1]]
    return min((limit for limit in limits if limit is not None), default=None)


def _quota(file: Path) -> float | None:
    """The content of a cpu.max file, "<quota or max> <period>" in microseconds, as cores."""
    try:
        quota, period = file.read_text(encoding="utf-8").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # no such file, "max", or not this format


def has_nvidia_gpu(pci_devices: Path = _PCI_DEVICES) -> bool:
    """Whether an NVIDIA GPU is built in (Linux tells, also without any driver)."""
    for device in pci_devices.glob("*"):
        try:
            vendor = (device / "vendor").read_text(encoding="ascii").strip()
            kind = (device / "class").read_text(encoding="ascii").strip()
        except OSError:
            continue
        if vendor == "0x10de" and kind.startswith("0x03"):  # NVIDIA; a display or 3D controller
            return True
    return False
