"""`fast` finds how to compute a network here, computes the same but for rounding, and remembers."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
import torch
from torch import nn

from cnntop.core.control import Control
from cnntop.core.datasets import cache_folder
from cnntop.core.events import Activity, AnyEvent
from cnntop.core.recipe import from_code
from cnntop.core.run_request import RunRequest
from cnntop.core.training import computation
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.computation import chosen
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.network import Computation, Network
from cnntop.core.training.preparation import Prepared, prepare

CHANNELS_LAST = Computation(channels_last=True, fused=True)
BF16 = Computation("bf16", channels_last=True, fused=True)
Ready = Callable[..., Prepared]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def others_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests keep the machine busy meanwhile."""
    monkeypatch.setattr(computation, "_MOST_OTHERS", math.inf)


class Told:
    """What was told."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    @property
    def tried(self) -> bool:
        return any(isinstance(one, Activity) and "fastest" in one.name for one in self.events)


@pytest.fixture
def ready(request_run: Callable[..., RunRequest]) -> Ready:
    """Prepares a run of a moment with some settings, on the CPU if they do not say otherwise."""

    def make(told: Told | None = None, **settings: object) -> Prepared:
        return prepare(request_run(**settings).recipe, told or Told(), lambda: False)

    return make


@pytest.fixture
def memory() -> Path:
    """Where this machine's memory is kept."""
    return cache_folder() / "machine"


def losses(network: Network, sizes: tuple[int, ...] = (32,) * 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    found = []
    network.model.train()
    for size in sizes:
        images = torch.randint(256, (size, 3, 16, 16), dtype=torch.uint8, generator=generator)
        labels = torch.randint(2, (size,), generator=generator)
        loss, _ = network.forward(images.to(network.device), labels.to(network.device))
        network.backward(loss)
        network.update()
        found.append(loss.item())
    return torch.tensor(found)


def test_safe_computes_as_the_recipe_says(ready: Ready) -> None:
    told = Told()
    found = ready(told, precision="bf16").network.computation
    assert found == Computation("bf16", threads=torch.get_num_threads())
    assert not told.tried


def test_fast_tries_once_and_remembers(ready: Ready) -> None:
    first, second = Told(), Told()
    one, two = ready(first, speed="fast"), ready(second, speed="fast")
    assert (first.tried, second.tried) == (True, False)
    assert one.network.computation == two.network.computation
    assert one.reasons[0].startswith("speed fast: ")
    assert "found here before" in two.reasons[0]
    assert torch.get_num_threads() == one.network.computation.threads


@pytest.mark.parametrize("other", [{"kernels": 5}, {"batch_size": 8}, {"precision": "bf16"}])
def test_what_another_run_found_does_not_count(ready: Ready, other: dict[str, object]) -> None:
    ready(speed="fast")
    told = Told()
    ready(told, speed="fast", **other)
    assert told.tried


def test_what_the_recipe_asks_for_is_not_tried(ready: Ready) -> None:
    found = ready(speed="fast", precision="bf16", threads=2).network.computation
    assert (found.precision, found.threads) == ("bf16", 2)


def test_a_trial_beside_busy_programs_is_not_remembered(
    ready: Ready, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "_MOST_OTHERS", -1.0)
    ready(speed="fast")
    assert not list(memory.glob("computation*"))


def test_a_damaged_memory_is_no_memory(ready: Ready, memory: Path) -> None:
    ready(speed="fast")
    [file] = memory.glob("computation*")
    file.write_text(file.read_text().replace("channels_last", "channels_first"))
    told = Told()
    ready(told, speed="fast")
    assert told.tried


def test_a_trial_that_is_cancelled_is_not_remembered(
    ready: Ready, memory: Path, request_run: Callable[..., RunRequest]
) -> None:
    plain = ready()
    recipe = request_run(speed="fast").recipe
    found, _ = chosen(recipe, plain.network, plain.batches, Told(), lambda: True)
    assert found == Computation(threads=torch.get_num_threads())
    assert not list(memory.glob("computation*"))


def test_a_trial_leaves_network_and_random_state(
    ready: Ready, request_run: Callable[..., RunRequest]
) -> None:
    plain = ready()
    weights = plain.network.model.state_dict()
    before = {name: one.clone() for name, one in weights.items()}
    state = torch.get_rng_state()
    recipe = request_run(speed="fast").recipe
    chosen(recipe, plain.network, plain.batches, Told(), lambda: False)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(weights[name], one) for name, one in before.items())


