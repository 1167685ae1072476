"""What stays in the ordinary terminal when a run is over."""

import os
import shlex
import shutil
import sys
from textwrap import wrap
from typing import TYPE_CHECKING

from cnntop.core.analysis.ghost import Ghost
from cnntop.core.analysis.limit import run_limit
from cnntop.core.analysis.verdict import verdict
from cnntop.core.run_state import RunState
from cnntop.core.runs.earlier_runs import best_ghost, earlier_rows
from cnntop.core.runs.folder import RunFolder
from cnntop.tui.curve_picture import FEW_ROWS, ROWS, Pictured, curve_points, picture
from cnntop.tui.format import (
    bytes_size,
    clock,
    columns,
    detail_figures,
    duration,
    energy,
    figure,
    fix_line,
    limit_figures,
    percent,
    rate,
    split_line,
)
from cnntop.tui.ghost_race import BEST, HIDDEN, GhostRace
from cnntop.tui.glyphs import ascii_only
from cnntop.tui.terminal import is_terminal

if TYPE_CHECKING:
    from cnntop.core.session import RunHandle

_TO_GO_ON = ("interrupted", "stopped", "failed")
_COPIED = ("run", "go on", "compare")
_LABELS = len("  verdict  ")
_LEAST_TEXT = 20
_ROOMY_LINES = 30
"""In a window of fewer the figures would scroll away above a picture of the usual height."""


def closing_lines(handle: "RunHandle", state: RunState, race: GhostRace | None = None) -> list[str]:
    """The run's summary in a few lines, with its curves as a small picture; of a run that never
    began, that it did not. The ghost is that of the `race`, or without one the best earlier run."""
    started, ended = state.started, state.ended
    if ended is None or (ended.message and started is None):
        return []
    if started is None or handle.folder is None:
        return [f"{ended.status} before the first step; nothing was recorded."]
    asked = state.stop_asked
    if asked is not None and asked.how == "discard" and not handle.folder.path.is_dir():
        return ["", f"{started.name}: discarded after {state.epochs:.4g} epochs; nothing is kept."]
    rows = [
        ("status", f"{ended.status}{f': {ended.message}' if ended.message else ''}"),
        ("trained", f"{state.epochs:.4g} epochs in {clock(ended.seconds)}"),
        ("train", _train(state)),
        ("test", _test(state)),
        ("epoch", duration(state.complete_epoch_seconds.value)),
        ("speed", f"{rate(state.images_per_second)} images/s"),
        ("split", split_line(state.split)),
        ("steps", detail_figures(state.detail, width=160)),
        ("limit", limit_figures(run_limit(state))),
    ]
    if state.fixes:
        rows.append(("fix", fix_line(state)))
    if found := verdict(state):
        rows.append(("verdict", found.sentence()))
        rows += [("also", also) for also in found.also]
    if gpu := state.gpu:
        rows.append(
            (
                "gpu",
                f"{percent(gpu.mean_utilization.value)} used, "
                f"{bytes_size(gpu.memory_peak_bytes)} memory at most, "
                f"{energy(gpu.energy_joules)}",
            )
        )
    ends = [
        ("run", str(handle.folder.path)),
        ("compare", f"cnntop compare --runs-dir {handle.folder.path.parent}"),
    ]
    if ended.status in _TO_GO_ON and state.checkpoint is not None:
        where = shlex.quote(str(handle.folder.path))
        ends.insert(1, ("go on", f"cnntop run --resume {where}"))
    ghost = _ghost(handle.folder, state, race)
    chosen = race is not None and race.chosen != BEST
    if ghost_text := _against(ghost, state, "" if chosen else "the best earlier run "):
        ends.insert(0, ("ghost", ghost_text))
    rows = _wrapped(rows)
    told = columns([*rows, *_wrapped(ends)])
    curves = _curves(state)
    return [
        "",
        f"{started.name}: {started.model} on {started.dataset}, batch {started.batch_size}, "
        f"{started.device_name}",
        *told[: len(rows)],
        *curves,
        *told[len(rows) :],
    ]


def _wrapped(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """As the terminal would break them, but between words and below each other. What is there to be
    copied is left whole."""
    if not is_terminal(sys.stdout):
        return rows
    width = max(_LEAST_TEXT, shutil.get_terminal_size().columns - _LABELS)
    found: list[tuple[str, str]] = []
    for label, text in rows:
        whole = label in _COPIED or len(text) <= width
        lines = [text] if whole else wrap(text, width, break_on_hyphens=False)
        found += [(label, lines[0]), *(("", line) for line in lines[1:])]
    return found


def _curves(state: RunState) -> list[str]:
    """Test accuracy and train loss over the epochs; nothing where there are no two points."""
    assert state.started is not None
    per_epoch = state.started.steps_per_epoch
    accuracy = curve_points(state.test_accuracy, per_epoch)
    if len(accuracy) < 2:
        return []
    loss = curve_points(state.train_loss, per_epoch)
    pictured = [Pictured("test accuracy", accuracy, percent), Pictured("train loss", loss, figure)]
    columns, lines = shutil.get_terminal_size((80, _ROOMY_LINES))
    roomy = lines >= _ROOMY_LINES
    rows = ROWS if roomy else FEW_ROWS
    drawn = picture(pictured, columns - 1, ascii_only(os.environ), rows)
    return ["", *drawn, ""] if drawn and roomy else drawn


def _ghost(folder: RunFolder, state: RunState, race: GhostRace | None) -> Ghost | None:
    """That of the screen; the best earlier run where there was none, or it was not read in time."""
    if race is not None and (race.ghost is not None or race.chosen == HIDDEN):
        return race.ghost
    assert state.started is not None
    runs_dir = folder.path.parent
    try:
        rows = earlier_rows(runs_dir, state.started, [folder.path.name])
        return best_ghost(runs_dir, rows, state.started)
    except OSError:
        return None


def _against(ghost: Ghost | None, state: RunState, what: str) -> str:
    """How far the run's best accuracy is from the ghost's; `what` comes before its name."""
    if ghost is None or ghost.best_test_accuracy is None or state.best_test_accuracy is None:
        return ""
    points = 100 * (state.best_test_accuracy - ghost.best_test_accuracy)
    word = "above" if points > 0 else "below"
    rounded = f"{abs(points):.2f}"
    far = "as good as" if rounded == "0.00" else f"{rounded} points {word}"
    return f"{far} {what}{ghost.name} ({percent(ghost.best_test_accuracy, 2)}), {ghost.run}"


def _train(state: RunState) -> str:
    if state.last_pass is None:
        return _figures(None, None)
    return _figures(state.last_pass.train_loss, state.last_pass.train_accuracy)


def _test(state: RunState) -> str:
    best = f", best {percent(state.best_test_accuracy, 2)} after epoch {state.best_epoch}"
    figures = _figures(state.test_loss.last, state.test_accuracy.last)
    return figures + (best if state.best_epoch else "")


def _figures(loss: float | None, accuracy: float | None) -> str:
    return f"loss {figure(loss)}, accuracy {percent(accuracy, 2)}"
