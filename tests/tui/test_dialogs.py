"""The dialogs: each answer by its key and its button, and nothing else closes them."""

import pytest

from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.folder_prompt import FolderPrompt
from cnntop.tui.screens.help import HelpScreen
from tests.tui.stage import SIZES, Stage, text

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
        await pilot.click("#answer-q")
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
