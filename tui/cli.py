"""The command line. Every verb imports what it needs when it is called, so that help is instant."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.text import printable
from cnntop.tui import options

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
bench_app = typer.Typer(no_args_is_help=True, help="Let cnntop measure itself on this machine.")
app.add_typer(bench_app, name="bench")


def main() -> None:
    """Run the command line and exit with its code; a person's mistake is one line, no traceback."""
    try:
        app()
    except CnntopError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        complain(f"{error}.")
        sys.exit(1)


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

        _start(Launch(None, default_runs_dir()))


@app.command()
def run(
    preset: options.Preset = None,
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    kernels: options.Kernels = None,
    batch_size: options.BatchSize = None,
    epochs: options.Epochs = None,
    time: options.Time = None,
    lr: options.Lr = None,
    seed: options.Seed = None,
    passes: options.Passes = None,
    setting: options.Setting = None,
    device: options.Device = None,
    workers: options.Workers = None,
    name: options.Name = None,
    runs_dir: options.RunsDir = None,
    plain: options.Plain = False,
    auto_fix: options.AutoFix = False,
    resume: options.Resume = None,
    checkpoint_every: options.CheckpointEvery = None,
    detach: options.Detach = False,
) -> None:
    """Train a preset and watch it live.

    \b
    Examples
      cnntop run                                  pick a preset on the screen
      cnntop run -p demo                          about a minute, no download
      cnntop run -p shallow128 --time 15m         a quarter of an hour
      cnntop run -p shallow32 --data-dir ~/birds  your own images
      cnntop run -p resnet18 --set schedule=cosine --plain > log
      cnntop run --resume last                    go on where the last run stopped
    """
    from cnntop.core.recipe import parse_duration
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.launch import Launch

    given = {
        "data.dataset": dataset,
        "data.dir": data_dir,
        "model.kernels": kernels,
        "data.batch_size": batch_size,
        "train.epochs": epochs,
        "train.time": time,
        "train.lr": lr,
        "train.seed": seed,
        "train.passes": passes,
        "machine.device": device,
        "data.workers": workers,
    }
    launch = Launch(
        preset,
        runs_dir or default_runs_dir(),
        name,
        _settings(given, setting or []),
        plain,
        auto_fix,
    )
    if checkpoint_every is not None:
        launch = replace(launch, checkpoint_seconds=parse_duration(checkpoint_every))
    if resume is not None:
        launch = launch.resuming(resume)
    if detach:
        _start_in_background(launch)
    else:
        _start(launch)


def _settings(given: dict[str, Any], set_options: list[str]) -> dict[str, Any]:
    from cnntop.core.setting import parse_setting

    settings = {path: value for path, value in given.items() if value is not None}
    for text in set_options:
        path, value = parse_setting(text)
        if path in settings:
            raise UsageError(f"{path} is given twice; keep one.")
        settings[path] = value
    if settings.get("data.dir") == "":
        raise UsageError("--data-dir names no folder.")
    if "data.dir" in settings and "data.dataset" not in settings:
        settings["data.dataset"] = "folder"
    return settings


def _start(launch: "Launch") -> None:
    from cnntop.tui.terminal import has_screen

    if launch.preset is not None:
        # Before anything else, so that a mistake is told in the ordinary terminal.
        launch.recipe()
    if has_screen() and not launch.plain:
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


def _start_in_background(launch: "Launch") -> None:
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.ps_page import start_in_background

    if launch.preset is None:
        raise UsageError(
            "--detach: no preset given; add --preset NAME. `cnntop presets` lists them."
        )
    launch.recipe()  # a mistake in it is told without a process
    resumed = launch.resume.folder if launch.resume else None
    arguments = [text for text in sys.argv[1:] if text != "--detach"]
    folder = start_in_background(launch.runs_dir, arguments, resumed)
    name = folder.path.name
    where = "" if launch.runs_dir == default_runs_dir() else f" --runs-dir {launch.runs_dir}"
    typer.echo(f"{name} trains in the background.\n  cnntop watch {name}{where}")


