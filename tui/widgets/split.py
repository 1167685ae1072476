"""Where a step's time goes: stacked bars of now and of the whole run, and the verdict on it."""

from collections.abc import Sequence
from textwrap import wrap

from textual.content import Content

from cnntop.core.analysis.limit import recent_limit
from cnntop.core.analysis.verdict import Verdict, verdict
from cnntop.core.run_state import RunState
from cnntop.core.split import PARTS, Split
from cnntop.tui.format import detail_figures, duration, fix_line, limit_figures, percent
from cnntop.tui.widgets.panel import FAINT, FILL, STYLES, Frame, Panel

FIX_KEY = "f"


class SplitPanel(Panel):
    """The more lines there are, the more it tells: first the bar of now, its legend and the
    verdict, then its title, the run's bar and the figures beyond."""

    def __init__(self) -> None:
        super().__init__("split")

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        recent, steps = state.recent_split
        if not steps:
            return [
                Content.styled(" where each step's time goes", "bold"),
                Content.styled("  no step yet", FAINT),
            ]
        title = _title(state, recent.seconds / steps, frame.width)
        now = _bar(" now ", recent, frame.width)
        legend = _legend(recent, steps, frame.width)
        told = _verdict_lines(state, frame.width)
        spare = frame.height - len(told) - 2
        rows = [now, legend]
        if spare >= 1:
            rows.insert(0, title)
        if spare >= 2:
            rows.insert(2, _bar(" run ", state.split, frame.width))
        if spare >= 3:
            rows.append(
                Content.styled(f" {detail_figures(state.recent_detail, frame.width)}", FAINT)
            )
        return [*rows, *told]


def _title(state: RunState, step_seconds: float, width: int) -> Content:
    """With how near to the machine's limit the steps come, where there is room for that."""
    heading, step = " where each step's time goes", f"   {duration(step_seconds)} a step"
    room = width - len(heading) - len(step) - len("   ")
    limit = limit_figures(recent_limit(state), room)
    return Content.assemble((heading, "bold"), (f"{step}   {limit}".rstrip(), FAINT))


def _verdict_lines(state: RunState, width: int) -> list[Content]:
    """The verdict in as many lines as it takes, before them what the last fix brought."""
    lines = [Content.styled(f" {fix_line(state)}", "$success")] if state.fixes else []
    found = verdict(state)
    if found is None:
        waiting = " verdict after some seconds of training" if state.ended is None else ""
        return [*lines, Content.styled(waiting, FAINT)]
    sentence = found.sentence(None if state.ended else FIX_KEY)
    for number, line in enumerate(wrap(sentence, max(20, width - 3))):
        lines.append(Content.styled((" ▶ " if number == 0 else "   ") + line, _style(found)))
    return lines


def _style(found: Verdict) -> str:
    return "bold" if found.bound in ("compute", "balanced") else "bold $warning"


def _legend(split: Split, steps: int, width: int) -> Content:
    """Percent and time of each part; a narrow line leaves out the time, then the decimals."""
    parts: list[tuple[str, str]] = []
    for name, share in split.fractions().items():
        text = f" {name} {percent(share, 1 if width >= 70 else 0)}"
        if width >= 90:
            text += f" {duration(split.parts()[name] / steps)}"
        parts += [((" " if width < 70 else "  ") + FILL[name], STYLES[name]), (text, "")]
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
            (FILL[name] * (end - start), STYLES[name])
            for name, start, end in zip(PARTS, edges, edges[1:], strict=False)
        ),
    )
