"""The program of a sweep's screen: polls the sweep and the log of the run under way."""

import time
from typing import ClassVar

from textual.binding import BindingType

from cnntop.core.errors import CnntopError
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.core.sweep.forecast import Forecast
from cnntop.tui.keys import MONITOR_KEYS, RUN, VIEW, Key, bindings, changed
from cnntop.tui.screen_app import ScreenApp
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.help import HelpScreen, page
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.sweep.screen import SweepScreen, under_way
from cnntop.tui.sweep.source import Source

POLL_SECONDS = 0.5
_HELP = """\
Keys
  w, Enter  the monitor of the run that trains; q, Esc: back
  q         stop the sweep, or leave the screen and let it go on
  d         leave the screen; the sweep goes on as plain lines
  ?         this page; Esc or ? closes it

The map
  A number is the best test accuracy inside the run's limit, in
  percent, the mean over its seeds; the brighter the better.
  * the best      ▶ trains                ~ seeds still missing
  c cut early     ✖ came to nothing       · to come

A sweep that was stopped, killed or cut off goes on by the same
command, or by cnntop sweep --resume last. What is done is done,
and the run that was under way goes on where it was.
"""


class FollowedRun:
    """The log of a run of another process, folded as it grows. It never looks at the run's lock,
    which would be in the way of a process that is about to take the run up."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.state = RunState()
        self._follower = LogFollower(folder)
        self._heard = time.monotonic()
        self._lost = False

    def poll(self) -> None:
        if self._lost:
            return
        try:
            records = self._follower.drain()
        except (OSError, CnntopError):
            self._lost = True  # what it came to is told by the sweep
            return
        self.state.apply_all(records)
        if records:
            self._heard = time.monotonic()

    @property
    def now(self) -> float:
        """Seconds on the stream's clock."""
        if self.state.ended is not None or self._follower.behind:
            return self.state.at_seconds
        return self.state.at_seconds + time.monotonic() - self._heard


_REFUSED = ("p", "f", "k", "left_square_bracket", "right_square_bracket", "e")
"""Keys that change a run: the sweep decides of its own."""


class RunScreen(MonitorScreen):
    """The monitor of the run that trains, over the sweep's screen."""

    KEYS = changed(
        MONITOR_KEYS,
        *(
            key._replace(action="app.refuse", label="Not here", help="does nothing here", rank=0)
            for key in MONITOR_KEYS
            if key.keys in _REFUSED
        ),
        Key(RUN, "q", "dismiss(None)", "q", "Back to the sweep", "back to the sweep", 1),
        Key(RUN, "d", "app.detach", "d", "Leave", "leave the screen; the sweep goes on"),
        Key(VIEW, "escape", "back", "Esc", "Back", "back from the whole screen, else as q"),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def action_back(self) -> None:
        if not self.step_back():
            self.dismiss(None)


class SweepApp(ScreenApp):
    """After it has ended, `detached` tells whether the person left while the sweep goes on, and
    `stop_wanted` whether it is to stop."""

    CSS_PATH = "../app.tcss"

    def __init__(self, source: Source, forecast: Forecast, own: bool) -> None:
        """`own`: this process runs the sweep, and leaving it asks."""
        super().__init__()
        self.detached = False
        self.stop_wanted = False
        self._source = source
        self._forecast = forecast
        self._own = own
        self._began = time.monotonic()
        self._run: FollowedRun | None = None
        self._screen = SweepScreen(source.folder.path.name)

    def on_mount(self) -> None:
        self.push_screen(self._screen)
        self.set_interval(POLL_SECONDS, self._poll)
        self.call_after_refresh(self._poll)

    def _poll(self) -> None:
        sweep = self._source.state
        if self._source.done and self._source.error is not None:
            self.exit()  # it is told in the ordinary terminal
        shown = under_way(sweep)
        if shown is not None and (self._run is None or self._run.folder != shown.run):
            self._run = FollowedRun(shown.run) if shown.run is not None else None
        if self._run is not None:
            self._run.poll()
        run, now = (self._run.state, self._run.now) if self._run else (RunState(), 0.0)
        left = self._forecast.remaining_seconds(sweep, self._source.slots)
        self._screen.show(sweep, left, self._standing(), run, now)
        for screen in self.screen_stack:
            if isinstance(screen, MonitorScreen):
                screen.show(run, now)

    def _standing(self) -> str:
        if self._source.done:
            return "■ over"
        return "■ stopping" if self._source.stopping else "● running"

    def action_monitor(self) -> None:
        if self._run is None:
            self.notify("No run is under way yet.", timeout=3)
        elif not isinstance(self.screen, MonitorScreen):
            self.push_screen(self._run_screen(self._run))

    def _run_screen(self, run: FollowedRun) -> RunScreen:
        screen = RunScreen(run.folder.path.name, "", self.settings, self.look)
        info = run.folder.read_info()
        if info is not None:
            screen.configure(info.recipe, info, run.folder.path)
        return screen

    def action_compare(self) -> None:
        # Not needed for the first frame, which should not wait for it.
        from cnntop.tui.screens.compare import CompareScreen

        self.push_screen(CompareScreen([self._source.folder.runs_dir]))

    def action_refuse(self) -> None:
        self.notify("A sweep's runs are to be alike: here this key does nothing.", timeout=3)

    def action_help(self) -> None:
        keys = self.screen.KEYS if isinstance(self.screen, MonitorScreen) else None
        self.push_screen(HelpScreen(_HELP if keys is None else page(keys)))

    def action_leave(self) -> None:
        if not self._own or self._source.done:
            self.exit()
            return
        answers = {"s": "Stop the sweep", "l": "Leave it going on", "c": "Stay"}
        details = (
            "Stop: the run stops at its next step; the same command goes on with it.\n"
            "Leave: the screen closes, the sweep goes on here as plain lines."
        )
        self.push_screen(ChoiceScreen("Stop or leave?", details, answers, "s"), self._take_leave)

    def _take_leave(self, answer: str | None) -> None:
        if answer == "s":
            self.stop_wanted = True
            self.exit()
        elif answer == "l":
            self.action_detach()

    def action_detach(self) -> None:
        """Leave the screen; a sweep that is not over goes on, as plain lines."""
        self.detached = self._own and not self._source.done
        self.exit()
