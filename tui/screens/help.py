"""Keys, and what the figures and signs mean."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from cnntop.tui.keys import MONITOR_KEYS, Key, key_lines

_ABOUT = """\
Where each step's time goes
  ▒ wait      the network stands still for its next batch (exposed
              wait); hidden wait is preparing batches meanwhile
  ░ transfer  moving the batch to the device
  █ compute   forward, backward and optimiser
  ▓ other     sums, log, checkpoints, evaluation
  "now" is about the last ten seconds, "run" the whole run.

Charts, all on one time axis
  ━ train     mean over each stretch of steps, as augmented
  • test      the whole test set, after each epoch
  faint       around a curve: the least and the most of each stretch

On the axis
  ◆ checkpoint   ‖ pause   ▲ fix    ↕ rate   » more planned
  ↻ resumed in another process      ✖ NaN    ■ end

Signs
  ◌ preparing   ● at work   ❚❚ paused
  ■ stopped     ✔ finished  ✖ failed
  ▶           the verdict: what holds the run back, and what to do
  ┃           this panel has the focus
  …           a line is cut here
  +2          so many more lines: Enter shows the panel whole;
              beside the layout's name: so many panels have no room
  -1          beside the layout's name: so many are switched off
  slow line   the terminal does not keep up: it is drawn less often

What was not measured shows as –, never as 0.
"""


def page(keys: Sequence[Key]) -> str:
    """The help of a screen with these keys."""
    return "\n".join([*key_lines(keys), "", _ABOUT])


TEXT = page(MONITOR_KEYS)


class HelpScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss(None)", "Close")
    ]

    def __init__(self, text: str = TEXT) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help"):
            yield Static(self._text, markup=False)
