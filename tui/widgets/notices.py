"""The latest notices, newest last; how the run ended; else its best accuracy so far."""

from collections.abc import Sequence

from textual.content import Content

from cnntop.core.run_state import RunState
from cnntop.tui.format import percent, run_clock
from cnntop.tui.widgets.panel import FAINT, LEVEL_STYLES, Frame, Panel, spread


class NoticesPanel(Panel):
    def __init__(self) -> None:
        super().__init__("notices")

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        lines = [
            Content.assemble(
                (f" {run_clock(state, at)} ", FAINT),
                (f"{notice.level}: {notice.text}", LEVEL_STYLES[notice.level]),
            )
            for at, notice in state.notices
        ]
        best = state.best_test_accuracy
        if state.ended is not None and state.started is not None:
            lines.append(
                Content.assemble(
                    (f" {run_clock(state, state.at_seconds)} ", FAINT),
                    (state.ended.status, "bold"),
                    " (q leaves)",
                    f" after {state.epochs:.4g} epochs",
                    f", best test accuracy {percent(best, 2)}" if best is not None else "",
                )
            )
        elif best is not None:
            lines.insert(
                0,
                Content.styled(
                    f" best test accuracy {percent(best, 2)} after epoch {state.best_epoch}", FAINT
                ),
            )
        missing = len(lines) - frame.height
        if missing <= 0:
            return lines
        first = Content.styled(f"+{missing} earlier", FAINT)
        return [spread(lines[missing], first, frame.width), *lines[missing + 1 :]]
