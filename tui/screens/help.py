"""Keys, and what the figures mean."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

TEXT = """\
Keys
  p         pause between two steps; again: go on
  q         ask: stop and save, or leave the screen and let it train
  ?         this page; Esc or ? closes it

Where each step's time goes
  wait      the network stands still: its next augmented batch is not there
  transfer  moving the batch to the device
  compute   forward, backward and optimiser
  other     the rest: sums, log, checkpoints, evaluation
  "now" is the last ten seconds or so, "run" all since the first step.

Charts
  train is the mean over the newest stretch of steps, test over the whole
  test set after each epoch. Both run from the first step to now.

What was not measured shows as –, never as 0.
"""


class HelpScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss(None)", "Close")
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help"):
            yield Static(TEXT, markup=False)
