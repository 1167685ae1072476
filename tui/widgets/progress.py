"""How far the epoch and the run are; before the first step, how far the preparations are."""

from collections.abc import Sequence

from textual.content import Content

from cnntop.core.run_state import RunState
from cnntop.tui.format import epoch_label, percent
from cnntop.tui.widgets.panel import FAINT, Frame, Panel


class RunProgress(Panel):
    """Two bars side by side on one line."""

    def __init__(self) -> None:
        super().__init__("progress")

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        started = state.started
        if started is None:
            activity = state.activity
            name = activity.name if activity else "starting"
            share = activity.done / activity.total if activity and activity.total else None
            return [Content.assemble(*_bar(f" {name} ", share, frame.width))]
        half = frame.width // 2
        epoch_share = min(1.0, state.epoch_images / started.train_images)
        name, share = f" epoch {epoch_label(state)} ", epoch_share
        if state.phase == "evaluating" and state.activity and state.activity.total:
            name, share = " evaluating ", state.activity.done / state.activity.total
        run = f"  run ({'time' if started.time_limit_seconds else 'epochs'}) "
        if frame.width < 80:
            run = "  run "
        epoch_bar = _bar(name, share, half)
        run_bar = _bar(run, state.progress(frame.now), frame.width - half)
        return [Content.assemble(*epoch_bar, *run_bar)]


Parts = list[tuple[str, str]]


def _bar(label: str, share: float | None, width: int) -> Parts:
    """`label`, a bar and a percentage in `width` cells; an empty bar where nothing is known."""
    text = percent(share, 0).rjust(7) if share is not None else ""
    cells = max(0, width - len(label) - len(text) - 1)
    done = round(cells * (share or 0.0))
    return [
        (label, ""), ("━" * done, "$primary"), ("─" * (cells - done), FAINT), (text, "bold"),
        (" ", ""),
    ]  # fmt: skip
