"""The command line. Every verb imports what it needs when it is called, so that help is instant."""

import os
import sys
from typing import Annotated

import typer

from cnntop.core.errors import CnntopError
from cnntop.tui import options
from cnntop.tui.stderr import complain
from cnntop.tui.verbs import bench, forecast, report, runs
from cnntop.tui.verbs.export import export
from cnntop.tui.verbs.run import run
from cnntop.tui.verbs.sweep import sweep

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
app.add_typer(bench.app, name="bench")
app.add_typer(report.app, name="report")
for verb in (
    run, sweep, runs.watch, runs.ps, runs.stop, runs.compare, export, forecast.calibrate,
    forecast.project, runs.repair, runs.gc,
):  # fmt: skip
    app.command()(verb)


def main() -> None:
    """Run the command line and exit with its code; a person's mistake is one line, no traceback."""
    # Processes of the run's own, as a loader's workers, import nothing from the current folder.
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        app()
    except CnntopError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        complain(f"{error}.")
        sys.exit(1)


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
        run()


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


if __name__ == "__main__":
    main()
