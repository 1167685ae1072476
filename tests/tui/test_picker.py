"""The picker: every preset, what is known of it on this machine, and what is chosen."""

from pathlib import Path

import pytest

from cnntop.core import preset
from cnntop.core.datasets import CATALOGUE, dataset_folder
from cnntop.core.machine.identity import host_name
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.tui.launch import Launch
from cnntop.tui.screens.picker import Picked, PickerScreen
from tests.tui.stage import SIZES, Stage, text


def picker(*rows: Row, **settings: object) -> PickerScreen:
    changed = {key.replace("__", "."): value for key, value in settings.items()}
    return PickerScreen(Launch(None, Path("runs"), "mine", changed), rows)


def row(**values: str) -> Row:
    fixed = {"dataset": "shapes", "model": "shallow32", "batch_size": "32", "name": "early"}
    fixed["host"] = host_name()
    return dict.fromkeys(COLUMNS, "") | fixed | values


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder of a person's own presets."""
    folder = tmp_path / "config" / "presets"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_preset_can_be_reached_and_says_what_it_is(size: tuple[int, int]) -> None:
    stage = Stage(picker())
    async with stage.run_test(size=size) as pilot:
        for name in preset.names():
            await pilot.pause()
            shown = text(stage)
            assert name in shown
            about = preset.find(name).about
            assert about.split(",")[0].split()[0] in shown
            assert max(map(len, shown.splitlines())) <= size[0]
            assert "Enter starts" in shown.splitlines()[0]
            assert "q Quit" in shown.splitlines()[-1]
            await pilot.press("down")


async def test_enter_picks_the_preset_under_the_cursor_with_the_options() -> None:
    stage = Stage(picker(train__epochs=7))
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "down", "up", "enter")
        await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.preset == preset.names()[1]
    assert heard.launch.name == "mine"
    assert heard.launch.recipe().train.epochs == 7


async def test_earlier_runs_tell_the_time_it_takes_and_the_best_result() -> None:
    rows = [
        row(run="20260101-1", epoch_seconds="9", best_test_accuracy="0.5"),
        row(run="20260102-2", epoch_seconds="4", best_test_accuracy="0.7512"),
        row(run="20260103-3", epoch_seconds="6", best_test_accuracy="0.6", model="shallow64"),
        row(run="20260104-4", epoch_seconds="", best_test_accuracy=""),
        row(run="20260105-5", epoch_seconds="6,67", best_test_accuracy="0,9"),
        row(run="20260106-6", epoch_seconds="1", best_test_accuracy="0.99", host="elsewhere"),
    ]
    stage = Stage(picker(*rows))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        shown = text(stage)
    epochs = preset.find("demo").resolve().train.epochs
    assert preset.names()[0] == "demo"
    assert epochs is not None
    minutes, seconds = divmod(4 * epochs, 60)
    assert f"about {minutes:02}:{seconds:02}" in shown
    assert "75.12 % (early, 20260102)" in shown


async def test_without_earlier_runs_it_says_so() -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        shown = text(stage)
    assert "not known yet" in shown
    assert "no earlier run" in shown
    assert "nothing to download" in shown


async def test_whether_the_dataset_is_here() -> None:
    stage = Stage(picker(data__dataset="cifar10"))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "not here: 170 MB to download" in text(stage)
        for file in CATALOGUE["cifar10"].files:
            path = dataset_folder("cifar10", None) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        await pilot.press("down", "up")
        await pilot.pause()
        assert "cifar10 (here)" in text(stage)


async def test_a_broken_preset_is_told_and_cannot_be_started(own: Path) -> None:
    (own / "aaa.toml").write_text("[train]\nepochs = 'x[/y]'\n")
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "Cannot be used: preset aaa: train.epochs" in text(stage)
        await pilot.press("enter")
        await pilot.pause()
        assert "x[/y]" in text(stage)
    assert stage.heard == []


async def test_names_cannot_paint(own: Path) -> None:
    (own / "a\x1b[31m[bold]b.toml").write_text("# It [/x] is\n[train]\nepochs = 1\n")
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for line in stage.screen._compositor.render_strips():
            assert not any("\x1b" in segment.text for segment in line)
        assert "a?[31m[bold]b" in text(stage)
        assert "It [/x] is" in text(stage)


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c"])
async def test_keys_that_quit(key: str) -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
    assert stage.heard == []
    assert stage.return_code == 0
