"""The screen's program: polls the feed, folds it, hands the state to the monitor. Stays small."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnntop.core.errors import CnntopError, DatasetError, UsageError
from cnntop.core.run_state import RunState
from cnntop.core.runs.summary import read_rows
from cnntop.tui.deep_zoom import DeepZoom
from cnntop.tui.ghost_race import GhostRace
from cnntop.tui.keys import MONITOR_KEYS
from cnntop.tui.launch import Launch
from cnntop.tui.look import Look, Refresh
from cnntop.tui.run_actions import RunActions
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.folder_prompt import FolderPrompt
from cnntop.tui.screens.help import HelpScreen, page
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.shown_run import ShownRun
from cnntop.tui.widgets.header import run_title

if TYPE_CHECKING:
    from cnntop.core.session import RunHandle
    from cnntop.tui.screens.picker import Picked

# What the first frame does not need is imported where it is used: every import delays that frame.

HEAD_START_SECONDS = 0.05


class CnntopApp(RunActions):
    """Opens the picker, or starts the launch at once if it names a preset.

    After it has ended, `handle` is the run (None if there was none), `state` what was folded of
    it, `launch` what was asked for in the end, and `detached` whether the person left while it
    trains on.
    """

    def __init__(self, launch: Launch, look: Look | None = None) -> None:
        super().__init__(look)
        self.launch = launch
        self.handle: RunHandle | None = None
        self.state = RunState()
        self.detached = False
        self.race = GhostRace(launch.runs_dir)
        self._told = False
        self._folder_typed = False
        self._drawing = Refresh(self.look)
        self._phase_drawn = ""
        self._run_told = False

    @property
    def shown_run(self) -> ShownRun | None:
        return self.handle

    @property
    def run_folder(self) -> Path | None:
        folder = self.shown_run.folder if self.shown_run is not None else None
        return folder.path if folder is not None else None

    def on_mount(self) -> None:
        self.open_first_screen()
        self.set_interval(self.look.poll_seconds, self._poll)

    def open_first_screen(self) -> None:
        if self.launch.preset is None:
            from cnntop.tui.screens.picker import PickerScreen

            self.push_screen(PickerScreen(self.launch, read_rows(self.launch.runs_dir)))
        else:
            self._open_monitor()

    def on_picked(self, event: "Picked") -> None:
        if self.launch.preset is None:  # else a second key came right behind the first
            self.launch = event.launch
            self._open_monitor()

    def _open_monitor(self) -> None:
        self.handle = None  # one that is there has failed, and another run takes its place
        request = self.launch.request()
        recipe, data = request.recipe, request.recipe.data
        title = run_title(request.name, recipe.model.label, data.dataset, data.batch_size)
        subtitle = f"lr {recipe.train.lr:g} {recipe.train.schedule}"
        monitor = MonitorScreen(title, subtitle, self.settings, self.look)
        monitor.configure(recipe, None, None)
        self._run_told = False
        self.race = GhostRace(self.launch.runs_dir)
        monitor.ghost_panel.hold_against(self.race)
        while len(self.screen_stack) > 2:  # help, say, above the one that failed
            self.pop_screen()
        if len(self.screen_stack) > 1:
            self.switch_screen(monitor)
        else:
            self.push_screen(monitor)
        # The first frame is on the terminal before the worker thread begins to import torch,
        # which would take the interpreter's lock from the writing of it.
        monitor.call_after_refresh(self.set_timer, HEAD_START_SECONDS, self._start)

    def _start(self) -> None:
        from cnntop.core.session import start_run

        self._told = False
        self.handle = start_run(self.launch.request())
        self.state = self.handle.history()
        self._poll()

    def _poll(self) -> None:
        run = self.shown_run
        if run is None:
            return
        over = run.done
        self.take_news()
        self._draw(run)
        if over and not self._told and self.handle is not None:
            self._told = True
            self._tell_end(self.handle)

    def take_news(self) -> None:
        """Fold what the run told since the last time."""
        if self.shown_run is not None:
            self.state.apply_all(self.shown_run.feed.drain())

    def _draw(self, run: ShownRun) -> None:
        """As often as the terminal takes it; that the run does something else now, at once."""
        driver = self.screen_driver
        behind = driver is not None and driver.behind
        due = self._drawing.due(behind)
        if not due and (behind or self.state.phase == self._phase_drawn):
            return
        self._phase_drawn = self.state.phase
        slowed = self._drawing.slowed_seconds
        news = self.race.follow(self.state)
        for screen in self.screen_stack:
            if isinstance(screen, MonitorScreen):
                self._configure(screen, run)
                if screen.axis.magnifier is None and run.folder is not None:
                    screen.axis.magnifier = DeepZoom(run.folder.events)
                screen.remark("" if slowed is None else f"slow line: drawn every {slowed:.2g} s")
                screen.show(self.state, max(run.now, self.state.at_seconds))
                if news:
                    screen.take_ghost()
        if driver is not None:
            driver.ask()

    def _configure(self, screen: MonitorScreen, run: ShownRun) -> None:
        """Once the run has its folder, that tells more of it than what was asked for."""
        if self._run_told or self.state.started is None or run.folder is None:
            return
        info = run.folder.read_info()
        if info is not None:
            self._run_told = True
            screen.configure(info.recipe, info, run.folder.path)

    def _tell_end(self, handle: "RunHandle") -> None:
        chosen_wrong = self._folder_typed and isinstance(handle.error, UsageError)
        if isinstance(handle.error, DatasetError) or chosen_wrong:
            assert handle.error is not None
            self._offer_ways_out(handle.error)
        elif handle.error is not None and handle.folder is None:
            # Nothing was trained, so there is nothing to look at.
            self.exit()

    def _offer_ways_out(self, error: CnntopError) -> None:
        answers = {"r": "Retry", "f": "Folder", "s": "Built-in shapes", "q": "Quit"}
        if self.launch.resume is not None:  # it goes on with its own dataset or not at all
            del answers["f"], answers["s"]
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

    def action_ghost(self) -> None:
        """Choose the earlier run to be held against."""
        if self.race.rows is None:
            waits = self.state.started is not None
            self.notify(
                "The earlier runs are still being read." if waits
                else "The ghost comes with the first step.", timeout=3,
            )  # fmt: skip
        else:
            from cnntop.tui.screens.ghost_chooser import GhostChooser

            self.push_screen(GhostChooser(self.race.rows, self.race.chosen), self._take_ghost)

    def _take_ghost(self, chosen: str | None) -> None:
        if chosen is not None:
            self.race.choose(chosen)

    def action_compare(self) -> None:
        # Not needed for the first frame, which should not wait for it.
        from cnntop.tui.screens.compare import CompareScreen

        self.push_screen(CompareScreen([self.launch.runs_dir]))

    def action_help(self) -> None:
        keys = self.screen.KEYS if isinstance(self.screen, MonitorScreen) else MONITOR_KEYS
        self.push_screen(HelpScreen(page(keys)))

    def action_leave(self) -> None:
        if self.handle is None or self.handle.done:
            self.exit()
            return
        others = {"l": "Leave it training, as plain lines here", "c": "Stay"}
        self.ask_how_to_end("Stop or leave?", others, interrupt="s")

    def take_end(self, answer: str | None) -> None:
        if answer == "l":
            self.action_detach()
        else:
            super().take_end(answer)

    def action_detach(self) -> None:
        """Leave the screen; a run that is not over trains on, as plain lines."""
        self.detached = self.handle is not None and not self.handle.done
        self.exit()
