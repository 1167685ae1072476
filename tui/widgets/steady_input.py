"""An input whose cursor does not blink: a screen on which nothing changes sends nothing."""

from typing import Any

from textual.widgets import Input


class SteadyInput(Input):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.set_reactive(Input.cursor_blink, False)
