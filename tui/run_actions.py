"""The keys that change a run: what each asks of it, and what the person is told will happen."""

from collections.abc import Callable

from cnntop.core.analysis.verdict import verdict
from cnntop.core.errors import CnntopError
from cnntop.core.extension import Extension
from cnntop.core.run_state import RunState
from cnntop.core.text import printable
from cnntop.core.trail import times
from cnntop.tui.format import clock, epoch_label
from cnntop.tui.screen_app import ScreenApp
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.extend_prompt import ExtendPrompt, longer
from cnntop.tui.shown_run import Controls, ShownRun

TOLD_SECONDS = 4.0
NOT_BEGUN = "The run has not begun yet."
_STOP = {"s": "Stop and save now, at the next step"}
_STOP_PREPARING = {"s": "Stop now"}
_FINISH = {"f": "Finish this epoch, then stop and save"}
_DISCARD = {"x": "Discard the run (asks again)"}


class RunActions(ScreenApp):
    """An app that shows one run, whose folded records are its `state`. What the run does about a
    key comes back in its records; the answer to the key itself is a short notification."""

    state: RunState

    @property
    def shown_run(self) -> ShownRun | None:
        """The run on the screen, once there is one."""
        raise NotImplementedError

    def refusal(self) -> str | None:
        """Why nothing can be changed now; None where it can."""
        run = self.shown_run
        if run is None:
            return NOT_BEGUN
        return "This run is over." if run.done else None

    def steer(self, act: Callable[[Controls], None], told: str = "", begun: bool = True) -> None:
        """Have the run do what `act` asks of its control, and tell the person; or say why not.
        `begun`: only of a run that has taken its first step."""
        if not self._may_steer(begun):
            return
        run = self.shown_run
        assert run is not None
        try:
            act(run.control)
        except CnntopError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if told:
            self.notify(told, timeout=TOLD_SECONDS, markup=False)

    def _may_steer(self, begun: bool) -> bool:
        refusal = self.refusal()
        if refusal is None and begun and self.state.started is None:
            refusal = NOT_BEGUN
        if refusal is not None:
            self.notify(refusal, timeout=3)
        return refusal is None

    def action_pause(self) -> None:
        self.steer(lambda control: control.resume() if control.paused else control.pause())

    def action_fix(self) -> None:
        """Apply what the verdict shown proposes."""
        found = verdict(self.state)
        fix = found.fix if found else None
        if fix is not None:
            self.steer(lambda control: control.apply(fix))
        else:
            nothing = "Nothing to fix: the verdict proposes no change."
            self.notify(self.refusal() or nothing, timeout=3)

    def action_checkpoint(self) -> None:
        when = {"paused": "now", "evaluating": "between two batches of the evaluation"}
        told = f"A checkpoint is saved {when.get(self.state.phase, 'after this step')}."
        self.steer(lambda control: control.checkpoint(), told)

    def action_rate(self, factor: float) -> None:
        told = f"Learning rate {times(factor)} from the next step on."
        self.steer(lambda control: control.scale_rate(factor), told)

    def action_extend(self) -> None:
        if not self._may_steer(begun=True):
            return
        last = self.state.asked_last_epoch
        if last is not None:
            self.notify(f"It ends after epoch {last}, as asked. q takes that back.")
        else:
            self.push_screen(ExtendPrompt(self.state), self._take_extension)

    def _take_extension(self, more: Extension | None) -> None:
        if more is not None:
            told = f"{longer(more, self.state)}, from the next step on."
            self.steer(lambda control: control.extend(more), told)

    def ask_how_to_end(self, question: str, others: dict[str, str], interrupt: str) -> None:
        """The menu of the ways to stop, and beside them `others`, keys with what they do; "l" among
        them leaves. Ctrl-C gives the answer `interrupt`."""
        last = self.state.asked_last_epoch
        first = _FINISH if last is None else {"g": f"Go on after epoch {last} after all"}
        begun = self.state.started is not None
        answers = (first | _STOP | _DISCARD if begun else _STOP_PREPARING) | others
        self.push_screen(
            ChoiceScreen(question, _standing(self.state), answers, interrupt), self.take_end
        )

    def take_end(self, answer: str | None) -> None:
        if answer == "f":
            goes_on = " It goes on for that." if self.state.phase == "paused" else ""
            told = f"It finishes this epoch, then stops.{goes_on}"
            self.steer(lambda control: control.stop_after_epoch(), told)
        elif answer == "g":
            self.steer(lambda control: control.go_on_after_epoch(), "It goes on as planned.")
        elif answer == "s":
            self.steer(lambda control: control.stop(), begun=False)
        elif answer == "x":
            self._ask_to_discard()

    def _ask_to_discard(self) -> None:
        run = self.shown_run
        name = printable(run.folder.path.name) if run is not None and run.folder else "this run"
        details = (
            f"{name}\nIts folder goes, with all checkpoints, figures and its log, also of before "
            "it was resumed, and its row in summary.csv. There is no way back."
        )
        answers = {"c": "Keep it", "d": "Discard it for good"}
        self.push_screen(
            ChoiceScreen("Discard the run?", details, answers, "c"), self._take_discard
        )

    def _take_discard(self, answer: str | None) -> None:
        if answer == "d":
            told = "It stops at the next step, and nothing of it is kept."
            self.steer(lambda control: control.discard(), told)


def _standing(state: RunState) -> str:
    """How far the run is, in a line."""
    if state.started is None:
        return "It is still preparing; nothing has been trained."
    left = f", {clock(state.eta_seconds())} to go" if state.eta_seconds() is not None else ""
    if state.asked_last_epoch is not None:
        left = f"; it ends after epoch {state.asked_last_epoch}, as asked"
    return f"Epoch {epoch_label(state)}, {clock(state.trained_seconds())} trained{left}."
