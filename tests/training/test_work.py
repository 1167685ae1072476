"""What a step does is counted right: by hand, by the literature, and as the real step does it."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnntop.core.recipe import Recipe, resolve
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.models import ShallowNet
from cnntop.core.training.network import Computation, Network
from cnntop.core.training.resnet import NarrowResNet, ResNet
from cnntop.core.training.speednet import SpeedNet
from cnntop.core.training.work import Meter, Work, count_multiply_adds, count_work

CPU = torch.device("cpu")
FLOAT_BYTES = 4
PLAIN = Computation()


def recipe(
    batch_size: int = 8, momentum: float = 0.9, weight_decay: float = 0.01, **more: Any
) -> Recipe:
    train = {"epochs": 1, "momentum": momentum, "weight_decay": weight_decay} | more
    return resolve({"data": {"batch_size": batch_size}, "train": train}, "test")


def network(model: nn.Module, of: Recipe, computation: Computation = PLAIN) -> Network:
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(2, 3, 1, 1)
    return Network(model, Normalization(images), of.train, CPU, computation)


def count(
    model: nn.Module, of: Recipe | None = None, computation: Computation = PLAIN,
    side: int = 32,
) -> Work:  # fmt: skip
    of = of or recipe()
    return count_work(network(model, of, computation), (3, side, side), of)


def multiply_adds_of_shallow(kernels: int, side: int, classes: int = 10) -> tuple[int, int]:
    """Of a forward pass by hand, of all layers and of the first."""
    first = side - 4
    second = first // 2 - 4
    flat = 16 * (second // 2) ** 2
    layers = [
        first**2 * kernels * 5 * 5 * 3,
        second**2 * 16 * 5 * 5 * kernels,
        flat * 120,
        120 * 84,
        84 * classes,
    ]
    return sum(layers), layers[0]


@pytest.mark.parametrize("kernels", [8, 32, 128])
@pytest.mark.parametrize("side", [16, 32, 64])
def test_shallow_by_hand(kernels: int, side: int) -> None:
    """Backward has two products where forward has one, but for the first layer: nobody asks how
    the images should change."""
    forward, first = multiply_adds_of_shallow(kernels, side)
    model = ShallowNet(kernels, 3, 10, side)
    assert count(model, side=side).flop == 2 * (3 * forward - first)


@pytest.mark.parametrize(("depth", "multiply_adds"), [(18, 0.56e9), (34, 1.16e9)])
def test_resnet_is_that_of_the_literature(depth: int, multiply_adds: float) -> None:
    """ResNet for 32x32 images: 0.56 and 1.16 G multiply-adds forward, and twice that backward."""
    flop = count(ResNet(depth, 3, 10)).flop
    assert flop == pytest.approx(2 * 3 * multiply_adds, rel=0.01)


def test_operations_of_an_image_do_not_depend_on_the_batch() -> None:
    model = ResNet(18, 3, 10)
    assert count(model, recipe(1)).flop == count(model, recipe(64)).flop


def test_bytes_are_a_part_for_each_image_and_a_part_for_the_weights() -> None:
    model = ShallowNet(8, 3, 10, 32)
    of_step = {size: size * count(model, recipe(size)).moved_bytes for size in (1, 2, 5, 100)}
    for_an_image = of_step[2] - of_step[1]
    for_the_weights = of_step[1] - for_an_image
    for size, moved in of_step.items():
        assert moved == for_the_weights + size * for_an_image
    weights = FLOAT_BYTES * sum(one.numel() for one in model.parameters())
    assert for_the_weights > 5 * weights, "read twice, gradients written, and the update"


def test_the_optimisers_part() -> None:
    """By hand: without momentum a weight's update reads weight and gradient, and writes the weight;
    decay reads both and writes a new one; momentum reads and writes its own, then adds to it."""
    model = ShallowNet(8, 3, 10, 32)
    weights = FLOAT_BYTES * sum(one.numel() for one in model.parameters())
    moved = {
        (momentum, decay): 8 * count(model, recipe(8, momentum, decay)).moved_bytes
        for momentum in (0.0, 0.9)
        for decay in (0.0, 0.01)
    }
    assert moved[0.0, 0.01] - moved[0.0, 0.0] == 3 * weights
    assert moved[0.9, 0.0] - moved[0.0, 0.0] == (2 + 3) * weights


def test_what_is_not_trained_is_not_updated() -> None:
    """By hand: with decay and momentum an update reads or writes a weight eleven times, and none of
    one that is frozen or that the answer does not depend on."""
    update = {}
    for name in ("all", "frozen", "unused"):
        model = ShallowNet(8, 3, 10, 32)
        if name == "frozen":
            model.features.requires_grad_(False)
        if name == "unused":
            model.extra = nn.Linear(100, 100)
        with_momentum, without = (
            8 * count(model, recipe(8, momentum, 0.01)).moved_bytes for momentum in (0.9, 0.0)
        )
        update[name] = with_momentum - without
    weights = {
        part: sum(one.numel() for one in getattr(ShallowNet(8, 3, 10, 32), part).parameters())
        for part in ("features", "classifier")
    }
    assert update["unused"] == update["all"] == 5 * FLOAT_BYTES * sum(weights.values())
    assert update["frozen"] == 5 * FLOAT_BYTES * weights["classifier"]


@pytest.mark.parametrize(
    ("model", "multiply_adds"),
    [
        (ResNet(18, 3, 10), 0.556e9),
        (ResNet(34, 3, 10), 1.16e9),
        (ResNet(50, 3, 10), 1.30e9),
        # Lin et al., "HRank", arXiv:2002.10179, table 2.
        (NarrowResNet(56, 3, 10), 125.49e6),
        (NarrowResNet(110, 3, 10), 252.89e6),
    ],
)
def test_multiply_adds_are_the_literatures(model: nn.Module, multiply_adds: float) -> None:
    before = torch.get_rng_state()
    assert count_multiply_adds(model, (3, 32, 32)) == pytest.approx(multiply_adds, rel=0.005)
    assert torch.equal(before, torch.get_rng_state())
    assert model.training


@pytest.mark.parametrize("kernels", [8, 128, 1024])
def test_multiply_adds_of_shallow_by_hand(kernels: int) -> None:
    expected, _ = multiply_adds_of_shallow(kernels, 32)
    assert count_multiply_adds(ShallowNet(kernels, 3, 10, 32), (3, 32, 32)) == expected


def test_multiply_adds_of_attention_by_hand() -> None:
    """Four tokens of 8 numbers and 2 heads: three products in, one out, and two between tokens."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    attention = 4 * 8 * 8 * 4 + 2 * 4 * 4 * 8
    assert count_multiply_adds(layer, (4, 8)) == attention + 2 * 4 * 8 * 16