@pytest.mark.parametrize(
    ("other_way", "close"), [(CHANNELS_LAST, 1e-4), (BF16, 3e-2)], ids=["layout", "bf16"]
)
@pytest.mark.parametrize("model", [{"name": "shallow", "kernels": 8}, {"name": "resnet"}])
def test_only_rounding_differs(
    ready: Ready, model: dict[str, object], other_way: Computation, close: float
) -> None:
    network = ready(model=model).network
    other = network.copy(other_way)
    weight = next(iter(other.model.parameters()))
    assert weight.is_contiguous(memory_format=torch.channels_last)
    # Rounding grows from step to step.
    assert torch.allclose(losses(network.copy(), (16, 16)), losses(other, (16, 16)), rtol=close)


@pytest.mark.cuda
@needs_gpu
@pytest.mark.parametrize("passes", [1, 2])
def test_cuda_graphs_compute_what_kernels_do(ready: Ready, passes: int) -> None:
    """Also batches of another shape, and the statistics of batch norm."""
    network = ready(model={"name": "resnet"}, passes=passes, device="cuda", speed="fast").network
    assert network.computation.graphs
    torch.backends.cudnn.benchmark = False
    replayed = network.copy()
    launched = network.copy(replace(network.computation, graphs=False))
    sizes = (32, 32, 20, 32, 32)
    assert torch.allclose(losses(replayed, sizes), losses(launched, sizes), rtol=2e-2)
    for one, two in zip(replayed.model.buffers(), launched.model.buffers(), strict=True):
        assert torch.allclose(one.float(), two.float(), rtol=5e-2, atol=1e-2)


def test_a_checkpoint_keeps_how_it_was_computed(
    ready: Ready, tmp_path: Path, request_run: Callable[..., RunRequest]
) -> None:
    prepared = ready(speed="fast", epochs=1)
    prepared.network = prepared.network.copy(BF16)
    assert TrainingLoop(prepared, Control(), Told(), tmp_path).run() == "finished"
    saved = torch.load(tmp_path / "checkpoint" / "last.pt", weights_only=True)
    assert saved["computation"] == asdict(replace(BF16, threads=torch.get_num_threads()))
    told = Told()
    recipe = request_run(speed="fast", epochs=1, kernels=4).recipe
    again = prepare(recipe, told, lambda: False, saved)
    assert again.network.computation == Computation(**saved["computation"])
    assert not told.tried


class View(nn.Module):
    """Stands no channels-last, as many a network that people write."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3)
        self.linear = nn.Linear(2 * 14 * 14, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.linear(self.convolution(images).view(len(images), -1))


class NoBf16(View):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if torch.is_autocast_enabled("cpu"):
            raise TypeError("numpy has no bfloat16")
        return super().forward(images)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("model", [View, NoBf16])
def test_fast_leaves_out_what_a_network_from_elsewhere_does_not_stand(
    ready: Ready, model: type[View], precision: str
) -> None:
    prepared = ready(batch_size=8)
    machine = msgspec.structs.replace(prepared.recipe.machine, precision=precision, speed="fast")
    recipe = from_code(msgspec.structs.replace(prepared.recipe, machine=machine), "./net.py:Net")
    plain = Computation(machine.precision, threads=1)
    pixels = prepared.dataset.train.images
    network = Network(model(), Normalization(pixels), recipe.train, prepared.device)
    before = torch.get_rng_state()
    ways = computation._standing(
        computation._candidates(recipe, network, plain), network, prepared.batches, plain
    )
    assert ways[0] == plain
    assert not any(way.channels_last for way in ways)
    precisions = {way.precision for way in ways}
    expected = {precision} if model is NoBf16 else {precision, "bf16"}
    assert precisions == expected
    assert torch.equal(before, torch.get_rng_state())
