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
def test_a_figure_the_card_lacks_is_none(nvml: Any, missing: str, field: str) -> None:
    nvml.unsupported = {missing}
    (sample,) = NvmlReader(nvml).read()
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
