"""Reads the CPU, the memory and this process's share of both."""

import contextlib
import time
from collections.abc import Iterator

import psutil

from cnntop.core.events import CpuSample
from cnntop.core.text import printable

_CHILDREN_SECONDS = 5.0
"""How old the list of child processes may be. Making it reads every process of the machine; asking
the known ones is cheap. Loader workers live for an epoch or longer, so few seconds are lost."""


class CpuError(Exception):
    """The system does not tell what the CPU and the memory do; the message says why."""


@contextlib.contextmanager
def _in_plain_words() -> Iterator[None]:
    try:
        yield
    except (OSError, psutil.Error) as error:
        raise CpuError(printable(str(error))) from error


def others_cpu_seconds() -> float:
    """CPU time of all programs of the machine but this one, from some moment on."""
    times = psutil.cpu_times()
    busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
    return float(busy) - time.process_time()


class CpuReader:
    """Utilisations since the last reading; make and use it on one thread.

    Making it takes the first look, which the first `read` measures from: leave some 0.1 s between
    them, because the kernel counts in hundredths of a second. Both raise CpuError.
    """

    @_in_plain_words()
    def __init__(self) -> None:
        self._me = psutil.Process()
        self._children: dict[int, psutil.Process] = {}
        self._children_at = float("-inf")
        psutil.cpu_percent(percpu=True)
        self._share()

    @_in_plain_words()
    def read(self) -> CpuSample:
        """One sample. A child that ended meanwhile is left out. Raises CpuError."""
        cores = tuple(round(percent / 100, 3) for percent in psutil.cpu_percent(percpu=True))
        memory = psutil.virtual_memory()
        process_memory, process_utilization = self._share()
        return CpuSample(
            utilization=round(sum(cores) / len(cores), 3) if cores else 0.0,
            core_utilizations=cores,
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            process_memory_bytes=process_memory,
            process_utilization=process_utilization,
        )

    def _share(self) -> tuple[int, float]:
        """Resident bytes and cores in use, of this process and everything it started.

        Of what is shared, as the images of a dataset by all workers, only this process's part
        counts, where the system tells it apart.
        """
        self._refresh_children()
        memory = self._me.memory_info().rss
        percent = self._me.cpu_percent()
        for child in list(self._children.values()):
            try:
                held = child.memory_info()
                memory += held.rss - getattr(held, "shared", 0)
                percent += child.cpu_percent()
            except psutil.Error:  # ended, or became someone else's
                del self._children[child.pid]
        return memory, round(percent / 100, 3)

    def _refresh_children(self) -> None:
        now = time.monotonic()
        if now - self._children_at < _CHILDREN_SECONDS:
            return
        self._children_at = now
        known = self._children
        # The old objects are kept: each measures its CPU time from when it was last asked.
        self._children = {
            child.pid: known[child.pid] if known.get(child.pid) == child else child
            for child in self._me.children(recursive=True)
        }
