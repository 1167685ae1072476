"""The options and arguments of the verbs that measure: bench, calibrate and project."""

from pathlib import Path
from typing import Annotated

import typer

from cnntop.tui.options import preset_names

JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", dir_okay=False, writable=True, help="Write all figures here too."
    ),
]
BenchedPresets = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME|FILE.toml",
        help="What to train; repeatable. Default: shallow8, shallow32, shallow128, resnet18.",
        autocompletion=preset_names,
    ),
]
BenchedDataset = Annotated[
    str | None, typer.Option(metavar="NAME", help="A dataset by name. Default: shapes.")
]
BenchedDataDir = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Folder of images: DIR/train/<class>/*, DIR/test/<class>/*."),
]
BenchedBatchSize = Annotated[int | None, typer.Option(help="Images in a minibatch.")]
Speed = Annotated[
    str | None, typer.Option(metavar="safe|fast", help="machine.speed of cnntop's side.")
]
Minutes = Annotated[
    float, typer.Option(min=0.0, help="Measure each network for at least this long.")
]
BenchedSize = Annotated[
    str,
    typer.Option("--size", metavar="COLUMNSxLINES", help="Of the terminal that is measured on."),
]
BenchedRefresh = Annotated[
    float | None,
    typer.Option(
        "--refresh", metavar="HZ", min=0.0, help="Drawings a second; without it, as ever."
    ),
]
AccuracyEpochs = Annotated[
    int | None,
    typer.Option(
        "--accuracy", metavar="EPOCHS", min=1,
        help="Train both for so many epochs too, and compare the test accuracy.",
    ),
]  # fmt: skip
Seeds = Annotated[
    int, typer.Option(min=1, help="How often for --accuracy, each with its own seed.")
]
CalibratedPresets = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME|FILE.toml",
        help="What to measure; repeatable. Default: shallow8 to shallow1024, and resnet18.",
        autocompletion=preset_names,
    ),
]
CalibratedBatchSizes = Annotated[
    list[int] | None,
    typer.Option(
        "--batch-size", min=1, help="Images in a minibatch; repeatable. Default: 32, 128, 8, 256."
    ),
]
CalibrationMinutes = Annotated[
    float, typer.Option("--minutes", min=0.0, max=1440.0, help="About how long to measure.")
]
ProfileOut = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", dir_okay=False,
        help="Write the profile here. Default: profiles/HOST.json in the config folder.",
    ),
]  # fmt: skip
Projected = Annotated[
    str | None,
    typer.Argument(metavar="RUN|PRESET", help="A run by name, id or prefix, or a preset."),
]
OnProfile = Annotated[
    str,
    typer.Option(
        "--on", metavar="PROFILE",
        help="A file of `cnntop calibrate`, the name of one in the config folder, or here.",
    ),
]  # fmt: skip
ProjectedPreset = Annotated[
    str | None,
    typer.Option(
        "--preset", "-p", metavar="NAME|FILE.toml",
        help="The preset, where a run has the same name.", autocompletion=preset_names,
    ),
]  # fmt: skip
ForecastAsJson = Annotated[bool, typer.Option("--json", help="All figures as JSON.")]
ForecastPreset = Annotated[
    str,
    typer.Option(
        "--preset", "-p", metavar="NAME|FILE.toml", help="What to train.",
        autocompletion=preset_names,
    ),
]  # fmt: skip
ForecastEpochs = Annotated[int, typer.Option(min=1, help="Whole epochs of each run.")]
