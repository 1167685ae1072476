"""The monitor's overview in every state, and the screens as they open."""

from functools import partial
from pathlib import Path

from cnntop.tui.launch import Launch
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.folder_prompt import FolderPrompt
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.picker import PickerScreen
from tests.tui import states
from tests.tui.scenes.picker import form
from tests.tui.scenes.scene import Scene, running
from tests.tui.stage import monitor

SCENES = {
    **{
        f"monitor-{name}": Scene(monitor, running(partial(states.state_of, name)))
        for name in states.NAMES
    },
    "picker": Scene(lambda: PickerScreen(Launch(None, Path("runs")), [])),
    "form": Scene(form),
    "leave": Scene(lambda: ChoiceScreen(
        "Stop or leave?", "Stopping ends the run.", {"s": "Stop and save", "c": "Stay"}, "s"
    )),
    "folder": Scene(FolderPrompt),
    "help": Scene(HelpScreen),
}  # fmt: skip
