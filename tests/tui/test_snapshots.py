"""Pictures of the screens as text, from made-up runs. CNNTOP_UPDATE_SNAPSHOTS=1 draws them anew."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from textual.screen import Screen

from cnntop.core.events import AnyEvent, Notice, Paused, RunEnded
from cnntop.tui.launch import Launch
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.folder_prompt import FolderPrompt
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.screens.picker import PickerScreen
from tests.tui import story
from tests.tui.stage import SIZES, Stage, monitor, show, text

FOLDER = Path(__file__).with_name("snapshots")
UPDATE = os.environ.get("CNNTOP_UPDATE_SNAPSHOTS") == "1"

_WHOLE = [
    *story.preparing(),
    story.LIMITS,
    msgspec.structs.replace(story.STARTED, epochs_planned=6),
]
STORIES: dict[str, list[AnyEvent]] = {
    "preparing": story.preparing(),
    "training": story.training(),
    "training-gpus": story.with_gpu([story.gpu(0), story.gpu(1, measured=False)]),
    "waiting": story.waiting(),
    "fix-applied": story.fixed(measured=False),
    "fix-measured": story.fixed(measured=True),
    "paused": [*story.training(), Paused()],
    "finished": [*_WHOLE, *story.epochs(6), RunEnded("finished", "", 48.0)],
    "failed": [
        *story.training(), Notice("no room on the disk", "error"),
        RunEnded("failed", "no room on the disk", 23.0),
    ],
}  # fmt: skip
DIALOGS: dict[str, Callable[[], Screen[object]]] = {
    "picker": lambda: PickerScreen(Launch(None, Path("runs")), []),
    "leave": lambda: ChoiceScreen(
        "Stop or leave?", "Stopping ends the run.", {"s": "Stop and save", "c": "Stay"}, "s"
    ),
    "folder": FolderPrompt,
    "help": HelpScreen,
}
NAMES = [*(f"monitor-{name}" for name in STORIES), *DIALOGS]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("name", NAMES)
async def test_screen_looks_as_kept(name: str, size: tuple[int, int]) -> None:
    events = STORIES.get(name.removeprefix("monitor-"))
    stage = Stage(DIALOGS[name]() if events is None else monitor())
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        if events is not None:
            assert isinstance(stage.shown, MonitorScreen)
            show(stage, story.told(*events))
            await pilot.pause()
        seen = text(stage) + "\n"
    file = FOLDER / f"{name}-{size[0]}x{size[1]}.txt"
    if UPDATE:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(seen, encoding="utf-8")
    assert seen == file.read_text(encoding="utf-8")


def test_no_picture_is_left_of_a_screen_there_is_none_of() -> None:
    wanted = {f"{name}-{width}x{height}.txt" for name in NAMES for width, height in SIZES}
    assert {file.name for file in FOLDER.iterdir()} == wanted
