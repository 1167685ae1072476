"""`cnntop report`: the paper's tables and claims, from the runs of one or several machines."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnntop.core.errors import UsageError
from cnntop.core.text import printable
from cnntop.tui import options
from cnntop.tui.stderr import complain

if TYPE_CHECKING:
    from cnntop.core.analysis.report.measured import MeasuredRun
    from cnntop.tui.reports.page import Part

app = typer.Typer(
    no_args_is_help=True,
    help="The paper's tables and claims, from the runs of one or several machines.",
)

Dirs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="DIR",
        help="Runs folders, of this or other machines. Default: $CNNTOP_RUNS, else ./runs.",
    ),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Every figure as CSV, one a row.")]
SvgFile = Annotated[
    Path | None,
    typer.Option(
        "--svg", metavar="FILE", dir_okay=False, writable=True, help="Draw a picture too."
    ),
]
All = Annotated[
    bool, typer.Option("--all", help="Count runs too that failed, were interrupted or still run.")
]
NoPaper = Annotated[bool, typer.Option("--no-paper", help="Leave the paper's own figures out.")]


@app.command("epoch-times")
def epoch_times(
    dirs: Dirs = None,
    no_paper: NoPaper = False,
    where: options.Where = None,
    every: All = False,
    as_md: options.AsMarkdown = False,
    as_csv: AsCsv = False,
    svg: SvgFile = None,
) -> None:
    """Epoch seconds by machine, processors, network and batch size: the paper's Figure 4."""
    from cnntop.core.analysis.report.epoch_times import epoch_times
    from cnntop.tui.reports import epoch_times as page

    runs = _measured(dirs, where, every, paper=not no_paper)
    found = epoch_times(runs)
    _show(
        page.parts(found), page.CSV_COLUMNS, lambda: page.csv_rows(found),
        lambda: page.picture(found), as_md, as_csv, svg,
    )  # fmt: skip


@app.command("hardware")
def hardware(
    dirs: Dirs = None,
    any_dataset: Annotated[
        bool,
        typer.Option(
            "--any-dataset",
            help="Compare across datasets: right where their images are of one size.",
        ),
    ] = False,
    no_paper: NoPaper = False,
    where: options.Where = None,
    every: All = False,
    as_md: options.AsMarkdown = False,
    as_csv: AsCsv = False,
    svg: SvgFile = None,
) -> None:
    """How fast processors are relative to each other: the paper's Figure 5, made consistent."""
    from cnntop.core.analysis.report.hardware import hardware
    from cnntop.tui.reports import hardware as page

    runs = _measured(dirs, where, every, paper=not no_paper)
    found = hardware(runs, any_dataset)
    _show(
        page.parts(found), page.CSV_COLUMNS, lambda: page.csv_rows(found),
        lambda: page.picture(found), as_md, as_csv, svg,
    )  # fmt: skip


@app.command("batch-size")
def batch_size(
    dirs: Dirs = None,
    no_paper: NoPaper = False,
    where: options.Where = None,
    every: All = False,
    as_md: options.AsMarkdown = False,
    as_csv: AsCsv = False,
    svg: SvgFile = None,
) -> None:
    """Epoch seconds, wait and accuracy against the minibatch: the paper's main claim, tested."""
    from cnntop.core.analysis.report.batch_size import batch_sizes
    from cnntop.tui.reports import batch_size as page

    runs = _measured(dirs, where, every, paper=not no_paper)
    found = batch_sizes(runs)
    _show(
        page.parts(found), page.CSV_COLUMNS, lambda: page.csv_rows(found),
        lambda: page.picture(found), as_md, as_csv, svg,
    )  # fmt: skip


@app.command("sweep")
def sweep(
    dirs: Dirs = None,
    x: Annotated[str, typer.Option("--x", metavar="KEY", help="From left to right.")] = "kernels",
    y: Annotated[
        str, typer.Option("--y", metavar="KEY", help="From top to bottom.")
    ] = "batch_size",
    where: options.Where = None,
    every: All = False,
    as_md: options.AsMarkdown = False,
    as_csv: AsCsv = False,
    svg: SvgFile = None,
) -> None:
    """Accuracy over two keys of the recipe, and the most accuracy for the time."""
    from cnntop.core.analysis.report.sweep import sweep_report
    from cnntop.tui.reports import sweep as page

    found = sweep_report(_measured(dirs, where, every, paper=False), x, y)
    _show(
        page.parts(found), page.CSV_COLUMNS, lambda: page.csv_rows(found),
        lambda: page.picture(found), as_md, as_csv, svg,
    )  # fmt: skip


def _measured(
    dirs: Sequence[Path] | None, where: str | None, every: bool, paper: bool
) -> "list[MeasuredRun]":
    """The runs that count, of the folders that were given and of the paper."""
    from cnntop.core.analysis.report.measured import measured_runs
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.core.runs.gathered import gathered_rows

    return measured_runs(gathered_rows(dirs or [default_runs_dir()], every, paper, where))


def _show(
    parts: "Sequence[Part]",
    columns: Sequence[str],
    csv_rows: Callable[[], list[dict[str, object]]],
    picture: Callable[[], str],
    as_md: bool,
    as_csv: bool,
    svg: Path | None,
) -> None:
    from cnntop.tui.reports import page

    if as_md and as_csv:
        raise UsageError("--md and --csv are both given; keep one.")
    if svg is not None:
        if not svg.absolute().parent.is_dir():
            raise UsageError(f"--svg: there is no folder for {printable(str(svg))}.")
        svg.write_text(picture(), encoding="utf-8")
        complain(f"picture in {printable(str(svg))}")
    if as_csv:
        text = page.as_csv(csv_rows(), columns)
    elif as_md:
        text = page.as_markdown(parts)
    else:
        text = page.as_text(parts, page.terminal_style())
    typer.echo(text, nl=False)
