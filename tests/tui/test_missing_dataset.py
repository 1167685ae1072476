"""A dataset that is not here and cannot be downloaded: the ways out, as lines and as a dialog."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnntop.core.errors import CnntopError
from cnntop.tui.app import CnntopApp
from cnntop.tui.launch import Launch
from cnntop.tui.screens.monitor import MonitorScreen
from tests.tui.place import NO_NETWORK, Answer, Place
from tests.tui.terminal_window import TerminalWindow

MISSING = ["run", "--preset", "demo", "--dataset", "cifar10", "--epochs", "1", "--kernels", "2"]


@pytest.fixture(scope="module")
def answer(shared_place: Place) -> Answer:
    return shared_place.run(*MISSING, "--name", "a b", **NO_NETWORK)


def commands(answer: Answer) -> dict[str, list[str]]:
    """The words of each command that was offered, by what it is for."""
    lines = answer.err.partition("Ways out:\n")[2].splitlines()
    found = {}
    for line in lines:
        label, at, command = line.partition("cnntop run ")
        if at:
            found[" ".join(label.split()[:2])] = shlex.split(at + command)
    return found


def test_plain_says_why_and_exits_with_3(answer: Answer, shared_place: Place) -> None:
    assert answer.code == 3
    first = answer.err.splitlines()[0]
    assert first.startswith("cnntop: cannot download CIFAR-10: ")
    assert "refused" in first
    assert "Traceback" not in answer.err
    assert shared_place.run_folders() == []


def test_every_way_out_is_a_command_that_keeps_what_was_asked_for(answer: Answer) -> None:
    ways = commands(answer)
    assert set(ways) == {"try again", "your images", "copied by", "built-in data"}
    for words in ways.values():
        assert words[:4] == ["cnntop", "run", "--preset", "demo"]
        for pair in ("--epochs 1", "--kernels 2", "--name 'a b'"):
            assert pair in shlex.join(words)
    assert "--dataset cifar10" in shlex.join(ways["try again"])
    assert "--data-dir DIR" in shlex.join(ways["your images"])
    assert "--dataset" not in ways["your images"]
    assert "--dataset cifar10 --data-dir FOLDER" in shlex.join(ways["copied by"])


def test_the_folder_to_copy_files_into_is_the_cache_s(answer: Answer, shared_place: Place) -> None:
    assert f"put cifar-10-python.tar.gz into {shared_place.cache}/datasets/cifar10 " in answer.err


def test_the_commands_work(answer: Answer, shared_place: Place, pictures: Path) -> None:
    ways = commands(answer)
    folder = [str(pictures) if word == "DIR" else word for word in ways["your images"][1:]]
    own = shared_place.run(*folder, "--set", "image_size=16", **NO_NETWORK)
    assert own.code == 0, own.err
    built_in = shared_place.run(*ways["built-in data"][1:], **NO_NETWORK)
    assert built_in.code == 0, built_in.err
    assert [row["dataset"] for row in shared_place.rows()] == [
        f"folder:{pictures.name}",
        "shapes",
    ]
    assert {row["name"] for row in shared_place.rows()} == {"a b"}


@pytest.fixture
def dialog(place: Place) -> Iterator[TerminalWindow]:
    with place.window(*MISSING, **NO_NETWORK) as window:
        window.until(asks)
        yield window


def asks(text: str) -> bool:
    """Whether the dialog is there with all its answers."""
    answers = ("r  Retry", "f  Folder", "s  Built-in shapes", "q  Quit")
    return "This dataset cannot be used." in text and all(answer in text for answer in answers)


def test_dialog_says_why_and_quits_with_3(dialog: TerminalWindow, place: Place) -> None:
    assert re.search(r"cannot download\s+CIFAR-10", dialog.text)
    dialog.keys("\x1b")
    assert asks(dialog.rest(0.5)), "Escape is no answer"
    dialog.keys("q")
    assert dialog.end() == 3
    assert not dialog.alternate
    assert "cannot download CIFAR-10" in dialog.text.replace("\n", "")
    assert "--dataset shapes" in dialog.text.replace("\n", "")
    assert place.run_folders() == []


def test_retry_then_shapes(dialog: TerminalWindow, place: Place) -> None:
    dialog.keys("r")
    dialog.until(lambda text: "This dataset cannot be used." not in text)
    dialog.until(asks)
    dialog.keys("s")
    dialog.until("✔ finished")
    assert "shapes" in dialog.text.splitlines()[0]
    dialog.keys("q")
    assert dialog.end() == 0
    assert [(row["dataset"], row["status"]) for row in place.rows()] == [("shapes", "finished")]


def test_folder_until_one_is_right(dialog: TerminalWindow, place: Place, pictures: Path) -> None:
    (place.folder / "empty").mkdir()

    def answer(typed: str) -> None:
        dialog.keys("f")
        dialog.until("Which folder of images?")
        dialog.keys(typed)

    answer("\x1b")
    dialog.until(asks)
    answer(f"{place.folder}/nowhere\r")
    dialog.until(lambda text: "does not exist" in text and asks(text))
    answer(f"{place.folder}/empty\r")
    dialog.until(lambda text: "no train/ folder" in text and asks(text))
    answer(f"{pictures}\r")
    dialog.until("✔ finished")
    dialog.keys("q")
    assert dialog.end() == 0
    assert [row["dataset"] for row in place.rows()] == [f"folder:{pictures.name}"]


async def test_one_monitor_takes_the_place_of_the_one_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though help lay above it when the ways out were offered."""
    monkeypatch.setattr(CnntopApp, "_start", lambda _app: None)  # the screens alone
    app = CnntopApp(Launch("demo", tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        failed = app.screen
        await pilot.press("question_mark")
        app._offer_ways_out(CnntopError("there is none"))
        await pilot.pause()
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(app.screen, MonitorScreen)
        assert app.screen is not failed
        assert [type(screen) for screen in app.screen_stack[1:]] == [MonitorScreen]
        assert app.launch.settings["data.dataset"] == "shapes"
