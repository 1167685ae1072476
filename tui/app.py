"""The screen's program: polls the feed, folds it, hands the state to the monitor. Stays small."""

from typing import Protocol

from textual.app import App

from cnntop.core.analysis.verdict import verdict
from cnntop.core.errors import CnntopError, DatasetError, UsageError
from cnntop.core.events import Record
from cnntop.core.fix import Fix
from cnntop.core.run_state import RunState
from cnntop.core.runs.summary import read_rows
from cnntop.core.session import RunHandle, start_run
from cnntop.tui.launch import Launch
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.folder_prompt import FolderPrompt
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.screens.picker import Picked, PickerScreen
from cnntop.tui.widgets.header import run_title
from cnntop.tui.widgets.too_small import COLUMNS, LINES

POLL_SECONDS = 0.25
HEAD_START_SECONDS = 0.05


class Feed(Protocol):
    def drain(self) -> list[Record]: ...


class Controls(Protocol):
    @property
    def paused(self) -> bool: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self) -> None: ...
    def apply(self, fix: Fix) -> None: ...


class ShownRun(Protocol):
    """What the screen needs of a run, be it of this process or of another."""

    @property
    def feed(self) -> Feed: ...
    @property
    def control(self) -> Controls: ...
    @property
    def now(self) -> float: ...
    @property
    def done(self) -> bool: ...


class CnntopApp(App[None]):
    """Opens the picker, or starts the launch at once if it names a preset.

    After it has ended, `handle` is the run (None if there was none), `state` what was folded of
    it, `launch` what was asked for in the end, and `detached` whether the person left while it
    trains on.
    """

    CSS_PATH = "app.tcss"
    TITLE = "cnntop"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (COLUMNS, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (LINES, "-short"), (22, "-normal"), (32, "-tall")]

    def __init__(self, launch: Launch) -> None:
        super().__init__()
        self.launch = launch
        self.handle: RunHandle | None = None
        self.state = RunState()
        self.detached = False
        self._told = False
        self._folder_typed = False

    @property
    def shown_run(self) -> ShownRun | None:
        """The run on the screen, once there is one."""
        return self.handle

    def on_mount(self) -> None:
        self.open_first_screen()
        self.set_interval(POLL_SECONDS, self._poll)

    def open_first_screen(self) -> None:
        if self.launch.preset is None:
            self.push_screen(PickerScreen(self.launch, read_rows(self.launch.runs_dir)))
        else:
            self._open_monitor()

    def on_picked(self, event: Picked) -> None:
        self.launch = event.launch
        self._open_monitor()

    def _open_monitor(self) -> None:
        self.handle = None  # one that is there has failed, and another run takes its place
        request = self.launch.request()
        recipe, data = request.recipe, request.recipe.data
        title = run_title(request.name, recipe.model.label, data.dataset, data.batch_size)
        subtitle = f"lr {recipe.train.lr:g} {recipe.train.schedule}"
        monitor = MonitorScreen(title, subtitle)
        if len(self.screen_stack) > 1:
            self.switch_screen(monitor)
        else:
            self.push_screen(monitor)
        # The first frame is on the terminal before the worker thread begins to import torch,
        # which would take the interpreter's lock from the writing of it.
        monitor.call_after_refresh(self.set_timer, HEAD_START_SECONDS, self._start)

    def _start(self) -> None:
        self._told = False
        self.handle = start_run(self.launch.request())
        self.state = self.handle.history()
        self._poll()

    def _poll(self) -> None:
        run = self.shown_run
        if run is None:
            return
        over = run.done
        for record in run.feed.drain():
            self.state.apply(record)
        for screen in self.screen_stack:
            if isinstance(screen, MonitorScreen):
                screen.show(self.state, run.now)
        if over and not self._told and self.handle is not None:
            self._told = True
            self._tell_end(self.handle)

    def _tell_end(self, handle: RunHandle) -> None:
        chosen_wrong = self._folder_typed and isinstance(handle.error, UsageError)
        if isinstance(handle.error, DatasetError) or chosen_wrong:
            assert handle.error is not None
            self._offer_ways_out(handle.error)
        elif handle.error is not None and handle.folder is None:
            # Nothing was trained, so there is nothing to look at.
            self.exit()

    def _offer_ways_out(self, error: CnntopError) -> None:
        answers = {"r": "Retry", "f": "Folder", "s": "Built-in shapes", "q": "Quit"}
        question = "This dataset cannot be used."
        self.push_screen(
            ChoiceScreen(question, str(error), answers, "q", escape=False), self._take_way_out
        )

    def _take_way_out(self, answer: str | None) -> None:
        if answer == "r":
            self._start()
        elif answer == "f":
            self.push_screen(FolderPrompt(), self._take_folder)
        elif answer == "s":
            self.launch = self.launch.with_settings({"data.dataset": "shapes", "data.dir": None})
            self._open_monitor()
        else:
            self.exit()

    def _take_folder(self, folder: str | None) -> None:
        if folder is None:
            self._told = False  # the poll offers the ways out again
            return
        self._folder_typed = True
        self.launch = self.launch.with_settings({"data.dataset": "folder", "data.dir": folder})
        self._open_monitor()

    def action_pause(self) -> None:
        run = self.shown_run
        if run is None or self.state.started is None or run.done:
            return
        if run.control.paused:
            run.control.resume()
        else:
            run.control.pause()

    def action_fix(self) -> None:
        """Apply what the verdict shown proposes; without a fix in it the key does nothing."""
        run = self.shown_run
        if run is None or run.done:
            return
        found = verdict(self.state)
        if found is not None and found.fix is not None:
            run.control.apply(found.fix)
        else:
            self.notify("Nothing to fix: the verdict proposes no change.", timeout=3)

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def action_leave(self) -> None:
        if self.handle is None or self.handle.done:
            self.exit()
            return
        answers = {"s": "Stop and save", "l": "Leave it training", "c": "Stay"}
        details = (
            "Stop: at the next step; weights and figures are kept.\n"
            "Leave: the screen closes, training goes on here as plain lines."
        )
        self.push_screen(ChoiceScreen("Stop or leave?", details, answers, "s"), self._take_leave)

    def _take_leave(self, answer: str | None) -> None:
        if answer == "s" and self.handle is not None:
            self.handle.control.stop()
        elif answer == "l":
            self.action_detach()

    def action_detach(self) -> None:
        """Leave the screen; a run that is not over trains on, as plain lines."""
        self.detached = self.handle is not None and not self.handle.done
        self.exit()
