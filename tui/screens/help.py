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
  f         apply the fix that the verdict (▶) proposes, between two steps
  q         stop and save, or leave the screen and train on
  d         leave the screen; training goes on as plain lines
  ?         this page; Esc or ? closes it

Where each step's time goes
  wait      the network stands still for its next batch (exposed wait);
            hidden wait is preparing batches while it computes
  transfer  moving the batch to the device
  compute   forward, backward and optimiser
  other     sums, log, checkpoints, evaluation
  "now" is about the last ten seconds, "run" the whole run.

Charts, from the first step to now
  ━ train   mean over each stretch of steps, as augmented
  • test    the whole test set, after each epoch

What was not measured shows as –, never as 0.
"""


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
