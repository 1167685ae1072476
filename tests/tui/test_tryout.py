"""A try-out from the picker: a real process that really trains, ended at any moment."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import pytest

from cnntop.core.datasets import cache_folder
from cnntop.core.run_request import RunRequest
from cnntop.core.tryout import Message, Refused, Told, Tryout, remembered
from cnntop.tui import tryouts
from cnntop.tui.launch import Launch
from cnntop.tui.screens.picker import PickerScreen
from cnntop.tui.tryout_child import TryoutChild
from tests.tui.place import is_gone, until
from tests.tui.stage import Stage, text

Requests = Callable[..., RunRequest]


def last_word(child: TryoutChild) -> tuple[list[str], Message]:
    """What it told, and what came of it."""
    said: list[bytes] = []
    ended: list[Message] = []
    read = child._read

    def reads() -> bytes:  # of all that came at once `poll` gives the newest alone
        said.append(read())
        return said[-1]

    def heard() -> bool:
        message = child.poll()
        if message is not None and not isinstance(message, Told):
            ended.append(message)
        return bool(ended)

    child._read = reads  # type: ignore[method-assign]
    try:
        until(heard)
    finally:
        child.end()
    told: list[str] = []
    for line in b"".join(said).splitlines():
        with suppress(msgspec.MsgspecError):  # a warning of some library
            message = msgspec.json.decode(line, type=Message)
            told += [message.doing] if isinstance(message, Told) else []
    return told, ended[0]


def test_a_recipe_is_tried_on_its_own_images(request_run: Requests) -> None:
    recipe = request_run(passes=2).recipe
    before = time.monotonic()
    told, found = last_word(TryoutChild(recipe, seconds=0.3))
    assert isinstance(found, Tryout), found
    assert told[-1] == "training for 0.3 seconds"
    assert (found.images, found.stand_in) == ("folder:" + Path(str(recipe.data.dir)).name, False)
    assert 0 < found.step_seconds < time.monotonic() - before
    # 72 images in batches of 16, each trained on twice: ten steps; the rest is evaluated and saved.
    assert found.epoch_seconds > 10 * found.step_seconds
    assert found.images_per_second == pytest.approx(16 / (2 * found.step_seconds))
    assert 100e6 < found.process_memory_peak_bytes < psutil.virtual_memory().total
    assert found.gpu_memory_peak_bytes is None
    assert list(cache_folder().glob("tryout-*")) == [], "no checkpoint is left"
    assert remembered(recipe) is None, "whoever asked keeps it"


def test_a_dataset_that_is_not_here_is_stood_in_for_and_not_downloaded(
    request_run: Requests,
) -> None:
    data = {"dataset": "fashion_mnist", "dir": None, "image_size": None, "batch_size": 1000}
    told, found = last_word(TryoutChild(request_run(**data).recipe, seconds=0.1))
    assert isinstance(found, Tryout), found
    assert (found.images, found.stand_in) == ("shapes", True)
    assert any("not here" in doing for doing in told)
    assert not (cache_folder() / "datasets").exists()


def test_what_cannot_be_tried_says_why(request_run: Requests) -> None:
    _, found = last_word(TryoutChild(request_run(batch_size=73).recipe, seconds=0.1))
    assert isinstance(found, Refused)
    assert "73 is more than the 72" in found.message


def test_one_that_dies_says_what_is_known_of_it(request_run: Requests) -> None:
    child = TryoutChild(request_run().recipe)
    psutil.Process(child.process_id).kill()
    _, found = last_word(child)
    assert isinstance(found, Refused)
    assert "ended without a result" in found.message


@pytest.fixture
def launch(request_run: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """A launch to pick a preset for, whose options leave a moment's work of each."""
    monkeypatch.setattr(tryouts, "TRYOUT_SECONDS", 0.2)
    tree = msgspec.to_builtins(request_run().recipe)
    settings = {f"{section}.{key}": tree[section][key] for section in ("data", "machine")
                for key in tree[section]}  # fmt: skip
    return Launch(None, tmp_path / "runs", settings=settings | {"model.kernels": 4})


async def test_the_key_tries_it_and_the_page_keeps_what_was_found(launch: Launch) -> None:
    stage = Stage(PickerScreen(launch, []))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert re.search(r"trying  \w.* \.\.\. \(Ctrl-T ends it\)", text(stage))
        await pilot.press(*"shallow64")
        await pilot.pause()
        assert re.search(r"demo: \w", text(stage))
        await pilot.press("escape", *"demo")
        deadline = time.monotonic() + 120
        while "try-out" not in text(stage):
            assert time.monotonic() < deadline, text(stage)
            await pilot.pause(0.2)
        shown = text(stage)
    assert "a step, " in shown
    assert "images/s" in shown
    assert re.search(r"[MG]B at most \(try-out, ", shown)
    another_day = Stage(PickerScreen(launch, []))
    async with another_day.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "images/s" in text(another_day)


@pytest.mark.parametrize("way", ["the key again", "quit", "start"])
async def test_it_is_ended_with_its_process_and_files(launch: Launch, way: str) -> None:
    stage = Stage(picker := PickerScreen(launch, []))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert picker._tryouts.process_id is not None
        process = psutil.Process(picker._tryouts.process_id)
        await pilot.press({"the key again": "ctrl+t", "quit": "escape", "start": "enter"}[way])
        await pilot.pause()
    assert is_gone(process)
    assert list(cache_folder().glob("tryout-*")) == []


def test_it_ends_when_nobody_is_there_to_hear_it(request_run: Requests) -> None:
    """As after a kill of the program that asked: its end of the pipe is closed."""
    child = TryoutChild(request_run().recipe, seconds=1e6)
    process = psutil.Process(child.process_id)
    until(lambda: isinstance(message := child.poll(), Told) and "training" in message.doing)
    assert child._process.stdin is not None
    child._process.stdin.close()
    until(lambda: is_gone(process))
    assert list(cache_folder().glob("tryout-*")) == []
    child.end()
