"""The picker: every preset, what is known of it on this machine, and what is chosen."""

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from cnntop.core import preset
from cnntop.core.datasets import CATALOGUE, dataset_folder
from cnntop.core.machine.identity import host_name
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.tui.launch import Launch
from cnntop.tui.screens.picker import Picked, PickerScreen
from cnntop.tui.widgets.preset_list import PresetList
from tests.tui.stage import Stage, text

TINY = "# {0} thing\n[model]\nkernels = 2\n[data]\ndataset = 'shapes'\n[train]\nepochs = 1\n"


def picker(*rows: Row, **settings: object) -> PickerScreen:
    changed = {key.replace("__", "."): value for key, value in settings.items()}
    return PickerScreen(Launch(None, Path("runs"), "mine", changed), rows)


def row(**values: str) -> Row:
    fixed = {"dataset": "shapes", "model": "shallow32", "batch_size": "32", "name": "early"}
    fixed["host"] = host_name()
    return dict.fromkeys(COLUMNS, "") | fixed | values


def listed(stage: Stage) -> list[str]:
    return [str(option.id) for option in stage.screen.query_one(PresetList).options]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder of a person's own presets."""
    folder = tmp_path / "config" / "presets"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("size", [(60, 15), (200, 60)], ids=str)
async def test_every_preset_can_be_reached_and_says_what_it_is(size: tuple[int, int]) -> None:
    stage = Stage(picker())
    async with stage.run_test(size=size) as pilot:
        for name in preset.names():
            await pilot.pause()
            shown = text(stage)
            assert f"> {name}" in shown
            about = preset.find(name).about
            assert about.split(",")[0].split()[0] in shown
            assert max(map(len, shown.splitlines())) <= size[0]
            assert "Enter starts" in shown.splitlines()[0]
            for key in ("Enter Start", "^e Edit", "^t Try", "Tab Page", "Esc Quit", "? Help"):
                assert key in shown.splitlines()[-1]
            await pilot.press("down")


async def test_letters_filter_and_never_start_or_quit() -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.press(*"quiet")
        await pilot.pause()
        assert listed(stage) == []
        assert "No preset has all of that" in text(stage)
        assert "0 of 37" in text(stage)
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        assert "No preset has all of that" in text(stage), "where there is no page beside it, too"
        await pilot.press("enter")  # on nothing
        await pilot.press("escape")
        await pilot.pause()
        assert listed(stage) == preset.names()
        assert "37 presets" in text(stage)
        assert stage.heard == []
        assert stage.is_running


@pytest.mark.parametrize(
    ("typed", "first", "others"),
    [
        ("resnet18", "resnet18", {"resnet18-cifar100", "resnet18-fast"}),
        ("SPEEDNET", "speedrun", set()),  # the network's name
        ("shapes", "demo", set()),  # the dataset's
        ("download first", "demo", set()),  # words of what it is
        ("cifar100 shallow8", "shallow8-cifar100", set()),  # in any order
    ],
)
async def test_the_filter_looks_through_name_network_dataset_and_words(
    typed: str, first: str, others: set[str]
) -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.press(*["space" if c == " " else c for c in typed])
        await pilot.pause()
        assert listed(stage)[0] == first
        assert others <= set(listed(stage))
        assert len(listed(stage)) < 10
        await pilot.press("enter")
        await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.preset == first


async def test_what_is_typed_ahead_counts_in_its_order() -> None:
    """As from a slow line, which brings all of it at once."""
    stage = Stage(picker())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for key in [*"shap", "ctrl+u", *"shallow256x", "backspace", "down", "enter"]:
            stage.post_message(events.Key(key, key if len(key) == 1 else None))
        for _ in range(5):
            await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.preset == "shallow256-cifar100"


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


async def test_a_click_moves_and_only_a_double_click_starts() -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        at = (5, 3)  # the fourth line of the list
        await pilot.click(PresetList, offset=at)
        await pilot.pause()
        assert f"> {preset.names()[3]}" in text(stage)
        assert stage.heard == []
        assert stage.screen.query_one(Input).has_focus, "one can go on typing"
        await pilot.click(PresetList, offset=at, times=2)
        await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.preset == preset.names()[3]


