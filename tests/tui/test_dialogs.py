"""The dialogs: each answer by its key, by arrows and by the mouse, and nothing else closes them."""

from collections.abc import Callable

import pytest
from textual import events
from textual.screen import Screen

from cnntop.tui.ghost_race import BEST
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.extend_prompt import ExtendPrompt
from cnntop.tui.screens.folder_prompt import FolderPrompt
from cnntop.tui.screens.ghost_chooser import GhostChooser
from cnntop.tui.screens.help import HelpScreen
from tests.tui import story
from tests.tui.stage import SIZES, Stage, monitor, text

ANSWERS = {"r": "Retry", "f": "Folder", "q": "Quit"}


def choice(escape: bool = True, details: str = "It is gone [/x].") -> ChoiceScreen:
    return ChoiceScreen("What now?", details, ANSWERS, "q", escape=escape)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_choice_shows_question_details_and_answers(size: tuple[int, int]) -> None:
    stage = Stage(choice(details="A long story. " * 12 + "[/x]"))
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        shown = text(stage)
    for words in ("What now?", "A long story.", "[/x]", "r  Retry", "f  Folder", "q  Quit"):
        assert words in shown


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_answer_is_in_sight(size: tuple[int, int]) -> None:
    answers = {"r": "Retry", "f": "Folder", "s": "Built-in shapes", "q": "Quit"}
    stage = Stage(ChoiceScreen("What now?", "A long story. " * 10, answers, "q"))
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        shown = text(stage)
    for key, words in answers.items():
        assert f"{key}  {words}" in shown


async def test_ctrl_c_gives_the_answer_that_ends_things() -> None:
    stage = Stage(choice(escape=False))
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert stage.answers == ["q"]


async def test_answers_are_there_in_a_window_too_small_for_the_rest() -> None:
    stage = Stage(choice(details="A long story. " * 12))
    async with stage.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        shown = text(stage)
    for words in ("What now?", "r  Retry", "f  Folder", "q  Quit"):
        assert words in shown


@pytest.mark.parametrize("key", ANSWERS)
async def test_choice_by_key(key: str) -> None:
    stage = Stage(choice())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("x", "1", key)
        await pilot.pause()
        assert stage.answers == [key]


async def test_choice_by_arrows_and_enter() -> None:
    stage = Stage(choice())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("right", "right", "left", "enter")
        await pilot.pause()
        assert stage.answers == ["f"]


async def test_choice_by_mouse() -> None:
    stage = Stage(choice())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        lines = text(stage).splitlines()
        [y] = [number for number, line in enumerate(lines) if "q  Quit" in line]
        await pilot.click(offset=(lines[y].index("Quit"), y))
        await pilot.pause()
        assert stage.answers == ["q"]


@pytest.mark.parametrize(("escape", "answers"), [(True, [None]), (False, [])])
async def test_choice_and_escape(escape: bool, answers: list[None]) -> None:
    stage = Stage(choice(escape))
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("escape")
        await pilot.pause()
        assert stage.answers == answers


async def test_folder_prompt_takes_a_path_and_not_nothing() -> None:
    stage = Stage(FolderPrompt())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter", "space", "enter")
        await pilot.pause()
        assert stage.answers == []
        await pilot.press(*"/a b", "space", "enter")
        await pilot.pause()
        assert stage.answers == ["/a b"]


async def test_folder_prompt_goes_back() -> None:
    stage = Stage(FolderPrompt())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("x", "escape")
        await pilot.pause()
        assert stage.answers == [None]


@pytest.mark.parametrize("key", ["escape", "q", "question_mark"])
async def test_help_closes(key: str) -> None:
    stage = Stage(HelpScreen())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "pause between two steps" in text(stage)
        await pilot.press(key)
        await pilot.pause()
        assert stage.answers == [None]


async def test_help_scrolls_where_it_does_not_fit() -> None:
    stage = Stage(HelpScreen())
    async with stage.run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        assert "never as 0" not in text(stage)
        await pilot.press("end")
        await pilot.pause()
        await pilot.wait_for_animation()
        assert "never as 0" in text(stage)


@pytest.mark.parametrize(
    ("dialog", "key"),
    [
        (choice, "q"),
        (HelpScreen, "escape"),
        (FolderPrompt, "escape"),
        (lambda: ExtendPrompt(story.told(*story.training())), "escape"),
        (lambda: GhostChooser([], BEST), "enter"),
    ],
    ids=["choice", "help", "folder", "extend", "ghost"],
)
async def test_a_second_key_right_behind_does_not_close_what_is_below(
    dialog: Callable[[], Screen[object]], key: str
) -> None:
    below = monitor()
    stage = Stage(below)
    async with stage.run_test(size=(80, 24)) as pilot:
        stage.push_screen(dialog())
        await pilot.pause()
        for _ in range(3):
            stage.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause(0.3)
        assert below in stage.screen_stack


async def test_help_outlives_a_window_of_one_cell() -> None:
    stage = Stage(HelpScreen())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.resize_terminal(1, 1)
        await pilot.pause()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "The charts" in text(stage)
