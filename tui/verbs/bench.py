"""`cnntop bench`: cnntop measures itself on this machine."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from cnntop.core.errors import UsageError
from cnntop.core.text import printable
from cnntop.tui import bench_options, options
from cnntop.tui.stderr import complain

app = typer.Typer(no_args_is_help=True, help="Let cnntop measure itself on this machine.")


@app.command("split")
def split(json_file: bench_options.JsonFile = None) -> None:
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


@app.command("overhead")
def overhead(json_file: bench_options.JsonFile = None) -> None:
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


@app.command("train")
def train(
    preset: bench_options.BenchedPresets = None,
    dataset: bench_options.BenchedDataset = None,
    data_dir: bench_options.BenchedDataDir = None,
    batch_size: bench_options.BenchedBatchSize = None,
    speed: bench_options.Speed = None,
    minutes: bench_options.Minutes = 0.0,
    accuracy: bench_options.AccuracyEpochs = None,
    seeds: bench_options.Seeds = 3,
    json_file: bench_options.JsonFile = None,
) -> None:
    """cnntop against a plain loop (PIL, DataLoader, fp32), training the same in turns.

    Takes two to four minutes a network, in which the machine should have nothing else to do.
    """
    from cnntop.tui.bench import train, train_page

    _require_folder(json_file)
    settings = _settings(dataset, data_dir, batch_size, {"machine.speed": speed})
    presets = tuple(preset or train.PRESETS)
    plan = replace(
        train.PLAN, presets=presets, settings=settings, network_seconds=60.0 * minutes,
        accuracy_epochs=accuracy, seeds=seeds,
    )  # fmt: skip
    cases = train.measure(
        plan, complain, lambda case: typer.echo(train_page.as_table(case), nl=False)
    )
    typer.echo(train_page.footnote(), nl=False)
    if json_file is not None:
        json_file.write_text(train_page.as_json(cases), encoding="utf-8")


@app.command("feed")
def feed(
    dataset: bench_options.BenchedDataset = None,
    data_dir: bench_options.BenchedDataDir = None,
    batch_size: bench_options.BenchedBatchSize = None,
    json_file: bench_options.JsonFile = None,
) -> None:
    """Images a second of each way from images in memory to a batch, alone.

    Takes two minutes, in which the machine should have nothing else to do.
    """
    from cnntop.tui.bench import feed, feed_page

    _require_folder(json_file)
    settings = _settings(dataset, data_dir, batch_size, {})
    found = feed.measure(replace(feed.PLAN, settings=settings), complain)
    typer.echo(feed_page.as_table(found), nl=False)
    if json_file is not None:
        json_file.write_text(feed_page.as_json(found), encoding="utf-8")


@app.command("memory")
def memory(
    minutes: bench_options.Minutes = 2.0,
    json_file: bench_options.JsonFile = None,
) -> None:
    """Memory of a run on the screen against a plain loop that trains the same, and its growth."""
    from cnntop.tui.bench import memory, memory_page

    _require_folder(json_file)
    measured = memory.measure(60.0 * minutes, complain)
    typer.echo(memory_page.as_table(measured), nl=False)
    if json_file is not None:
        json_file.write_text(memory_page.as_json(measured), encoding="utf-8")


@app.command("screen")
def screen(
    minutes: bench_options.Minutes = 1.0,
    size: bench_options.BenchedSize = "120x40",
    refresh: bench_options.BenchedRefresh = None,
    json_file: bench_options.JsonFile = None,
) -> None:
    """What the screen costs and how soon it answers: first frame, keys, CPU, bytes and memory, and
    a run of ten million steps.

    Takes three minutes, in which the machine should have nothing else to do.
    """
    from cnntop.tui.bench import made_run, screen, screen_page

    _require_folder(json_file)
    columns, lines = _columns_and_lines(size)
    plan = screen.Plan(columns, lines, refresh, 60.0 * minutes, made_run.LONG_STEPS)
    found = screen.measure(plan, complain)
    typer.echo(screen_page.as_table(found), nl=False)
    if json_file is not None:
        json_file.write_text(screen_page.as_json(found), encoding="utf-8")


@app.command("forecast")
def forecast(
    preset: bench_options.ForecastPreset = "shallow32",
    dataset: bench_options.BenchedDataset = None,
    data_dir: bench_options.BenchedDataDir = None,
    batch_size: bench_options.BenchedBatchSize = None,
    minutes: bench_options.CalibrationMinutes = 1.0,
    epochs: bench_options.ForecastEpochs = 3,
    json_file: bench_options.JsonFile = None,
) -> None:
    """Forecasts of an epoch against the run made afterwards, with one thread and as it is.

    Takes some minutes, in which the machine should have nothing else to do.
    """
    from cnntop.tui.bench import forecast, forecast_page

    _require_folder(json_file)
    settings = _settings(dataset, data_dir, batch_size, {})
    names = options.RECIPE_OPTIONS
    data = [word for key, value in settings.items() for word in (names[key], str(value))]
    plan = forecast.Plan(preset, settings, tuple(data), minutes, epochs)
    found = forecast.measure(plan, complain)
    typer.echo(forecast_page.as_table(found), nl=False)
    if json_file is not None:
        json_file.write_text(forecast_page.as_json(found), encoding="utf-8")


def _settings(
    dataset: str | None, data_dir: str | None, batch_size: int | None, more: dict[str, Any]
) -> dict[str, Any]:
    """Without a dataset the one that needs no download."""
    from cnntop.tui.verbs.given import settings

    given = {"data.dataset": dataset, "data.dir": data_dir, "data.batch_size": batch_size, **more}
    return {"data.dataset": "shapes"} | settings(given, [])


def _columns_and_lines(size: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,3})x(\d{2,3})", size)
    if found is None:
        raise UsageError(
            f"--size: {printable(size)} is no size; write columns and lines as 120x40."
        )
    return int(found[1]), int(found[2])


def _require_folder(json_file: Path | None) -> None:
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise UsageError(f"--json: there is no folder for {printable(str(json_file))}.")
