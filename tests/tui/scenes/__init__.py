"""What the kept pictures are of, by name."""

from tests.tui.scenes import basics, compare, dialogs, monitor, picker
from tests.tui.scenes.scene import Scene

ALL: dict[str, Scene] = {
    **basics.SCENES, **monitor.SCENES, **picker.SCENES, **dialogs.SCENES, **compare.SCENES
}  # fmt: skip
OF_EACH_SCREEN = (
    "monitor-training", "picker", "form", "help", "compare", "curves", "recipes",
    "end", "ghost-chooser", "extend", "folder", "form-save",
)  # fmt: skip
"""What is looked at in a window that is too small, too."""
