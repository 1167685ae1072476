"""Looks at everything a run needs and says what is missing and what to do about it."""

import importlib
import os
import re
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import psutil

from cnntop.core.datasets import CATALOGUE, cache_folder, dataset_folder, is_here
from cnntop.core.machine import identity
from cnntop.core.machine.gpu import GpuError, GpuReader, NvmlReader
from cnntop.core.preset import config_folder
from cnntop.core.text import printable

_PYTHON = (3, 11)
_TORCH = (2, 10)
_GIGABYTE = 10**9
_SHARED_MEMORY = Path("/dev/shm")
_DRIVER_SECONDS = 10.0
_GET_TORCH = "pip install --upgrade torch torchvision"
_CHOOSE_TORCH = (
    "choose the command that fits your driver at https://pytorch.org/get-started/locally"
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. "info" is worth knowing, "warning" costs speed or comfort, "problem"
    keeps something from working; the last two say what to do in `remedy`."""

    area: str
    status: Literal["ok", "info", "warning", "problem"]
    text: str
    remedy: str = ""


def examine(runs_dir: Path) -> list[Finding]:
    """Everything, in the order a person reads it. Takes seconds, because it imports torch.

    Leaves nothing behind and raises nothing for what it finds broken.
    """
    driver, gpus = examine_driver(NvmlReader())
    torch, findings = import_torch()
    findings.append(driver)
    if torch is not None and gpus is not None:  # a driver that hangs would hang torch too
        findings += examine_cuda(torch, gpus)
    threads = None if torch is None else int(torch.get_num_threads())
    return [
        examine_python(sys.version_info[:3]),
        *findings,
        *examine_cpu(threads, identity.cores(), identity.cpu_limit()),
        *examine_memory(_SHARED_MEMORY),
        *examine_terminal(sys.stdout, os.environ, shutil.get_terminal_size()),
        *examine_datasets(),
        examine_folder("runs folder", runs_dir, "--runs-dir"),
        examine_folder("cache folder", cache_folder(), "CNNTOP_CACHE"),
        examine_folder("config folder", config_folder(), "CNNTOP_CONFIG"),
    ]


def examine_python(version: tuple[int, ...]) -> Finding:
    text = f"Python {'.'.join(map(str, version))}"
    if version >= _PYTHON:
        return Finding("python", "ok", text)
    needed = ".".join(map(str, _PYTHON))
    return Finding("python", "problem", text, f"Install cnntop with Python {needed} or newer.")


def import_torch() -> tuple[Any, list[Finding]]:
    """The torch module, or None where it cannot be used, and what there is to say about it."""
    findings = []
    modules: dict[str, Any] = {}
    for name in ("torch", "torchvision"):
        try:
            modules[name] = importlib.import_module(name)
        except ImportError as error:
            findings.append(Finding(name, "problem", _line(error), _GET_TORCH))
            break
        # A torchvision built for another torch fails in all these ways.
        except (OSError, RuntimeError, AttributeError) as error:
            remedy = f"pip install --force-reinstall torch torchvision; or {_CHOOSE_TORCH}"
            findings.append(Finding(name, "problem", f"broken: {_line(error)}", remedy))
            break
        version = printable(str(modules[name].__version__))
        findings.append(_version_finding(name, version, _TORCH if name == "torch" else (0,)))
    return modules.get("torch"), findings


def _version_finding(name: str, version: str, needed: tuple[int, ...]) -> Finding:
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= needed:
        return Finding(name, "ok", f"{name} {version}")
    text = f"{name} {version} is too old; {'.'.join(map(str, needed))} is the oldest that works"
    return Finding(name, "problem", text, _GET_TORCH)


def examine_driver(
    reader: GpuReader, patience_seconds: float = _DRIVER_SECONDS
) -> tuple[Finding, int | None]:
    """What the NVIDIA driver says, and how many GPUs it shows: None when it does not answer."""
    answers: list[tuple[Finding, int]] = []

    def ask() -> None:
        try:
            gpus = reader.read()
            text = f"the NVIDIA driver shows {', '.join(gpu.name for gpu in gpus)}"
            answers.append((Finding("driver", "ok", text), len(gpus)))
        except GpuError as error:
            answers.append((_no_driver_finding(error, identity.has_nvidia_gpu()), 0))
        reader.close()

    thread = threading.Thread(target=ask, name="driver-check", daemon=True)
    thread.start()
    thread.join(patience_seconds)
    if answers:
        return answers[0]
    text = f"the NVIDIA driver does not answer (asked {patience_seconds:.0f} s ago)"
    return Finding("driver", "problem", text, "Restart the machine; `dmesg` may say why."), None


def _no_driver_finding(error: GpuError, gpu_built_in: bool) -> Finding:
    if error.remedy:
        return Finding("driver", "problem", str(error), error.remedy)
    if gpu_built_in:
        text = f"{error}, but an NVIDIA GPU is built in"
        remedy = "Install the NVIDIA driver; start a container with `docker run --gpus all`."
        return Finding("driver", "warning", text, remedy)
    return Finding("driver", "info", str(error))


def examine_cuda(torch: Any, gpus: int) -> list[Finding]:
    """What torch can do with the `gpus` which the driver shows; each is tried with a small sum."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if available:
        return [_gpu_finding(torch, index) for index in range(torch.cuda.device_count())]
    if not gpus:
        return [Finding("CUDA", "info", "no GPU for torch: runs use the CPU")]
    if torch.version.cuda is None:
        text = "the driver shows a GPU, but this torch was built without CUDA: runs use the CPU"
        remedy = f"pip uninstall torch torchvision, then {_CHOOSE_TORCH}"
        return [Finding("CUDA", "problem", text, remedy)]
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        hidden = printable(os.environ["CUDA_VISIBLE_DEVICES"])
        text = f"CUDA_VISIBLE_DEVICES={hidden!r} hides the GPU from torch: runs use the CPU"
        return [Finding("CUDA", "problem", text, "unset CUDA_VISIBLE_DEVICES")]
    why = _line(said[-1].message) if said else "most likely the driver is too old"
    text = f"the driver shows a GPU, but torch (CUDA {torch.version.cuda}) cannot use it: {why}"
    remedy = f"Update the NVIDIA driver, or {_CHOOSE_TORCH}"
    return [Finding("CUDA", "problem", text, remedy)]


def _gpu_finding(torch: Any, index: int) -> Finding:
    area = f"cuda:{index}"
    try:
        device = torch.cuda.get_device_properties(index)
        text = f"{printable(device.name)}, {_size(device.total_memory)}"
        torch.ones(2, device=area).sum().item()  # fails where torch has no code for this GPU
        free, _ = torch.cuda.mem_get_info(index)
    except RuntimeError as error:
        remedy = f"See who uses the GPU with `nvidia-smi`; else {_CHOOSE_TORCH}"
        return Finding(area, "problem", f"cannot compute: {_line(error)}", remedy)
    return Finding(area, "ok", f"{text} ({_size(free)} free)")


def examine_cpu(threads: int | None, cores: int, limit: float | None) -> list[Finding]:
    """`threads` are torch's (None: not known), `limit` the cores which the container allows."""
    allowed = "" if limit is None else f", of which the container allows the time of {limit:g}"
    findings = [Finding("CPU", "ok", f"{identity.cpu_name()}, {cores} usable cores{allowed}")]
    if threads is None:
        return findings
    usable = cores if limit is None else max(1, min(cores, round(limit)))
    text = f"torch uses {threads} threads"
    if threads > usable or (threads == 1 and usable > 1):
        text += f", but there is room for {usable}"
        return [*findings, Finding("threads", "warning", text, f"--set machine.threads={usable}")]
    return [*findings, Finding("threads", "ok", text)]


def examine_memory(shared: Path) -> list[Finding]:
    memory = psutil.virtual_memory()
    text = f"{_size(memory.total)}, {_size(memory.available)} of it available"
    if memory.available < _GIGABYTE:
        findings = [Finding("memory", "warning", text, "Close other programs before a run.")]
    else:
        findings = [Finding("memory", "ok", text)]
    if shared.is_dir():  # Linux only
        size = shutil.disk_usage(shared).total
        text = f"{_size(size)} for loader workers"
        if size < _GIGABYTE:
            remedy = "Start the container with `--shm-size=2g`, or use --set data.workers=0."
            findings.append(Finding(str(shared), "warning", text, remedy))
        else:
            findings.append(Finding(str(shared), "ok", text))
    return findings


def examine_terminal(
    stream: TextIO, environ: Mapping[str, str], size: tuple[int, int]
) -> list[Finding]:
    """`size` is columns and lines."""
    term = environ.get("TERM", "")
    if not stream.isatty():
        return [Finding("terminal", "info", "the output is not a terminal: runs print plain lines")]
    if term in ("", "dumb"):
        text = f"TERM={term!r} can only take plain lines"
        return [Finding("terminal", "warning", text, "export TERM=xterm-256color")]
    columns, lines = size
    text = f"{printable(term)}, {columns}x{lines}, {_colours(term, environ)}"
    findings = [Finding("terminal", "ok", text)]
    if columns < 80 or lines < 24:
        remedy = "Enlarge the window to 80x24 or more; 120x40 shows everything."
        text = f"{columns}x{lines} is small: panels are left out"
        findings.append(Finding("terminal", "warning", text, remedy))
    # The first of these that is set counts, as in setlocale.
    chosen = (environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in chosen if name), "C")
    if "utf" not in locale.lower():
        text = f"the locale {printable(locale)} is not UTF-8: charts may come out as garbage"
        findings.append(Finding("terminal", "warning", text, "export LC_ALL=C.UTF-8"))
    return findings


