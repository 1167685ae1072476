"""The monitor beyond its overview: layouts, full screen, the cursor, a ghost, the palette."""

from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from cnntop.core.events import (
    AnyEvent,
    CheckpointSaved,
    CpuSample,
    EpochFinished,
    FixApplied,
    Paused,
    Resumed,
)
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunInfo
from cnntop.core.settings import Settings
from cnntop.tui.ghost_race import HIDDEN
from cnntop.tui.launch import Launch
from cnntop.tui.screens.help import HelpScreen, page
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.watch_run import WatchScreen
from tests.tui import states, story
from tests.tui.scenes.scene import Act, Scene, press, running
from tests.tui.stage import TITLE, Stage, monitor
from tests.tui.test_ghost import ghost, racing

ID = "20260101-120000-demo-abcd"
BACK = ("shift+left",) * 2
"""Keys that bring the cursor twenty cells back in time."""


def training() -> RunState:
    return states.state_of("training")


def eventful() -> RunState:
    """Of a run to which all happened that leaves a mark on the axis."""
    fix = FixApplied("data.augment_on", "loader", "cpu", 900, 2_777.8, 1.22)
    between: dict[int, list[AnyEvent]] = {
        1: [CheckpointSaved("checkpoint/last.pt", 1, 0.18, 313)],
        2: [CheckpointSaved("checkpoint/last.pt", 2, 0.31, 626), Paused(), Resumed(2.0)],
        3: [fix],
    }
    events: list[AnyEvent] = []
    ended = 0
    for event in story.training():
        events.append(event)
        if isinstance(event, EpochFinished):
            ended += 1
            events += between.get(ended, [])
    return story.told(*events)


def large_machine() -> RunState:
    """8 GPUs, of which one trains, and 256 cores."""
    samples = [story.gpu(index) for index in range(8)]
    events = [story.cpu(256) if isinstance(one, CpuSample) else one
              for one in story.with_gpu(samples)]  # fmt: skip
    return story.told(*events)


def layout(name: str) -> Callable[[], MonitorScreen]:
    return lambda: MonitorScreen(TITLE, "lr 0.01 cosine", Settings(layout=name))


def configured(info: RunInfo | None = None) -> MonitorScreen:
    """With the recipe, and with `info` what is known of the run and its machine."""
    screen = layout("config")()
    folder = None if info is None else Path("runs") / info.run
    screen.configure(Launch("demo", Path("runs")).recipe(), info, folder)
    return screen


def known_run() -> MonitorScreen:
    machine = {
        "host": "somewhere", "cpu_name": "Some CPU 9000", "cores": 8,
        "memory_total_bytes": 16_000_000_000, "device_name": "Some CPU 9000",
    }  # fmt: skip
    versions = {"cnntop": "1.0.0", "python": "3.13.1", "torch": "2.9.0"}
    recipe = Launch("demo", Path("runs")).recipe()
    info = RunInfo(
        ID, "demo", "demo", "2026-01-01T12:00:00Z", recipe, "cpu", machine, versions, "0123456789ab"
    )
    return configured(info)


def raced(name: str = "overview", chosen: str = "") -> MonitorScreen:
    """Held against a faster, better run; or with HIDDEN against none."""
    screen = layout(name)()
    race = racing(ghost() if chosen != HIDDEN else None)
    race.chosen = chosen
    screen.ghost_panel.hold_against(race)
    return screen


def against(state: Callable[[], RunState], *pressed: str) -> Act:
    """Show the monitor a run and what is known of its ghost, then press keys."""

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await running(state)(stage, pilot)
        assert isinstance(stage.shown, MonitorScreen)
        stage.shown.take_ghost()
        await press(pilot, *pressed)

    return act


def alone(panel: str) -> Act:
    """That panel on the whole screen."""

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await running(training)(stage, pilot)
        stage.shown.query_one(f"#{panel}").focus()
        await press(pilot, "enter")

    return act


SCENES = {
    "charts": Scene(layout("charts"), running(training)),
    "charts-gpus": Scene(layout("charts"), running(large_machine)),
    "charts-marks": Scene(layout("charts"), running(eventful)),
    "hardware": Scene(layout("hardware"), running(training)),
    "hardware-large": Scene(layout("hardware"), running(large_machine)),
    "log": Scene(layout("log"), running(eventful)),
    "config": Scene(configured, running(training)),
    "config-known": Scene(known_run, running(training)),
    "alone-loss": Scene(monitor, alone("loss")),
    "alone-split": Scene(monitor, alone("split")),
    "focus": Scene(monitor, running(training, "tab")),
    "switched-off": Scene(monitor, running(training, "2", "6")),
    "cursor": Scene(monitor, running(eventful, *BACK)),
    "cursor-charts": Scene(layout("charts"), running(eventful, *BACK)),
    "zoomed": Scene(layout("charts"), running(eventful, *BACK, "plus", "plus")),
    "by-time": Scene(layout("charts"), running(eventful, "x", "x", *BACK)),
    "log-smooth": Scene(layout("charts"), running(training, "l", "m", "m")),
    "ghost": Scene(raced, against(training)),
    "ghost-charts": Scene(lambda: raced("charts"), against(training, *BACK)),
    "ghost-none": Scene(lambda: raced(chosen=HIDDEN), running(training)),
    "ghost-end": Scene(raced, against(lambda: states.state_of("finished"))),
    "palette": Scene(monitor, running(training, "ctrl+p")),
    "palette-found": Scene(monitor, running(training, "ctrl+p", *"layout")),
    "watch": Scene(lambda: WatchScreen(TITLE, ""), running(training)),
    "watch-help": Scene(lambda: HelpScreen(page(WatchScreen.KEYS))),
}
