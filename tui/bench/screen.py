"""What the screen costs and how soon it answers, measured from outside: real programs on a real
terminal, of which this is the other end."""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from cnntop.core.runs.folder import RunFolder
from cnntop.tui.bench import memory
from cnntop.tui.bench.exits import signals_as_exits
from cnntop.tui.bench.made_run import LONG_STEPS, GrowingRun, write_run
from cnntop.tui.bench.memory import private_bytes
from cnntop.tui.bench.shown import Shown
from cnntop.tui.bench.window import environment

_PYTHON = (sys.executable, "-P")
_COMMAND = (*_PYTHON, "-m", "cnntop.tui.cli")
_TRAINING = ("--preset", "demo", "--dataset", "shapes", "--epochs", "1000000", "--device", "cpu")
_IMPORTS = """
import sys, cnntop.tui.cli, cnntop.tui.watch_run
print("imported", flush=True)
sys.stdin.read()
"""
_STARTS, _KEYS, _ROUNDS = 7, 20, 5
"""How often each is tried."""
_TITLE, _TRAINS, _OVER = b"shallow32", b"training", b"finished"
"""Words of the first frame, of one of a run that trains, and of one that is over."""
_OPENED = ((b"?", b"pause between", b"?"), (b"q", b"Stay", b"c"))
"""Keys that open a dialog, words of it, and what closes it: the help, and the ways to stop."""
_SCROLLING = (b"\x1b[D", b"\x1b[C", b"+", b"\x1b[1;2D", b"\x1b[1;2C", b"-", b"\x1b[H", b"\x1b[F")
"""Left, right, closer, left and right by more, wider, the beginning, the end."""
_GROWN_STEPS_PER_SECOND = 10.0
_SHORT_STEPS = 2_000
_WARM_UP_SECONDS = 1.5
_OPEN_SECONDS, _SETTLED_SECONDS, _ANSWER_SECONDS = 0.4, 0.3, 1.0
"""For looking at a dialog, until a screen counts as drawn, and waited for a key that may do
nothing."""
_IDLE_SECONDS, _LOOK_SECONDS = 0.5, 0.02
_LEAST_MEMORY_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """`refresh_hz` None is what cnntop does by itself. Three screens are looked at for a quarter of
    `seconds` each; `long_steps` are those of the long run."""

    columns: int = 120
    lines: int = 40
    refresh_hz: float | None = None
    seconds: float = 60.0
    long_steps: int = LONG_STEPS


@dataclass(frozen=True)
class Steady:
    """A screen over some seconds: the cores that it kept busy, and what it sent."""

    cores: float
    bytes_per_second: float


@dataclass(frozen=True)
class LongRun:
    """A watch of a long run: seconds from its start to the first frame, until it showed how the run
    stands and its curves, and until it had read all of the log; those of each key's answer, and the
    growth of memory while it was scrolled."""

    log_bytes: int
    paint_seconds: float
    shown_seconds: float
    read_seconds: float
    key_seconds: list[float]
    memory_bytes: int
    growth_bytes: int


@dataclass(frozen=True)
class Measured:
    """What is a list was measured so often, in seconds. `starts`: of Python alone, of one that
    imports Textual, and until the first frame of a watch and of a run. `beyond_bytes`: private
    memory of a watch beyond its imports, and of a run beyond a plain loop that trains the same.
    `others_cores` is how many cores other programs kept busy meanwhile."""

    plan: Plan
    starts: dict[str, list[float]]
    key_seconds: list[float]
    watch: Steady
    still: Steady
    run: Steady
    watch_beyond_bytes: int
    run_beyond_bytes: float
    long: LongRun
    others_cores: float


