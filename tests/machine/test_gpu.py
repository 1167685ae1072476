import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from cnntop.core.events import GpuSample
from cnntop.core.machine.gpu import GpuError, NvmlReader


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ("utilization", "utilization"),
        ("power", "power_watts"),
        ("limit", "power_limit_watts"),
        ("temperature", "temperature_celsius"),
        ("energy", "energy_joules"),
    ],
)
def test_a_figure_the_card_lacks_is_none(
    nvml: Any, tmp_path: Path, missing: str, field: str
) -> None:
    nvml.clock_reasons, nvml.compute_ids, nvml.graphics_ids = 0, [], []
    nvml.unsupported = {missing}
    (sample,) = NvmlReader(nvml, proc=_proc(tmp_path)).read()
    lacking = [name for name in sample.__struct_fields__ if getattr(sample, name) is None]
    assert lacking == [field]


def test_memory_of_old_drivers_and_of_none(nvml: Any) -> None:
    nvml.unsupported = {"memory2"}
    (old,) = NvmlReader(nvml).read()
    assert (old.memory_used_bytes, old.memory_total_bytes) == (3_500, 80_000)
    nvml.unsupported = {"memory2", "memory"}
    (none,) = NvmlReader(nvml).read()
    assert (none.memory_used_bytes, none.memory_total_bytes) == (None, None)
    assert none.utilization == 0.4


@pytest.mark.parametrize(
    ("failure", "words", "has_remedy"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "no NVIDIA driver found", False),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "not loaded", True),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "was updated", True),
        (pynvml.NVML_ERROR_NO_PERMISSION, "no permission", True),
        (pynvml.NVML_ERROR_UNKNOWN, "reports an error: Unknown", True),
    ],
)
def test_failure_to_open_in_plain_words(
    nvml: Any, failure: int, words: str, has_remedy: bool
) -> None:
    nvml.failure = failure
    with pytest.raises(GpuError, match=words) as caught:
        NvmlReader(nvml).read()
    assert bool(caught.value.remedy) is has_remedy


def test_a_driver_without_gpus(nvml: Any) -> None:
    nvml.count = 0
    with pytest.raises(GpuError, match="finds no GPU"):
        NvmlReader(nvml).read()
    assert nvml.opened == 0


def test_a_lost_gpu_leaves_the_others(nvml: Any) -> None:
    nvml.count = 2
    reader = NvmlReader(nvml)
    reader.read()
    nvml.lost = {0}
    lost, well = reader.read()
    assert lost == GpuSample(index=0, uuid="GPU-0", name="Fake? GPU")
    assert well.utilization == 0.41
    nvml.lost = {0, 1}
    with pytest.raises(GpuError, match="is lost"):
        reader.read()
    nvml.lost = {0}
    assert [sample.index for sample in reader.read()] == [1]  # opened anew


@pytest.mark.parametrize(
    ("reasons", "causes"),
    [
        ([], ()),
        (["GpuIdle", "ApplicationsClocksSetting", "SyncBoost"], ()),
        (["SwPowerCap"], ("power",)),
        (["HwSlowdown", "HwPowerBrakeSlowdown"], ("power",)),
        (["SwThermalSlowdown"], ("heat",)),
        (["HwSlowdown", "HwThermalSlowdown"], ("heat",)),
        (["SwThermalSlowdown", "SwPowerCap"], ("power", "heat")),
        (["HwSlowdown"], None),  # one of the two, or a change of clock
    ],
)
def test_what_throttles(nvml: Any, reasons: list[str], causes: tuple[str, ...] | None) -> None:
    bits = [getattr(pynvml, f"nvmlClocksEventReason{reason}") for reason in reasons]
    nvml.clock_reasons = sum(bits)
    (sample,) = NvmlReader(nvml).read()
    assert sample.throttled_by == causes


@pytest.mark.parametrize("binding_knows", [True, False])
def test_throttling_by_its_older_name(
    nvml: Any, monkeypatch: pytest.MonkeyPatch, binding_knows: bool
) -> None:
    old = "nvmlDeviceGetCurrentClocksThrottleReasons"
    monkeypatch.setattr(nvml, old, lambda gpu: 4)
    if not binding_knows:
        monkeypatch.delattr(type(nvml), "nvmlDeviceGetCurrentClocksEventReasons")
        monkeypatch.delattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons")
    (sample,) = NvmlReader(nvml).read()
    assert sample.throttled_by == ("power",)


def test_a_binding_without_the_newer_calls(nvml: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in vars(type(nvml)) if "Reasons" in name or "Running" in name]:
        monkeypatch.delattr(type(nvml), name)
        monkeypatch.delattr(pynvml, name)
    (sample,) = NvmlReader(nvml).read()
    assert (sample.throttled_by, sample.other_processes) == (None, None)
    assert sample.utilization == 0.4


