"""A run as the reports see it: read from its row, whatever is missing or damaged in it."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cnntop.core.text import printable

PAPER = "paper"
"""The status of the paper's rows."""
PAPER_IMAGES = 50_000
"""Training images of CIFAR-10, in each epoch of the paper's."""

_MOST_SECONDS = 1e10
_PLAIN_AUGMENT = "crop+hflip+vflip"


@dataclass(frozen=True)
class MeasuredRun:
    """`variant` says in words what makes an epoch more or less work than usual, `threads` how many
    train on a CPU, `limit` where the recipe ends the run, or how it ended before. `settings` are
    the keys of the recipe with what the run made of them (an `augment_on` that `auto` chose), but
    for the seed. What was not measured is None. Fractions and accuracies are 0 to 1.
    """

    machine: str
    trained_on: str
    augmented_on: str
    dataset: str
    model: str
    batch_size: int
    variant: str = ""
    threads: str = ""
    seed: str = ""
    limit: str = ""
    status: str = "finished"
    seconds: float | None = None
    epoch_seconds: float | None = None
    images_per_second: float | None = None
    wait_fraction: float | None = None
    test_accuracy: float | None = None
    was_changed: bool = False
    is_papers: bool = False
    on_cpu: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


def measured_runs(rows: Iterable[Mapping[str, str]]) -> list[MeasuredRun]:
    """The runs of `rows` (see `gathered_rows`) of which it is known what was trained where; others
    could stand in no table."""
    runs = (_measured(row) for row in rows)
    return [run for run in runs if run is not None]


def _measured(row: Mapping[str, str]) -> MeasuredRun | None:
    def text(column: str) -> str:
        return printable(" ".join((row.get(column) or "").split()))

    batch_size = number(row.get("batch_size"), 1, 1e9)
    cpu, model = text("cpu_name"), text("model")
    trained_on = text("device_name") or (cpu if text("device") == "cpu" else "")
    if batch_size is None or not model or not trained_on:
        return None
    settings = _settings(row)
    status, limit = text("status"), text("limit")
    # The paper's hosts are "machine A" and "machine B", of which tables have no room for the word.
    machine = text("host").removeprefix("machine ") if status == PAPER else text("host")
    epoch_seconds = _above_zero(number(row.get("epoch_seconds"), 0, _MOST_SECONDS))
    images_per_second = _above_zero(number(row.get("images_per_second"), 0, 1e12))
    if status == PAPER and epoch_seconds:  # it has no other speed than that of whole epochs
        images_per_second = PAPER_IMAGES / epoch_seconds
    return MeasuredRun(
        machine=machine or "unknown host",
        trained_on=trained_on,
        augmented_on=trained_on if settings.get("augment_on") == "device" else cpu or "unknown CPU",
        dataset=text("dataset") or "unknown",
        model=model,
        batch_size=int(batch_size),
        variant=_variant(settings),
        threads=_threads(settings) if text("device") == "cpu" else "",
        seed=text("seed"),
        limit=limit if status in ("", "finished", PAPER) else f"{limit}, {status}".lstrip(", "),
        status=status,
        seconds=number(row.get("seconds"), 0, _MOST_SECONDS),
        epoch_seconds=epoch_seconds,
        images_per_second=images_per_second,
        wait_fraction=number(row.get("wait_fraction"), 0, 1),
        test_accuracy=number(row.get("test_accuracy"), 0, 1),
        was_changed=bool(text("fixes")),
        is_papers=status == PAPER,
        on_cpu=text("device") == "cpu",
        settings=settings,
    )


def number(text: str | None, low: float, high: float) -> float | None:
    """A cell as a number from `low` to `high`; None for one that is empty, no number or none that
    could have been measured."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if low <= value <= high else None


def _above_zero(value: float | None) -> float | None:
    return value or None


_RECIPE_COLUMNS = (
    "dataset", "batch_size", "lr", "momentum", "weight_decay", "schedule", "augment",
    "augment_on", "passes", "threads", "precision", "evaluate_every",
)  # fmt: skip
"""Columns of the summary that say what a run made of its recipe."""
_NO_SETTINGS = {"device", "dir", "time", "epochs", "seed", "name"}
"""Keys of the recipe that other fields hold, or that only say where files are."""


def _settings(row: Mapping[str, str]) -> dict[str, str]:
    settings = {
        key.rpartition(".")[2]: printable(value)
        for key, value in row.items()
        if "." in key and key.rpartition(".")[2] not in _NO_SETTINGS
    }
    settings |= {column: printable(row.get(column) or "") for column in _RECIPE_COLUMNS}
    label = printable(row.get("model") or "")
    named = re.fullmatch(r"(shallow|speednet|resnet)(\d+)", label)
    settings["network"] = named[1] if named else label
    if named:
        settings["depth" if named[1] == "resnet" else "kernels"] = named[2]
    return settings


def _threads(settings: Mapping[str, str]) -> str:
    count = settings["threads"]
    return f"{count} thread{'s' * (count != '1')}" if count else ""


def _variant(settings: Mapping[str, str]) -> str:
    parts = []
    if settings["precision"] not in ("", "fp32"):
        parts.append(settings["precision"])
    if settings["passes"] not in ("", "1"):
        parts.append(f"{settings['passes']} passes")
    if settings.get("speed") not in (None, "", "safe"):
        parts.append(f"speed {settings['speed']}")
    if settings["augment"] != _PLAIN_AUGMENT and settings["augment_on"]:
        parts.append(settings["augment"] or "no augmentation")
    return ", ".join(parts)


def differing(runs: Iterable[MeasuredRun], told: Sequence[str]) -> list[str]:
    """The keys in which `runs` differ from each other, beside those that are told anyway."""
    values: dict[str, set[str]] = {}
    known = [run.settings for run in runs]
    for key in dict.fromkeys(key for settings in known for key in settings):
        values[key] = {settings.get(key, "") for settings in known}
    return [key for key, found in values.items() if len(found) > 1 and key not in told]


def by_seed(runs: Iterable[MeasuredRun]) -> list[float]:
    """The test accuracies of `runs`, one a seed: the same seed again is no independent repeat."""
    seeds: dict[str, list[float]] = {}
    for run in runs:
        if run.test_accuracy is not None:
            seeds.setdefault(run.seed, []).append(run.test_accuracy)
    return [math.fsum(some) / len(some) for some in seeds.values()]


def geometric_mean(values: Iterable[float]) -> float:
    """Of positive numbers, however far apart. Raises ValueError for none."""
    logs = [math.log(value) for value in values]
    if not logs:
        raise ValueError("there are no values")
    return math.exp(math.fsum(logs) / len(logs))
