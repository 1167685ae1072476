"""The allocator's settings, each tried in a process of its own, where they stay."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's settings")

_STEPS = """
import resource
import numpy as np
from cnntop.core.machine import allocator

def faults_a_step():
    def step():
        kept = [np.ones(megabytes << 17) for megabytes in (4, 40, 12)]
    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step()
    before = faults()
    for _ in range(5):
        step()
    return (faults() - before) / 5
"""


def told(lines: str) -> list[float]:
    command = [sys.executable, "-c", _STEPS + lines]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in answer.stdout.split()]


def test_freed_memory_is_used_again() -> None:
    """A step of 56 MB has 14,336 pages of 4 KiB, fewer where they are larger."""
    before, after = told(
        "print(faults_a_step()); allocator.keep_freed_memory(); print(faults_a_step())"
    )
    assert before > 25
    assert after < before / 20