def test_not_knowing_the_newer_calls_is_not_the_trouble(nvml: Any) -> None:
    reader = NvmlReader(nvml, processes_seconds=0)
    reader.read()
    nvml.lost = {0}
    with pytest.raises(GpuError, match="is lost"):
        reader.read()


# --- other processes -----------------------------------------------------------------------------

ME = os.getpid()
CHILD, GRANDCHILD, THREAD, PARENT, OTHER, OTHERS_THREAD, OUTSIDE = range(ME + 1, ME + 8)
"""Made-up ids; OUTSIDE is one that /proc does not know."""

MACHINE = "pid:[4026531836]"
CONTAINER = "pid:[4026532713]"


def _proc(folder: Path, namespace: str = MACHINE) -> Path:
    """A /proc in which each id belongs to a process and has a parent."""
    known = {
        1: (1, 0),
        PARENT: (PARENT, 1),
        ME: (ME, PARENT),
        THREAD: (ME, PARENT),
        CHILD: (CHILD, ME),
        GRANDCHILD: (GRANDCHILD, CHILD),
        OTHER: (OTHER, PARENT),
        OTHERS_THREAD: (OTHER, PARENT),
    }
    for one, (process, parent) in known.items():
        (folder / str(one)).mkdir()
        status = f"Name:\tpy: 3\nUmask:\t0022\nTgid:\t{process}\nPid:\t{one}\nPPid:\t{parent}\n"
        (folder / str(one) / "status").write_text(status)
    (folder / "self" / "ns").mkdir(parents=True)
    (folder / "self" / "ns" / "pid").symlink_to(namespace)
    return folder


@pytest.mark.parametrize(
    ("compute", "graphics", "namespace", "others"),
    [
        ([], [], MACHINE, 0),
        ([ME], [], MACHINE, 0),
        ([ME, CHILD, GRANDCHILD], [ME], MACHINE, 0),
        ([THREAD], [], MACHINE, 0),
        ([ME, OTHER], [PARENT], MACHINE, 2),
        ([OTHER, OTHERS_THREAD], [OTHER], MACHINE, 1),  # one process, however often listed
        ([ME, OTHER], None, MACHINE, 1),  # a card without graphics
        (None, None, MACHINE, None),
        (None, [OTHER], MACHINE, None),
        ([ME, OUTSIDE], [], MACHINE, None),
        # An older driver, which lists the machine's ids: one of them is this process.
        ([OUTSIDE], [], CONTAINER, None),
        ([OTHER], [], CONTAINER, None),
        # A newer one, which leaves out who is outside of the container.
        ([], [], CONTAINER, None),
        ([ME], [], CONTAINER, None),
        ([THREAD, OTHER], [], CONTAINER, 1),
    ],
)
def test_other_processes(
    nvml: Any,
    tmp_path: Path,
    compute: list[int] | None,
    graphics: list[int] | None,
    namespace: str,
    others: int | None,
) -> None:
    nvml.compute_ids, nvml.graphics_ids = compute, graphics
    (sample,) = NvmlReader(nvml, proc=_proc(tmp_path, namespace)).read()
    assert sample.other_processes == others
    assert sample.utilization == 0.4


def test_processes_where_there_is_no_proc(nvml: Any, tmp_path: Path) -> None:
    nvml.compute_ids = [ME]
    (sample,) = NvmlReader(nvml, proc=tmp_path / "none").read()
    assert sample.other_processes is None


def test_processes_by_an_older_list(
    nvml: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [SimpleNamespace(pid=ME), SimpleNamespace(pid=OTHER)]
    monkeypatch.setattr(nvml, "nvmlDeviceGetComputeRunningProcesses_v2", lambda gpu: listed)
    (sample,) = NvmlReader(nvml, proc=_proc(tmp_path)).read()
    assert sample.other_processes == 1


@pytest.mark.skipif(
    not (Path("/proc/self/status").exists() and os.getppid()), reason="needs /proc and a parent"
)
def test_this_machine_s_own_processes(nvml: Any) -> None:
    """With the real /proc: a thread of ours is us, and who started us is not."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    nvml.compute_ids = [thread.native_id, os.getppid()]
    (sample,) = NvmlReader(nvml).read()
    done.set()
    thread.join()
    assert sample.other_processes == 1


def test_processes_are_not_counted_at_every_reading(nvml: Any, tmp_path: Path) -> None:
    nvml.count = 2
    nvml.compute_ids = []
    proc = _proc(tmp_path)
    rarely, always = NvmlReader(nvml, proc=proc), NvmlReader(nvml, proc=proc, processes_seconds=0)
    for reader, lists in ((rarely, 2), (always, 6)):
        nvml.lists_made = 0
        for _ in range(3):
            assert [sample.other_processes for sample in reader.read()] == [0, 0]
        assert nvml.lists_made == lists
    rarely.close()
    nvml.compute_ids = [OTHER]
    assert rarely.read()[1].other_processes == 1  # opened anew, counted anew