def measure(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Measured:
    """Measure all of it. Raises CnntopError, and SystemExit for a signal; leaves neither processes
    nor files behind."""
    begun, busy = time.perf_counter(), _others_cpu_seconds()
    with ExitStack() as stack:
        stack.enter_context(signals_as_exits())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cnntop-bench-")))
        screens = _Screens(plan, folder)
        tell("starts")
        starts = screens.starts()
        tell("a watch of a run that grows")
        watch, watch_beyond = screens.growing()
        tell("a watch of a run that is over")
        still = screens.still()
        tell("a run that trains")
        run, keys = screens.training()
        tell(f"a watch of a run of {plan.long_steps:,} steps")
        long = screens.long()
    tell("memory of a run beside that of a plain loop")
    beyond = memory.measure(max(_LEAST_MEMORY_SECONDS, plan.seconds / 4)).beyond_bytes
    others = (_others_cpu_seconds() - busy) / (time.perf_counter() - begun)
    return Measured(plan, starts, keys, watch, still, run, watch_beyond, beyond, long, others)


class _Screens:
    """The programs that are looked at, one after the other."""

    def __init__(self, plan: Plan, runs_dir: Path) -> None:
        self._plan = plan
        self._runs_dir = runs_dir
        self._seconds = max(1.0, plan.seconds / 4)
        self._draw = random.Random(0)
        self._short = write_run(runs_dir, "short", _SHORT_STEPS)

    def starts(self) -> dict[str, list[float]]:
        watch, run = self._watch(self._short), self._run()
        return {
            "python": [_python_seconds("pass") for _ in range(_STARTS)],
            "textual": [_python_seconds("import textual.app") for _ in range(_STARTS)],
            "watch": [self._paint_seconds(watch) for _ in range(_STARTS)],
            "run": [self._paint_seconds(run) for _ in range(_STARTS)],
        }

    def growing(self) -> tuple[Steady, int]:
        with (
            GrowingRun(self._runs_dir, "growing", _GROWN_STEPS_PER_SECOND) as grown,
            self._shown(self._watch(grown.folder)) as shown,
        ):
            shown.seconds_until(_TRAINS, shown.started)
            time.sleep(_WARM_UP_SECONDS)
            steady = _steady(shown, self._seconds, lambda: _cpu_seconds(shown))
            watched = private_bytes(shown.process.pid)
        with self._shown([*_PYTHON, "-c", _IMPORTS]) as shown:
            shown.seconds_until(b"imported", shown.started)
            return steady, watched - private_bytes(shown.process.pid)

    def still(self) -> Steady:
        with self._shown(self._watch(self._short)) as shown:
            shown.seconds_until(_OVER, shown.started)
            time.sleep(_WARM_UP_SECONDS)
            return _steady(shown, self._seconds, lambda: _cpu_seconds(shown))

    def training(self) -> tuple[Steady, list[float]]:
        with self._shown(self._run()) as shown:
            shown.seconds_until(_TRAINS, shown.started)
            time.sleep(_WARM_UP_SECONDS)
            steady = _steady(shown, self._seconds, lambda: _main_thread_seconds(shown))
            keys = []
            for number in range(_KEYS):
                opens, words, closes = _OPENED[number % len(_OPENED)]
                time.sleep(self._draw.uniform(0.3, 0.7))  # at any moment between two drawings
                shown.forget()
                keys.append(shown.seconds_until(words, shown.type(opens)))
                time.sleep(_OPEN_SECONDS)
                shown.type(closes)
            return steady, keys

    def long(self) -> LongRun:
        folder = write_run(self._runs_dir, "long", self._plan.long_steps)
        with self._shown(self._watch(folder)) as shown:
            paint = shown.seconds_until(_TITLE, shown.started)
            over = shown.seconds_until(_OVER, shown.started)
            read = _seconds_until_idle(shown)
            shown.wait_quiet(_WARM_UP_SECONDS)
            self._scroll(shown)  # the first time round, what is kept for drawing grows
            before = private_bytes(shown.process.pid)
            keys = [second for _ in range(_ROUNDS) for second in self._scroll(shown)]
            growth = private_bytes(shown.process.pid) - before
        size = folder.events.stat().st_size
        return LongRun(size, paint, over, read, keys, before, growth)

    def _scroll(self, shown: Shown) -> list[float]:
        """Seconds until each key's first answer, of those that do something."""
        found = []
        for key in _SCROLLING:
            shown.forget()
            answer = shown.seconds_until_any(shown.type(key), _ANSWER_SECONDS)
            if answer is not None:
                found.append(answer)
                shown.wait_quiet(_SETTLED_SECONDS)
        return found

    def _paint_seconds(self, command: list[str]) -> float:
        with self._shown(command) as shown:
            return shown.seconds_until(_TITLE, shown.started)

    def _shown(self, command: Sequence[str]) -> Shown:
        config = str(self._runs_dir / "config")  # as nobody has set it
        return Shown(command, self._plan.columns, self._plan.lines, CNNTOP_CONFIG=config)

    def _watch(self, folder: RunFolder) -> list[str]:
        return [*_COMMAND, "watch", str(folder.path), *self._refresh]

    def _run(self) -> list[str]:
        folder = self._runs_dir / "trained"
        return [*_COMMAND, "run", *_TRAINING, "--runs-dir", str(folder), *self._refresh]

    @property
    def _refresh(self) -> list[str]:
        hertz = self._plan.refresh_hz
        return [] if hertz is None else ["--refresh", f"{hertz:g}"]


def _python_seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([*_PYTHON, "-c", code], check=True, env=environment())
    return time.perf_counter() - begun


def _steady(shown: Shown, seconds: float, spent: Callable[[], float]) -> Steady:
    shown.forget()
    begun, before = time.perf_counter(), spent()
    time.sleep(seconds)
    passed = time.perf_counter() - begun
    return Steady((spent() - before) / passed, shown.printed_bytes(begun) / passed)


def _cpu_seconds(shown: Shown) -> float:
    times = psutil.Process(shown.process.pid).cpu_times()
    return float(times.user + times.system)


def _seconds_until_idle(shown: Shown) -> float:
    """From its start until the program had nothing to do any more: its last tick of CPU time before
    some that are not used."""
    spent, since = -1.0, time.perf_counter()
    while time.perf_counter() - since < _IDLE_SECONDS:
        time.sleep(_LOOK_SECONDS)
        if (now := _cpu_seconds(shown)) > spent:
            spent, since = now, time.perf_counter()
    return since - shown.started


def _main_thread_seconds(shown: Shown) -> float:
    """Of the thread that draws; the training has one of its own."""
    threads = psutil.Process(shown.process.pid).threads()
    return sum(one.user_time + one.system_time for one in threads if one.id == shown.process.pid)


def _others_cpu_seconds() -> float:
    """CPU time of all programs of the machine but this one and those it started and saw end."""
    times = psutil.cpu_times()
    busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
    return float(busy) - sum(os.times()[:4])
