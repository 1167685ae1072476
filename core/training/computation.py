"""How a network is computed: what changes rounding and speed, and nothing that a recipe says.

`safe` computes as the recipe is written. `fast` takes what is fastest: on a GPU what is known to
be, on a CPU what a short trial finds there, because no choice wins at every width of a network.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, replace

import torch

from cnntop.core.events import Activity, AugmentationTried
from cnntop.core.feed import Sink
from cnntop.core.machine.cpu import others_cpu_seconds
from cnntop.core.machine.identity import cores, cpu_name
from cnntop.core.recipe import Recipe
from cnntop.core.training.batches import BatchSource
from cnntop.core.training.machine_memory import Key, remember, remembered
from cnntop.core.training.models import ShallowNet
from cnntop.core.training.network import Computation, Network
from cnntop.core.training.trial import TRIAL_EPOCH, try_out

_FIRST_ROUND_SECONDS = 0.1
_FINAL_SECONDS = 0.4
_FINALISTS = 3
_FOREIGN = ("torchvision", "code")
_TRIED_IMAGES = 2
_MOST_OTHERS = 0.1
"""Share of the machine that other programs may take for a trial to be remembered: where they take
more, two threads look slower than one."""


def chosen(
    recipe: Recipe, network: Network, source: BatchSource, sink: Sink,
    cancelled: Callable[[], bool],
) -> tuple[Computation, str]:  # fmt: skip
    """How to compute `network` for the recipe's `speed`, and why. `source` is any that prepares
    batches beside the training, for the trial to feel."""
    machine = recipe.machine
    plain = Computation(machine.precision, threads=torch.get_num_threads())
    if machine.speed == "safe":
        return plain, ""
    own = recipe.model.name not in _FOREIGN
    if network.device.type == "cuda":
        fast = Computation("bf16", channels_last=True, fused=True, graphs=own)
        if not own:
            ways = [fast, replace(fast, channels_last=False), plain]
            fast = _standing(ways, network, source, plain)[0]
        without = "" if own else "; no CUDA graphs, which not every network from elsewhere stands"
        best = replace(fast, threads=plain.threads)
        return best, f"speed {machine.speed}: {fast.label}{without}"
    key = _key(recipe, network, source)
    # Nothing is known of code that has the same name: it may have changed.
    known = remembered(key, "computation") if recipe.model.name != "code" else None
    if isinstance(known, dict) and (computation := _from_memory(known)) is not None:
        return computation, f"speed {machine.speed}: {computation.label}, as found here before"
    sink.emit(Activity("trying what computes this network fastest"))
    others, began = others_cpu_seconds(), time.monotonic()
    candidates = _candidates(recipe, network, plain)
    standing = candidates if own else _standing(candidates, network, source, plain)
    best, reason = _fastest(standing, network, source, cancelled)
    if len(standing) < len(candidates):
        reason += "; ways that the network does not stand were left out"
    others_cores = (others_cpu_seconds() - others) / (time.monotonic() - began)
    known_again = recipe.model.name != "code" and not cancelled()
    if known_again and others_cores <= _MOST_OTHERS * cores():
        remember(key, "computation", asdict(best))
    return best, f"speed {machine.speed}: {reason}"


def _candidates(recipe: Recipe, network: Network, plain: Computation) -> list[Computation]:
    """`plain` first. What the recipe asks for is not up to a trial."""
    most = plain.threads
    threads = {most} if recipe.machine.threads else {1, max(1, most // 2), most}
    precisions = {recipe.machine.precision, "bf16"}
    fast = [
        Computation(precision, channels_last, fused=True, threads=count, parts=parts)
        for count in sorted(threads, reverse=True)
        for parts in ((False, True) if count > 1 and _has_parts(network) else (False,))
        for precision in sorted(precisions, reverse=True)
        for channels_last in (False, True)
    ]
    return [plain, *fast]


def _standing(
    candidates: list[Computation], network: Network, source: BatchSource, plain: Computation
) -> list[Computation]:
    """Those in which a network that is not cnntop's own can take a step: it may use a view that
    channels-last has none of, or an operation that bf16 has none of. `plain`, the recipe's own
    way, is not up to a trial."""
    batch = next(iter(source.epoch(TRIAL_EPOCH)))
    images, labels = (one[:_TRIED_IMAGES].to(network.device) for one in batch[:2])
    stands = {(plain.precision, plain.channels_last): True}
    state = torch.random.get_rng_state()
    for candidate in candidates:
        way = candidate.precision, candidate.channels_last
        if way not in stands:
            stands[way] = _stands(network.copy(candidate), images, labels)
    torch.random.set_rng_state(state)
    return [one for one in candidates if stands[one.precision, one.channels_last]]


def _stands(network: Network, images: torch.Tensor, labels: torch.Tensor) -> bool:
    """Whether it can be trained and evaluated. It is not of use afterwards."""
    try:
        network.model.train()
        network.backward(network.forward(images, labels)[0])
        with torch.inference_mode():
            network.model.eval()
            network.forward(images, labels)
    except Exception:  # noqa: BLE001  a person's code may raise anything
        return False
    return True


def _fastest(
    candidates: list[Computation], network: Network, source: BatchSource,
    cancelled: Callable[[], bool],
) -> tuple[Computation, str]:  # fmt: skip
    """The best of a short round over all, and a longer one over the best of them."""
    plain = candidates[0]
    seconds: dict[Computation, float] = {}

    def time_step(computation: Computation, trial_seconds: float) -> None:
        torch.set_num_threads(computation.threads)
        copy = network.copy(computation)
        seconds[computation] = _step_seconds(try_out(source, copy, cancelled, trial_seconds))

    for candidate in candidates:
        if not cancelled():
            time_step(candidate, _FIRST_ROUND_SECONDS)
    finalists = sorted(seconds, key=seconds.__getitem__)[:_FINALISTS]
    for candidate in dict.fromkeys([plain, *finalists]):
        if not cancelled():
            time_step(candidate, _FINAL_SECONDS)
    torch.set_num_threads(plain.threads)
    best = min(finalists, key=seconds.__getitem__, default=plain)
    if not seconds or seconds[best] >= seconds[plain]:
        return plain, "nothing in the trial was faster than the recipe as it is"
    return best, (
        f"{best.label}: a step of {1e3 * seconds[best]:.3g} ms in the trial, "
        f"{1e3 * seconds[plain]:.3g} ms as the recipe is written"
    )


def _step_seconds(trial: AugmentationTried) -> float:
    return trial.wait_seconds + trial.transfer_seconds + trial.compute_seconds


def _has_parts(network: Network) -> bool:
    """Whether it treats every image by itself. Of a network that is not cnntop's own who knows."""
    return isinstance(network.model, ShallowNet)


def _key(recipe: Recipe, network: Network, source: BatchSource) -> Key:
    machine = recipe.machine
    return {
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "threads_asked": machine.threads or 0,
        "precision_asked": machine.precision,
        "torch": str(torch.__version__),
        "model": recipe.model.label,
        "parameters": sum(one.numel() for one in network.model.parameters()),
        "batch_size": recipe.data.batch_size,
        "augment_on": source.augment_on,
        "muon": int(recipe.train.muon_lr is not None),
        "parts": int(_has_parts(network)),
    }


def _from_memory(known: dict[str, object]) -> Computation | None:
    try:
        return Computation(**known)  # type: ignore[arg-type]
    except TypeError:  # kept by another version
        return None
