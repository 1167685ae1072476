"""The plain loop trains what a run trains, in the way people write it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from cnntop.core.events import AnyEvent
from cnntop.core.recipe import Recipe
from cnntop.core.run_request import RunRequest
from cnntop.core.training.batches import ResidentBatches
from cnntop.core.training.input_paths import InputPath, load_images
from cnntop.core.training.plain_loop import PlainLoop, training_batches
from cnntop.core.training.preparation import prepare
from cnntop.core.training.repeated_batch import RepeatedBatch

Request = Callable[..., RunRequest]
EPOCHS = 6


class Silence:
    def emit(self, event: AnyEvent) -> None:
        pass


def plain_loop(recipe: Recipe, workers: int = 0) -> PlainLoop:
    loaded = load_images(recipe)
    return PlainLoop(recipe, loaded.dataset, workers, loaded.device)


def trained(recipe: Recipe, workers: int) -> dict[str, Any]:
    """What a loop of `EPOCHS` epochs tells of itself."""
    loop = plain_loop(recipe, workers)
    begun = time.perf_counter()
    epochs = [list(loop.epoch()) for _ in range(EPOCHS)]
    seconds = time.perf_counter() - begun
    return {
        "epochs": epochs,
        "loss": loop.loss,
        "accuracy": loop.accuracy,
        "test_accuracy": loop.evaluate(),
        "split": loop.split.parts(),
        "seconds": seconds,
    }


_PROGRAM = """
import json, sys, msgspec
from cnntop.core.recipe import Recipe
from tests.training.test_plain_loop import trained
print(json.dumps(trained(msgspec.json.decode(sys.argv[1], type=Recipe), int(sys.argv[2]))))
"""


def trained_elsewhere(recipe: Recipe, workers: int) -> dict[str, Any]:
    """In a process of its own, because this one has threads that forked workers would not like."""
    told = msgspec.json.encode(recipe).decode()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, told, str(workers)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("workers", "train"), [(0, trained), (2, trained_elsewhere)])
def test_it_learns_and_tells(
    workers: int, train: Callable[[Recipe, int], dict[str, Any]], request_run: Request
) -> None:
    found = train(request_run(batch_size=10).recipe, workers)
    assert found["epochs"] == [[10] * 7 + [2]] * EPOCHS
    assert found["accuracy"] > 0.8
    assert 0 < found["loss"] < 0.6
    assert found["test_accuracy"] > 0.8
    split = found["split"]
    assert min(split["wait"], split["transfer"], split["compute"]) > 0
    assert 0.5 * found["seconds"] < sum(split.values()) <= found["seconds"]


def test_it_has_the_weights_of_a_run(request_run: Request) -> None:
    recipe = request_run(seed=7, augment_on="cpu").recipe
    ours = prepare(recipe, Silence(), lambda: False).network.model.state_dict()
    theirs = plain_loop(recipe).model.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_its_layers_are_computed_in_the_order_they_are_written_in(request_run: Request) -> None:
    model = plain_loop(request_run().recipe).model
    order: list[str] = []
    for layer in model.features:  # type: ignore[union-attr]
        layer.register_forward_hook(lambda layer, *_: order.append(type(layer).__name__))
    model(torch.zeros(1, 3, 16, 16))
    assert order == ["Conv2d", "ReLU", "MaxPool2d"] * 2


def test_it_has_the_images_of_a_run(request_run: Request) -> None:
    """Without augmentation, in whatever order: the same values, normalised in the same way."""
    recipe = request_run(augment=(), batch_size=72).recipe
    loaded = load_images(recipe)
    [(images, labels)] = training_batches(recipe, loaded.dataset.train, 0)
    ours = prepare(recipe, Silence(), lambda: False)
    batch = next(iter(ours.batches.epoch(1)))
    normalized = ours.sources.normalization(batch.images)

    def sorted_rows(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        rows = torch.cat([labels[:, None].float(), images.flatten(1)], 1)
        return rows[rows[:, 1:].sum(1).argsort()]

    assert images.dtype == torch.float32
    theirs = sorted_rows(images, labels)
    assert torch.allclose(theirs, sorted_rows(normalized, batch.labels), atol=1e-5)


def test_each_augmentation_is_there(request_run: Request) -> None:
    """One step of the loader's transforms a name, before the two that every picture takes."""
    for augment in ((), ("hflip",), ("crop", "hflip", "vflip")):
        recipe = request_run(augment=augment).recipe
        loader = training_batches(recipe, load_images(recipe).dataset.train, 0)
        names = [type(step).__name__ for step in loader.dataset._transform.transforms]  # type: ignore[attr-defined]
        steps = {"crop": "RandomCrop", "hflip": "RandomHorizontalFlip"}
        steps["vflip"] = "RandomVerticalFlip"
        assert names == [*(steps[name] for name in augment), "ToTensor", "Normalize"]


def test_the_schedule_follows_the_epochs(request_run: Request) -> None:
    loop = plain_loop(request_run(schedule="cosine", epochs=2, lr=0.01).recipe)
    rates = []
    for _ in range(2):
        list(loop.epoch())
        rates.append(loop._optimizer.param_groups[0]["lr"])
    assert rates == [pytest.approx(0.005), pytest.approx(0.0, abs=1e-9)]


@pytest.mark.parametrize("name", ["pil", "cpu"])
def test_a_path_gives_every_image_once_an_epoch(name: Any, request_run: Request) -> None:
    recipe = request_run(batch_size=10).recipe
    path = InputPath(name, recipe, load_images(recipe), 0)
    assert list(path.epoch(1)) == [10] * 7 + [2]
    path.settle()


def test_one_batch_is_given_as_often_as_batches_are(request_run: Request) -> None:
    recipe = request_run(batch_size=10).recipe
    images, device = load_images(recipe).dataset.train, torch.device("cpu")
    source = ResidentBatches(images, recipe.data, 0, device, "cpu")
    repeated = RepeatedBatch(source, len(images))
    first, *others = repeated.epoch(1)
    assert [len(batch.labels) for batch in (first, *others)] == [
        len(batch.labels) for batch in source.epoch(1)
    ]
    assert all(torch.equal(b.images, first.images[: len(b.images)]) for b in others)
    assert len(list(repeated.epoch(2, first_batch=3))) == len(others) + 1 - 3
