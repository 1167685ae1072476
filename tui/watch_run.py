"""`cnntop watch`: any run on the screen or as lines, live or after the fact, from its log."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType

from cnntop.core.errors import CnntopError
from cnntop.core.events import Notice, Paused, Record, Resumed, RunEnded
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.follower import LogFollower
from cnntop.core.runs.log import reason
from cnntop.core.runs.sketch import is_long, sketch
from cnntop.tui.app import CnntopApp
from cnntop.tui.ghost_race import GhostRace
from cnntop.tui.keys import MONITOR_KEYS, RUN, Key, bindings, changed
from cnntop.tui.launch import Launch
from cnntop.tui.look import Look
from cnntop.tui.remote_control import RemoteControl
from cnntop.tui.screen_driver import ScreenDriver
from cnntop.tui.screen_run import leave
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.shown_run import ShownRun
from cnntop.tui.signals import StopSignals
from cnntop.tui.terminal import let_go_of_lost, loss_signalled, mode_restorer
from cnntop.tui.widgets.header import run_title

if TYPE_CHECKING:
    from cnntop.core.session import RunHandle

KILLED = "its process is gone"
REMOVED = "its folder is gone: it was removed or moved"
_LOOK_SECONDS = 2.0
"""Without a record until the run's lock is looked at: to look is to hold it for a moment, in which
nobody else could take the run up again."""


class WatchedRun:
    """A run of any process, as the screen and the plain printer know one of this process.

    It is its own feed. `state` is for the one reader who folds what `drain` returns.
    """

    def __init__(self, folder: RunFolder, readonly: bool = False) -> None:
        self.folder = folder
        self.state = RunState()
        self.error: CnntopError | None = None
        self.control = RemoteControl(folder, self.state)
        self._readonly = readonly
        self._follower = LogFollower(folder, holds=True)
        self._gone = False
        self._unreadable = False
        self._seq = 0
        self._at_seconds = 0.0
        self._heard = time.monotonic()
        self._look_at = 0.0

    @property
    def feed(self) -> "WatchedRun":
        return self

    def drain(self) -> list[Record]:
        """The log's records since the last call. Of a run whose process is gone without a word
        the last one, which is in no log, says so."""
        if self.error is not None:
            return []
        try:
            records = self._follower.drain()
            if not records and self._looks_dead():
                # Its end may have been written since.
                records = self._follower.drain()
                self._gone = not records and not self._follower.done
                if self._gone:
                    seconds = self.state.elapsed_seconds()
                    why = KILLED if self.folder.path.is_dir() else REMOVED
                    return [self._record(RunEnded("interrupted", why, seconds))]
        except OSError as error:
            return self._told_once(error)
        except CnntopError as error:
            self.error = CnntopError(f"the run's log cannot be read on: {error}")
            return [self._record(Notice(str(self.error), "error"))]
        self._unreadable = False
        if records:
            last = records[-1]
            self._seq, self._at_seconds = last.seq, last.at_seconds
            self._heard = time.monotonic()
            self._look_at = self._heard + _LOOK_SECONDS if self._look_at else 0.0
            self._gone = False
            if any(isinstance(record.event, Paused | Resumed) for record in records):
                self.control.answered()
        return records

    def _told_once(self, error: OSError) -> list[Record]:
        """A disk that fails may be one that is far away and comes back."""
        if self._unreadable:
            return []
        self._unreadable = True
        text = f"the run's log cannot be read now, and is tried again: {reason(error)}"
        return [self._record(Notice(text, "warning"))]

    def _looks_dead(self) -> bool:
        if self.done or time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + _LOOK_SECONDS
        return not self._follower.alive

    def _record(self, event: Notice | RunEnded) -> Record:
        return Record(self._seq + 1, self._at_seconds, event)

    def close(self) -> None:
        """Let go of the log."""
        self._follower.close()

    @property
    def done(self) -> bool:
        return self._gone or self.error is not None or self._follower.done

    @property
    def now(self) -> float:
        """Seconds on the stream's clock; that of a run that is over stands still."""
        passed = 0.0 if self.done or self._follower.behind else time.monotonic() - self._heard
        return self._at_seconds + passed

    def wait(self, timeout_seconds: float) -> bool:
        """Wait a moment for more to read, if there is none yet; returns whether the run is over."""
        if not self.done and not self.behind:
            time.sleep(timeout_seconds)
        return self.done

    @property
    def behind(self) -> bool:
        """Whether there is more of the log to be read at once."""
        return self.error is None and not self._unreadable and self._follower.behind

    @property
    def readonly(self) -> str | None:
        """Why the keys that change the run do nothing; None where they do."""
        if self._readonly:
            return "This is a look only: it was opened with --readonly."
        if self.done:
            return "This run is over."
        return None