def _colours(term: str, environ: Mapping[str, str]) -> str:
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR is set)"
    if environ.get("COLORTERM") in ("truecolor", "24bit") or term.endswith("-direct"):
        return "16 million colours"
    return "256 colours" if "256color" in term else "16 colours"


def examine_datasets() -> list[Finding]:
    return [_dataset_finding(name) for name in CATALOGUE]


def _dataset_finding(name: str) -> Finding:
    area = f"dataset {name}"
    info = CATALOGUE[name]
    folder = printable(str(dataset_folder(name, None)))
    try:
        here = is_here(name)
    except OSError as error:
        remedy = "Make the folder readable, or point CNNTOP_CACHE at another one."
        return Finding(area, "problem", f"cannot look into {folder}: {error.strerror}", remedy)
    if not info.files:
        return Finding(area, "ok", "generated, needs no download")
    if here:
        return Finding(area, "ok", f"in {folder}")
    text = f"not here; a download of {_size(info.download_bytes)}"
    remedy = f"The first run that needs it downloads it. Without internet: copy it to {folder}"
    return Finding(area, "info", text, remedy)


def examine_folder(area: str, folder: Path, setting: str) -> Finding:
    """Whether files can be written to `folder`, which need not exist yet; `setting` moves it."""
    text = printable(str(folder.absolute()))
    remedy = f"Make it writable, or choose another folder with {setting}."
    there = folder.absolute()
    while not os.path.lexists(there):
        there = there.parent
    try:
        # Has no name, or loses it at once: nothing stays, even if this process is killed.
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(area, "problem", f"{text} cannot be written: {error.strerror}", remedy)
    text += f", {_size(free)} free" + ("" if there == folder.absolute() else " (not made yet)")
    if free < _GIGABYTE:
        remedy = f"Free some space, or choose another folder with {setting}."
        return Finding(area, "warning", text, remedy)
    return Finding(area, "ok", text)


def _line(error: object) -> str:
    """The first line of an error or warning, safe to print."""
    lines = str(error).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def _size(count: int) -> str:
    """Bytes as people write them."""
    return f"{count / 1e9:.1f} GB" if count >= _GIGABYTE else f"{count / 1e6:.0f} MB"
