"""A terminal or pipe that stops reading: training goes on, and a stop still stops."""

import fcntl
import itertools
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from statistics import median

import pytest

from cnntop.core.events import EpochFinished, StepsMeasured
from tests.tui.place import Place, until
from tests.tui.terminal_window import TerminalWindow

LONG = ("--epochs", "1000000")
END_SECONDS = 10.0
"""Promised: no stop takes longer."""


FULL = """
import os
import time

os.set_blocking(1, False)
for _ in range(20):  # the system makes some room again a moment after there was none
    try:
        while True:
            os.write(1, b" ")
    except BlockingIOError:
        time.sleep(0.01)
os.set_blocking(1, True)
"""
"""A terminal that has more to show than it has shown."""

STILL = """
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Static

from cnntop.tui.screen_driver import ScreenDriver


class Still(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("before")

    def on_ready(self) -> None:
        Path("begun").touch()

    def key_space(self) -> None:
        self._driver.forget()
        self.refresh()

    def key_x(self) -> None:
        self.query_one(Static).update("after")

    def key_m(self) -> None:
        self._driver.write("\\x1b[?1016h")


app = Still(driver_class=ScreenDriver)
app.run()
"""
"""A screen that draws when a key is pressed, and never else."""


def test_what_was_missed_is_drawn(place: Place) -> None:
    command = [sys.executable, "-c", STILL]
    with TerminalWindow(command, 120, 40, place.folder, place.environment()) as window:
        window.until("before")
        _stall(window, " ")
        window.keys("mx")
        time.sleep(1.0)
        window.until("after")
        assert b"\x1b[?1016h" in window.raw  # a mode is set once, and never again
        window.keys("\x11")
        assert window.end() == 0


def test_no_mode_of_the_start_is_lost(place: Place) -> None:
    """They come in a burst, here on a terminal that is behind already."""
    command = [sys.executable, "-c", FULL + STILL]
    with TerminalWindow(command, 120, 40, place.folder, place.environment()) as window:
        until((place.folder / "begun").exists)
        window.until("before")
        # The last of them: Textual sets the mouse's a second time, as some terminals need.
        assert window.raw.count(b"\x1b[?1006h") == 2
        window.keys("\x11")
        assert window.end() == 0


def test_training_goes_on(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.window(*quick(*LONG)) as window:
        window.until("a step")
        _stall(window)
        _epochs_pass(place, 3)
        window.keys("\x1b")
        window.rest(2.0)  # a key that came right behind it would make another key of it
        window.keys("q")
        window.until("Stop or leave?")
        window.kill(signal.SIGTERM)
        assert window.end() == 143


def test_a_slow_line_is_drawn_less_often_and_says_so(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    with place.window(*quick(*LONG)) as window:
        window.until("a step")
        _stall(window)
        window.keys("\x1b")
        window.until("slow line: drawn every")
        window.until(lambda text: "slow line" not in text and "a step" in text)
        window.kill(signal.SIGTERM)
        assert window.end() == 143


def test_a_terminal_that_answers_late_is_drawn_less_often(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    """As one behind a line that takes everything, and delivers it later."""
    question, answer = b"\x1b[?2026$p", "\x1b[?2026;2$y"
    answered = 0

    def answering(window: TerminalWindow) -> None:
        nonlocal answered
        window.read()
        while answered < window.raw.count(question):
            window.keys(answer)
            answered += 1

    with place.window(*quick(*LONG)) as window:
        until(lambda: answered > 2 and "a step" in window.text, lambda: answering(window))
        # An answer of ours that came late counts for a moment.
        until(lambda: "slow line" not in window.text, lambda: answering(window))
        until(lambda: window.raw.count(question) > answered, lambda: window.read())
        window.rest(1.5)
        silent = len(window.raw)
        window.rest(1.0)
        assert len(window.raw) == silent, "nothing is sent to a terminal that is behind"
        until(lambda: "slow line: drawn every" in window.text, lambda: answering(window))
        until(lambda: "slow line" not in window.text, lambda: answering(window))
        window.kill(signal.SIGTERM)
        assert window.end() == 143


@pytest.mark.parametrize("signals", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_stop_ends_the_screen(
    place: Place, quick: Callable[..., list[str]], signals: int
) -> None:
    """The terminal finds itself as it was when it reads on."""
    with place.window(*quick(*LONG)) as window:
        window.until("a step")
        _stall(window)
        for _ in range(signals):
            window.kill(signal.SIGTERM)
            time.sleep(0.1)
        assert window.end_unseen(END_SECONDS) == 143
        window.rest(1.0)
        assert not window.alternate
    if signals == 1:
        [row] = place.rows()
        assert row["status"] == "interrupted"


def test_a_stop_ends_lines_that_nobody_reads(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.start(*quick(*LONG)) as line:
        pipe = line.process.stdout
        assert pipe is not None
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        until(lambda: _is_full(line.process.pid))
        _epochs_pass(place, 3)
        line.process.send_signal(signal.SIGTERM)
        assert line.process.wait(END_SECONDS) == 143
    [row] = place.rows()
    assert row["status"] == "interrupted"


@pytest.mark.long
@pytest.mark.alone
def test_its_speed(place: Place) -> None:
    """Steps in 30 s of a stalled terminal against the 30 s before and after, three times."""
    seconds, ratios = 30.0, []
    demo = ("run", "--preset", "demo", *LONG)
    with place.window(*demo, "--set", "evaluate_every=1000000") as window:
        window.until("a step")
        window.rest(seconds / 3)
        before = _rate(place, lambda: window.rest(seconds))
        for _ in range(3):
            _stall(window)
            stalled = _rate(place, lambda: time.sleep(seconds))
            window.rest(3.0)
            after = _rate(place, lambda: window.rest(seconds))
            ratios.append(stalled / ((before + after) / 2))
            before = after
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert abs(median(ratios) - 1) <= 0.05, ratios


def _stall(window: TerminalWindow, *keys: str) -> None:
    """Read nothing until the terminal is full, and some frames longer; keys make it draw."""
    assert window.child.pid is not None
    deadline = time.monotonic() + 60
    frames_more = 30
    for key in itertools.cycle(keys or ("?", "\x1b")):
        window.keys(key)
        time.sleep(0.1)
        frames_more -= _is_full(window.child.pid)
        if frames_more == 0:
            return
        assert time.monotonic() < deadline


def _is_full(process: int) -> bool:
    """Whether the terminal or pipe that is the process's standard output takes no more."""
    end = os.open(f"/proc/{process}/fd/1", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    poll = select.poll()
    poll.register(end, select.POLLOUT)
    full = not poll.poll(0)
    os.close(end)
    return full


def _epochs_pass(place: Place, epochs: int) -> None:
    before = len(place.told(EpochFinished))
    until(lambda: len(place.told(EpochFinished)) >= before + epochs)


def _rate(place: Place, wait: Callable[[], object]) -> float:
    """Steps a second while `wait` goes on."""
    before, began = _steps(place), time.monotonic()
    wait()
    return (_steps(place) - before) / (time.monotonic() - began)


def _steps(place: Place) -> int:
    return place.told(StepsMeasured)[-1].step