class WatchScreen(MonitorScreen):
    """The monitor of a run that goes on whatever this screen does."""

    KEYS = changed(
        MONITOR_KEYS,
        Key(RUN, "q", "app.leave", "q", "Leave", "leave; the run goes on as it does", 2),
        Key(RUN, "d", "app.leave", "d", "Leave", "as q"),
        Key(RUN, "ctrl+c", "app.leave", "Ctrl-C", "Leave", "as q", priority=True),
        Key(RUN, "s", "app.stop_run", "s", "Stop it", "have the run stop at its next step", 3),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)


class WatchApp(CnntopApp):
    """The screen on a run of another process, from its first record on."""

    def __init__(self, run: WatchedRun, look: Look | None = None) -> None:
        super().__init__(Launch(None, run.folder.path.parent), look)
        self.watched = run
        self.state = run.state
        self.race = GhostRace(run.folder.path.parent, run.folder.path.name)

    @property
    def shown_run(self) -> ShownRun:
        return self.watched

    def open_first_screen(self) -> None:
        info = self.watched.folder.read_info()
        title, subtitle = self.watched.folder.path.name, ""
        if info is not None:
            data, train = info.recipe.data, info.recipe.train
            title = run_title(info.name, info.recipe.model.label, data.dataset, data.batch_size)
            subtitle = f"lr {train.lr:g} {train.schedule}"
        screen = WatchScreen(title, subtitle, self.settings, self.look)
        screen.ghost_panel.hold_against(self.race)
        if info is not None:
            screen.configure(info.recipe, info, self.watched.folder.path)
        self.push_screen(screen)
        self._look_at_log()
        screen.call_later(self._poll)  # into its first frame

    def _look_at_log(self) -> None:
        """Show all of a short log in the first frame, and of a long one a sketch in the second."""
        if is_long(self.watched.folder.events):
            self.state = RunState()
            self.call_after_refresh(self._glance)
        else:
            self._read_on()

    def _glance(self) -> None:
        glance = sketch(self.watched.folder.events)
        if glance is not None:
            self.state = self.watched.control.state = glance
            self.notify("The log is long: a sketch of it, until it is read.", timeout=2)
            self._poll()
        self.call_after_refresh(self._read_on)

    def _read_on(self) -> None:
        """Read the log as fast as it goes, a part at a time: keys are answered in between."""
        whole = self.watched.state
        whole.apply_all(self.watched.drain())
        if self.watched.behind:
            self.call_later(self._read_on)
        elif self.state is not whole:
            self.state = self.watched.control.state = whole
            self._poll()

    def take_news(self) -> None:
        if self.state is self.watched.state:
            super().take_news()

    def refusal(self) -> str | None:
        return self.watched.readonly

    def action_stop_run(self) -> None:
        refusal = self.refusal()
        if refusal is not None:
            self.notify(refusal, timeout=3)
        else:
            self.ask_how_to_end("Stop this run?", {"c": "Let it train"}, interrupt="c")

    def action_leave(self) -> None:
        self.exit()


def watch(folder: RunFolder, readonly: bool, look: Look | None) -> int:
    """Show the run until the person leaves or, as lines if there is no `look`, until it is over.
    Returns the exit code: 0, or that of a signal. Raises CnntopError if the log is damaged."""
    folder = RunFolder(folder.path.resolve())  # `.` has no name of its own
    run = WatchedRun(folder, readonly)
    code, printed = 0, False
    app: WatchApp | None = None
    if look is None:
        from cnntop.tui.plain import PlainPrinter

        # The printer takes any run that has what it uses of a RunHandle.
        printer = PlainPrinter(cast("RunHandle", run), run.state)
        with suppress(KeyboardInterrupt):
            printer.follow(while_read=True)
            printed = True
    else:
        app = WatchApp(run, look)
        app.driver_class = ScreenDriver
        with StopSignals(lambda: leave(app), mode_restorer()) as signals, loss_signalled():
            app.run()
        code = signals.exit_code or app.return_code or 0
    if not printed:
        # Not before the first frame, which would wait for it.
        from cnntop.tui.plain import print_line
        from cnntop.tui.ps_page import standing

        more = f"cnntop compare --runs-dir {folder.path.parent}"
        # Where a long log was not read to its end, a sketch of it knows better how the run stands.
        state = run.state if app is None or not run.behind else app.state
        unknown = run.behind and state.started is None
        print_line(more if unknown else f"{standing(folder, state)}  {more}")
    run.close()
    let_go_of_lost()
    if run.error is not None:
        raise run.error
    return code