@app.command()
def watch(
    run: options.WatchedRun = "last",
    readonly: options.ReadOnly = False,
    plain: options.Plain = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """The monitor on a run of another terminal, or on one that is over.

    \b
    Examples
      cnntop watch                 the newest run
      cnntop watch mine            by name, id, prefix or folder; as often as you like at once
      cnntop watch mine --plain    what happened so far and happens, as lines
    """
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.core.runs.selection import find_run
    from cnntop.tui import watch_run

    folder = find_run(runs_dir or default_runs_dir(), run)
    raise typer.Exit(watch_run.watch(folder, readonly, plain))


@app.command()
def ps(runs_dir: options.RunsDir = None) -> None:
    """The runs that are running, and how far they are."""
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.ps_page import running_table

    typer.echo(running_table(runs_dir or default_runs_dir()), nl=False)


@app.command()
def stop(run: options.StoppedRun, runs_dir: options.RunsDir = None) -> None:
    """Stop a run of another terminal at its next step; its weights and figures are kept."""
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.core.runs.selection import find_run
    from cnntop.tui import ps_page

    typer.echo(ps_page.stop(find_run(runs_dir or default_runs_dir(), run)))


@app.command()
def compare(
    runs: options.Runs = None,
    sort: options.Sort = None,
    reverse: options.Reverse = False,
    columns: options.Columns = None,
    as_csv: options.AsCsv = False,
    as_json: options.AsJson = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """A table of runs, newest first.

    \b
    Examples
      cnntop compare                             all runs
      cnntop compare --sort best_test_accuracy   the best first
      cnntop compare --columns name,lr,seconds   only these columns
      cnntop compare --csv > runs.csv            everything, for a spreadsheet
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
def show_preset(name: options.ShownPreset) -> None:
    """Print a preset resolved: every key of its recipe with the value a run would use."""
    from cnntop.tui.preset_pages import page

    typer.echo(page(name), nl=False)


@app.command()
def doctor(runs_dir: options.RunsDir = None) -> None:
    """What this machine has, what is wrong with it, and what to do about it."""
    from cnntop.core.doctor import examine
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.doctor_page import findings_text

    findings = examine(runs_dir or default_runs_dir())
    typer.echo(findings_text(findings), nl=False)
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(1)


@bench_app.command("split")
def bench_split(json_file: options.JsonFile = None) -> None:
    """Prove the split: known delays in loading, transfer and compute, and what is measured.

    Takes a minute, in which the machine should have nothing else to do.
    """
    from cnntop.tui.bench import split_page

    _require_folder(json_file)
    complain("importing torch")
    from cnntop.core.training.split_proof import prove

    proof = prove(complain)
    typer.echo(split_page.as_table(proof), nl=False)
    if json_file is not None:
        json_file.write_text(split_page.as_json(proof), encoding="utf-8")


def _require_folder(json_file: Path | None) -> None:
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise UsageError(f"--json: there is no folder for {printable(str(json_file))}.")


@bench_app.command("overhead")
def bench_overhead(json_file: options.JsonFile = None) -> None:
    """What watching costs: the same run bare, as plain lines and on the screen, in turns.

    Takes two minutes, in which the machine should have nothing else to do.
    """
    from cnntop.tui.bench import overhead, overhead_page
    from cnntop.tui.bench.plan import FULL

    _require_folder(json_file)
    cases = overhead.measure(FULL, complain)
    typer.echo(overhead_page.as_table(cases), nl=False)
    if json_file is not None:
        json_file.write_text(overhead_page.as_json(cases), encoding="utf-8")


@app.command()
def repair(runs: options.Runs = None, runs_dir: options.RunsDir = None) -> None:
    """Make run folders whole again after a crash or a damaged disk: all of them, or those named.

    What is damaged is kept beside what takes its place. Runs that are running are left alone.
    """
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui import repair_page

    findings = []
    for finding in repair_page.repair(runs_dir or default_runs_dir(), runs or []):
        findings.append(finding)
        typer.echo(repair_page.finding_line(finding))
    if not findings:
        typer.echo("nothing to repair")
    if not all(finding.right for finding in findings):
        raise typer.Exit(1)


@app.command()
def gc(
    runs: options.Runs = None, runs_dir: options.RunsDir = None, yes: options.Yes = False
) -> None:
    """Remove runs for good: folder, checkpoints and row. Without --yes it only says which."""
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui import repair_page

    right = True
    for finding in repair_page.gc(runs_dir or default_runs_dir(), runs or [], yes):
        typer.echo(printable(finding.text))
        right = right and finding.right
    if not right:
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
