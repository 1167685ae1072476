"""What this device can do at most, measured: arithmetic in a matrix product, traffic in a copy."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import torch

from cnntop.core.machine.identity import cores, cpu_name
from cnntop.core.training.device import device_name
from cnntop.core.training.machine_memory import Key, remember, remembered

_SECONDS = 0.05
"""Of each of the two."""

_UNDISTURBED = 0.8
"""Of the time that the threads could have computed. Where others had more of it, hardly a call
found a core for all of its threads at once."""

_COPY_BYTES = {"cpu": 2**25, "cuda": 2**28}
"""More than the caches hold, twice; some servers' are larger, which shows as a faster copy."""

_NAME = "ceiling"


@dataclass(frozen=True)
class Ceiling:
    """The best of some tries. A multiply-add counts as two; a copy reads a byte and writes one.
    None where other programs had the cores meanwhile, so that nobody can tell."""

    flop_per_second: float | None
    bytes_per_second: float | None


def ceiling(device: torch.device, precision: str) -> Ceiling:
    """Of `device`, computing with the threads that torch has now. From this machine's memory, else
    measured in about a tenth of a second. Call it in the thread that will train."""
    key = _key(device, precision)
    try:
        return msgspec.convert(remembered(key, _NAME), Ceiling)
    except msgspec.ValidationError:
        pass
    measured = Ceiling(_flop_per_second(device, precision), _bytes_per_second(device))
    if None not in (measured.flop_per_second, measured.bytes_per_second):
        remember(key, _NAME, msgspec.to_builtins(measured))
    return measured


def _key(device: torch.device, precision: str) -> Key:
    return {
        "device": device_name(device),
        "cpu": cpu_name(),
        "cores": cores(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "arithmetic": f"{precision} {_exactness_of_convolutions()}",
    }


def _flop_per_second(device: torch.device, precision: str) -> float | None:
    side = _side(device)
    draw = torch.Generator(device).manual_seed(0)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.rand(side, side, generator=draw, device=device).to(kind) for _ in "lr")
    product = torch.empty_like(left)
    if device.type == "cpu":
        return _rate(2 * side**3, lambda: torch.mm(left, right, out=product), device)
    exactness = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = _exactness_of_convolutions()
    try:
        return _rate(2 * side**3, lambda: torch.mm(left, right, out=product), device)
    finally:
        torch.backends.cuda.matmul.fp32_precision = exactness


def _exactness_of_convolutions() -> str:
    """Of those in fp32 on a GPU, which products are to be as exact as: torch lets convolutions
    alone round to TF32, and those are most of a network's arithmetic."""
    exactness: str = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]
    return exactness


def _side(device: torch.device) -> int:
    """Of square matrices that keep a GPU busy, or that every thread of a CPU has a millisecond's
    work with, in its caches."""
    return 4096 if device.type == "cuda" else 64 * round(8 * torch.get_num_threads() ** (1 / 3))


def _bytes_per_second(device: torch.device) -> float | None:
    count = _COPY_BYTES[device.type]
    source = torch.ones(count, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return _rate(2 * count, lambda: target.copy_(source), device)


def _rate(amount: int, call: Callable[[], object], device: torch.device) -> float | None:
    """How much a second: the most of many short calls that do `amount` each, because other
    programs only ever slow one. None where they held the threads up too often for that."""
    timed = _seconds_on_gpu if device.type == "cuda" else _seconds_on_cpu
    timed(call)  # the first one also gets memory and kernels
    best, begun, computed = math.inf, time.perf_counter(), time.process_time()
    while math.isinf(best) or time.perf_counter() - begun < _SECONDS:
        best = min(best, timed(call))
    wall, computed = time.perf_counter() - begun, time.process_time() - computed
    undisturbed = computed >= _UNDISTURBED * wall * torch.get_num_threads()
    return amount / best if undisturbed or device.type == "cuda" else None


def _seconds_on_cpu(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _seconds_on_gpu(call: Callable[[], object]) -> float:
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in "be")
    begun.record()
    call()
    ended.record()
    ended.synchronize()
    return float(begun.elapsed_time(ended)) / 1e3
