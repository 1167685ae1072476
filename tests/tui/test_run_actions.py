"""The keys that change a run: each asks the run for the right thing, and says what will happen."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from cnntop.core.events import Activity, EpochFinished, Paused, StopAsked
from cnntop.core.extension import NOTHING, Extension
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder
from cnntop.tui import ps_page
from cnntop.tui.screens.choice import ChoiceScreen
from cnntop.tui.screens.extend_prompt import ExtendPrompt
from tests.conftest import Watched
from tests.tui import story
from tests.tui.stage import SIZES, Stage, monitor, show, text
from tests.tui.test_fix_key import Training

TRAINING = story.told(*story.training())
TIMED = story.told(
    *story.training(
        started=msgspec.structs.replace(
            story.STARTED, epochs_planned=None, time_limit_seconds=900.0
        )
    )
)


class Steered(Training):
    folder = RunFolder(Path("runs/20260101-120000-mine-3f9a"))


@asynccontextmanager
async def staged(
    state: RunState, run: Training, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Stage, Pilot[None]]]:
    stage = Stage(monitor())
    async with stage.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        stage.handle = run  # type: ignore[assignment]
        stage.state = state
        show(stage, state)
        yield stage, pilot


async def pressed(stage: Stage, pilot: Pilot[None], *keys: str) -> str:
    await pilot.press(*keys)
    await pilot.pause()
    return " ".join(text(stage).replace("│", " ").split())


async def test_the_rate_keys_double_and_halve() -> None:
    run = Steered()
    async with staged(TRAINING, run) as (stage, pilot):
        shown = await pressed(stage, pilot, "right_square_bracket", "right_square_bracket")
        assert "Learning rate x2 from the next step on." in shown
        assert run.control.take_rate_factor() == 4.0
        assert "Learning rate /2" in await pressed(stage, pilot, "left_square_bracket")
        assert run.control.take_rate_factor() == 0.5


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (TRAINING, "saved after this step"),
        (story.told(*story.training(), Paused()), "saved now"),
        (story.told(*story.training(), Activity("evaluating", 0, 9, "images")), "between two"),
    ],
)
async def test_a_checkpoint_by_its_key(state: RunState, words: str) -> None:
    run = Steered()
    async with staged(state, run) as (stage, pilot):
        assert words in await pressed(stage, pilot, "k")
        assert run.control.take_checkpoint()


@pytest.mark.parametrize("key", ["k", "left_square_bracket", "e", "p"])
@pytest.mark.parametrize("over", [False, True])
async def test_where_there_is_nothing_to_change_it_says_so(key: str, over: bool) -> None:
    run = Steered(done=over)
    async with staged(TRAINING if over else RunState(), run) as (stage, pilot):
        words = "This run is over." if over else "The run has not begun yet."
        assert words in await pressed(stage, pilot, key)
        assert not run.control.wanted


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_extending_says_what_comes_of_it_and_takes_no_nonsense(size: tuple[int, int]) -> None:
    run = Steered()
    async with staged(TRAINING, run, size) as (stage, pilot):
        assert "It ends after 20 epochs." in await pressed(stage, pilot, "e")
        assert "neither a number of epochs" in await pressed(stage, pilot, "x", "enter")
        assert isinstance(stage.screen, ExtendPrompt)
        shown = await pressed(stage, pilot, "backspace", "5")
        assert "It ends after 25 epochs, 5 more." in shown
        assert "neither" not in shown
        await pressed(stage, pilot, "enter")
        assert not isinstance(stage.screen, ExtendPrompt)
        assert run.control.take_extension() == Extension(epochs=5)
        await pressed(stage, pilot, "e", "9", "escape")
        assert run.control.take_extension() == NOTHING


@pytest.mark.parametrize("key", ["e", "question_mark"])
@pytest.mark.parametrize("back", ["escape", "ctrl+c"])
async def test_each_way_back_goes_back(key: str, back: str) -> None:
    run = Steered()
    async with staged(TRAINING, run) as (stage, pilot):
        await pressed(stage, pilot, key)
        assert stage.screen is not stage.shown
        await pressed(stage, pilot, back)
        assert stage.screen is stage.shown
        assert not run.control.wanted


async def test_a_run_that_ends_with_its_epoch_is_not_extended() -> None:
    run = Steered()
    ending = story.told(*story.training(), StopAsked("after-epoch", 1761, 6))
    async with staged(ending, run) as (stage, pilot):
        shown = await pressed(stage, pilot, "e")
        assert "It ends after epoch 6, as asked. q takes that back." in shown
        assert not isinstance(stage.screen, ExtendPrompt)
        shown = await pressed(stage, pilot, "q")
        assert "trained; it ends after epoch 6, as asked." in shown
        assert "to go" not in shown.partition("Stop")[2]


async def test_more_epochs_than_a_run_may_have_are_refused_at_once() -> None:
    run = Steered()
    async with staged(TRAINING, run) as (stage, pilot):
        shown = await pressed(stage, pilot, "e", *"999990", "enter")
        assert "that is too long: a run has at most 1,000,000 epochs." in shown
        assert isinstance(stage.screen, ExtendPrompt)
        assert run.control.take_extension() == NOTHING


async def test_time_is_turned_into_the_epochs_that_it_takes_and_back() -> None:
    run = Steered()
    async with staged(TRAINING, run) as (stage, pilot):
        await pressed(stage, pilot, "e", *"1m", "enter")
        assert run.control.take_extension() == Extension(epochs=15), "of 4 s each"
        stage.state = TIMED
        assert "It ends after 15m." in await pressed(stage, pilot, "e")
        assert "It ends after 16m, 1m more." in await pressed(stage, pilot, *"15")
        await pressed(stage, pilot, "enter")
        assert run.control.take_extension() == Extension(seconds=60.0)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_menu_fits_and_finishes_the_epoch(size: tuple[int, int]) -> None:
    run = Steered()
    async with staged(TRAINING, run, size) as (stage, pilot):
        shown = await pressed(stage, pilot, "q")
        for words in ("f Finish this epoch", "s Stop and save", "x Discard", "l Leave", "c Stay"):
            assert words in shown
        assert "Epoch 6/20" in shown
        assert "It finishes" in await pressed(stage, pilot, "f")
        assert run.control.ends_after_epoch
        assert run.control.stop_status is None


async def test_the_menu_takes_the_end_with_the_epoch_back() -> None:
    run = Steered()
    run.control.stop_after_epoch()
    state = story.told(*story.training(), StopAsked("after-epoch", 1761, 6))
    async with staged(state, run) as (stage, pilot):
        shown = await pressed(stage, pilot, "q")
        assert "g Go on after epoch 6 after all" in shown
        assert "Finish this epoch" not in shown
        assert "It goes on as planned." in await pressed(stage, pilot, "g")
        assert not run.control.ends_after_epoch


async def test_the_menu_goes_by_arrows_and_stay_changes_nothing() -> None:
    run = Steered()
    async with staged(TRAINING, run) as (stage, pilot):
        await pressed(stage, pilot, "q", "down", "down", "up", "enter")
        assert run.control.stop_status == "stopped", "the second is to stop now"
        other = Steered()
        stage.handle = other  # type: ignore[assignment]
        await pressed(stage, pilot, "q", "c", "q", "escape")
        assert not other.control.wanted
        await pilot.press("q", "l")
        assert stage.detached


async def test_before_the_first_step_there_is_only_to_stop() -> None:
    run = Steered()
    async with staged(RunState(), run) as (stage, pilot):
        shown = await pressed(stage, pilot, "q")
        assert "Finish this epoch" not in shown
        assert "Discard" not in shown
        assert "and save" not in shown
        await pressed(stage, pilot, "s")
        assert run.control.stop_status == "stopped"


@pytest.mark.parametrize("answer", ["c", "escape", "ctrl+c", "x", "enter"])
async def test_discarding_asks_again_and_a_hasty_answer_keeps_it(answer: str) -> None:
    run = Steered()
    async with staged(TRAINING, run) as (stage, pilot):
        shown = await pressed(stage, pilot, "q", "x")
        assert "20260101-120000-mine-3f9a" in shown
        assert "Discard it for good" in shown
        await pressed(stage, pilot, answer)
        assert not run.control.wanted
        if answer == "x":
            assert isinstance(stage.screen, ChoiceScreen)


async def test_discarding() -> None:
    run = Steered()
    async with staged(TRAINING, run) as (stage, pilot):
        assert "nothing of it is kept" in await pressed(stage, pilot, "q", "x", "d")
        assert run.control.discarded


async def test_the_end_that_was_asked_for_stands_in_the_header() -> None:
    state = story.told(*story.training(), StopAsked("after-epoch", 1800, 6))
    async with staged(state, Steered()) as (stage, _):
        assert "ends after epoch 6" in text(stage).splitlines()[0]


def test_the_command_ends_a_run_with_its_epoch(
    start: Callable[[RunRequest], Watched], request_run: Callable[..., RunRequest]
) -> None:
    watched = start(request_run(epochs=100_000))
    watched.until(lambda records: any(isinstance(one.event, EpochFinished) for one in records))
    folder = RunFolder(watched.folder)
    told = ps_page.stop_after_epoch(folder)
    assert told.endswith("/100000. It stops when that is over.") or ": stopped after" in told
    assert watched.end().ended.status == "stopped"


def test_the_command_takes_that_back(
    start: Callable[[RunRequest], Watched], request_run: Callable[..., RunRequest]
) -> None:
    watched = start(request_run(epochs=100_000))
    watched.handle.control.pause()
    watched.until(lambda records: any(isinstance(one.event, Paused) for one in records))
    watched.handle.control._after_epoch = True  # asked for properly it would go on, and be over
    told = ps_page.go_on_after_epoch(RunFolder(watched.folder))
    assert told.endswith("/100000. It goes on as planned.")
    assert not watched.handle.control.ends_after_epoch
    watched.handle.control.stop()
    watched.end()


def test_the_command_discards_a_run(
    start: Callable[[RunRequest], Watched], request_run: Callable[..., RunRequest]
) -> None:
    watched = start(request_run(epochs=100_000))
    watched.until(lambda records: any(isinstance(one.event, EpochFinished) for one in records))
    told = ps_page.stop(RunFolder(watched.folder), discard=True)
    assert told == f"{watched.folder.name}: discarded."
    assert not watched.end().folder.exists()
