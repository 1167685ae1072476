"""Watches the machine while a run goes on: CPU and GPU samples, about one a second."""

import threading
import time

from cnntop.core.events import AnyEvent, GpuSample, GpusUnavailable, Notice
from cnntop.core.feed import Sink
from cnntop.core.machine.cpu import CpuError, CpuReader
from cnntop.core.machine.gpu import GpuError, GpuReader, NvmlReader

_FIRST_SECONDS = 0.1
"""The first CPU sample comes early, so that the panel is not empty for a whole interval."""

_STOP_SECONDS = 1.0


class MachineSampler:
    """Emits a `CpuSample` and one `GpuSample` a GPU every `interval_seconds`, until stopped.

    The CPU and the GPUs have a thread each, because a driver in trouble can keep a call for ever:
    CPU samples go on, and after `patience_seconds` without an answer one `GpusUnavailable` says so.
    GPUs that cannot be read are reported once (again when the reason changes or they come and go)
    and tried again every `retry_seconds`.
    """

    def __init__(
        self,
        sink: Sink,
        interval_seconds: float = 1.0,
        *,
        gpus: GpuReader | None = None,
        patience_seconds: float = 10.0,
        retry_seconds: float = 30.0,
    ) -> None:
        self._sink = sink
        self._interval = interval_seconds
        self._gpus = NvmlReader() if gpus is None else gpus
        self._patience = patience_seconds
        self._retry = retry_seconds
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # over emitting and the two fields below
        self._asked_at: float | None = None
        self._reason = ""
        self._threads = [
            threading.Thread(target=self._watch_cpu, name="cpu-sampler", daemon=True),
            threading.Thread(target=self._watch_gpus, name="gpu-sampler", daemon=True),
        ]

    def start(self) -> None:
        """Begins sampling. A sampler is started once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends sampling: nothing is emitted once this has returned. Harmless when repeated.

        A thread that hangs in the driver is left behind after a second; it does not keep the
        process from ending.
        """
        with self._lock:
            self._stopped.set()
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _emit(self, event: AnyEvent) -> None:
        """Call with the lock held: an answer that comes after `stop` is dropped."""
        if not self._stopped.is_set():
            self._sink.emit(event)

    def _watch_cpu(self) -> None:
        try:
            self._sample_cpu()
        except CpuError as error:
            with self._lock:
                self._emit(Notice(f"The CPU cannot be watched: {error}", "warning"))
        while not self._stopped.wait(self._interval):  # after an error: the GPUs' thread goes on
            self._notice_silence()

    def _sample_cpu(self) -> None:
        reader = CpuReader()
        wait = _FIRST_SECONDS
        while not self._stopped.wait(wait):
            sample = reader.read()
            with self._lock:
                self._emit(sample)
            self._notice_silence()
            wait = self._interval

    def _notice_silence(self) -> None:
        with self._lock:
            asked_at = self._asked_at
            if asked_at is not None and time.monotonic() - asked_at >= self._patience:
                text = f"the NVIDIA driver does not answer (asked {self._patience:.0f} s ago)"
                self._unavailable(text)

    def _unavailable(self, reason: str) -> None:
        """Call with the lock held; what was said last is not said again."""
        if reason != self._reason:
            self._reason = reason
            self._emit(GpusUnavailable(reason))

    def _watch_gpus(self) -> None:
        wait = 0.0
        while not self._stopped.wait(wait):
            wait = self._interval if self._sample_gpus() else self._retry
        self._gpus.close()

    def _sample_gpus(self) -> bool:
        """Whether the GPUs could be read. Returns when the driver answers, which may be never."""
        with self._lock:
            self._asked_at = time.monotonic()
        samples: list[GpuSample] = []
        reason = ""
        try:
            samples = self._gpus.read()
        except GpuError as error:
            reason = str(error)
        with self._lock:
            self._asked_at = None
            if reason:
                self._unavailable(reason)
                return False
            self._reason = ""
            for sample in samples:
                self._emit(sample)
            return True
