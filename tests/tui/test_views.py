"""What keys and the mouse do to the monitor's panels, and what of it is remembered."""

import os
import re
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widget import Widget

from cnntop.core.events import Notice, RunEnded
from cnntop.core.settings import Settings, read_settings, settings_file, write_settings
from cnntop.tui import themes
from cnntop.tui.keys import MONITOR_KEYS, Key, scroll_bindings
from cnntop.tui.layouts import LAYOUTS
from cnntop.tui.screens.help import page
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.sweep.app import RunScreen
from cnntop.tui.watch_run import WatchScreen
from cnntop.tui.widgets.log import LogPanel
from tests.tui import story
from tests.tui.stage import TITLE, Stage, monitor, show, text

STATE = story.told(*story.training())


def shown(stage: Stage) -> set[str]:
    return {str(panel.id) for panel in stage.screen.query("#panels > Panel") if panel.display}


def last_line(stage: Stage) -> str:
    return text(stage).splitlines()[-1]


async def test_layouts_go_round_and_are_remembered() -> None:
    charts = {"loss", "accuracy", "rate", "speed", "parts", "cpu", "axis"}
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        for layout in (*LAYOUTS, LAYOUTS[0], LAYOUTS[1]):
            assert f" {layout.name}" in last_line(stage)
            await pilot.press("v")
            await pilot.pause()
        await pilot.press("V")
        await pilot.pause()
        assert shown(stage) == charts
    assert read_settings()[0].layout == "charts"
    again = Stage(MonitorScreen(TITLE, "", read_settings()[0]))
    async with again.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert shown(again) == charts


async def test_digits_switch_panels_off_and_on_and_say_so() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        assert "⁶now" in text(stage)
        before = shown(stage)
        await pilot.press("6")
        await pilot.pause()
        assert shown(stage) == before - {"split"}
        assert last_line(stage).rstrip().endswith(" -1")
    assert read_settings()[0].hidden == {"overview": ("split",)}
    again = Stage(MonitorScreen(TITLE, "", read_settings()[0]))
    async with again.run_test(size=(80, 24)) as pilot:
        show(again, STATE)
        await pilot.pause()
        assert "split" not in shown(again)
        await pilot.press("6")
        await pilot.pause()
        assert shown(again) == before
        assert "⁶now" in text(again), "drawn at once"


async def test_what_has_no_room_is_counted() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(60, 15)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        assert "overview +6" in last_line(stage)
        [cut] = [line for line in text(stage).splitlines() if "augmentation." in line]
        assert cut.endswith("+2"), "the rest of the verdict"
        await pilot.resize_terminal(160, 50)
        await pilot.pause()
        assert "+1" not in text(stage)
        assert "log" in shown(stage)


async def test_full_screen_and_back() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        before = shown(stage)
        while stage.screen.focused is None or stage.screen.focused.id != "split":
            await pilot.press("tab")
        await pilot.press("enter")
        await pilot.pause()
        assert shown(stage) == {"split"}
        assert stage.screen.focused is not None
        assert stage.screen.focused.id == "split"
        assert "hidden wait 44.4 %" in text(stage), "there is room for all of it"
        assert "split: Esc goes back" in last_line(stage)
        await pilot.press("escape")
        await pilot.pause()
        assert shown(stage) == before
        assert stage.screen.focused is not None
        await pilot.press("escape")
        assert stage.screen.focused is None
        await pilot.press("enter")
        await pilot.pause()
        assert shown(stage) == {"loss", "axis"}, "the first one where none has the focus"
        await pilot.press("enter")
        await pilot.pause()
        assert shown(stage) == before


async def test_the_focus_is_seen_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        plain = text(stage)
        assert "┃" not in plain
        await pilot.press("tab")
        await pilot.pause()
        assert "┃loss" in text(stage)
        await pilot.press("shift+tab", "escape")
        await pilot.pause()
        assert text(stage) == plain


