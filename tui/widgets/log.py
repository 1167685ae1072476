"""All that happened, newest last: notices, epochs, checkpoints, pauses, fixes."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from textwrap import wrap

from textual.content import Content

from cnntop.core.events import Notice, Record
from cnntop.core.run_state import LOG_KEPT, RunState
from cnntop.tui.format import clock
from cnntop.tui.happenings import happening, mark
from cnntop.tui.widgets.panel import FAINT
from cnntop.tui.widgets.scrolled import ScrolledPanel

_STYLES = {"info": "", "warning": "$warning", "error": "bold $error"}


class LogPanel(ScrolledPanel):
    """Only what is new is put into words; all of it when the width is another."""

    from_end = True

    def __init__(self) -> None:
        super().__init__("log")
        self._of: tuple[int, int] | None = None
        self._taken = 0
        self._entries: deque[list[Content]] = deque(maxlen=LOG_KEPT)

    def rows(self, state: RunState, width: int) -> Sequence[Content]:
        if self._of != (id(state), width):
            self._of = id(state), width
            self._entries.clear()
            self._taken = state.logged - len(state.log)
        new = min(state.logged - self._taken, len(state.log))
        for record in islice(state.log, len(state.log) - new, None):
            self._entries.append(list(_entry(record, width)))
        self._taken = state.logged
        rows = [row for entry in self._entries for row in entry]
        if earlier := state.logged - len(self._entries):
            told = f" {earlier:,} earlier ones: events.jsonl in the run's folder has them"
            rows.insert(0, Content.styled(told, FAINT))
        return rows or [Content.styled("  nothing yet", FAINT)]


def _entry(record: Record, width: int) -> Iterable[Content]:
    event = record.event
    style = _STYLES[event.level] if isinstance(event, Notice) else ""
    time = f" {clock(record.at_seconds):>7} "
    lines = wrap(happening(event), max(20, width - len(time) - 3)) or [""]
    yield Content.assemble((time, FAINT), (f"{mark(event)} {lines[0]}", style))
    for line in lines[1:]:
        yield Content.assemble(" " * (len(time) + 2), (line, style))