def test_bf16_moves_fewer_bytes_for_the_same_operations() -> None:
    model = ResNet(18, 3, 10)
    whole, half = (count(model, computation=Computation(one)) for one in ("fp32", "bf16"))
    assert half.flop == whole.flop
    assert 0.4 < half.moved_bytes / whole.moved_bytes < 0.9


MODELS = {
    "shallow": lambda: ShallowNet(8, 3, 10, 32),
    "resnet": lambda: ResNet(18, 3, 10),
    "speednet": lambda: SpeedNet(16, 3, 10, 32),
}
RECIPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "nesterov": {"nesterov": True, "label_smoothing": 0.2, "decay_biases": False},
    "muon": {"muon_lr": 0.2},
}


def _steps() -> Iterator[Any]:
    """Every network with every recipe in both precisions. Where a CPU has no units for bf16, a step
    of the large one takes seconds: in bf16 one recipe will do."""
    for name, train, precision in product(MODELS, RECIPES, ("fp32", "bf16")):
        slow = (name, precision) == ("resnet", "bf16") and train != "plain"
        yield pytest.param(name, train, precision, marks=pytest.mark.long if slow else ())


@pytest.mark.parametrize(("name", "train", "precision"), [*_steps()])
def test_is_what_the_real_step_does(name: str, train: str, precision: str) -> None:
    """The step of a run's own network, computed with numbers."""
    of = recipe(4, **RECIPES[train])
    computation = Computation("bf16" if precision == "bf16" else "fp32")
    counted = count_work(real := network(MODELS[name](), of, computation), (3, 32, 32), of)
    real.model.train()
    images = torch.zeros(4, 3, 32, 32)
    labels = torch.zeros(4, dtype=torch.int64)
    for _ in range(2):  # the first one makes the momentum
        with FlopCounterMode(display=False) as flop, Meter() as meter:
            loss, _logits = real.forward(images, labels)
            real.backward(loss)
            real.update()
    assert 4 * counted.flop == flop.get_total_flops()
    # Some numbers a channel: batch norm keeps them in another precision than bf16, and real kernels
    # give gradients of its frozen scales that nobody asks for.
    off_by = 0.0 if precision == "fp32" and name != "speednet" else 1e-3
    assert 4 * counted.moved_bytes == pytest.approx(meter.moved_bytes, rel=off_by)


