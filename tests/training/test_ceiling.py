"""The machine's limits: measured where nobody disturbs, remembered, and no harm to anything."""

import time
from collections.abc import Callable, Iterator

import pytest
import torch

from cnntop.core.datasets import cache_folder
from cnntop.core.training import ceiling as measuring
from cnntop.core.training.ceiling import Ceiling, ceiling

CPU = torch.device("cpu")
PATIENCE_SECONDS = 120.0
ROUNDS = 6
"""In which what is compared takes turns: a core computes now at one rate and now at another."""


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def memories() -> int:
    folder = cache_folder() / "machine"
    return len(list(folder.iterdir())) if folder.exists() else 0


def quietly(measure: Callable[[], float | None]) -> float:
    """What is measured as soon as other programs leave the cores alone for a moment."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if (found := measure()) is not None:
            return found
    pytest.skip("other programs keep the cores")


@pytest.mark.alone
def test_no_product_of_a_run_is_much_faster() -> None:
    torch.set_num_threads(1)
    limit, products = [], []
    for _ in range(ROUNDS):
        limit.append(quietly(lambda: measuring._flop_per_second(CPU, "fp32")))
        for side in (64, 256, 512, 700):
            one = torch.rand(side, side)
            seconds = min(_seconds(lambda one=one: one @ one) for _ in range(20))
            products.append(2 * side**3 / seconds)
    assert 0.6 * max(limit) < max(products) < 1.3 * max(limit)


@pytest.mark.alone
def test_a_copy_that_caches_hold_is_faster_than_the_limit() -> None:
    torch.set_num_threads(1)
    small = torch.ones(2**14, dtype=torch.uint8)
    target = torch.empty_like(small)
    large = torch.ones(2**26, dtype=torch.uint8)
    other = torch.empty_like(large)

    def copies() -> None:
        for _ in range(100):
            target.copy_(small)

    limit, cached, uncached = [], [], []
    for _ in range(ROUNDS):
        limit.append(quietly(lambda: measuring._bytes_per_second(CPU)))
        cached.append(2 * 2**14 * 100 / min(_seconds(copies) for _ in range(10)))
        uncached.append(2 * 2**26 / min(_seconds(lambda: other.copy_(large)) for _ in range(3)))
    assert max(cached) > 0.2 * max(limit)
    assert 0.2 < max(uncached) / max(limit) < 3


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def test_the_best_try_counts() -> None:
    """A call that computes for a millisecond, and every third time for three."""
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        until = time.thread_time() + (0.003 if calls % 3 else 0.001)
        while time.thread_time() < until:
            pass

    torch.set_num_threads(1)
    rate = quietly(lambda: measuring._rate(1_000, call, CPU))
    assert 500_000 < rate <= 1_000_000
    assert calls >= 3


def test_where_others_have_the_cores_nobody_can_tell() -> None:
    """A call that waits leaves the core to others, as one does that is held up by them."""
    assert measuring._rate(1, lambda: time.sleep(0.002), CPU) is None


def test_what_is_disturbed_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_UNDISTURBED", 2.0)
    assert ceiling(CPU, "fp32") == Ceiling(None, None)
    assert memories() == 0


def test_is_measured_once_for_each_way_to_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_UNDISTURBED", 0.0)
    torch.set_num_threads(1)
    one = ceiling(CPU, "fp32")
    assert None not in (one.flop_per_second, one.bytes_per_second)
    assert ceiling(CPU, "fp32") == one
    assert memories() == 1
    ceiling(CPU, "bf16")
    assert memories() == 2
    torch.set_num_threads(2)
    ceiling(CPU, "fp32")
    assert memories() == 3
    torch.set_num_threads(1)
    assert ceiling(CPU, "fp32") == one


@pytest.mark.parametrize("found", [[], {"flop_per_second": "many"}, 7, {}])
def test_a_memory_of_something_else_is_measured_anew(
    found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_UNDISTURBED", 0.0)
    measuring.remember(measuring._key(CPU, "fp32"), "ceiling", found)
    assert ceiling(CPU, "fp32").flop_per_second is not None


def test_leaves_torch_as_it_was() -> None:
    chance = torch.get_rng_state()
    exactness = torch.backends.cuda.matmul.fp32_precision
    ceiling(CPU, "bf16")
    assert torch.equal(chance, torch.get_rng_state())
    assert torch.backends.cuda.matmul.fp32_precision == exactness
    assert torch.backends.cuda.matmul.allow_tf32 is False, "may still be asked in the old way"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu() -> None:
    device = torch.device("cuda", 0)
    whole, half = (ceiling(device, precision) for precision in ("fp32", "bf16"))
    assert whole.flop_per_second is not None
    assert half.flop_per_second is not None
    assert half.flop_per_second > whole.flop_per_second > 1e11
    assert whole.bytes_per_second is not None
    assert whole.bytes_per_second > 1e10
