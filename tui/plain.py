"""The line printer: the same run for pipes, logs and dumb terminals."""

import os
import sys
import time
from typing import TYPE_CHECKING

from cnntop.core.analysis.verdict import verdict
from cnntop.core.events import (
    Activity,
    EpochFinished,
    FixApplied,
    FixMeasured,
    GpusUnavailable,
    Notice,
    Paused,
    PlanExtended,
    RateChanged,
    Record,
    Resumed,
    RunResumed,
    RunStarted,
    StopAsked,
)
from cnntop.core.run_state import RunState
from cnntop.core.split import Split
from cnntop.core.text import printable
from cnntop.core.trail import trail_line
from cnntop.tui.closing import closing_lines
from cnntop.tui.format import (
    activity_amount,
    clock,
    duration,
    epoch_label,
    figure,
    fix_line,
    network_figures,
    percent,
    rate,
    split_line,
)
from cnntop.tui.ghost_race import GhostRace
from cnntop.tui.glyphs import as_ascii, ascii_only

if TYPE_CHECKING:
    from cnntop.core.session import RunHandle

POLL_SECONDS = 0.25
PROGRESS_SECONDS = 10.0
"""Time between two lines about an epoch that is under way."""


class PlainPrinter:
    """Prints a run's milestones as lines, and its progress now and then. `race` is that of the
    screen, if it was on one."""

    def __init__(self, handle: "RunHandle", state: RunState, race: GhostRace | None = None) -> None:
        self._handle = handle
        self._state = state
        self._race = race
        self._activity = ""
        self._stop_told = False
        self._bound = ""
        self._progress_at = time.monotonic()
        self._is_read = True

    def follow(self, while_read: bool = False) -> None:
        """Print until the run is over, then its summary; with `while_read` only as long as anybody
        reads it. Blocks, in the main thread."""
        while not self._handle.wait(POLL_SECONDS):
            self.poll()
            if while_read and not self._is_read:
                return
        self.poll()
        for line in closing_lines(self._handle, self._state, self._race):
            print_line(line)

    def poll(self) -> None:
        for record in self._handle.feed.drain():
            self._state.apply(record)
            self._milestone(record)
        if self._handle.control.stop_status and not self._stop_told and not self._handle.done:
            self._stop_told = True
            self._say("stopping at the next step; a second signal ends it at once")
        now = time.monotonic()
        if self._state.phase == "training" and now - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = now
            self._say(self._progress())

    def _milestone(self, record: Record) -> None:
        match record.event:
            case RunStarted() as started:
                self._say(
                    f"{started.model} ({network_figures(started)}) on {started.dataset}, "
                    f"batch {started.batch_size}, {started.device} ({started.device_name}), "
                    f"augmentation on {started.augment_on}"
                )
                if self._handle.folder:
                    self._say(f"run folder {self._handle.folder.path}")
            case RunResumed() as resumption:
                self._say(f"the run goes on after step {resumption.step:,}")
            case Activity() as activity if activity.name != "evaluating":
                self._activity_line(activity)
            case EpochFinished() as epoch:
                self._progress_at = time.monotonic()
                self._say(self._epoch_line(epoch))
                self._tell_verdict()
            case FixApplied() | FixMeasured():
                self._say(fix_line(self._state))
            case RateChanged() | PlanExtended() | StopAsked() as steered:
                self._say(trail_line(steered))
            case Paused():
                self._say("paused")
            case Resumed() as resumed:
                self._say(f"goes on after {duration(resumed.paused_seconds)}")
            case GpusUnavailable() as unavailable:
                self._say(f"no GPU figures: {unavailable.reason}")
            case Notice() as notice if notice.level != "error":
                # An error ends the run; it is told once, at the end, on stderr.
                self._say(f"{notice.level}: {notice.text}")

    def _tell_verdict(self) -> None:
        """After an epoch, if the verdict is another one than before."""
        found = verdict(self._state)
        if found is not None and found.bound != self._bound:
            self._bound = found.bound
            self._say(found.sentence())

    def _activity_line(self, activity: Activity) -> None:
        if activity.name != self._activity:
            self._activity = activity.name
            self._progress_at = time.monotonic()
            self._say(activity.name)
        elif time.monotonic() - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = time.monotonic()
            self._say(f"{activity.name}: {activity_amount(activity)}")

    def _epoch_line(self, epoch: EpochFinished) -> str:
        test = "not evaluated"
        if epoch.test_accuracy is not None:
            test = f"loss {figure(epoch.test_loss)} accuracy {percent(epoch.test_accuracy, 2)}"
        return (
            f"epoch {epoch_label(self._state)}: train loss {figure(epoch.train_loss)} "
            f"accuracy {percent(epoch.train_accuracy, 2)} | test {test} | "
            f"{duration(epoch.epoch_seconds)} | {split_line(_split_of(epoch))}"
        )

    def _progress(self) -> str:
        state = self._state
        return (
            f"epoch {epoch_label(state)} step {state.step:,}: loss {figure(state.train_loss.last)} "
            f"accuracy {percent(state.train_accuracy.last)} | "
            f"{rate(state.recent_images_per_second)} images/s | "
            f"{split_line(state.recent_split[0])} | "
            f"{percent(state.progress(), 0)} done, {clock(state.eta_seconds())} to go"
        )

    def _say(self, text: str) -> None:
        told = print_line(f"[{clock(self._state.at_seconds)}] {text}")
        self._is_read = self._is_read and told


def _split_of(epoch: EpochFinished) -> Split:
    split = Split()
    split.add(epoch)
    return split


def print_line(line: str) -> bool:
    """Print a line for whoever still reads; a closed pipe or a vanished terminal is no reason to
    stop training. False when that is found out; later lines go nowhere."""
    text = printable(line)
    if sys.stdout.isatty() and ascii_only(os.environ):
        text = as_ascii(text)
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True
