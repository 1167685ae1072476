"""What is done with runs that are there: follow, stop, compare, repair, remove."""

import typer

from cnntop.core.errors import UsageError
from cnntop.core.text import printable
from cnntop.tui import options


def watch(
    run: options.WatchedRun = "last",
    readonly: options.ReadOnly = False,
    plain: options.Plain = False,
    refresh: options.Refresh = 4.0,
    ascii_only: options.Ascii = False,
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
    from cnntop.tui import collector
    from cnntop.tui.terminal import has_screen

    folder = find_run(runs_dir or default_runs_dir(), run)
    on_screen = has_screen() and not plain
    if on_screen:
        collector.hold()
    from cnntop.tui import watch_run
    from cnntop.tui.look import Look

    look = Look.of(refresh, ascii_only)
    raise typer.Exit(watch_run.watch(folder, readonly, look if on_screen else None))


def ps(runs_dir: options.RunsDir = None) -> None:
    """The runs that are running, and how far they are."""
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui.ps_page import running_table

    typer.echo(running_table(runs_dir or default_runs_dir()), nl=False)


def stop(
    run: options.StoppedRun,
    after_epoch: options.AfterEpoch = False,
    go_on: options.GoOn = False,
    discard: options.Discard = False,
    yes: options.YesDiscard = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """Stop a run of another terminal at its next step; its weights and figures are kept."""
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.core.runs.selection import find_run
    from cnntop.tui import ps_page

    given = {"--after-epoch": after_epoch, "--go-on": go_on, "--discard": discard}
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} are given together; keep one.")
    folder = find_run(runs_dir or default_runs_dir(), run)
    if after_epoch:
        typer.echo(ps_page.stop_after_epoch(folder))
        return
    if go_on:
        typer.echo(ps_page.go_on_after_epoch(folder))
        return
    if discard and not yes:
        raise UsageError(
            f"--discard would remove {printable(str(folder.path))}, with all checkpoints and "
            "figures, and its row. Add --yes if that is what you want."
        )
    typer.echo(ps_page.stop(folder, discard))


def compare(
    runs: options.Runs = None,
    where: options.Where = None,
    sort: options.Sort = None,
    reverse: options.Reverse = False,
    columns: options.Columns = None,
    differs: options.Differs = False,
    to: options.To = None,
    within: options.Within = None,
    group: options.Group = None,
    baseline: options.Baseline = None,
    paper: options.Paper = False,
    as_csv: options.AsCsv = False,
    as_json: options.AsJson = False,
    as_markdown: options.AsMarkdown = False,
    interactive: options.Interactive = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """A table of runs, newest first.

    \b
    Examples
      cnntop compare                             all runs
      cnntop compare --sort best_test_accuracy   the best first
      cnntop compare --columns name,lr,seconds   only these columns
      cnntop compare --where 'model~shallow and batch_size<=32' --differs
      cnntop compare --group seed                means over seeds, and whether they differ
      cnntop compare --to 70,80,90               how long each took to get there
      cnntop compare --within 15m --paper        the best of 15 minutes, and the paper's
      cnntop compare --csv > runs.csv            everything, for a spreadsheet
      cnntop compare -i                          on the screen: sort, filter, mark, overlay curves
    """
    from cnntop.core.runs.folder import default_runs_dir
    from cnntop.tui import compare as table

    forms: dict[table.Form, bool] = {"csv": as_csv, "json": as_json, "md": as_markdown}
    chosen = [form for form, wanted in forms.items() if wanted]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} are both given; keep one.")
    question = table.Question(
        runs_dir or default_runs_dir(), runs or [], where, sort, reverse, columns, differs, to,
        within, paper, group, baseline, chosen[0] if chosen else "table",
    )  # fmt: skip
    if interactive:
        from cnntop.tui.compare_app import compare_on_screen

        raise typer.Exit(compare_on_screen(question))
    typer.echo(table.answer(question), nl=False)


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
