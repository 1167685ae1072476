"""`cnntop compare --group`: recipes rather than runs, with how sure their figures are."""

import math
import shutil
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cnntop.core.analysis.columns import is_fraction, is_seconds
from cnntop.core.analysis.filters import parse_filter
from cnntop.core.analysis.groups import Contrast, Group, Row, contrasts, grouped, ranked
from cnntop.core.analysis.statistics import MIN_RUNS, Spread
from cnntop.core.errors import UsageError
from cnntop.core.runs.recipe_columns import (
    OF_RECIPE,
    PLACE,
    RECIPE_COLUMNS,
    SUMMARY_COLUMN,
    recipe_paths,
    same_recipe,
)
from cnntop.core.runs.summary import cell
from cnntop.core.text import printable
from cnntop.tui import compare, run_table
from cnntop.tui.format import NOT_MEASURED
from cnntop.tui.run_table import TEXT, heading, shown

METRICS = ("test_accuracy", "best_test_accuracy", "epoch_seconds")
"""What is averaged, unless columns are named; the first is what groups are ranked by and tested
for, unless --sort names another."""

_PARTS = ("n", "mean", "deviation", "low", "high")


@dataclass(frozen=True)
class _Line:
    group: Group
    spreads: dict[str, Spread | None]
    contrast: Contrast | None


def answer(
    question: compare.Question, rows: list[dict[str, str]], columns: Sequence[str] | None
) -> str:
    """What `compare --group` prints. Raises UsageError."""
    assert question.group is not None
    over = recipe_paths(question.group, "--group")
    metrics = _metrics(question, columns)
    compare.fill(question, rows, [*RECIPE_COLUMNS, *metrics])
    groups = ranked(grouped(rows, over, lambda row: _key(row, over)), metrics[0])
    baseline = _baseline(question, groups, metrics[0])
    tests = contrasts(groups, baseline, metrics[0]) if baseline else [None] * len(groups)
    lines = [
        _Line(group, {metric: group.spread(metric) for metric in metrics}, test)
        for group, test in zip(groups, tests, strict=True)
    ]
    if question.reverse:
        lines.reverse()
    recipe = _differing(groups, over)
    if question.form in ("csv", "json"):
        write = run_table.as_csv if question.form == "csv" else run_table.as_json
        figures = [_figures(line, recipe, metrics, baseline) for line in lines]
        parts = [f"{metric}_{part}" for metric in metrics for part in _PARTS]
        counts = ("n", "runs", "left_out")
        return write(figures, ["name", *recipe, *counts, *parts, "difference", "p", "test"])
    cells, headings = _cells(lines, recipe, metrics, baseline)
    notes = _notes(question, lines, metrics[0])
    if question.form == "md":
        texts = [list(row) for row in zip(*cells.values(), strict=True)]
        table = run_table.markdown(list(cells), list(headings.values()), texts)
        return table + "".join(f"\n{note}  " for note in notes) + "\n"
    others = metrics[:0:-1]
    dropped = [f"{metric} interval" for metric in others]
    dropped += [*(() if question.paper else ["name"]), *others, f"{metrics[0]} interval"]
    table = run_table.table(cells, headings, () if columns else dropped)
    width = min(100, shutil.get_terminal_size().columns)
    return table + "".join(f"{textwrap.fill(note, width)}\n" for note in notes)


def _key(row: Row, over: Sequence[str]) -> tuple[str, ...]:
    """Of the paper's recipes too little is known to have two of its results in one group."""
    return (row["run"],) if row["status"] == "paper" else same_recipe(over, row)


def _metrics(question: compare.Question, columns: Sequence[str] | None) -> list[str]:
    chosen = [*question.reached, *METRICS] if columns is None else list(columns)
    if question.order is not None:
        chosen.insert(0, question.order)
    elif columns is None:
        chosen.sort(key=METRICS[0].__ne__)
    for column in chosen:
        if column in TEXT:
            raise UsageError(f"--group has means of numbers, and {column} is text; leave it out.")
    return list(dict.fromkeys(chosen))


def _baseline(question: compare.Question, groups: list[Group], metric: str) -> Group | None:
    """What the others are tested against: the group asked for, or the best that can be tested."""
    if question.baseline is None:
        whole = [group for group in groups if len(group.figures(metric)) >= MIN_RUNS]
        return whole[0] if whole else None
    wanted = parse_filter(question.baseline, question.known, "--baseline")
    if strange := wanted.columns - OF_RECIPE:
        raise UsageError(f"--baseline: {min(strange)} is not of the recipe, so no group has one.")
    found = [group for group in groups if wanted.matches(group.example)]
    if len(found) != 1:
        raise UsageError(
            f"--baseline: {len(found) or 'no'} groups are such that "
            f"{printable(question.baseline)}; it must be one."
        )
    return found[0]


def _differing(groups: list[Group], over: Sequence[str]) -> dict[str, str]:
    """Heading -> column of what tells the groups apart."""
    left_out = (PLACE - {"data.dir"}) | set(over)
    paths = [path for path in RECIPE_COLUMNS if path not in left_out]
    differing = compare.differing([group.example for group in groups], ["model", *paths])
    return {
        SUMMARY_COLUMN.get(path, path): path
        for path in differing
        if SUMMARY_COLUMN.get(path) != "model"  # it is there itself
    }


def _name(group: Group) -> str:
    """The name of its runs, if they have one."""
    names = dict.fromkeys(row["name"] for row in group.runs or (group.example,))
    return next(iter(names)) if len(names) == 1 else ""


