"""What the doctor says about torch and the GPUs, with broken and pretended ones."""

import os
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cnntop.core import doctor
from cnntop.core.doctor import Finding, examine
from cnntop.core.events import GpuSample
from cnntop.core.machine import identity
from cnntop.core.machine.gpu import GpuError


@pytest.fixture(autouse=True)
def _all_gpus_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_importing_the_doctor_does_not_import_torch() -> None:
    code = "import sys, cnntop.core.doctor; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- torch ---------------------------------------------------------------------------------------

_GOOD_TORCH = """
from types import SimpleNamespace
__version__ = "2.12.0"
version = SimpleNamespace(cuda=None)
cuda = SimpleNamespace(is_available=lambda: False)
def get_num_threads(): return 1
"""


def _examined_with(folder: Path, torch: str, torchvision: str) -> dict[str, tuple[str, str]]:
    """Status and text of each area, in a process whose torch and torchvision are these."""
    for name, code in (("torch", torch), ("torchvision", torchvision)):
        (folder / f"{name}.py").write_text(code)
    code = (
        "from pathlib import Path; from cnntop.core.doctor import examine\n"
        "for f in examine(Path('runs')): print(f.area, f.status, f.text, bool(f.remedy), sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        area, status, text, has_remedy = line.split("|")
        assert has_remedy == "True" or status in ("ok", "info")
        found[area] = (status, text)
    return found


@pytest.mark.parametrize(
    "failure",
    [
        "raise ImportError('libfoo.so.1: cannot open shared object file')",
        "raise OSError('libfoo.so.1\\nsecond line')",
        "raise RuntimeError('libfoo.so.1')",
        "libfoo = __import__('libfoo.so.1')",
    ],
)
def test_a_broken_torch_is_a_finding(tmp_path: Path, failure: str) -> None:
    found = _examined_with(tmp_path, failure, "")
    status, text = found["torch"]
    assert status == "problem"
    assert "libfoo" in text
    assert "second line" not in text
    assert "torchvision" not in found
    assert found["CPU"][0] == "ok"  # the rest is looked at all the same
    assert "threads" not in found


@pytest.mark.parametrize(
    "failure",
    [
        "raise RuntimeError('operator torchvision::nms does not exist')",
        "raise AttributeError('module torchvision has no attribute extension: nms')",
    ],
)
def test_torchvision_for_another_torch_is_a_finding(tmp_path: Path, failure: str) -> None:
    found = _examined_with(tmp_path, _GOOD_TORCH, failure)
    assert found["torch"] == ("ok", "torch 2.12.0")
    status, text = found["torchvision"]
    assert status == "problem"
    assert "nms" in text


def test_an_old_torch_is_a_problem(tmp_path: Path) -> None:
    old = _GOOD_TORCH.replace("2.12.0", "2.9.1+cpu")
    found = _examined_with(tmp_path, old, "__version__ = '0.24.1'")
    assert found["torch"][0] == "problem"
    assert "2.9.1+cpu" in found["torch"][1]
    assert found["torchvision"] == ("ok", "torchvision 0.24.1")


# --- GPUs ----------------------------------------------------------------------------------------


class Reader:
    """A driver that answers as it is told."""

    def __init__(self, answer: list[GpuSample] | GpuError | None) -> None:
        self.answer = answer  # None: it hangs
        self.release = threading.Event()
        self.closed = False

    def read(self) -> list[GpuSample]:
        if self.answer is None:
            self.release.wait()
            return []
        if isinstance(self.answer, GpuError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True


def test_the_driver_and_its_gpus() -> None:
    reader = Reader([GpuSample(0, "GPU-a", "Fast, 80GB"), GpuSample(1, "GPU-b", "Slow")])
    finding, gpus = doctor.examine_driver(reader)
    assert (finding.status, gpus) == ("ok", 2)
    assert "Fast, 80GB, Slow" in finding.text
    assert reader.closed


def test_no_driver_is_fine_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    none = GpuError("no NVIDIA driver found")
    monkeypatch.setattr(identity, "has_nvidia_gpu", lambda: False)
    finding, gpus = doctor.examine_driver(Reader(none))
    assert (finding, gpus) == (Finding("driver", "info", "no NVIDIA driver found"), 0)
    monkeypatch.setattr(identity, "has_nvidia_gpu", lambda: True)
    finding, _ = doctor.examine_driver(Reader(none))
    assert finding.status == "warning"
    assert "--gpus all" in finding.remedy


def test_a_driver_in_trouble_passes_its_remedy_on() -> None:
    finding, gpus = doctor.examine_driver(Reader(GpuError("not loaded", "modprobe")))
    assert (finding, gpus) == (Finding("driver", "problem", "not loaded", "modprobe"), 0)


def test_a_hanging_driver_is_a_problem() -> None:
    reader = Reader(None)
    finding, gpus = doctor.examine_driver(reader, patience_seconds=0.05)
    reader.release.set()
    assert finding.status == "problem"
    assert "does not answer" in finding.text
    assert finding.remedy
    assert gpus is None


def test_a_hanging_driver_is_not_asked_again_by_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = SimpleNamespace(get_num_threads=lambda: 1)  # has no `cuda` to ask
    hangs = Finding("driver", "problem", "does not answer", "restart")
    monkeypatch.setattr(doctor, "examine_driver", lambda reader: (hangs, None))
    monkeypatch.setattr(doctor, "import_torch", lambda: (torch, []))
    assert hangs in examine(tmp_path)


def _torch(available: bool, cuda: str | None = "13.0", says: str = "", fails: str = "") -> Any:
    """As much of torch as the doctor asks."""

    def is_available() -> bool:
        if says:
            warnings.warn(says, stacklevel=1)
        return available

    def ones(*shape: int, device: str) -> Any:
        if fails:
            raise RuntimeError(fails)
        return SimpleNamespace(sum=lambda: SimpleNamespace(item=lambda: 2.0))

    properties = SimpleNamespace(name="Fake GPU", total_memory=80 * 10**9)
    return SimpleNamespace(
        version=SimpleNamespace(cuda=cuda),
        ones=ones,
        cuda=SimpleNamespace(
            is_available=is_available,
            device_count=lambda: 2,
            get_device_properties=lambda index: properties,
            mem_get_info=lambda index: (79 * 10**9, 80 * 10**9),
        ),
    )


def test_each_gpu_with_its_memory() -> None:
    findings = doctor.examine_cuda(_torch(True), gpus=2)
    assert findings == [
        Finding(f"cuda:{index}", "ok", "Fake GPU, 80.0 GB (79.0 GB free)") for index in range(2)
    ]


def test_a_gpu_that_cannot_compute() -> None:
    failure = "no kernel image is available\nfor execution"
    findings = doctor.examine_cuda(_torch(True, fails=failure), gpus=2)
    assert [finding.status for finding in findings] == ["problem"] * 2
    assert findings[0].text == "cannot compute: no kernel image is available"
    assert all(finding.remedy for finding in findings)


def test_no_gpu_at_all() -> None:
    assert [finding.status for finding in doctor.examine_cuda(_torch(False), gpus=0)] == ["info"]


@pytest.mark.parametrize(
    ("torch", "visible", "words"),
    [
        (_torch(False, cuda=None), None, "built without CUDA"),
        (_torch(False), "", "CUDA_VISIBLE_DEVICES=''"),
        (_torch(False, says="The NVIDIA driver is too old\nmore"), None, "driver is too old$"),
        (_torch(False), None, "most likely the driver is too old"),
    ],
)
def test_a_gpu_that_torch_cannot_use(
    torch: Any, visible: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    findings = doctor.examine_cuda(torch, gpus=1)
    assert [finding.status for finding in findings] == ["problem"]
    assert re.search(words, findings[0].text)
    assert all(finding.remedy for finding in findings)


@pytest.mark.cuda
def test_the_real_gpus(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    found = {finding.area: finding for finding in examine(tmp_path)}
    assert found["driver"].status == "ok"
    assert found["cuda:0"].status == "ok"
    assert torch.cuda.get_device_name(0) in found["cuda:0"].text
