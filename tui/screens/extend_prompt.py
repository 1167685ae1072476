"""A dialog that asks how much longer a run shall train."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from cnntop.core.errors import UsageError
from cnntop.core.extension import MOST_EPOCHS, Extension, parse_extension
from cnntop.core.run_state import RunState
from cnntop.core.trail import span
from cnntop.tui.dialog import Dialog
from cnntop.tui.widgets.steady_input import SteadyInput


class ExtendPrompt(Dialog[Extension | None]):
    """Dismissed with how much longer, in the unit that the run ends by, or None by Escape. While
    one types it says what would come of it. `state` is the live one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss(None)", "Back", priority=True)
    ]

    def __init__(self, state: RunState) -> None:
        super().__init__()
        self._state = state

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("How much longer?", classes="question")
            yield Static(
                f"{_end(self._state)} Write epochs, as 5, or a time, as 10m; the learning rate's "
                "schedule then spans the longer run. Enter takes it, Esc goes back.",
                classes="details",
                markup=False,
            )
            yield SteadyInput(placeholder="5 or 10m", compact=True)
            yield Static(" ", id="outcome", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        more = self._show(event.value)
        if more is not None:
            self.dismiss(more)

    def _show(self, written: str) -> Extension | None:
        """What was written, and on the screen what comes of it or what is wrong with it."""
        outcome, more = self.query_one("#outcome", Static), None
        text = " "
        if written.strip():
            try:
                more = _read(written, self._state)
                text = f"{longer(more, self._state)}."
            except UsageError as error:
                text = str(error)
        outcome.set_class(bool(written.strip()) and more is None, "problem")
        outcome.update(text)
        return more


def longer(more: Extension, state: RunState) -> str:
    """As in `It ends after 25 epochs then, 5 more`."""
    started = state.started
    if started is not None and started.epochs_planned is not None:
        return f"It ends after {started.epochs_planned + more.epochs} epochs, {more.epochs} more"
    planned = (started.time_limit_seconds if started else None) or 0.0
    return f"It ends after {span(planned + more.seconds)}, {span(more.seconds)} more"


def _read(written: str, state: RunState) -> Extension:
    started = state.started
    planned = started.epochs_planned if started is not None else None
    more = parse_extension(written, planned is not None, state.complete_epoch_seconds.value)
    if planned is not None and planned + more.epochs > MOST_EPOCHS:
        raise UsageError(f"that is too long: a run has at most {MOST_EPOCHS:,} epochs.")
    return more


def _end(state: RunState) -> str:
    started = state.started
    if started is not None and started.epochs_planned is not None:
        return f"It ends after {started.epochs_planned} epochs."
    return f"It ends after {span((started.time_limit_seconds if started else None) or 0.0)}."
