"""The options and arguments of the command line: their types, names and help."""

from pathlib import Path
from typing import Annotated

import typer

_EXPERIMENT, _MACHINE, _RUN = "Experiment", "Machine", "Run"

RECIPE_OPTIONS = {
    "data.dataset": "--dataset",
    "data.dir": "--data-dir",
    "model.kernels": "--kernels",
    "data.batch_size": "--batch-size",
    "train.epochs": "--epochs",
    "train.time": "--time",
    "train.lr": "--lr",
    "train.seed": "--seed",
    "train.passes": "--passes",
    "machine.device": "--device",
    "machine.speed": "--speed",
    "data.workers": "--workers",
}
"""Keys of the recipe that have an option of their own; all others go through --set."""


def preset_names() -> list[str]:
    from cnntop.core.preset import names

    return names()


Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME|FILE.toml",
        rich_help_panel=_EXPERIMENT,
        help="What to train; see `cnntop presets`. Without it the picker opens.",
        autocompletion=preset_names,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_EXPERIMENT,
        help="cifar10, cifar100, fashion_mnist, svhn, shapes (generated) or folder.",
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        rich_help_panel=_EXPERIMENT,
        help="Folder of images: DIR/train/<class>/*, DIR/test/<class>/*. "
        "With --dataset: where that dataset's files are.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|CODE",
        rich_help_panel=_EXPERIMENT,
        help="The network instead of the preset's: shallow128, resnet50, one of torchvision's "
        "(vgg11_bn), or what your code makes: ./net.py:Net, package.module:callable.",
    ),
]
Kernels = Annotated[
    int | None,
    typer.Option(rich_help_panel=_EXPERIMENT, help="Width of a shallow network or of speednet."),
]
BatchSize = Annotated[
    int | None, typer.Option(rich_help_panel=_EXPERIMENT, help="Images in a minibatch.")
]
Epochs = Annotated[
    int | None, typer.Option(rich_help_panel=_EXPERIMENT, help="Stop after this many passes.")
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="15m",
        rich_help_panel=_EXPERIMENT,
        help="Stop after this time: 90s, 15m, 8h, 1h30m.",
    ),
]
Lr = Annotated[float | None, typer.Option(rich_help_panel=_EXPERIMENT, help="Learning rate.")]
Seed = Annotated[int | None, typer.Option(rich_help_panel=_EXPERIMENT, help="Seed of every draw.")]
Passes = Annotated[
    int | None,
    typer.Option(rich_help_panel=_EXPERIMENT, help="Train this often in a row on each minibatch."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        rich_help_panel=_EXPERIMENT,
        help="Any other key of the recipe, as in augment_on=loader or train.schedule=cosine. "
        "Repeatable; `cnntop presets show NAME` lists the keys.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda[:N]", rich_help_panel=_MACHINE, help="What trains."),
]
RunSpeed = Annotated[
    str | None,
    typer.Option(
        "--speed", metavar="safe|fast|max", rich_help_panel=_MACHINE,
        help="Compute as written, faster (rounding only), or with larger batches too.",
    ),
]  # fmt: skip
Workers = Annotated[
    int | None,
    typer.Option(rich_help_panel=_MACHINE, help="DataLoader workers, for augment_on=loader."),
]
Name = Annotated[
    str | None, typer.Option(rich_help_panel=_RUN, help="Name of the run; the preset's by default.")
]
RunsDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        rich_help_panel=_RUN,
        help="Folder of the runs. Default: $CNNTOP_RUNS, else ./runs.",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="RUN|last",
        rich_help_panel=_RUN,
        help="Go on with a run where its last checkpoint is; --epochs and --time may change.",
    ),
]
CheckpointEvery = Annotated[
    str | None,
    typer.Option(
        metavar="10m",
        rich_help_panel=_RUN,
        help="Save a checkpoint this often too, beside those after each epoch.",
    ),
]
AutoFix = Annotated[
    bool,
    typer.Option(
        "--auto-fix",
        rich_help_panel=_RUN,
        help="Apply the fix of the verdict without asking, once its gain was forecast.",
    ),
]
Plain = Annotated[
    bool,
    typer.Option(
        "--plain",
        rich_help_panel=_RUN,
        help="Print lines instead of the screen; so by itself on a pipe or a dumb terminal.",
    ),
]