async def test_the_mouse_chooses_opens_and_presses_keys() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        await pilot.click("#split")
        assert stage.screen.focused is not None
        assert stage.screen.focused.id == "split"
        await pilot.click("#split", times=2)
        await pilot.pause()
        assert shown(stage) == {"split"}
        await pilot.click("#split", times=2)
        await pilot.pause()
        assert len(shown(stage)) > 3
        line = last_line(stage)
        await pilot.click("#keys", offset=(line.index("Help"), 0))
        await pilot.pause()
        assert "The charts" in text(stage)
        await pilot.press("escape")
        await pilot.click("#keys", offset=(line.index("overview"), 0))
        await pilot.pause()
        assert {"loss", "accuracy", "cpu"} <= shown(stage)


async def test_of_a_run_that_is_over_only_leaving_is_offered() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        assert "Pause" in last_line(stage)
        show(stage, story.told(*story.training(), RunEnded("finished", "", 60.0)))
        await pilot.pause()
        assert last_line(stage).startswith(" q Leave  v Next layout")


async def test_the_log_scrolls_and_follows_the_end() -> None:
    events = [*story.training(), *(Notice(f"number {n}") for n in range(60))]
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        await stage.screen.run_action("show_layout('log')")
        show(stage, story.told(*events))
        await pilot.pause()
        assert "number 59" in text(stage)
        assert re.search(r"\d+-(\d+) of \1: arrows", text(stage))
        await pilot.press("home")
        await pilot.pause()
        assert "started: shallow32" in text(stage)
        assert "epoch 1: 4 s, train loss" in text(stage)
        show(stage, story.told(*events, Notice("news")))
        await pilot.pause()
        assert "news" not in text(stage), "who reads is not moved"
        await pilot.press("end")
        await pilot.pause()
        assert "news" in text(stage)
        await pilot.press("pageup", "down", "up", "pagedown")
        show(stage, story.told(*events, Notice("news"), Notice("more of it")))
        await pilot.pause()
        assert "more of it" in text(stage)


async def test_a_remembered_layout_opens_as_one_that_is_chosen() -> None:
    for name in ("log", "config"):
        screen = MonitorScreen(TITLE, "", Settings(layout=name))
        screen.configure(Stage(screen).launch.request().recipe, None, None)
        stage = Stage(screen)
        async with stage.run_test(size=(60, 15)) as pilot:
            show(stage, STATE)
            await pilot.pause()
            assert screen.focused is not None
            assert screen.focused.id == name
            assert ": arrows" in text(stage)
            await pilot.press("escape")
            await pilot.pause()
            assert ": Tab, then arrows" in text(stage)


def test_no_line_of_the_log_begins_with_a_unit() -> None:
    state = story.told(*story.training())
    for width in range(40, 120):
        for row in LogPanel().rows(state, width):
            assert row.cell_length <= width
            assert not row.plain.strip().startswith(("%", "s,", "images/s")), row.plain


def test_a_log_that_was_cut_says_so_and_long_words_are_whole() -> None:
    state = story.told(*(Notice(f"number {n} " + "word " * 30) for n in range(1200)))
    rows = LogPanel().rows(state, 60)
    assert rows[0].plain.strip().startswith("200 earlier ones")
    assert all(row.cell_length <= 60 for row in rows)
    assert sum(row.plain.count("word") for row in rows[-4:]) >= 30


async def test_the_recipe_is_shown_as_it_was_asked_for() -> None:
    screen = monitor()
    stage = Stage(screen)
    screen.configure(stage.launch.request().recipe, None, None)
    async with stage.run_test(size=(120, 40)) as pilot:
        show(stage, STATE)
        await stage.screen.run_action("show_layout('config')")
        await pilot.pause()
        await pilot.pause()
        drawn = text(stage)
    for words in ("batch size", "weight decay", "shallow", "shapes"):
        assert words in drawn, words


async def test_themes_go_round_and_are_remembered() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        show(stage, STATE)
        await pilot.pause()
        pictures = set()
        for _ in themes.NAMES:
            pictures.add(stage.export_screenshot())
            await pilot.press("t")
            await pilot.pause()
        assert len(pictures) == len(themes.NAMES)
        await pilot.press("t")
    assert read_settings()[0].theme == themes.NAMES[1]
    again = Stage(monitor())
    async with again.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "#ffffff" in again.export_screenshot()[:20_000], "light from the first frame on"


