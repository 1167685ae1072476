"""The dialogs over the monitor: the ghost, how much longer, how to end, a dataset not here."""

from textual.pilot import Pilot

from cnntop.core.errors import DatasetError
from cnntop.core.run_state import RunState
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.tui.ghost_race import GhostRace
from tests.tui import story
from tests.tui.scenes.scene import Act, Scene, press, running
from tests.tui.stage import Stage, monitor
from tests.tui.test_run_actions import TIMED, Steered

NO_WAY = (
    "cannot download CIFAR-10: the server's name cannot be resolved; is there a network? "
    "(www.cs.toronto.edu)"
)


def rows(count: int) -> list[Row]:
    return [
        dict.fromkeys(COLUMNS, "") | {
            "run": f"20260101-10{number:04}-before-{number:04x}", "name": f"before {number}",
            "best_test_accuracy": f"{0.8 - number / 1000}", "seconds": f"{61.5 + number}",
            "model": "shallow32", "started_utc": f"2026-01-01T10:{number % 60:02}:00Z",
        }
        for number in range(count)
    ]  # fmt: skip


def steered(*pressed: str, state: RunState | None = None) -> Act:
    """A run that obeys, and keys."""

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        stage.handle = Steered()  # type: ignore[assignment]
        shown = state or story.told(*story.training())
        await running(lambda: shown, *pressed)(stage, pilot)

    return act


def choosing(given: list[Row], *pressed: str) -> Act:
    """The ghost among those runs, and keys."""

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        stage.race = GhostRace()
        stage.race.rows = given
        await running(lambda: story.told(*story.training()), "g", *pressed)(stage, pilot)

    return act


def no_dataset(*pressed: str) -> Act:
    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await running(lambda: story.told(*story.preparing()))(stage, pilot)
        stage._offer_ways_out(DatasetError(NO_WAY))
        await press(pilot, *pressed)

    return act


def long_named() -> list[Row]:
    found = rows(3)
    found[1]["name"] = "a name [bold]that[/] goes on and on, 名前 as names of runs may"
    return found


SCENES = {
    "ghost-chooser": Scene(monitor, choosing(rows(3))),
    "ghost-chooser-many": Scene(monitor, choosing(rows(1000))),
    "ghost-chooser-filtered": Scene(monitor, choosing(rows(30), *"before 2")),
    "ghost-chooser-nothing": Scene(monitor, choosing(rows(3), *"quiet")),
    "ghost-chooser-none": Scene(monitor, choosing([])),
    "ghost-chooser-long-names": Scene(monitor, choosing(long_named())),
    "extend": Scene(monitor, steered("e")),
    "extend-epochs": Scene(monitor, steered("e", "5")),
    "extend-wrong": Scene(monitor, steered("e", "x")),
    "extend-time": Scene(monitor, steered("e", *"15", state=TIMED)),
    "end": Scene(monitor, steered("q")),
    "end-preparing": Scene(monitor, steered("q", state=story.told(*story.preparing()))),
    "discard": Scene(monitor, steered("q", "x")),
    "no-dataset": Scene(monitor, no_dataset()),
    "no-dataset-folder": Scene(monitor, no_dataset("f")),
}
