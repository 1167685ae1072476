"""What is written down of a run when it starts and when it goes on, from what was prepared."""

import os
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec

from cnntop.core.errors import UsageError
from cnntop.core.events import RunResumed, RunStarted
from cnntop.core.machine import identity
from cnntop.core.recipe import Recipe
from cnntop.core.runs.folder import RunFolder, RunInfo, utc_now
from cnntop.core.runs.resumption import Resumption
from cnntop.core.text import printable

if TYPE_CHECKING:
    from cnntop.core.training.preparation import Prepared


def run_info(
    folder: RunFolder, name: str, preset: str, recipe: Recipe, sweep_point: str,
    prepared: "Prepared",
) -> RunInfo:  # fmt: skip
    """What run.json says of a new run."""
    versions = {name: metadata.version(name) for name in ("cnntop", "torch", "torchvision")}
    return RunInfo(
        run=folder.path.name,
        name=printable(name),
        preset=preset,
        started_utc=utc_now(),
        recipe=_storable(recipe),
        augment_on=prepared.batches.augment_on,
        machine={
            "host": identity.host_name(),
            "cpu_name": identity.cpu_name(),
            "cores": identity.cores(),
            "memory_total_bytes": identity.memory_total_bytes(),
            "device_name": prepared.device_name,
        },
        versions={**versions, "python": sys.version.split()[0]},
        git_commit=_git_commit(),
        model_source=prepared.model_source,
        sweep_point=sweep_point,
    )


def _storable(recipe: Recipe) -> Recipe:
    """`recipe` with a folder name that JSON can hold; file names may be any bytes."""
    if recipe.data.dir is None:
        return recipe
    data = msgspec.structs.replace(recipe.data, dir=printable(recipe.data.dir))
    return msgspec.structs.replace(recipe, data=data)


def run_started(info: RunInfo, prepared: "Prepared") -> RunStarted:
    """The first event of a run."""
    recipe, dataset = info.recipe, prepared.dataset
    return RunStarted(
        run=info.run,
        name=info.name,
        preset=info.preset,
        started_utc=info.started_utc,
        dataset=dataset.name,
        model=recipe.model.label,
        parameters=prepared.parameters,
        batch_size=recipe.data.batch_size,
        train_images=len(dataset.train),
        test_images=len(dataset.test),
        steps_per_epoch=prepared.steps_per_epoch,
        device=str(prepared.device),
        device_name=prepared.device_name,
        threads=prepared.threads,
        precision=prepared.network.computation.precision,
        augment_on=info.augment_on,
        epochs_planned=recipe.train.epochs,
        time_limit_seconds=recipe.train.time_limit_seconds,
        gpu_uuid=prepared.gpu_uuid,
        passes=recipe.train.passes,
        evaluate_every=recipe.train.evaluate_every,
        cores=identity.cores(),
        workers=prepared.batches.workers,
        speed=recipe.machine.speed,
        multiply_adds=prepared.multiply_adds,
    )


def as_it_was(recipe: Recipe, checkpoint: dict[str, Any] | None) -> Recipe:
    """With the settings that fixes had changed by then."""
    if checkpoint is None:
        return recipe
    data = msgspec.structs.replace(recipe.data, augment_on=checkpoint["augment_on"])
    machine = msgspec.structs.replace(recipe.machine, threads=checkpoint["threads"])
    return msgspec.structs.replace(recipe, data=data, machine=machine)


def require_same(earlier: Resumption, prepared: "Prepared") -> None:
    """Raises UsageError where a run would go on with other images, or on another kind of device."""
    started = earlier.state.started
    if started is None:
        return
    now = {
        "training images": (started.train_images, len(prepared.dataset.train)),
        "test images": (started.test_images, len(prepared.dataset.test)),
        "parameters": (started.parameters, prepared.parameters),
        "device": (started.device.partition(":")[0], prepared.device.type),
    }
    changes = [f"{name}: {was} then, {is_now} now" for name, (was, is_now) in now.items()
               if was != is_now]  # fmt: skip
    if changes:
        raise UsageError(f"run {earlier.info.run} cannot go on here. {'; '.join(changes)}.")


def run_resumed(
    recipe: Recipe, prepared: "Prepared", checkpoint: dict[str, Any] | None
) -> RunResumed:
    """The event from which on a run goes on, at `checkpoint` or at its beginning."""
    return RunResumed(
        step=checkpoint["step"] if checkpoint else 0,
        trained_seconds=checkpoint["trained_seconds"] if checkpoint else 0.0,
        resumed_utc=utc_now(),
        device=str(prepared.device),
        device_name=prepared.device_name,
        threads=prepared.threads,
        augment_on=prepared.batches.augment_on,
        epochs_planned=recipe.train.epochs,
        time_limit_seconds=recipe.train.time_limit_seconds,
        gpu_uuid=prepared.gpu_uuid,
        cores=identity.cores(),
        workers=prepared.batches.workers,
    )


def _git_commit() -> str:
    """The commit of the folder the run was started in, with "-dirty" if files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
