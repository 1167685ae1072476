import mmap
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cnntop.core.machine import cpu
from cnntop.core.machine.cpu import CpuReader

_DEADLINE_SECONDS = 20.0


def test_work_in_this_process_is_seen() -> None:
    began = time.monotonic()
    reader = CpuReader()
    worked = time.process_time()
    while time.process_time() - worked < 0.3:
        pass
    sample = reader.read()
    seconds = time.monotonic() - began
    assert sample.process_utilization * seconds > 0.2
    assert sum(sample.core_utilizations) * seconds > 0.2


@pytest.fixture
def child() -> Iterator["subprocess.Popen[str]"]:
    """A process of 100 MB that works until it is killed."""
    code = "block = b'x' * 100_000_000; print('ready', flush=True)\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("children_seconds", [5.0, 0.0])  # listed once, listed at every reading
def test_children_count_as_this_process_until_they_end(
    child: "subprocess.Popen[str]", children_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "_CHILDREN_SECONDS", children_seconds)
    began, own = time.monotonic(), time.process_time()
    reader = CpuReader()
    work = psutil.Process(child.pid).cpu_times
    before = work().user
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while work().user - before < 0.3 and time.monotonic() < deadline:
        time.sleep(0.01)
    with_child = reader.read()
    seconds, own_seconds = time.monotonic() - began, time.process_time() - own
    child.kill()
    child.wait()
    without = reader.read()
    assert with_child.process_utilization * seconds - own_seconds > 0.2
    assert with_child.process_memory_bytes - without.process_memory_bytes > 80_000_000


def test_new_children_are_noticed(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(cpu, "_CHILDREN_SECONDS", 0.0)
    reader = CpuReader()
    before = reader.read().process_memory_bytes
    request.getfixturevalue("child")
    assert reader.read().process_memory_bytes - before > 80_000_000


def test_what_processes_share_counts_once(tmp_path: Path) -> None:
    """As the images of a dataset that all workers read."""
    file = tmp_path / "images"
    file.write_bytes(bytes(100_000_000))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as images:
        assert sum(images[::4096]) == 0
        reader = CpuReader()
        alone = reader.read().process_memory_bytes
        code = (
            f"import mmap; f = open({str(file)!r}, 'rb')\n"
            "images = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); sum(images[::4096])\n"
            "print('ready', flush=True); input()"
        )
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for _ in range(2)
        ]
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()
        together = CpuReader().read().process_memory_bytes
        for worker in workers:
            assert psutil.Process(worker.pid).memory_info().rss > 100_000_000
            worker.communicate(b"\n")
    assert together - alone < 60_000_000
