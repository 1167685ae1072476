"""The command line. Every verb imports what it needs when it is called, so that help is instant."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnntop.core.errors import CnntopError, UsageError

if TYPE_CHECKING:
    from cnntop.tui.launch import Launch

app = typer.Typer(
    name="cnntop",
    help="Train convolutional networks in the terminal and see where every second goes.",
    epilog=(
        "First look, no download:  cnntop run --preset demo   |   "
        "Exit codes: 0 finished, 1 the run failed, 2 bad usage or recipe, "
        "3 dataset not to be had, 130 and 143 interrupted."
    ),
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
presets_app = typer.Typer(
    invoke_without_command=True, help="List the presets, or show one.", rich_markup_mode="rich"
)
app.add_typer(presets_app, name="presets")

RunsDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the runs. Default: $CNNTOP_RUNS, else ./runs.", metavar="DIR"),
]


def main() -> None:
    """Run the command line and exit with its code; a person's mistake is one line, no traceback."""
    try:
        app()
    except CnntopError as error:
        complain(str(error))
        sys.exit(error.exit_code)


def complain(message: str) -> None:
    """A message on standard error, after the program's name."""
    sys.stderr.write(f"cnntop: {message}\n")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cnntop {version('cnntop')}")
        raise typer.Exit


@app.callback()
def entry(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train convolutional networks in the terminal and see where every second goes.

    Without a command, `cnntop` opens the preset picker.
    """
    if context.invoked_subcommand is None:
        from cnntop.core.runs.folder import default_runs_dir
        from cnntop.tui.launch import Launch

        _start(Launch(None, default_runs_dir()), plain=False)


@app.command()
def run(
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", "-p", metavar="NAME|FILE.toml", rich_help_panel="Experiment",
            help="What to train; see `cnntop presets`. Without it the picker opens.",
            autocompletion=lambda: _preset_names(),
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            rich_help_panel="Experiment",
            help="cifar10, cifar100, fashion_mnist, svhn, shapes (generated) or folder.",
        ),
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", rich_help_panel="Experiment",
            help="Folder of images: DIR/train/<class>/*, DIR/test/<class>/*. "
            "With --dataset: where that dataset's files are.",
        ),
    ] = None,
    kernels: Annotated[
        int | None,
        typer.Option(rich_help_panel="Experiment", help="Width of a shallow network."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(rich_help_panel="Experiment", help="Images in a minibatch.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(rich_help_panel="Experiment", help="Stop after this many passes."),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="15m", rich_help_panel="Experiment",
            help="Stop after this time: 90s, 15m, 8h, 1h30m.",
        ),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(rich_help_panel="Experiment", help="Learning rate.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(rich_help_panel="Experiment", help="Seed of every random draw.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", rich_help_panel="Experiment",
            help="Any other key of the recipe, as in augment_on=loader or "
            "train.schedule=cosine. Repeatable; `cnntop presets show NAME` lists the keys.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="auto|cpu|cuda[:N]", rich_help_panel="Machine", help="Trains on it."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(rich_help_panel="Machine", help="DataLoader workers (augment_on=loader)."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(rich_help_panel="Run", help="Name of the run; the preset's by default."),
    ] = None,
    runs_dir: RunsDir = None,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", rich_help_panel="Run",
            help="Print lines instead of the screen; so by itself on a pipe or a dumb terminal.",
        ),
    ] = False,
) -> None:  # fmt: skip
    """Train a preset and watch it live.

    [bold]Examples[/bold]

      cnntop run                                     pick a preset on the screen

      cnntop run --preset demo                       about a minute, no download

      cnntop run --preset shallow128 --time 15m      the paper's network, a quarter of an hour

      cnntop run -p shallow32 --data-dir ~/flowers   your own images

      cnntop run -p resnet18 --set schedule=cosine --batch-size 128 --plain > log
    """
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.launch import Launch

    options = {
        "data.dataset": dataset,
        "data.dir": data_dir,
        "model.kernels": kernels,
        "data.batch_size": batch_size,
        "train.epochs": epochs,
        "train.time": time,
        "train.lr": lr,
        "train.seed": seed,
        "machine.device": device,
        "data.workers": workers,
    }
    launch = Launch(preset, runs_dir or default_runs_dir(), name, _settings(options, setting or []))
    _start(launch, plain)


def _settings(options: dict[str, Any], set_options: list[str]) -> dict[str, Any]:
    from cnntop.core.setting import parse_setting

    settings = {path: value for path, value in options.items() if value is not None}
    for text in set_options:
        path, value = parse_setting(text)
        if path in settings:
            raise UsageError(f"--set {path} and an option of its own are both given; keep one.")
        settings[path] = value
    if "data.dir" in settings and "data.dataset" not in settings:
        settings["data.dataset"] = "folder"
    return settings


def _start(launch: "Launch", plain: bool) -> None:
    from cnntop.tui.terminal import has_screen

    if launch.preset is not None:
        # Before anything else, so that a mistake is told in the ordinary terminal.
        launch.recipe()
    if has_screen() and not plain:
        from cnntop.tui.screen_run import run_on_screen

        code = run_on_screen(launch)
    else:
        from cnntop.tui.plain_run import run_plain

        if launch.preset is None:
            raise UsageError(
                "no preset given, and no screen to pick one on. Add --preset NAME; "
                "`cnntop presets` lists them."
            )
        code = run_plain(launch)
    raise typer.Exit(code)


@app.command()
def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Runs by name, id or unambiguous prefix."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Numbers from high to low, text from a to z."),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Turn the order around.")] = False,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Which columns; any of summary.csv's.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="All columns as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All columns as JSON.")] = False,
    runs_dir: RunsDir = None,
) -> None:
    """A table of runs, newest first.

    [bold]Examples[/bold]

      cnntop compare                                   all runs

      cnntop compare --sort best_test_accuracy         the best first

      cnntop compare --columns name,lr,test_accuracy   only these columns

      cnntop compare --csv > runs.csv                  everything, for a spreadsheet
    """
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.core.runs.summary import COLUMNS
    from cnntop.tui import compare as table

    if as_csv and as_json:
        raise UsageError("--csv and --json are both given; keep one.")
    folder = runs_dir or default_runs_dir()
    rows = table.chosen_rows(folder, runs or [], sort, reverse)
    shown = table.chosen_columns(columns, COLUMNS if as_csv or as_json else table.SHOWN)
    if as_csv:
        typer.echo(table.as_csv(rows, shown), nl=False)
    elif as_json:
        typer.echo(table.as_json(rows, shown), nl=False)
    elif rows:
        typer.echo(table.as_table(rows, shown, fixed=columns is not None), nl=False)
    else:
        typer.echo(f"No runs in {folder} yet. `cnntop run --preset demo` makes one in a minute.")


@presets_app.callback()
def list_presets(context: typer.Context) -> None:
    """List the presets with one line each; `cnntop presets show NAME` prints one resolved."""
    if context.invoked_subcommand is not None:
        return
    from cnntop.tui.preset_pages import listing

    typer.echo(listing(), nl=False)


@presets_app.command("show")
def show_preset(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE.toml", help="The preset.", autocompletion=lambda: _preset_names()
        ),
    ],
) -> None:
    """Print a preset resolved: every key of its recipe with the value a run would use."""
    from cnntop.tui.preset_pages import page

    typer.echo(page(name), nl=False)


@app.command()
def doctor(runs_dir: RunsDir = None) -> None:
    """What this machine has, what is wrong with it, and what to do about it."""
    from cnntop.core.doctor import examine
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.doctor_page import findings_text

    findings = examine(runs_dir or default_runs_dir())
    typer.echo(findings_text(findings), nl=False)
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(1)


def _preset_names() -> list[str]:
    from cnntop.core.preset import names

    return names()


if __name__ == "__main__":
    main()
