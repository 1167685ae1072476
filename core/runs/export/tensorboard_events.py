"""A run as a TensorBoard event file.

Steps and epochs stand at their training step. Samples of the machine stand at whole seconds of the
run's own clock instead, one a second: many of them fall between two steps that are told, and
TensorBoard shows only one figure of a tag and step. TensorBoard keeps figures as 32-bit floats.
"""

import html
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from cnntop.core.events import CpuSample, EpochFinished, GpuSample, StepsMeasured
from cnntop.core.runs.export.figures import EventKind, RunFigures, Told, images_per_second
from cnntop.core.runs.export.tables import in_words
from cnntop.core.split import Split, StepDetail

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

Scalars = dict[str, float | None]
"""Figures by tag; None is what was not measured."""


def write(figures: RunFigures, file: BinaryIO) -> None:
    """Raises OSError."""
    # Not through torch.utils.tensorboard, which would bring torch.
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.record_writer import RecordWriter

    records = RecordWriter(file)
    started_unix_seconds = figures.unix_seconds(figures.state.started_at_seconds) or 0.0

    def put(at_seconds: float, **content: Any) -> None:
        wall_time = figures.unix_seconds(at_seconds) or at_seconds
        records.write(Event(wall_time=wall_time, **content).SerializeToString())

    put(0.0, file_version="brain.Event:2")
    recipe = dict(_recipe(figures.facts()))
    put(0.0, summary=hparams_pb(recipe, figures.run, started_unix_seconds))
    put(0.0, summary=_text("run", _page(_facts(figures.facts()), ("", ""))))
    put(0.0, summary=_text("events", _page(_happenings(figures), _HAPPENINGS)))
    for at_seconds, step, scalars in _scalars(figures):
        known = {tag: value for tag, value in scalars.items() if value is not None}
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in known.items()]
        put(at_seconds, step=step, summary=Summary(value=values))


def _scalars(figures: RunFigures) -> Iterator[tuple[float, int, Scalars]]:
    """Each time of the run's clock, its step on TensorBoard's axis, and the figures there."""
    for stretch in figures.steps:
        yield stretch.at_seconds, stretch.step, _of_steps(stretch.event)
    for epoch in figures.epochs:
        yield epoch.at_seconds, epoch.step, _of_epoch(epoch.event)
    for second, cpu in _by_second(figures.cpu_samples):
        yield cpu.at_seconds, second, _of_cpu(cpu.event)
    for index in sorted({told.event.index for told in figures.gpu_samples}):
        of_one = (told for told in figures.gpu_samples if told.event.index == index)
        for second, gpu in _by_second(of_one):
            yield gpu.at_seconds, second, _of_gpu(gpu.event)


def _by_second(samples: Iterable[Told[EventKind]]) -> Iterator[tuple[int, Told[EventKind]]]:
    """Each sample with a second of its own: the next one, where a resumed run's first sample
    falls into the second of the last one before."""
    last = -1
    for told in samples:
        last = max(last + 1, int(told.at_seconds))
        yield last, told


def _of_steps(event: StepsMeasured) -> Scalars:
    return {
        "loss/train": event.loss,
        "accuracy/train": event.accuracy,
        "training/learning_rate": event.lr,
        "training/images_per_second": images_per_second(event),
        **_shares(event, "split"),
    }


def _of_epoch(event: EpochFinished) -> Scalars:
    return {
        "loss/test": event.test_loss,
        "loss/train_epoch": event.train_loss,
        "accuracy/test": event.test_accuracy,
        "accuracy/train_epoch": event.train_accuracy,
        "epoch/seconds": event.epoch_seconds,
        "epoch/evaluation_seconds": event.evaluation_seconds,
        "epoch/images_per_second": images_per_second(event),
        **_shares(event, "epoch_split"),
    }


def _shares(event: StepsMeasured | EpochFinished, tag: str) -> Scalars:
    """The parts as shares of their sum, and what lies inside and beside them."""
    split, detail = Split(), StepDetail()
    split.add(event)
    detail.add(event)
    return {
        **{f"{tag}/{part}": share for part, share in split.fractions().items()},
        f"{tag}/hidden_wait": detail.hidden_wait.value,
        f"{tag}/augment_cpu_seconds_per_image": detail.augment_cpu.value,
        f"{tag}/compute_forward": detail.forward.value,
        f"{tag}/compute_backward": detail.backward.value,
        f"{tag}/compute_optimizer": detail.optimizer.value,
        f"{tag}/compute_launch_gap": detail.launch_gap.value,
    }


def _of_cpu(sample: CpuSample) -> Scalars:
    return {
        "machine/cpu_utilization": sample.utilization,
        "machine/memory_used_bytes": sample.memory_used_bytes,
        "machine/process_cores": sample.process_utilization,
        "machine/process_memory_bytes": sample.process_memory_bytes,
    }


def _of_gpu(sample: GpuSample) -> Scalars:
    names = ("utilization", "memory_used_bytes", "power_watts", "temperature_celsius",
             "energy_joules", "other_processes")  # fmt: skip
    return {f"machine/gpu{sample.index}_{name}": getattr(sample, name) for name in names}


def _recipe(facts: dict[str, Any]) -> Iterator[tuple[str, bool | int | float | str]]:
    """The recipe's keys that are set, for the table of hyperparameters."""
    for section, keys in (facts["recipe"] or {}).items():
        for key, value in keys.items():
            if value is not None:
                yield f"{section}.{key}", "+".join(value) if isinstance(value, list) else value


def _facts(facts: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key in ("run", "name", "status", "git_commit"):
        yield key, str(facts[key])
    known: dict[str, Any] = {}
    for key in ("started", "machine", "versions"):
        known |= facts[key] or {}
    yield from ((name, str(value)) for name, value in known.items() if value is not None)


_HAPPENINGS = ("seconds", "step", "event", "")


def _happenings(figures: RunFigures) -> Iterator[tuple[str, ...]]:
    for told in figures.happenings:
        yield f"{told.at_seconds:.1f}", str(told.step), *in_words(told.event)


def _page(rows: Iterable[tuple[str, ...]], heading: tuple[str, ...]) -> str:
    """A table in Markdown, which TensorBoard reads texts as; any text in it stays text."""
    lines = [heading, ("---",) * len(heading), *rows]
    cells = (
        (html.escape(cell, quote=False).replace("|", "&#124;") for cell in row) for row in lines
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _text(tag: str, text: str) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
    metadata = create_summary_metadata(display_name=tag, description="")
    return Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])
