import os
import platform
from pathlib import Path

import psutil
import pytest

from cnntop.core.machine import identity


def _cpuinfo(folder: Path, text: str) -> Path:
    file = folder / "cpuinfo"
    file.write_text(text)
    return file


def test_this_machine() -> None:
    assert identity.cpu_name().strip()
    assert identity.cpu_name().isprintable()
    assert identity.host_name() == platform.node()
    assert identity.memory_total_bytes() == psutil.virtual_memory().total
    assert 1 <= identity.cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cores_are_those_this_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert identity.cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert identity.cores() == len(before)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel\t\t: 17\nmodel name\t: A  CPU   @ 2 GHz\n", "A CPU @ 2 GHz"),
        ("processor: 0\nBogoMIPS: 108\n\nHardware: BCM2711\nModel: Raspberry Pi 4\n", "BCM2711"),
        ("processor: 0\ncpu: POWER9, altivec supported\n", "POWER9, altivec supported"),
        ("model name: first\nmodel name: second\n", "first"),
        ("model name: evil\x1b[31m\n", "evil?[31m"),
    ],
)
def test_cpu_name_from_cpuinfo(tmp_path: Path, text: str, name: str) -> None:
    assert identity.cpu_name(_cpuinfo(tmp_path, text)) == name


def test_cpu_without_a_name_gets_its_architecture(tmp_path: Path) -> None:
    expected = platform.processor() or platform.machine()
    assert identity.cpu_name(_cpuinfo(tmp_path, "processor: 0\nmodel: 17\n")) == expected
    assert identity.cpu_name(tmp_path / "missing") == expected


class Cgroups:
    """A cgroup tree as the kernel shows it."""

    def __init__(self, folder: Path, own: str) -> None:
        self.root = folder / "cgroup"
        self.own = folder / "own"
        self.own.write_text(f"3:cpuset:/elsewhere\n0::{own}\n")

    def limit(self, level: str, text: str) -> None:
        folder = self.root / level
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(text)

    def read(self) -> float | None:
        return identity.cpu_limit(self.root, self.own)


def test_cpu_limit_of_this_machine_is_none_or_positive() -> None:
    limit = identity.cpu_limit()
    assert limit is None or limit > 0


def test_cpu_limit_at_the_top_of_a_container(tmp_path: Path) -> None:
    cgroups = Cgroups(tmp_path, "/")
    cgroups.limit("", "250000 100000\n")
    assert cgroups.read() == 2.5


def test_cpu_limit_is_the_tightest_on_the_way_up(tmp_path: Path) -> None:
    cgroups = Cgroups(tmp_path, "/slice/service")
    cgroups.limit("slice/service", "max 100000\n")
    cgroups.limit("slice", "400000 100000\n")
    cgroups.limit("", "800000 100000\n")
    assert cgroups.read() == 4


def test_cpu_limit_where_the_path_is_the_hosts(tmp_path: Path) -> None:
    cgroups = Cgroups(tmp_path, "/docker/0123")
    cgroups.limit("", "200000 100000\n")
    assert cgroups.read() == 2


@pytest.mark.parametrize("text", ["max 100000\n", "", "garbage\n", "100000 0\n"])
def test_no_cpu_limit(tmp_path: Path, text: str) -> None:
    cgroups = Cgroups(tmp_path, "/")
    cgroups.limit("", text)
    assert cgroups.read() is None


def test_no_cpu_limit_without_cgroups(tmp_path: Path) -> None:
    assert identity.cpu_limit(tmp_path, tmp_path / "missing") is None
    (tmp_path / "own").write_text("4:cpu:/version/one\n")
    assert identity.cpu_limit(tmp_path, tmp_path / "own") is None


@pytest.mark.parametrize(
    ("vendor", "kind", "found"),
    [
        ("0x10de", "0x030200", True),
        ("0x10de", "0x040300", False),  # the sound half of a graphics card
        ("0x1002", "0x030000", False),
    ],
)
def test_built_in_gpu(tmp_path: Path, vendor: str, kind: str, found: bool) -> None:
    (tmp_path / "0000:00:01.0").mkdir()  # a device that says nothing
    device = tmp_path / "0000:00:02.0"
    device.mkdir()
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    assert identity.has_nvidia_gpu(tmp_path) is found
    assert identity.has_nvidia_gpu(tmp_path / "missing") is False
