"""SIGINT, SIGTERM, SIGHUP, for real: the first ends the run in order, the second at once."""

import json
import signal
from collections.abc import Callable

import pytest

from tests.tui.place import Place

EXIT_CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
LONG = ("--epochs", "1000000")


@pytest.mark.parametrize(("number", "code"), EXIT_CODES)
def test_lines_during_training(
    place: Place, quick: Callable[..., list[str]], number: signal.Signals, code: int
) -> None:
    with place.start(*quick(*LONG)) as line:
        line.read_until("epoch 2/")
        line.kill(number)
        assert line.end() == code
    assert "status   interrupted" in line.text
    assert "Traceback" not in line.text
    assert [row["status"] for row in place.rows()] == ["interrupted"]
    [folder] = place.run_folders()
    assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"
    assert (folder / "checkpoint" / "last.pt").is_file(), "the weights are kept"


@pytest.mark.parametrize(("number", "code"), EXIT_CODES)
def test_lines_during_preparation(place: Place, number: signal.Signals, code: int) -> None:
    with place.start("run", "--preset", "demo") as line:
        line.read_until("importing torch")
        line.kill(number)
        assert line.end() == code
    assert "Traceback" not in line.text
    assert place.run_folders() == [], "no run had begun"


def test_second_signal_ends_at_once(place: Place) -> None:
    # One step takes long here. Both signals wait for the process together, SIGINT is handled
    # first: an end in order would have its code, 130.
    with place.start("run", "--preset", "demo", "--kernels", "64", "--batch-size", "1000") as line:
        line.read_until("run folder")
        line.kill(signal.SIGINT, signal.SIGTERM)
        assert line.end() == 143
    assert "status" not in line.text, "nothing more is done"
    [folder] = place.run_folders()
    assert json.loads((folder / "status.json").read_text())["status"] == "running"
    shown = place.run("compare", "--csv", "--columns", "status").out.split()
    assert shown[1] == "interrupted", "a killed run is not shown as running"


@pytest.mark.parametrize(("number", "code"), EXIT_CODES)
def test_screen_during_training(
    place: Place, quick: Callable[..., list[str]], number: signal.Signals, code: int
) -> None:
    with place.window(*quick(*LONG)) as window:
        window.until("a step")
        window.kill(number)
        assert window.end() == code
    assert not window.alternate, "the terminal is given back"
    assert "status   interrupted" in window.text
    assert [row["status"] for row in place.rows()] == ["interrupted"]


def test_screen_during_preparation(place: Place) -> None:
    with place.window("run", "--preset", "demo") as window:
        window.until("preparing")
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert not window.alternate
    assert place.run_folders() == []


def test_picker(place: Place) -> None:
    with place.window() as window:
        window.until("pick an experiment")
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert not window.alternate


def test_ctrl_c_in_a_terminal_with_lines(place: Place, quick: Callable[..., list[str]]) -> None:
    """The key itself, in a terminal, not only the signal."""
    with place.window(*quick(*LONG, "--plain")) as window:
        window.until("epoch 2/")
        window.keys("\x03")
        assert window.end() == 130
    assert "status   interrupted" in window.text


def test_a_second_signal_gives_the_terminal_back(place: Place) -> None:
    with place.window(
        "run", "--preset", "demo", "--kernels", "64", "--batch-size", "1000"
    ) as window:
        window.until("training")
        window.kill(signal.SIGINT)
        window.kill(signal.SIGTERM)
        assert window.end() == 143
    assert not window.alternate