def _figures(
    line: _Line, recipe: dict[str, str], metrics: Sequence[str], baseline: Group | None
) -> Row:
    """A line for programs."""
    group, contrast = line.group, line.contrast
    row = {"name": _name(group)} | {name: group.example[path] for name, path in recipe.items()}
    row |= {"n": str(group.n), "runs": str(len(group.runs))}
    row["left_out"] = str(sum(group.left_out.values()))
    for metric in metrics:
        found = line.spreads[metric]
        for part in _PARTS:
            row[f"{metric}_{part}"] = cell(getattr(found, part)) if found else ""
    row["difference"] = cell(contrast.difference) if contrast else ""
    row["p"] = cell(contrast.p) if contrast else ""
    test = "baseline" if group is baseline else contrast.test if contrast else ""
    return row | {"test": test}


def _cells(
    lines: list[_Line], recipe: dict[str, str], metrics: Sequence[str], baseline: Group | None
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The table's cells and headings by column."""
    cells = {"name": [shown("name", _name(line.group)) for line in lines]}
    headings = {"name": "name"}
    for name, path in recipe.items():
        cells[name] = [shown(path, line.group.example[path]) for line in lines]
        headings[name] = heading(name)
    cells["n"] = [str(line.group.n) for line in lines]
    headings["n"] = "n"
    for metric in metrics:
        cells[metric] = [_mean(metric, line) for line in lines]
        headings[metric] = heading(metric)
        if any(
            found and found.low is not None for line in lines if (found := line.spreads[metric])
        ):
            cells[f"{metric} interval"] = [_interval(metric, line) for line in lines]
            headings[f"{metric} interval"] = "95 % interval"
        if metric == metrics[0] and any(line.contrast for line in lines):
            cells["difference"] = [_difference(metric, line, baseline) for line in lines]
            cells["p"] = [_p(line.contrast) for line in lines]
            headings |= {"difference": "difference", "p": "p"}
    return cells, headings


def _mean(metric: str, line: _Line) -> str:
    found = line.spreads[metric]
    if found is None:
        return NOT_MEASURED
    scale, digits = _scale(metric, found)
    text = f"{scale * found.mean:.{digits}f}"
    if found.deviation is not None:
        text += f" ± {scale * found.deviation:.{digits}f}"
    some = f" ({found.n} of {line.group.n})" if found.n < line.group.n else ""
    return f"{text}{_unit(metric)}{some}"


def _interval(metric: str, line: _Line) -> str:
    found = line.spreads[metric]
    if found is None or found.low is None or found.high is None:
        return NOT_MEASURED
    scale, digits = _scale(metric, found)
    return f"{scale * found.low:.{digits}f} to {scale * found.high:.{digits}f}{_unit(metric)}"


def _scale(metric: str, found: Spread) -> tuple[float, int]:
    """What to multiply figures by, and how many decimals to write: two for percents, else as many
    as show two digits of the deviation, or four of the mean where there is none."""
    if is_fraction(metric):
        return 100.0, 2
    size, digits = abs(found.mean), 3
    if found.deviation is not None and found.deviation > 1e-9 * size:  # and not rounding
        size, digits = found.deviation, 1
    return 1.0, max(0, digits - math.floor(math.log10(size))) if size else 0


def _unit(metric: str) -> str:
    if is_fraction(metric):
        return " %"
    return " s" if is_seconds(metric) else ""


def _difference(metric: str, line: _Line, baseline: Group | None) -> str:
    if line.group is baseline:
        return "baseline"
    if line.contrast is None:
        return NOT_MEASURED
    if is_fraction(metric):
        return f"{100 * line.contrast.difference:+.2f} points"
    return f"{line.contrast.difference:+.3g}{_unit(metric)}"


def _p(contrast: Contrast | None) -> str:
    if contrast is None:
        return NOT_MEASURED
    p = f"{contrast.p:.2g}" if contrast.p >= 0.0001 else "< 0.0001"
    return f"{p} {contrast.test}"


def _notes(question: compare.Question, lines: list[_Line], metric: str) -> list[str]:
    """What the figures mean, and what is not in them."""
    groups = [line.group for line in lines]
    spreads = [found for line in lines for found in line.spreads.values() if found]
    tested = sum(line.contrast is not None for line in lines)
    notes = []
    if any(found.low is not None for found in spreads):
        notes.append(
            "±: standard deviation. 95 % interval: of the mean, by Student's t, from "
            f"{MIN_RUNS} runs up."
        )
    elif spreads:
        notes.append(
            f"±: standard deviation. Intervals and tests need {MIN_RUNS} runs a group that differ "
            f"in {question.group} alone."
        )
    if tested:
        whose = "--baseline" if question.baseline else "the best group with enough runs"
        notes.append(
            f"difference: {metric} against {whose}. p: how likely as much is by chance alone; "
            f"t test, paired where both have the same {question.group}, else Welch's; corrected "
            f"for {tested} {'comparison' if tested == 1 else 'comparisons'} (Holm)."
        )
    repeated = sum(len(group.runs) - group.n for group in groups)
    if repeated:
        notes.append(
            f"{repeated} {'run repeats' if repeated == 1 else 'runs repeat'} the "
            f"{question.group} of another: they count as one, with their mean."
        )
    if left_out := sum((Counter(group.left_out) for group in groups), Counter[str]()):
        told = ", ".join(f"{count} {printable(status)}" for status, count in left_out.items())
        notes.append(f"Not counted, as they did not finish: {told}.")
    mixed = sum(len({row["device_name"] for row in group.runs}) > 1 for group in groups)
    if mixed and any(is_seconds(column) for column in lines[0].spreads):
        notes.append(
            f"{mixed} {'group mixes' if mixed == 1 else 'groups mix'} seconds of several devices; "
            "--where 'device_name=...' takes one."
        )
    return notes
