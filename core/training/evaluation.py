"""How well the network does on the test set."""

from collections.abc import Callable

import torch
from torch.nn import functional

from cnntop.core.feed import ActivityMeter, Sink
from cnntop.core.training.datasets import ImageSet
from cnntop.core.training.network import Network
from cnntop.core.training.tally import StepSums

EVALUATION_BATCH = {"cpu": 100, "cuda": 1000}
"""By device. On a CPU larger batches fall out of its caches: measured 3,000 to 4,500 images/s of
ShallowNet 32 on one core at 100 to 250, 2,300 at 1,000."""
VIEWS_REMARK = {
    1: "",
    2: "test accuracy by 2 views: the mean answer to each image and its mirror image",
    6: "test accuracy by 6 views: the mean answer to each image, to it shifted by a pixel both "
    "ways along the diagonal, and to their mirror images",
}
"""By number, what a person has to know to compare the accuracy with another."""
SHIFT = 1
"""Pixels, of the variants that are shifted."""


@torch.inference_mode()
def evaluate(
    network: Network, test: ImageSet, sink: Sink, between_batches: Callable[[], bool]
) -> tuple[float, float] | None:
    """Mean loss and accuracy on `test`, or None if `between_batches` says not to go on."""
    meter = ActivityMeter(sink, "evaluating", len(test), "images")
    network.model.eval()
    sums = StepSums(network.device)
    size = EVALUATION_BATCH[network.device.type]
    for start in range(0, len(test), size):
        if not between_batches():
            return None
        images = test.images[start : start + size].to(network.device)
        labels = test.labels[start : start + size].to(network.device)
        loss, logits = answers(network, images, labels)
        sums.add(loss, logits, labels)
        meter.advance(len(labels))
    loss_sum, hits, images_seen = sums.take()
    return loss_sum / images_seen, hits / images_seen


def answers(
    network: Network, images: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss and logits [N, classes] of images, uint8 [N, C, H, W], by the recipe's number of
    views: their mean, in which the shifted ones together weigh as much as those in place.

    The views are those of K. Jordan's airbench94 (arXiv:2404.00498).
    """
    if network.test_views == 1:
        return network.forward(images, labels)
    logits = _both_sides(network, images, labels)
    if network.test_views == 6:
        height, width = images.shape[2:]
        padded = functional.pad(images.float(), (SHIFT,) * 4, "reflect").to(images.dtype)
        for at in (0, 2 * SHIFT):
            shifted = padded[:, :, at : at + height, at : at + width]
            logits = logits + _both_sides(network, shifted, labels) / 2
        logits = logits / 2
    return functional.cross_entropy(logits, labels), logits


def _both_sides(network: Network, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean logits of the images as they are and mirrored."""
    sides = [network.forward(one, labels)[1].float() for one in (images, images.flip(-1))]
    return (sides[0] + sides[1]) / 2
