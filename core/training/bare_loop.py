"""A training loop without cnntop: what the product's own loop is measured against."""

from collections.abc import Callable, Iterator

from torch.optim.optimizer import register_optimizer_step_post_hook

from cnntop.core.training.augmentation import augment, draw
from cnntop.core.training.batches import epoch_order, pass_generator
from cnntop.core.training.preparation import Prepared
from cnntop.core.training.tally import StepSums


def bare_steps(prepared: Prepared, epoch: int, sums: StepSums) -> Iterator[None]:
    """Train an epoch in a plain loop, and yield after each step.

    It has the run's network, precision, optimiser, images, order, augmentation (in the loop, on
    the CPU) and its way to sum up loss and hits, which go into `sums`. It has no schedule, further
    passes over a batch, evaluation and checkpoint; no clock, events, log, files and sampler.
    """
    recipe, network, device = prepared.recipe, prepared.network, prepared.device
    images, labels = prepared.dataset.train.images, prepared.dataset.train.labels
    count, size = len(labels), recipe.data.batch_size
    order = epoch_order(count, recipe.train.seed, epoch)
    draws = draw(recipe.data.augment, count, pass_generator(recipe.train.seed, epoch, "draws"))
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
        yield


def on_every_step(call: Callable[[], None]) -> None:
    """Have every optimiser of this process call `call` after each of its steps, for ever."""
    register_optimizer_step_post_hook(lambda _optimizer, _args, _kwargs: call())