def test_nothing_of_the_network_or_of_chance_changes() -> None:
    of = recipe()
    one = network(ResNet(18, 3, 10).eval(), of)
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    optimizer, chance = str(one.state()["optimizer"]), torch.get_rng_state()
    first, second = (count_work(one, (3, 32, 32), of) for _ in "ab")
    assert first == second
    assert torch.equal(chance, torch.get_rng_state())
    assert str(one.state()["optimizer"]) == optimizer
    assert not one.model.training
    after = one.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(type(value) in (nn.Parameter, torch.Tensor) for value in after.values())
    assert all(parameter.grad is None for parameter in one.model.parameters())
    assert first == count(ResNet(18, 3, 10).train()), "of training, whatever it was made for last"


def test_large_images_cost_no_more() -> None:
    """A step of these would take some minutes and some hundred gigabytes."""
    assert count(ResNet(18, 3, 10), recipe(512), side=1024).flop > 3e12


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_has_the_same_to_do(precision: str) -> None:
    of = recipe()
    computation = Computation("bf16" if precision == "bf16" else "fp32", channels_last=True)
    real = network(ResNet(18, 3, 10), of, computation)
    here = count_work(real, (3, 32, 32), of)
    images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    there = Network(real.model, Normalization(images), of.train, torch.device("cuda"), computation)
    on_gpu = count_work(there, (3, 32, 32), of)
    assert on_gpu.flop == here.flop
    assert on_gpu.moved_bytes == pytest.approx(here.moved_bytes, rel=0.1)


def moved(call: object) -> int:
    assert callable(call)
    with Meter() as meter:
        call()
    return meter.moved_bytes


def test_bytes_of_an_operation_by_hand() -> None:
    one, other = torch.zeros(10, 20), torch.zeros(10, 20)
    size = 10 * 20 * FLOAT_BYTES
    assert moved(lambda: torch.relu(one)) == 2 * size
    assert moved(lambda: one + other) == 3 * size
    assert moved(lambda: one.add_(other)) == 3 * size
    assert moved(lambda: torch.mm(one, other.t())) == 2 * size + 10 * 10 * FLOAT_BYTES
    assert moved(lambda: one.to(torch.bfloat16)) == 1.5 * size
    assert moved(lambda: torch._foreach_add_([one, one], [other, other])) == 6 * size
    assert moved(lambda: torch.cat([one, other])) == 4 * size
    assert moved(lambda: one.sum()) == size + FLOAT_BYTES


def test_a_look_at_what_is_there_moves_nothing() -> None:
    one = torch.zeros(10, 20)
    assert moved(lambda: (one.t(), one.view(200), one[3], one.detach(), one.shape)) == 0
