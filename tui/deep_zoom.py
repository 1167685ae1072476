"""The log, read where the charts look closer than the run's own curves do."""

import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cnntop.core.run_state import RunState
from cnntop.core.runs.window import read_window

_KEPT = 3
_MARGIN = 0.5
"""Of the window, read beyond each of its ends: to scroll a little needs no more reading."""
_WIDEST = 6.0
"""Windows of so many times the one looked at are too coarse for it."""
_LAG = 0.1
"""Of the window: so much of its newest end may still come from the run's own curves."""


class _Window(NamedTuple):
    """What was read; `state` is None where there was too much of it."""

    begin: float
    end: float
    state: RunState | None

    def shows(self, begin: float, end: float) -> bool:
        return self.begin <= begin and end <= self.end + _LAG * (end - begin)

    def fits(self, begin: float, end: float) -> bool:
        widest = _WIDEST if self.state else 1.01 + 2 * _MARGIN  # less of it may be read yet
        return self.shows(begin, end) and self.end - self.begin <= widest * (end - begin)


class DeepZoom:
    """Reads stretches of one log in a thread of its own, one at a time, and keeps the last ones."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._windows: deque[_Window] = deque(maxlen=_KEPT)
        self._reader: threading.Thread | None = None
        self._run: tuple[int, int] = (0, 0)
        self._broken = False

    @property
    def reading(self) -> bool:
        """Whether more is on its way."""
        return self._reader is not None and self._reader.is_alive()

    def look(self, state: RunState, begin_seconds: float, end_seconds: float) -> RunState | None:
        """What was read of this stretch of the stream's clock. None while nothing was, where it is
        too long to be read, and where `state` itself tells it all. Never waits."""
        coarse = max(curve.points_per_bin for curve in (state.speed, state.cpu_utilization))
        if coarse == 1 or self._broken:
            return None
        run = id(state), len(state.taken_back)
        if run != self._run:
            self._run = run
            self._windows.clear()
        begin, end = max(0.0, begin_seconds), min(end_seconds, state.at_seconds)
        windows = sorted(self._windows.copy(), key=lambda window: window.end - window.begin)
        if not self.reading and not any(window.fits(begin, end) for window in windows):
            self._read(state, begin, end)
        return next((one.state for one in windows if one.state and one.shows(begin, end)), None)

    def _read(self, state: RunState, begin: float, end: float) -> None:
        margin = _MARGIN * (end - begin)
        span = max(0.0, begin - margin), min(end + margin, state.at_seconds)

        def read() -> None:
            try:
                self._windows.append(_Window(*span, read_window(self._log, state, *span)))
            except OSError:
                self._broken = True  # the run's own curves are shown then, as they were before

        self._reader = threading.Thread(target=read, name="cnntop-deep-zoom", daemon=True)
        with suppress(RuntimeError):  # no thread can be had: as if there were no log
            self._reader.start()
