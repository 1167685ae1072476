"""From one machine to another: what this one can do, and what a run would take on that one."""

from pathlib import Path

import typer

from cnntop.core.errors import UsageError
from cnntop.core.text import printable
from cnntop.tui import bench_options, options
from cnntop.tui.stderr import complain


def calibrate(
    preset: bench_options.CalibratedPresets = None,
    batch_size: bench_options.CalibratedBatchSizes = None,
    dataset: bench_options.BenchedDataset = None,
    data_dir: bench_options.BenchedDataDir = None,
    device: options.Device = None,
    speed: options.RunSpeed = None,
    setting: options.Setting = None,
    minutes: bench_options.CalibrationMinutes = 5.0,
    out: bench_options.ProfileOut = None,
) -> None:
    """Measure this machine, in minutes in which it should have nothing else to do.

    Writes a profile, from which `cnntop project` forecasts runs on any machine.

    \b
    Examples
      cnntop calibrate                        the paper's networks, five minutes
      cnntop calibrate --out b.json           to take along to another machine
      cnntop calibrate --set threads=1        as if it had one core
      cnntop calibrate -p resnet18 --batch-size 64 --minutes 1
    """
    from cnntop.core.analysis import profile as profiles
    from cnntop.core.machine.identity import host_name
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui import calibrate_page
    from cnntop.tui.bench.exits import signals_as_exits
    from cnntop.tui.ps_page import require_idle
    from cnntop.tui.verbs.given import settings

    given = {
        "data.dataset": dataset,
        "data.dir": data_dir,
        "machine.device": device,
        "machine.speed": speed,
    }
    recipes = calibrate_page.recipes(preset, settings(given, setting or []))
    path = out or profiles.named(host_name())
    _require_writable(path, make=out is None)
    require_idle(default_runs_dir())
    complain("importing torch")
    with signals_as_exits():
        from cnntop.core.training import calibration

        plan = calibration.Plan(
            recipes, tuple(dict.fromkeys(batch_size or calibrate_page.BATCH_SIZES)), 60.0 * minutes
        )
        profile = calibration.calibrate(plan, host_name(), complain)
    profiles.save(profile, path)
    typer.echo(calibrate_page.as_table(profile), nl=False)
    typer.echo(f"Written to {printable(str(path))}")


def project(
    run: bench_options.Projected = None,
    on: bench_options.OnProfile = "here",
    preset: bench_options.ProjectedPreset = None,
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    batch_size: options.BatchSize = None,
    epochs: options.Epochs = None,
    time: options.Time = None,
    setting: options.Setting = None,
    as_json: bench_options.ForecastAsJson = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """What a run or a preset would take on the machine of a profile.

    \b
    Examples
      cnntop project last --on b.json           the newest run, on machine B
      cnntop project shallow128 --on b.json     a preset never run
      cnntop project resnet18 --epochs 5        on this machine, measured now
    """
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui import project_page
    from cnntop.tui.projected import projected
    from cnntop.tui.verbs.given import settings

    given = {
        "data.dataset": dataset,
        "data.dir": data_dir,
        "data.batch_size": batch_size,
        "train.epochs": epochs,
        "train.time": time,
    }
    runs_dir = runs_dir or default_runs_dir()
    wanted = projected(run, preset, settings(given, setting or []), runs_dir)
    found = project_page.project(wanted, on, runs_dir)
    text = project_page.as_json(found) if as_json else project_page.as_table(found)
    typer.echo(text, nl=False)


def _require_writable(path: Path, make: bool) -> None:
    """Told before minutes are spent. The folder of one's own profiles is made."""
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--out: there is no folder for {printable(str(path))}.")
    if path.is_dir():
        raise UsageError(f"--out: {printable(str(path))} is a folder.")
