"""`cnntop bench overhead`, shortened: what it gives, and that it leaves nothing behind."""

import json
import math
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from cnntop.core.errors import CnntopError
from cnntop.tui.bench import overhead, overhead_page, plan, window
from cnntop.tui.bench import slots as slots_module
from cnntop.tui.bench.overhead import Measured
from cnntop.tui.bench.plan import Case, Plan, Size, Turn
from cnntop.tui.bench.slots import Slots
from cnntop.tui.verbs import bench
from tests.tui.place import Place

pytestmark = pytest.mark.alone

PATIENCE_SECONDS = 120.0
SHORT = Plan(
    # No machine's step takes an hour: the last size is taken.
    (Case("longest", (Size(4, 8), Size(4, 16)), least_step_seconds=3600.0),),
    case_seconds=5.0,
    turn_seconds=0.3,
)


@pytest.fixture
def own_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary folders are made in, to see what is left there."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def arms() -> list[psutil.Process]:
    """The child processes of this one, and theirs."""
    return psutil.Process().children(recursive=True)


def test_the_command_measures_prints_and_writes(
    own_temp: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(plan, "FULL", SHORT)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    before = arms()
    bench.overhead(tmp_path / "figures.json")
    assert arms() == before
    assert list(own_temp.iterdir()) == []
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers

    page, told = capsys.readouterr()
    for words in ("longest", "shallow4, batch 16", "the screen on top"):
        assert words in page
    assert "in turns" in told
    check_figures(json.loads((tmp_path / "figures.json").read_text()))


def check_figures(tree: dict[str, Any]) -> None:
    assert tree["pairs"] >= 1
    assert [size["batch_size"] for size in tree["sizes"]] == [16]
    for key in ("recording_fraction", "screen_fraction", "both_fraction"):
        assert tree[key] == tree["sizes"][0][key]
    for size in tree["sizes"]:
        assert size["step_seconds"] > 0
        for name in ("recording", "screen", "both"):
            low, high = size[f"{name}_fraction_interval"]
            assert low <= size[f"{name}_fraction"] <= high < 1
            assert math.isfinite(low)
            assert 0 < size[f"{name}_cpu_ratio"] < math.inf
        assert set(size["turns"]) == {"bare", "plain", "screen"}
        assert size["others_cores"] >= 0
        for turns in size["turns"].values():
            assert len(turns) == tree["pairs"]
            for turn in turns:
                assert turn["steps"] > 0
                assert turn["seconds"] >= SHORT.turn_seconds
                assert turn["cpu_seconds"] > 0
    assert tree["machine"]["cores"] >= 1
    assert set(tree["versions"]) == {"cnntop", "torch", "textual", "python"}


_PROGRAM = """
import sys, tempfile
from pathlib import Path
from msgspec.structs import replace
tempfile.tempdir = sys.argv[1]
from cnntop.tui.bench import overhead, plan
from tests.tui.test_bench_overhead import SHORT
def print_now(text):
    print(text, flush=True)
cases = (plan.LAUNCH_BOUND,)
overhead.measure(replace(SHORT, cases=cases, case_seconds=1000.0), print_now)
"""


def measuring(own_temp: Path) -> "subprocess.Popen[str]":
    """A process that measures, its arms in their turns."""
    command = [sys.executable, "-c", _PROGRAM, str(own_temp)]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout is not None
    for line in process.stdout:
        if "in turns" in line:
            return process
    raise AssertionError("it does not get there")


def test_a_signal_ends_it_in_order(own_temp: Path) -> None:
    with measuring(own_temp) as process:
        children = psutil.Process(process.pid).children()
        assert len(children) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 130
    assert not any(child.is_running() for child in children)
    assert list(own_temp.iterdir()) == []


def test_no_arm_outlives_it_even_if_it_is_killed(own_temp: Path) -> None:
    with measuring(own_temp) as process:
        children = psutil.Process(process.pid).children()
        process.kill()
    _, alive = psutil.wait_procs(children, PATIENCE_SECONDS)
    assert alive == []


def test_an_arm_that_cannot_train_is_an_error_with_its_words(own_temp: Path) -> None:
    broken = replace(SHORT, cases=(Case("broken", (Size(-1, 8),)),))
    before = arms()
    with pytest.raises(CnntopError, match=r"(?s)measuring process failed:.*model\.kernels"):
        overhead.measure(broken)
    assert arms() == before
    assert list(own_temp.iterdir()) == []


def test_without_a_pseudo_terminal_it_says_so(
    own_temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError("out of pty devices")

    before = arms()
    monkeypatch.setattr(window.pty, "openpty", refuse)
    with pytest.raises(CnntopError, match=r"no pseudo-terminal .* out of pty devices"):
        overhead.measure(SHORT)
    assert arms() == before, "told before anything is started"


def test_a_figures_file_that_cannot_be_is_told_before_anything_is_measured(place: Place) -> None:
    for file in ("missing/figures.json", "."):
        answer = place.run("bench", "overhead", "--json", file)
        assert answer.code == 2
        assert "--json" in answer.err
        assert "size of network" not in answer.err


def test_figures_by_hand() -> None:
    def turn(steps: int, cpu_seconds: float) -> Turn:
        return Turn(steps, 2.0, cpu_seconds)

    def case(others_cores: float = 0.05) -> Measured:
        turns = {
            "bare": [turn(1000, 2.0), turn(500, 1.0), turn(1000, 2.0)],
            "plain": [turn(990, 2.0), turn(495, 1.0), turn(500, 2.0)],
            "screen": [turn(980, 2.1), turn(490, 1.05), turn(980, 2.1)],
        }
        return Measured(Case("by hand", ()), Size(16, 8), turns, others_cores)

    assert case().step_seconds == pytest.approx(6 / 2500)
    assert case().speed("plain", "bare").lost == pytest.approx(0.01)
    assert case().speed("screen", "bare").lost == pytest.approx(0.02)
    assert case().cpu("screen", "bare").median == pytest.approx(1.05 / 0.98)
    tree = json.loads(overhead_page.as_json([case()]))
    assert tree["recording_fraction"] == pytest.approx(0.01)
    page = overhead_page.as_table([case()])
    assert "1.00 % (1.00 % to 50.00 %)" in page
    assert "noisy" not in page
    assert "Other programs kept 1.2 cores busy" in overhead_page.as_table([case(1.24)])


def test_slots_give_every_arm_its_turns_and_the_screen_its_polls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run of steps of known length: those of the run take twice as long as the bare ones."""
    monkeypatch.setattr(slots_module, "_WARM_UP_SECONDS", 0.05)
    monkeypatch.setattr(slots_module, "SLOT_SECONDS", 0.02)
    polls, kinds = 0, set()

    def step(seconds: float) -> None:
        kinds.add(slots.kind)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass
        slots.step()

    def poll() -> None:
        nonlocal polls
        polls += 1

    bare_steps = iter(lambda: step(0.001), object())
    slots = Slots(bare_steps, poll, turn_seconds=0.1)
    while len(slots.turns["bare"]) < 3:
        step(0.002)
    assert kinds == {"bare", "plain", "screen"}
    counts = {kind: len(turns) for kind, turns in slots.turns.items()}
    assert len(set(counts.values())) == 1
    for kind, turns in slots.turns.items():
        for turn in turns:
            assert turn.seconds >= 0.1
            assert 0 < turn.steps <= turn.seconds / (0.001 if kind == "bare" else 0.002)
            assert turn.cpu_seconds > 0
    screen_seconds = sum(turn.seconds for turn in slots.turns["screen"])
    assert 1 <= polls <= screen_seconds / slots_module.SCREEN_POLL_SECONDS + 2
