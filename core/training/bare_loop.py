"""A training loop without cnntop: what the product's own loop is measured against."""

from collections.abc import Callable, Iterator

from torch.optim.optimizer import register_optimizer_step_post_hook

from cnntop.core.training.batches import epoch_order, pass_draws
from cnntop.core.training.chunks import ahead, chunks
from cnntop.core.training.preparation import Prepared
from cnntop.core.training.tally import StepSums


def bare_steps(prepared: Prepared, epoch: int, sums: StepSums) -> Iterator[None]:
    """Train an epoch in a plain loop, and yield after each step.

    It has the run's network, precision, optimiser, images, order, augmentation (on the CPU, ahead
    of the network) and its way to sum up loss and hits, which go into `sums`. It has no schedule,
    further passes over a batch, evaluation and checkpoint; no clock, events, log, files and
    sampler.
    """
    recipe, network, device = prepared.recipe, prepared.network, prepared.device
    images, seed = prepared.dataset.train, recipe.train.seed
    order = epoch_order(len(images), seed, epoch)
    draws = pass_draws(recipe.data, order, seed, epoch)
    network.model.train()
    size, border = recipe.data.batch_size, recipe.data.crop_border
    for chunk in ahead(chunks(images, order, draws, size, crop_border=border)):
        for batch in chunk.batches:
            inputs, targets = (one.to(device, non_blocking=True) for one in batch)
            loss, logits = network.forward(inputs, targets)
            network.backward(loss)
            network.update()
            sums.add(loss, logits, targets)
            yield


def on_every_step(call: Callable[[], None]) -> None:
    """Have every optimiser of this process call `call` after each of its steps, for ever."""
    register_optimizer_step_post_hook(lambda _optimizer, _args, _kwargs: call())
