"""`cnntop sweep`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnntop.core.errors import UsageError
from cnntop.tui import options

if TYPE_CHECKING:
    from cnntop.core.sweep.definition import Definition
    from cnntop.core.sweep.folder import SweepFolder

_SWEEP = "Sweep"


def _sweep_names() -> list[str]:
    from cnntop.core.sweep.definition import names

    return names()


Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME|FILE.toml]",
        help="A sweep by name or file; options lie over it. Without anything: the built-in ones.",
        autocompletion=_sweep_names,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME|FILE.toml",
        rich_help_panel=_SWEEP,
        help="What to train at every place of the grid; see `cnntop presets`.",
        autocompletion=options.preset_names,
    ),
]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=A,B,C",
        rich_help_panel=_SWEEP,
        help="An axis of the grid: a key of the recipe and its values. Repeatable.",
    ),
]
Seeds = Annotated[
    int | None, typer.Option(rich_help_panel=_SWEEP, help="Runs at each place, a seed each.")
]
Halving = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=_SWEEP,
        help="Cut hopeless runs: of each rung only the best 1/N go on to N times the epochs.",
    ),
]
Devices = Annotated[
    str | None,
    typer.Option(
        metavar="cuda:0,cuda:1",
        rich_help_panel=_SWEEP,
        help="Run on several devices, one run on each at a time.",
    ),
]
Plan = Annotated[
    bool,
    typer.Option("--plan", "--dry-run", rich_help_panel=_SWEEP, help="Say what would be run."),
]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="SWEEP|last",
        rich_help_panel=_SWEEP,
        help="Go on with a sweep; so does the command that started it.",
    ),
]
Watch = Annotated[
    str | None,
    typer.Option(
        metavar="SWEEP|last", rich_help_panel=_SWEEP, help="The screen on a sweep, from anywhere."
    ),
]
New = Annotated[
    bool,
    typer.Option("--new", rich_help_panel=_SWEEP, help="Start it anew, whatever is done of it."),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", rich_help_panel=_SWEEP, help="Do not ask, however long it takes."),
]
ASK_ABOVE_SECONDS = 3600.0
"""On a terminal, a sweep that is expected to take longer than this is begun after a question."""


def sweep(
    source: Source = None,
    preset: Preset = None,
    grid: Grid = None,
    seeds: Seeds = None,
    epochs: options.Epochs = None,
    time: options.Time = None,
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    setting: options.Setting = None,
    device: options.Device = None,
    speed: options.RunSpeed = None,
    halving: Halving = None,
    devices: Devices = None,
    name: options.Name = None,
    runs_dir: options.RunsDir = None,
    plan: Plan = False,
    resume: Resume = None,
    watch: Watch = None,
    new: New = False,
    yes: Yes = False,
    plain: options.Plain = False,
    share: options.Share = False,
) -> None:
    """Many runs of one preset, over a grid of settings: planned, run, ranked.

    \b
    Examples
      cnntop sweep                       those there are: the paper's claims
      cnntop sweep batch-size --plan     what one would run, and how long
      cnntop sweep -p shallow32 --grid kernels=8,32,128 --seeds 3 --time 5m
      cnntop sweep mine.toml             your own, from a file
      cnntop sweep --resume last         go on where one was stopped or killed
    """
    from cnntop.core.runs.folder import default_runs_dir, require_writable
    from cnntop.core.sweep.definition import Draft, parse_axis, read_draft
    from cnntop.core.sweep.folder import SweepFolder, find_sweep, same_sweep
    from cnntop.tui.verbs.given import settings

    folder = runs_dir or default_runs_dir()
    axes: dict[str, list[Any]] = {}
    for text in grid or []:
        path, values = parse_axis(text)
        if path in axes:
            raise UsageError(f"--grid {path} is given twice; keep one.")
        axes[path] = values
    given = {
        "train.epochs": epochs,
        "train.time": time,
        "data.dataset": dataset,
        "data.dir": data_dir,
        "machine.device": device,
        "machine.speed": speed,
    }
    draft = Draft(name, preset, axes, settings(given, setting or []), seeds, halving)
    nothing_given = source is None and draft == Draft(None, None, {}, {})
    if resume is not None or watch is not None:
        if not nothing_given or new or (resume and watch):
            raise UsageError(
                "--resume and --watch take a sweep as it is; leave out what would change it."
            )
        found = find_sweep(folder, resume or watch or "")
        if watch is not None:
            from cnntop.tui.sweep.run_sweep import watch_sweep

            raise typer.Exit(watch_sweep(found, plain))
        definition: Definition = found.read()
        earlier: SweepFolder | None = found
    elif nothing_given:
        from cnntop.tui.sweep.pages import listing

        typer.echo(listing(), nl=False)
        return
    else:
        under = read_draft(source) if source is not None else Draft()
        definition = under.under(draft).definition()
        earlier = None if new else same_sweep(folder, definition)
    chosen = _devices(definition, devices, earlier)
    expected = _tell_plan(definition, earlier, folder, chosen, every_run=plan)
    if plan:
        return
    if earlier is None:
        _ask(expected, yes)
        require_writable(folder, share)
        earlier = SweepFolder.create(folder, definition, chosen, share)
    from cnntop.tui.sweep.run_sweep import run_sweep

    raise typer.Exit(run_sweep(earlier, chosen, plain))


def _devices(
    definition: "Definition", text: str | None, earlier: "SweepFolder | None"
) -> list[str]:
    """Those given, else those that the sweep was started on. Raises UsageError, RecipeError."""
    from cnntop.core.recipe import override, resolve

    if text is None:
        return earlier.devices if earlier is not None else []
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    if not chosen:
        raise UsageError("--devices names none; write --devices cuda:0,cuda:1.")
    if "machine.device" in definition.grid:
        raise UsageError("--devices: the grid has devices in it already; keep one of the two.")
    for name in chosen:
        resolve(override(definition.tree, {"machine.device": name}), "--devices")
    return chosen


def _tell_plan(
    definition: "Definition", earlier: "SweepFolder | None", runs_dir: Path, devices: list[str],
    every_run: bool,
) -> float:  # fmt: skip
    """Print the plan; returns the seconds it is expected to take, as far as known."""
    from cnntop.core.runs.summary import read_rows
    from cnntop.core.sweep.forecast import Forecast
    from cnntop.core.sweep.progress import SweepReader
    from cnntop.tui.plain import print_line
    from cnntop.tui.sweep.pages import plan_lines, run_lines

    state = SweepReader(earlier).read() if earlier is not None else None
    forecast = Forecast(definition, read_rows(runs_dir))
    slots = len(devices) or 1
    lines = plan_lines(definition, forecast, slots, state)
    for line in lines + (run_lines(definition, state) if every_run else []):
        print_line(line)
    return forecast.total().seconds / slots


def _ask(expected_seconds: float, answered: bool) -> None:
    """Before hours of training, where somebody sits who can answer."""
    import sys

    from cnntop.tui.terminal import is_terminal

    asked = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    if expected_seconds > ASK_ABOVE_SECONDS and asked and not answered:
        typer.confirm("Start it?", default=True, abort=True)
