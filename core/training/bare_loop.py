"""A training loop without cnntop: what the product's own loop is measured against."""

import time
from collections.abc import Callable

from torch.optim.optimizer import register_optimizer_step_post_hook

from cnntop.core.training.augmentation import augment, draw
from cnntop.core.training.batches import epoch_order, pass_generator
from cnntop.core.training.preparation import Prepared
from cnntop.core.training.tally import StepSums


def train_bare(prepared: Prepared, epoch: int, until: float = float("inf")) -> tuple[float, float]:
    """Train an epoch in a plain loop; give the mean loss and the accuracy.

    It has the run's network, precision, optimiser, images, order, augmentation (in the loop, on
    the CPU) and its way to sum up loss and hits, read out once at the end. It has no schedule,
    further passes over a batch, evaluation and checkpoint; no clock, events, log, files, sampler
    and no second thread. It breaks off once `time.monotonic()` is at `until`.
    """
    recipe, network, device = prepared.recipe, prepared.network, prepared.device
    images, labels = prepared.dataset.train.images, prepared.dataset.train.labels
    count, size = len(labels), recipe.data.batch_size
    order = epoch_order(count, recipe.train.seed, epoch)
    draws = draw(recipe.data.augment, count, pass_generator(recipe.train.seed, epoch, "draws"))
    sums = StepSums(device)
    network.model.train()
    for begin in range(0, count, size):
        part = slice(begin, begin + size)
        drawn = {name: one[part] for name, one in draws.items()}
        inputs = augment(images[order[part]], drawn).to(device, non_blocking=True)
        targets = labels[order[part]].to(device, non_blocking=True)
        loss, logits = network.forward(inputs, targets)
        network.backward(loss)
        network.update()
        sums.add(loss, logits, targets)
        if time.monotonic() >= until:
            break
    loss_sum, hits, trained = sums.take()
    return loss_sum / trained, hits / trained


def on_every_step(call: Callable[[], None]) -> None:
    """Have every optimiser of this process call `call` after each of its steps, for ever."""
    register_optimizer_step_post_hook(lambda _optimizer, _args, _kwargs: call())