async def test_a_damaged_settings_file_is_told_of() -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text("{")
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.pause(0.1)
        assert "settings" in text(stage)
        assert "damaged" in text(stage)
    assert settings_file().read_text() == "{", "nothing was chosen, so nothing is written"


async def test_settings_that_cannot_be_written_are_no_harm() -> None:
    settings_file().parent.parent.mkdir(parents=True, exist_ok=True)
    settings_file().parent.write_text("in the way")
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("t", "v")
        await pilot.pause()
    assert stage.return_code in (None, 0)


async def test_names_of_another_version_are_none() -> None:
    write_settings(Settings("neon", "hologram", {"overview": ("warp",)}))
    stage = Stage(MonitorScreen(TITLE, "", read_settings()[0]))
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert stage.theme == "dark"
        assert "loss" in shown(stage)


async def test_the_screen_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40), notifications=True) as pilot:
        show(stage, STATE)
        await pilot.pause()
        before = text(stage)
        await pilot.press("W")
        await pilot.pause(0.1)
        assert "Copied to" in text(stage)
        await pilot.press("w")
        await pilot.pause()
    [copy] = tmp_path.glob("screen-*.txt")
    assert copy.read_text(encoding="utf-8").rstrip() == before.rstrip()
    [picture] = tmp_path.glob("screen-*.svg")
    assert picture.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_copy_that_nowhere_takes_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o500)
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("w")
        await pilot.pause(0.1)
        assert "The screen was not copied" in text(stage)
    tmp_path.chmod(0o700)


async def test_the_palette_finds_what_keys_do() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        show(stage, STATE)
        await pilot.press("ctrl+p")
        await pilot.pause(0.3)
        drawn = text(stage)
        assert "Pause / go on" in drawn
        await pilot.press(*"layout hard")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.3)
        assert "hardware" in last_line(stage)
        assert "accuracy" not in shown(stage)


async def test_the_palette_s_last_entry_is_in_sight_on_a_small_screen() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(60, 15)) as pilot:
        show(stage, STATE)
        await pilot.press("ctrl+p")
        await pilot.pause(0.3)
        await pilot.press("ctrl+end")
        await pilot.pause()
        assert f"Theme: {themes.NAMES[-1]}" in text(stage)


SCREENS: list[type[MonitorScreen]] = [MonitorScreen, WatchScreen, RunScreen]


@pytest.mark.parametrize("kind", SCREENS)
async def test_every_key_is_bound_to_something_and_in_the_help(kind: type[MonitorScreen]) -> None:
    stage = Stage(kind(TITLE, ""))
    async with stage.run_test(size=(80, 24)):
        bound = stage.screen._bindings.key_to_bindings
        for key in kind.KEYS:
            if key.panel:
                continue
            for name in key.keys.split(","):
                assert [one.action for one in bound[name]] == [key.action], key
        told = {name for key in kind.KEYS for name in key.keys.split(",")}
        inherited = {"super+c"}
        assert set(bound) - told <= inherited, "a key that the help does not tell of"
        lines = page(kind.KEYS).splitlines()
        for key in kind.KEYS:
            if key.help:
                assert any(line.startswith(f"  {key.written} ") for line in lines), key
    scrolling = {one.key for one in scroll_bindings() if isinstance(one, Binding)}
    assert scrolling == {key.keys for key in MONITOR_KEYS if key.panel}


@pytest.mark.parametrize("key", [key for key in MONITOR_KEYS if not key.panel], ids=str)
def test_every_action_is_there(key: Key) -> None:
    name = key.action.partition("(")[0]
    owner: type[Widget] | type[Stage] = MonitorScreen
    if name.startswith("app."):
        owner, name = Stage, name.removeprefix("app.")
    assert callable(getattr(owner, f"action_{name}"))
