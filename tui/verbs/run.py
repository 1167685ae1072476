"""`cnntop run`."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from cnntop.core.errors import UsageError
from cnntop.tui import options

if TYPE_CHECKING:
    from cnntop.tui.launch import Launch


def run(
    preset: options.Preset = None,
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    model: options.Model = None,
    kernels: options.Kernels = None,
    batch_size: options.BatchSize = None,
    epochs: options.Epochs = None,
    time: options.Time = None,
    lr: options.Lr = None,
    seed: options.Seed = None,
    passes: options.Passes = None,
    setting: options.Setting = None,
    device: options.Device = None,
    speed: options.RunSpeed = None,
    workers: options.Workers = None,
    name: options.Name = None,
    runs_dir: options.RunsDir = None,
    plain: options.Plain = False,
    refresh: options.Refresh = 4.0,
    ascii_only: options.Ascii = False,
    auto_fix: options.AutoFix = False,
    resume: options.Resume = None,
    checkpoint_every: options.CheckpointEvery = None,
    detach: options.Detach = False,
    share: options.Share = False,
    sweep_point: options.SweepPoint = "",
) -> None:
    """Train a preset and watch it live.

    \b
    Examples
      cnntop run                                  pick a preset on the screen
      cnntop run -p demo                          about a minute, no download
      cnntop run -p shallow128 --time 15m         a quarter of an hour
      cnntop run -p shallow32 --data-dir ~/birds  your own images
      cnntop run -p resnet18 --set schedule=cosine --plain > log
      cnntop run --model ./net.py:Net             your own network, in a preset
      cnntop run --resume last                    go on where the last run stopped
    """
    from cnntop.core.model_option import ModelOption, parse_model
    from cnntop.core.recipe import parse_duration
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.launch import Launch
    from cnntop.tui.verbs.given import settings

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
        "machine.speed": speed,
        "data.workers": workers,
    }
    named = ModelOption() if model is None else parse_model(model)
    launch = Launch(
        preset,
        runs_dir or default_runs_dir(),
        name,
        settings(given, [*named.settings, *(setting or [])]),
        plain,
        auto_fix,
        share=share,
        model_code=named.code,
        sweep_point=sweep_point,
    )
    if checkpoint_every is not None:
        launch = replace(launch, checkpoint_seconds=parse_duration(checkpoint_every))
    if resume is not None:
        launch = launch.resuming(resume)
    if detach:
        _start_in_background(launch)
    else:
        _start(launch, refresh, ascii_only)


def _start(launch: "Launch", refresh_hz: float, ascii_only: bool) -> None:
    from cnntop.core.machine.allocator import keep_to_one_arena
    from cnntop.tui import collector
    from cnntop.tui.terminal import has_screen

    keep_to_one_arena()
    if launch.preset is not None:
        # Before anything else, so that a mistake is told in the ordinary terminal.
        launch.recipe()
    if has_screen() and not launch.plain:
        collector.hold()
        from cnntop.tui.look import Look
        from cnntop.tui.screen_run import run_on_screen

        code = run_on_screen(launch, Look.of(refresh_hz, ascii_only))
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
    from cnntop.core.runs.folder import default_runs_dir, require_writable
    from cnntop.tui.ps_page import start_in_background

    if launch.preset is None:
        raise UsageError(
            "--detach: no preset given; add --preset NAME. `cnntop presets` lists them."
        )
    launch.recipe()  # a mistake in it is told without a process
    resumed = launch.resume.folder if launch.resume else None
    arguments = [text for text in sys.argv[1:] if text != "--detach"]
    require_writable(launch.runs_dir, launch.share)
    folder = start_in_background(launch.runs_dir, arguments, resumed)
    name = folder.path.name
    where = "" if launch.runs_dir == default_runs_dir() else f" --runs-dir {launch.runs_dir}"
    typer.echo(f"{name} trains in the background.\n  cnntop watch {name}{where}")
