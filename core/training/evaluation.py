"""How well the network does on the test set."""

from collections.abc import Callable

import torch

from cnntop.core.feed import ActivityMeter, Sink
from cnntop.core.training.datasets import ImageSet
from cnntop.core.training.network import Network
from cnntop.core.training.tally import StepSums

EVALUATION_BATCH = {"cpu": 100, "cuda": 1000}
"""By device. On a CPU larger batches fall out of its caches: measured 3,000 to 4,500 images/s of
ShallowNet 32 on one core at 100 to 250, 2,300 at 1,000."""


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
        loss, logits = network.forward(images, labels)
        sums.add(loss, logits, labels)
        meter.advance(len(labels))
    loss_sum, hits, images_seen = sums.take()
    return loss_sum / images_seen, hits / images_seen