Refresh = Annotated[
    float,
    typer.Option(
        "--refresh",
        metavar="HZ",
        min=0.5,
        max=20.0,
        rich_help_panel=_RUN,
        help="Draw the screen at most so often a second; less by itself on a slow line.",
    ),
]
Ascii = Annotated[
    bool,
    typer.Option(
        "--ascii",
        rich_help_panel=_RUN,
        help="Draw with ASCII alone; so by itself where the locale is not UTF-8.",
    ),
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach",
        rich_help_panel=_RUN,
        help="Train in the background, without this terminal; `cnntop watch` shows it.",
    ),
]

Share = Annotated[
    bool,
    typer.Option(
        "--share",
        rich_help_panel=_RUN,
        help="Let others read the run, as your umask says; otherwise it is for you alone.",
    ),
]

SweepPoint = Annotated[
    str, typer.Option(hidden=True, help="SWEEP/NUMBER: how a sweep marks the runs it starts.")
]

WatchedRun = Annotated[
    str,
    typer.Argument(metavar="[RUN]", help="A run's name, id, prefix or folder, or last."),
]
StoppedRun = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's name, id, prefix or folder, or last.")
]
AfterEpoch = Annotated[
    bool, typer.Option("--after-epoch", help="Let it finish the epoch that it is in.")
]
GoOn = Annotated[bool, typer.Option("--go-on", help="Take --after-epoch back: it trains on.")]
Discard = Annotated[
    bool,
    typer.Option("--discard", help="Keep nothing of it: folder, checkpoints, row. With --yes."),
]
YesDiscard = Annotated[bool, typer.Option("--yes", help="Do discard it.")]
ReadOnly = Annotated[bool, typer.Option("--readonly", help="Look only: no key changes the run.")]

Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN", help="Runs by name, id or unambiguous prefix."),
]
Sort = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="By a heading of the table or a column of summary.csv; numbers from high to low, text "
        "from a to z.",
    ),
]
Reverse = Annotated[bool, typer.Option("--reverse", help="Turn the order around.")]
Columns = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="Which columns: headings, or any of summary.csv's."),
]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="FILTER",
        help="Only runs such as 'dataset=cifar10 and (batch_size<=32 or not status=failed)'; "
        "= != < <= > >= and ~ (contains), on any column.",
    ),
]
Differs = Annotated[
    bool, typer.Option("--differs", help="Only what the recipes differ in, and the results.")
]
To = Annotated[
    str | None,
    typer.Option(metavar="70,80,90", help="Training time to each of these test accuracies, in %."),
]
Within = Annotated[
    str | None,
    typer.Option(metavar="15m", help="Best accuracy of this much training; ranks by it."),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="KEY,...",
        help="Runs that differ in these keys of the recipe alone, such as seed, in one line: n, "
        "mean, deviation, interval, and a test against the best.",
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        metavar="FILTER|RUN",
        help="With --group: the group to test against, as in 'batch_size=32'; with -i: the "
        "run that the others are set against.",
    ),
]
Paper = Annotated[bool, typer.Option("--paper", help="The paper's own results too, as rows.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="All columns as CSV.")]
AsJson = Annotated[bool, typer.Option("--json", help="All columns as JSON.")]
AsMarkdown = Annotated[bool, typer.Option("--md", help="The table as Markdown.")]
Interactive = Annotated[
    bool, typer.Option("--interactive", "-i", help="The runs on a screen, with curves and recipes.")
]

ShownPreset = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE.toml", help="The preset.", autocompletion=preset_names),
]

Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")]

ExportedRuns = Annotated[
    list[str], typer.Argument(metavar="RUN", help="Runs by name, id, prefix or folder, or last.")
]
ExportFormat = Annotated[
    str, typer.Option(metavar="FORMAT", help="tensorboard, parquet, csv, json or svg.")
]
ExportFolder = Annotated[
    Path, typer.Option(metavar="DIR", help="Where the files go; made if missing.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over an earlier export.")]
