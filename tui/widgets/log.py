"""All that happened, newest last: notices, epochs, checkpoints, pauses, fixes."""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from textwrap import wrap

from textual.content import Content

from cnntop.core.events import Notice, Record
from cnntop.core.run_state import LOG_KEPT, RunState
from cnntop.tui.format import run_clock
from cnntop.tui.happenings import happening, mark
from cnntop.tui.widgets.panel import FAINT, LEVEL_STYLES
from cnntop.tui.widgets.scrolled import ScrolledPanel

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|(?:m?s|[kMG]?B|images/s)\b)")


class LogPanel(ScrolledPanel):
    """Only what is new is put into words; all of it when the width is another, or when the first
    step is there, from which time counts."""

    from_end = True

    def __init__(self) -> None:
        super().__init__("log")
        self._of: tuple[int, int, float] | None = None
        self._taken = 0
        self._entries: deque[list[Content]] = deque(maxlen=LOG_KEPT)

    def rows(self, state: RunState, width: int) -> Sequence[Content]:
        of = id(state), width, state.begun_at_seconds
        if self._of != of:
            self._of = of
            self._entries.clear()
            self._taken = state.logged - len(state.log)
        new = min(state.logged - self._taken, len(state.log))
        for record in islice(state.log, len(state.log) - new, None):
            self._entries.append(list(_entry(state, record, width)))
        self._taken = state.logged
        rows = [row for entry in self._entries for row in entry]
        if earlier := state.logged - len(self._entries):
            told = f" {earlier:,} earlier ones: events.jsonl in the run's folder has them"
            rows.insert(0, Content.styled(told, FAINT))
        return rows or [Content.styled("  nothing yet", FAINT)]


def _entry(state: RunState, record: Record, width: int) -> Iterable[Content]:
    event = record.event
    style = LEVEL_STYLES[event.level] if isinstance(event, Notice) else ""
    time = f" {run_clock(state, record.at_seconds):>7} "
    lines = _wrapped(happening(event), max(20, width - len(time) - 3)) or [""]
    yield Content.assemble((time, FAINT), (f"{mark(event)} {lines[0]}", style))
    for line in lines[1:]:
        yield Content.assemble(" " * (len(time) + 2), (line, style))


def _wrapped(text: str, width: int) -> list[str]:
    """In lines, none of which begins with the unit of a number."""
    tied = _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrap(tied, width)]
