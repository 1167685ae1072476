"""`cnntop project`: what is forecast, from which profile, and the forecast as a table or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from textwrap import wrap
from typing import Any

import msgspec

from cnntop.core.analysis import profile as profiles
from cnntop.core.analysis.profile import Profile, Span
from cnntop.core.analysis.projection import (
    EpochForecast,
    Milestone,
    forecast,
    milestones,
    whole_epoch_seconds,
)
from cnntop.core.datasets import is_here
from cnntop.core.errors import UsageError
from cnntop.core.machine.identity import host_name
from cnntop.core.recipe import Recipe
from cnntop.core.text import printable
from cnntop.tui.bench.page import noise
from cnntop.tui.calibrate_page import device_words
from cnntop.tui.format import clock, duration, percent
from cnntop.tui.projected import Projected
from cnntop.tui.ps_page import require_idle
from cnntop.tui.stderr import complain

HERE = ("here", "this")
_NOTE_WIDTH = 80
_SPOT_SECONDS = 10.0
"""How long a point is measured that no profile of this machine has."""


@dataclass(frozen=True)
class Found:
    """The forecast. `ran_epoch_seconds` are those of the run's whole epochs, None without any."""

    projected: Projected
    profile: Profile
    epoch: EpochForecast
    milestones: list[Milestone]
    ran_epoch_seconds: Span | None


def project(wanted: Projected, on: str, runs_dir: Path) -> Found:
    """Raises CnntopError; also where it has to be measured and a run of `runs_dir` trains."""
    if on in HERE:
        profile, epoch = _here(wanted, runs_dir)
    else:
        profile = profiles.load(profiles.find(on))
        epoch = forecast(profile, wanted.workload)
    train_images = wanted.workload.train_images
    reached = milestones(wanted.epochs, train_images, epoch) if wanted.epochs else []
    ran = whole_epoch_seconds(wanted.epochs, train_images)
    return Found(wanted, profile, epoch, reached, ran)


def _here(wanted: Projected, runs_dir: Path) -> tuple[Profile, EpochForecast]:
    """From this machine's profile, or else measured now."""
    path = profiles.named(host_name())
    if path.is_file():
        profile = profiles.load(path)
        try:
            return profile, forecast(profile, wanted.workload)
        except UsageError as error:
            complain(str(error))
    require_idle(runs_dir)
    complain("measuring here for some seconds")
    from cnntop.core.training.calibration import Plan, calibrate
    from cnntop.tui.bench.exits import signals_as_exits

    recipe = _recipe_here(wanted)
    plan = Plan((recipe,), (wanted.workload.batch_size,), _SPOT_SECONDS, input_too=False)
    with signals_as_exits():
        profile = calibrate(plan, host_name(), complain)
    return profile, forecast(profile, wanted.workload)


def _recipe_here(wanted: Projected) -> Recipe:
    """What can be trained here without a download; a run may come from a machine with other images
    and devices."""
    data, machine = wanted.recipe.data, wanted.recipe.machine
    if wanted.ran_on:
        data = msgspec.structs.replace(data, augment_on="auto", workers=None)
        machine = msgspec.structs.replace(machine, device="auto", threads=None)
    if not is_here(data.dataset, data.dir):
        size = wanted.workload.image_size
        data = msgspec.structs.replace(data, dataset="shapes", dir=None, image_size=size)
    return msgspec.structs.replace(wanted.recipe, data=data, machine=machine)


