"""Evaluation by several views of an image: by hand, with networks whose answers are known."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnntop.core.events import AnyEvent, Notice
from cnntop.core.recipe import Train, resolve
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.datasets import ImageSet
from cnntop.core.training.evaluation import answers, evaluate
from cnntop.core.training.network import Network

CPU = torch.device("cpu")
DRAW = torch.Generator().manual_seed(2)
IMAGES = torch.randint(256, (7, 2, 6, 5), dtype=torch.uint8, generator=DRAW)
LABELS = torch.randint(3, (7,), generator=DRAW)
NORMALIZATION = Normalization(IMAGES)


class Silence:
    def emit(self, event: AnyEvent) -> None:
        pass


class Squares(nn.Module):
    """Logits that are no linear function of the image, so that every view has its own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.layer = nn.Linear(2 * 6 * 5, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images.flatten(1)).square()


def train(**more: Any) -> Train:
    return resolve({"train": {"epochs": 1} | more}, "test").train


def network(**more: Any) -> Network:
    made = Network(Squares(), NORMALIZATION, train(**more), CPU)
    made.model.eval()
    return made


def moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """The images' content moved by a pixel; what comes in is their border's mirror image."""
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    return padded[:, :, 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def of(images: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return Squares()(NORMALIZATION(torch.from_numpy(images.copy())))


def test_one_view_is_the_image() -> None:
    loss, logits = answers(network(), IMAGES, LABELS)
    assert torch.equal(logits, of(IMAGES.numpy()))
    assert loss.item() == functional.cross_entropy(logits, LABELS).item()


def test_two_views_are_both_sides() -> None:
    loss, logits = answers(network(test_views=2), IMAGES, LABELS)
    both = (of(IMAGES.numpy()) + of(IMAGES.numpy()[..., ::-1])) / 2
    assert torch.allclose(logits, both)
    assert loss.item() == pytest.approx(functional.cross_entropy(both, LABELS).item())


def test_of_six_views_the_shifted_ones_weigh_half_together() -> None:
    _, logits = answers(network(test_views=6), IMAGES, LABELS)
    expected = torch.zeros(7, 3)
    for (shift, weight), side in product([(0, 1 / 4), (1, 1 / 8), (-1, 1 / 8)], (1, -1)):
        expected += weight * of(moved(IMAGES.numpy(), shift, shift)[..., ::side])
    assert torch.allclose(logits, expected, rtol=1e-5)


@pytest.mark.parametrize("views", [1, 2, 6])
def test_accuracy_is_that_of_the_mean_answer(views: int) -> None:
    test = ImageSet(IMAGES.repeat(40, 1, 1, 1), LABELS.repeat(40))
    found = evaluate(network(test_views=views), test, Silence(), lambda: True)
    assert found is not None
    _, logits = answers(network(test_views=views), IMAGES, LABELS)
    assert found[0] == pytest.approx(functional.cross_entropy(logits, LABELS).item(), rel=1e-4)
    assert found[1] == pytest.approx((logits.argmax(1) == LABELS).float().mean().item())


def test_a_loss_is_smoothed_in_training_and_never_on_the_test_set() -> None:
    smoothed, plain = network(label_smoothing=0.2), network()
    logits = of(IMAGES.numpy())
    assert smoothed.forward(IMAGES, LABELS)[0].item() == plain.forward(IMAGES, LABELS)[0].item()
    smoothed.model.train()
    # By hand: a fifth of each image's certainty is spread evenly over all classes.
    chances = torch.log_softmax(logits, 1)
    right = chances[torch.arange(7), LABELS]
    expected = -(0.8 * right + 0.2 * chances.mean(1)).mean()
    assert smoothed.forward(IMAGES, LABELS)[0].item() == pytest.approx(expected.item())


@pytest.mark.parametrize(("views", "words"), [(1, None), (2, "by 2 views"), (6, "by 6 views")])
def test_a_run_says_by_how_many_views(
    run: Any, request_run: Any, views: int, words: str | None
) -> None:
    done = run(request_run(test_views=views, epochs=1))
    told = [one.event.text for one in done.records if isinstance(one.event, Notice)]
    found = [text for text in told if text.startswith("test accuracy by")]
    assert len(found) == (views > 1)
    assert words is None or words in found[0]