async def test_earlier_runs_tell_the_time_it_takes_the_memory_and_the_results() -> None:
    taken = {"process_memory_peak_bytes": "812000000"}
    rows = [
        row(run="20260101-1", epoch_seconds="9", best_test_accuracy="0.5", seconds="90"),
        row(run="20260102-2", epoch_seconds="4", best_test_accuracy="0.7512", **taken),
        row(run="20260103-3", epoch_seconds="6", best_test_accuracy="0.6", model="shallow64"),
        row(run="20260104-4", epoch_seconds="", best_test_accuracy=""),
        row(run="20260105-5", epoch_seconds="6,67", best_test_accuracy="0,9"),
        row(run="20260106-6", epoch_seconds="1", best_test_accuracy="0.99", host="elsewhere"),
        row(run="20260107-7", epoch_seconds="2", device="cuda:0", passes="3"),
        row(run="20260108-8", epoch_seconds="3", multiply_adds="5"),  # of larger images
    ]
    stage = Stage(picker(*rows))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        shown = text(stage)
    epochs = preset.find("demo").resolve().train.epochs
    assert preset.names()[0] == "demo"
    assert epochs is not None
    minutes, seconds = divmod(4 * epochs, 60)
    assert "4 s (run early, 2026-01-02)" in shown
    assert f"about {minutes:02}:{seconds:02} for {epochs} epochs" in shown
    assert "812 MB at most (run early, 2026-01-02)" in shown
    assert "4 earlier runs here, best 75.12 % (early, 2026-01-02)" in shown
    assert "2026-01-01   50.00 %     01:30" in shown
    assert "2026-01-06" not in shown, "another machine"


async def test_without_earlier_runs_it_says_so() -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        shown = text(stage)
    assert "not known: Ctrl-T tries it for five seconds" in shown
    assert "No earlier run here" in shown
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


async def test_own_presets_come_first_and_a_broken_one_spoils_only_itself(own: Path) -> None:
    (own / "zebra.toml").write_text(TINY.format("A striped"))
    (own / "aaa.toml").write_text("[train]\nepochs = 'x[/y]'\n")
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert listed(stage)[:3] == ["aaa", "zebra", "demo"]
        shown = text(stage)
        assert "aaa (unusable)" in shown
        assert "zebra (own)" in shown
        assert "Cannot be used: preset aaa: train.epochs" in shown
        await pilot.press("enter")
        await pilot.pause()
        assert "x[/y]" in text(stage)
        assert stage.heard == []
        await pilot.press("down", "enter")
        await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.preset == "zebra"


async def test_names_cannot_paint(own: Path) -> None:
    (own / "a\x1b[31m[bold]b.toml").write_text("# It [/x] is\n[train]\nepochs = 1\n")
    stage = Stage(picker())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for line in stage.screen._compositor.render_strips():
            assert not any("\x1b" in segment.text for segment in line)
        assert "a?[31m[bold]b" in text(stage)
        assert "It [/x] is" in text(stage)


async def test_where_there_is_room_for_one_tab_shows_the_page_and_scrolls_it() -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        assert "> demo                     A first look" in text(stage)
        assert "On this machine" not in text(stage)
        await pilot.press("tab")
        await pilot.pause()
        await pilot.pause()
        assert "about a\n  minute on two CPU cores, no download" in text(stage), "as wide as it is"
        assert "> demo" not in text(stage)
        assert "No earlier run here" not in text(stage)
        await pilot.press("pagedown", "q")
        await pilot.pause()
        assert "No earlier run here" in text(stage)
        await pilot.press("escape")
        await pilot.pause()
        assert "> demo" in text(stage)
        assert stage.screen.query_one(Input).value == "", "the letter went nowhere"


async def test_what_presets_are_stands_in_one_column() -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(60, 15)) as pilot:
        await pilot.press(*"b128")
        await pilot.pause()
        lines = [line for line in text(stage).splitlines() if ", batch 128" in line]
    assert len({line.index("Net") for line in lines if "ResNet" in line}) == 1
    assert len(lines) == 2


async def test_one_epoch_is_one() -> None:
    stage = Stage(picker(train__epochs=1))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "length  1 epoch\n" in text(stage)


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
async def test_keys_that_quit(key: str) -> None:
    stage = Stage(picker())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
    assert stage.heard == []
    assert stage.return_code == 0