def as_table(found: Found) -> str:
    """For people."""
    work = found.projected.workload
    lines = [
        f"{found.projected.label}: {printable(work.model)}, batch {work.batch_size}, "
        f"{work.train_images:,} training and {work.test_images:,} test images",
    ]
    if found.projected.ran_on:
        lines.append(f"ran on        {found.projected.ran_on}")
    lines += [
        f"forecast for  {printable(found.profile.name)}, {device_words(found.profile.machine)}",
        *noise(found.profile.others_cores),
        "",
        *_table(_rows(found)),
        "",
        *chain.from_iterable(wrap(note, _NOTE_WIDTH) for note in _notes(found)),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(rows: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Each column as wide as its widest cell: times of hours in brackets leave no room for more."""
    columns = zip(*([label, *cells] for label, cells in rows), strict=True)
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(f"{c:<{w}}" for c, w in zip([label, *cells], widths, strict=True))
        for label, cells in rows
    ]


def _rows(found: Found) -> Sequence[tuple[str, list[str]]]:
    there = found.epoch.epoch_seconds
    ran = found.ran_epoch_seconds
    if not found.projected.epochs:
        return [
            ("an epoch", [_shown(there, duration)]),
            *_planned(found.projected.recipe, found.epoch),
        ]
    rows = [("", ["epochs", "as it ran", "there", ""])]
    times = "" if ran is None else _times(ran.median, there)
    ran_shown = "no whole one" if ran is None else duration(ran.median)
    rows.append(("an epoch", ["", ran_shown, _shown(there, duration), times]))
    best = max((one.test_accuracy or 0.0 for one in found.projected.epochs), default=0.0)
    for one in found.milestones:
        label = "the end" if one.accuracy is None else f"to {percent(one.accuracy, 0)}"
        if one.there_seconds is None or one.epochs is None:
            if not any("not reached" in cells for _, cells in rows):  # nor is any higher one
                rows.append((label, ["–", "not reached", f"the best was {percent(best)}", ""]))
            continue
        cells = [f"{one.epochs:.4g}", clock(one.here_seconds), _shown(one.there_seconds, clock)]
        rows.append((label, [*cells, ""]))
    return rows


def _planned(recipe: Recipe, epoch: EpochForecast) -> list[tuple[str, list[str]]]:
    """What a preset's limit comes to."""
    train = recipe.train
    if train.epochs is not None:
        evaluations = train.epochs // train.evaluate_every + bool(
            train.epochs % train.evaluate_every
        )
        total = epoch.seconds(train.epochs, evaluations)
        return [(f"{train.epochs} epochs", [_shown(total, clock)])]
    limit, one = train.time_limit_seconds, epoch.epoch_seconds
    assert limit is not None
    count = Span(limit / one.median, limit / one.high, limit / one.low)
    return [(f"in {train.time}", [_shown(count, lambda epochs: f"{epochs:.3g}") + " epochs"])]


def _shown(span: Span, write: Any) -> str:
    return f"{write(span.median)} ({write(span.low)} to {write(span.high)})"


def _times(ran_seconds: float, there: Span) -> str:
    ratio = there.median / ran_seconds
    if 0.98 < ratio < 1.02:
        return "as long"
    return f"{ratio:.3g}x as long" if ratio > 1 else f"{1 / ratio:.3g}x as fast"


def _notes(found: Found) -> list[str]:
    profile, pace = found.profile, found.epoch.pace
    notes = [
        f"In brackets: by the fastest and the slowest of {profile.rounds} rounds, measured in "
        f"{duration(profile.seconds)} ({printable(profile.measured_utc)}).",
    ]
    if pace.between:
        error = "is not known" if pace.error is None else f"({percent(pace.error, 1)}) is in them"
        notes.append(f"Interpolated between {' and '.join(pace.between)}; its error {error}.")
    notes.append(
        "Not in them: loading the images, pauses, other programs, a machine hotter than then, and "
        "how many epochs another seed takes."
    )
    augment_on = found.projected.recipe.data.augment_on
    if augment_on not in ("auto", pace.augment_on):
        notes.append(f"Forecast for augmentation on {printable(pace.augment_on)}, "
                     f"not on {augment_on}.")  # fmt: skip
    speeds = [(one.precision, one.speed) for one in (found.projected.recipe.machine,
                                                     profile.machine)]  # fmt: skip
    if speeds[0] != speeds[1]:
        (precision, speed), (its_precision, its_speed) = speeds
        notes.append(
            f"There it was computed in {printable(its_precision)}, speed {printable(its_speed)}, "
            f"and this is {precision}, speed {speed}."
        )
    return notes


def as_json(found: Found) -> str:
    """For programs; times in seconds."""
    work, pace = found.projected.workload, found.epoch.pace
    tree = {
        "projected": found.projected.label,
        "workload": asdict(work),
        "ran_on": found.projected.ran_on or None,
        "ran_epoch_seconds": _span(found.ran_epoch_seconds),
        "profile": found.profile.name,
        "machine": msgspec.to_builtins(found.profile.machine),
        "rounds": found.profile.rounds,
        "epoch_seconds": _span(found.epoch.epoch_seconds),
        "step_seconds": _span(pace.step_seconds),
        "augment_on": pace.augment_on,
        "interpolated_between": pace.between,
        "interpolation_error": pace.error,
        "milestones": [
            {
                "test_accuracy": one.accuracy,
                "epochs": one.epochs,
                "ran_seconds": one.here_seconds,
                "forecast_seconds": _span(one.there_seconds),
            }
            for one in found.milestones
        ],
        "others_cores": found.profile.others_cores,
    }
    return json.dumps(tree, indent=2) + "\n"


def _span(span: Span | None) -> dict[str, float] | None:
    return None if span is None else asdict(span)
