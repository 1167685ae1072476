"""Pictures of the screens as text, from made-up runs. `make snapshots` draws them anew."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.screen import Screen

from cnntop.tui.launch import Launch
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.folder_prompt import FolderPrompt
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.screens.picker import PickerScreen
from cnntop.tui.screens.recipe_form import RecipeForm, draft_of
from tests.tui import states
from tests.tui.kept_picture import compare, names_kept
from tests.tui.stage import SIZES, Stage, monitor, show, text

FOLDER = Path(__file__).with_name("snapshots")
ALL_SIZES = [*SIZES, (200, 60)]
DIALOGS: dict[str, Callable[[], Screen[object]]] = {
    "picker": lambda: PickerScreen(Launch(None, Path("runs")), []),
    "form": lambda: RecipeForm(
        Launch("demo", Path("runs")), draft_of(Launch("demo", Path("runs")))
    ),
    "leave": lambda: ChoiceScreen(
        "Stop or leave?", "Stopping ends the run.", {"s": "Stop and save", "c": "Stay"}, "s"
    ),
    "folder": FolderPrompt,
    "help": HelpScreen,
}
NAMES = [*(f"monitor-{name}" for name in states.NAMES), *DIALOGS]


@pytest.mark.parametrize("size", ALL_SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("name", NAMES)
async def test_screen_looks_as_kept(name: str, size: tuple[int, int]) -> None:
    state = None if name in DIALOGS else states.state_of(name.removeprefix("monitor-"))
    stage = Stage(DIALOGS[name]() if state is None else monitor())
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        if state is not None:
            assert isinstance(stage.shown, MonitorScreen)
            show(stage, state)
            await pilot.pause()
        seen = text(stage) + "\n"
    compare(FOLDER / f"{name}-{size[0]}x{size[1]}.txt", seen)


def test_no_picture_is_left_of_a_screen_there_is_none_of() -> None:
    wanted = {f"{name}-{width}x{height}.txt" for name in NAMES for width, height in ALL_SIZES}
    assert names_kept(FOLDER, ".txt") == wanted
