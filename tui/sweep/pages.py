"""What a sweep says before and after: the built-in ones, the plan, the summary."""

import shlex
import shutil
from collections.abc import Sequence

from cnntop.core.runs.folder import default_runs_dir
from cnntop.core.sweep.definition import Definition, about, axis, names, value_text
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.forecast import Forecast, Total
from cnntop.core.sweep.halving import planned_epochs, rungs
from cnntop.core.sweep.progress import SETTLED, PointState, SweepState
from cnntop.core.sweep.ranking import Ranked, ranking
from cnntop.core.text import printable
from cnntop.tui.format import NOT_MEASURED, clock, columns, percent
from cnntop.tui.sweep.heat_map import LEGEND, heat_map, text_lines

_MOST_RANKED = 10


def listing() -> str:
    """The sweeps there are by name, one a line."""
    rows = [(printable(name), about(name)) for name in names()]
    lines = columns(rows, indent="")
    how = "cnntop sweep NAME --plan says what one would run; --time, --seeds, --set change it."
    return "\n".join([*lines, "", how, ""])


def plan_lines(
    definition: Definition, forecast: Forecast, slots: int, state: SweepState | None
) -> list[str]:
    """What the sweep would run, in some lines; `state` is what there is of it already."""
    cells, seeds = len(definition.cells), definition.seeds
    runs = cells * seeds
    rows = [(axis(path), _values(values)) for path, values in definition.grid.items()]
    rows.append(("takes", _takes(forecast.total(), runs, slots)))
    if definition.halving is not None:
        rows.append(("halving", _halving(definition)))
    if state is not None:
        done = sum(state.counts()[status] for status in SETTLED)
        left = clock(forecast.remaining_seconds(state, slots))
        rows.append(("done", f"{done} of {runs}" + (f", {left} to go" if done < runs else "")))
    times = f" x {seeds} seeds" if seeds > 1 else ""
    headline = (
        f"sweep {definition.name}: {cells} place{'s' * (cells != 1)} in the grid{times}, "
        f"{runs} run{'s' * (runs != 1)} of {definition.preset}"
    )
    return [headline, *columns(rows)]


def run_lines(definition: Definition, state: SweepState | None) -> list[str]:
    """Every run by its number, and how it stands."""
    states = state.points if state else [PointState(point) for point in definition.points()]
    width = max(len(one.point.label) for one in states)
    return [
        f"  {one.point.number:>4}  {one.point.label:<{width}}  {_standing(one)}" for one in states
    ]


def _values(values: Sequence[object]) -> str:
    return " ".join(value_text(value) for value in values)


def _takes(total: Total, runs: int, slots: int) -> str:
    at_once = f", {slots} at once" if slots > 1 else ""
    if total.unknown == runs:
        return f"not known yet: no earlier run here of any of them{at_once}"
    seconds = clock(total.seconds / slots)
    if total.exact:
        return f"{seconds} of training{at_once}, and some seconds a run to start"
    if total.unknown:
        known = runs - total.unknown
        return f"{seconds} for {known} of the {runs} runs{at_once}; of the rest nothing is known"
    return f"about {seconds}, as in the newest earlier runs{at_once}"


def _halving(definition: Definition) -> str:
    assert definition.halving is not None
    epochs, places = planned_epochs(definition), len(definition.cells)
    steps = []
    for rung in rungs(epochs, definition.halving, places):
        steps.append(f"{places} to epoch {rung}")
        places = -(-places // definition.halving)
    text = ", then the best ".join(steps)
    schedules = {point.recipe().train.schedule for point in definition.points()}
    if schedules != {"constant"}:
        text += (
            "; a schedule follows each rung's end, so that a run that goes on is not one that was "
            "never halted"
        )
    return text


def _standing(state: PointState) -> str:
    if state.status == "to come":
        return "to come"
    best = percent(state.accuracy, 2)
    text = f"{state.status}, best test accuracy {best} in {_epochs(state.epochs)}"
    return text if state.run else state.status + (f": {state.message}" if state.message else "")


def outcome_line(state: PointState) -> str:
    """How a run ended, after its label."""
    text = _standing(state)
    if state.status in ("failed", "out-of-memory", "unreadable", "diverged") and state.message:
        return f"{text.removesuffix(f': {state.message}')}: {state.message}"
    return text


def summary_lines(folder: SweepFolder, sweep: SweepState) -> list[str]:
    """The heat map, the best of the grid, what is missing and how to go on."""
    ranked = ranking(sweep)
    width = shutil.get_terminal_size((100, 24)).columns
    lines = ["", f"sweep {folder.path.name}", ""]
    if sweep.definition.grid:
        lines += text_lines(heat_map(sweep.definition, ranked), width)
        lines += [f"({LEGEND})", ""]
    lines += ranking_lines(ranked)
    unsettled = [s for s in sweep.points if s.status not in SETTLED and not _is_cut(s, ranked)]
    lines += _troubles(unsettled)
    where = "" if folder.runs_dir == default_runs_dir() else f" --runs-dir {folder.runs_dir}"
    mine = shlex.quote(f"sweep={folder.path.name}")
    rows = [("runs", f"cnntop compare --where {mine} --sort best_test_accuracy{where}")]
    if len(sweep.definition.grid) == 2:
        rows.append(("report", f"cnntop report sweep {folder.runs_dir} --where {mine}"))
    if unsettled:
        again = shlex.join(["cnntop", "sweep", "--resume", folder.path.name]) + where
        rows.insert(0, ("go on", again))
    return [*lines, "", *columns(rows)]


def ranking_lines(ranked: Sequence[Ranked]) -> list[str]:
    known = [one for one in ranked if one.accuracy is not None]
    shown = known[:_MOST_RANKED]
    lines = []
    width = max((len(one.cell) for one in shown), default=0)
    for place, one in enumerate(shown, 1):
        lines.append(f"  {place:>3}. {one.cell:<{width}}  {ranked_figures(one)}")
    if len(known) > len(shown):
        lines.append(f"       and {len(known) - len(shown)} more")
    return lines


def ranked_figures(one: Ranked) -> str:
    """Accuracy with its deviation over the seeds, epochs, time; that it was cut."""
    spread = ""
    if one.deviation is not None:
        spread = f" ±{100 * one.deviation:.2f}"
    seeds = f"  n={one.scored}" if len(one.runs) > 1 else ""
    cut = f"  cut after {_epochs(one.cut_after)}" if one.cut_after is not None else ""
    seconds = clock(one.seconds) if one.seconds else NOT_MEASURED
    return f"{percent(one.accuracy, 2)}{spread}{seeds}  {_epochs(one.epochs)}  {seconds}{cut}"


def _epochs(count: float) -> str:
    return f"{count:.4g} epoch{'s' * (count != 1)}"


def _is_cut(state: PointState, ranked: Sequence[Ranked]) -> bool:
    return any(one.cell == state.point.cell and one.cut_after is not None for one in ranked)


def _troubles(unsettled: Sequence[PointState]) -> list[str]:
    told = [s for s in unsettled if s.status not in ("to come", "starting", "running")]
    lines = [
        f"  {'■' if one.status == 'interrupted' else '✖'} {one.point.label}: {outcome_line(one)}"
        for one in told[:_MOST_RANKED]
    ]
    if len(told) > len(lines):
        lines.append(f"  and {len(told) - len(lines)} more")
    waiting = len(unsettled) - len(told)
    if waiting:
        lines.append(f"  {waiting} run{'s' * (waiting != 1)} still to come")
    return [printable(line.replace("\n", " ")) for line in lines]
