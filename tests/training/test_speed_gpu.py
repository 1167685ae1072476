"""On a GPU: what the presets for speed are made of computes there what it does on a CPU."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from cnntop.core.events import AnyEvent
from cnntop.core.recipe import resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.training.batches import ResidentBatches
from cnntop.core.training.datasets import ImageSet
from cnntop.core.training.evaluation import evaluate
from cnntop.core.training.muon import orthogonalized
from cnntop.core.training.network import Network
from cnntop.core.training.preparation import Prepared, prepare

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
GPU, CPU = torch.device("cuda"), torch.device("cpu")


class Silence:
    def emit(self, event: AnyEvent) -> None:
        pass


def prepared(request_run: Callable[..., RunRequest], **settings: object) -> Prepared:
    speed = {
        "model": {"name": "speednet", "kernels": 16}, "image_size": 20, "lr": 0.1,
        "nesterov": True, "bias_lr_factor": 8.0, "muon_lr": 0.05, "label_smoothing": 0.1,
        "test_views": 6,
    }  # fmt: skip
    return prepare(request_run(**speed | settings).recipe, Silence(), lambda: False)


def losses(network: Network, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    found = []
    network.model.train()
    for _ in range(5):
        loss, _ = network.forward(images, labels)
        network.backward(loss)
        network.update()
        found.append(loss.detach().float().cpu())
    return torch.stack(found)


def test_graphs_and_half_precision_train_as_the_cpu_does(
    request_run: Callable[..., RunRequest],
) -> None:
    ours = prepared(request_run, device="cuda", speed="fast")
    assert ours.network.computation.graphs
    launched = ours.network.copy(replace(ours.network.computation, graphs=False))
    on_cpu = prepared(request_run).network
    on_cpu.model.load_state_dict(ours.network.model.state_dict())
    images, labels = ours.dataset.train.images[:32], ours.dataset.train.labels[:32]
    replayed = losses(ours.network.copy(), images.to(GPU), labels.to(GPU))
    assert torch.allclose(replayed, losses(launched, images.to(GPU), labels.to(GPU)), rtol=3e-2)
    assert torch.allclose(replayed, losses(on_cpu, images, labels), rtol=0.1)


def test_views_give_the_accuracy_that_a_cpu_finds(request_run: Callable[..., RunRequest]) -> None:
    ours, on_cpu = prepared(request_run, device="cuda"), prepared(request_run)
    on_cpu.network.model.load_state_dict(ours.network.model.state_dict())
    found = [
        evaluate(one.network, one.dataset.test, Silence(), lambda: True) for one in (ours, on_cpu)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-3)


@pytest.mark.parametrize("shape", [(64, 216), (256, 2304), (64, 24)])
def test_orthogonalising_in_half_precision_is_close(shape: tuple[int, int]) -> None:
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    found = orthogonalized(matrices.to(GPU)).cpu()
    expected = orthogonalized(matrices)
    assert (found - expected).norm() / expected.norm() < 0.05


@pytest.mark.parametrize("border", ["black", "reflect"])
def test_batches_are_those_of_the_cpu_to_the_bit(border: str) -> None:
    draw = torch.Generator().manual_seed(2)
    images = torch.randint(256, (90, 3, 32, 32), generator=draw, dtype=torch.uint8)
    split = ImageSet(images, torch.arange(90))
    settings = {"augment": ["crop", "altflip"], "crop_padding": 2, "crop_border": border}
    data = resolve({"data": settings, "train": {"epochs": 1}}, "test").data
    sources = [ResidentBatches(split, data, 4, device, "device") for device in (GPU, CPU)]
    for epoch in (1, 2):
        for one, other in zip(*(source.epoch(epoch) for source in sources), strict=True):
            assert torch.equal(one.images.cpu(), other.images)
            assert torch.equal(one.labels.cpu(), other.labels)


def test_images_are_moved_once_and_the_test_set_too(
    request_run: Callable[..., RunRequest],
) -> None:
    """However many sources are tried; and where none is left that wants them, they go."""
    recipe = request_run(device="cuda", augment_on="device").recipe
    ours = prepare(recipe, Silence(), lambda: False)
    assert ours.sources.moved is not None
    where = ours.sources.moved.images.data_ptr()
    ours.augment_elsewhere("device")
    assert isinstance(ours.batches, ResidentBatches)
    assert ours.batches._images.images.data_ptr() == where
    assert ours.dataset.test.images.device.type == "cuda"
    on_cpu = request_run(device="cuda", augment_on="cpu").recipe
    assert prepare(on_cpu, Silence(), lambda: False).sources.moved is None
