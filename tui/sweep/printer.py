"""A sweep as lines, for pipes, logs and dumb terminals."""

import time

from cnntop.core.sweep.forecast import Forecast
from cnntop.core.sweep.progress import PointStatus, SweepState
from cnntop.tui.format import clock, percent
from cnntop.tui.plain import print_line
from cnntop.tui.sweep.pages import outcome_line
from cnntop.tui.sweep.source import Source

POLL_SECONDS = 0.25
PROGRESS_SECONDS = 60.0
"""Time between two lines about the run that is under way."""


class SweepPrinter:
    """Prints what changed between two looks at the sweep."""

    def __init__(self, source: Source, forecast: Forecast) -> None:
        self._source = source
        self._forecast = forecast
        self._known: dict[int, tuple[PointStatus, float]] = {
            one.point.number: (one.status, one.epochs) for one in source.state.points
        }
        self._began = time.monotonic()
        self._progress_at = self._began
        self._stop_told = False

    def follow(self) -> None:
        """Print until the sweep is over. Blocks, in the main thread."""
        while not self._source.wait(POLL_SECONDS):
            self._poll()
        self._poll()

    def _poll(self) -> None:
        sweep = self._source.state
        for one in sweep.points:
            before, self._known[one.point.number] = (
                self._known[one.point.number], (one.status, one.epochs),
            )  # fmt: skip
            if before[0] == one.status:
                continue
            label = f"{one.point.number}/{len(sweep.points)} {one.point.label}"
            if one.status == "running" and one.run is not None:
                self._say(f"{label}: trains; run folder {one.run.path}")
            elif not one.active:
                self._say(f"{label}: {outcome_line(one)}")
        if self._source.stopping and not self._stop_told and not self._source.done:
            self._stop_told = True
            self._say("stopping the run at its next step; a second signal ends it at once")
        if time.monotonic() - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = time.monotonic()
            self._progress(sweep)

    def _progress(self, sweep: SweepState) -> None:
        left = clock(self._forecast.remaining_seconds(sweep, self._source.slots))
        for one in sweep.active:
            self._say(
                f"{one.point.label}: {percent(one.progress, 0)} done, epoch {one.epochs:.1f}, "
                f"best {percent(one.accuracy, 2)}; the sweep has {left} to go"
            )

    def _say(self, text: str) -> None:
        print_line(f"[{clock(time.monotonic() - self._began)}] {text}")
