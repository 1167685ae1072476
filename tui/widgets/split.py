"""Where a step's time goes, as stacked bars: now and over the whole run."""

from collections.abc import Sequence

from textual.content import Content

from cnntop.core.run_state import RunState
from cnntop.core.split import PARTS, Split
from cnntop.tui.format import duration, percent
from cnntop.tui.widgets.panel import FAINT, STYLES, Frame, Panel

_FILL = {"wait": "▒", "transfer": "░", "compute": "█", "other": "▓"}
"""A texture for each part, so that the bar reads without colour."""


class SplitPanel(Panel):
    def __init__(self) -> None:
        super().__init__("split")

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        recent, steps = state.recent_split
        if not steps:
            return [
                Content.styled(" where each step's time goes", "bold"),
                Content.styled("  no step yet", FAINT),
            ]
        title = Content.assemble(
            (" where each step's time goes", "bold"),
            (f"   {duration(recent.seconds / steps)} a step", FAINT),
        )
        legend = _legend(recent, steps, frame.width)
        bars = [_bar(" now ", recent, frame.width), _bar(" run ", state.split, frame.width)]
        if frame.height <= 2:
            return [bars[0], legend]
        return [title, bars[0], legend] if frame.height == 3 else [title, *bars, legend]


def _legend(split: Split, steps: int, width: int) -> Content:
    """Percent and time of each part; a narrow line leaves out the time, then the decimals."""
    parts: list[tuple[str, str]] = []
    for name, share in split.fractions().items():
        text = f" {name} {percent(share, 1 if width >= 70 else 0)}"
        if width >= 90:
            text += f" {duration(split.parts()[name] / steps)}"
        parts += [((" " if width < 70 else "  ") + _FILL[name], STYLES[name]), (text, "")]
    return Content.assemble(*parts)


def _bar(label: str, split: Split, width: int) -> Content:
    """A bar of the four parts; each edge is rounded, so the bar is always full."""
    cells = max(0, width - len(label) - 1)
    shares = {name: share or 0.0 for name, share in split.fractions().items()}
    edges, total = [0], 0.0
    for name in PARTS:
        total += shares[name]
        edges.append(round(cells * total))
    return Content.assemble(
        (label, FAINT),
        *(
            (_FILL[name] * (end - start), STYLES[name])
            for name, start, end in zip(PARTS, edges, edges[1:], strict=False)
        ),
    )
