"""The monitor with made-up runs at several sizes: everything fits, nothing breaks it."""

import itertools
import re

import msgspec
import pytest

from cnntop.core.events import (
    AnyEvent,
    EpochFinished,
    GpusUnavailable,
    Notice,
    Paused,
    RunEnded,
    StepsMeasured,
)
from cnntop.core.run_state import RunState
from tests.tui import story
from tests.tui.stage import SIZES, Stage, monitor, regions, show, text

EVIL = "ev\x1b[31mil[/x][bold]\x07\x9b2J" + "long" * 60


def nan(event: AnyEvent) -> AnyEvent:
    """The event as it comes when the loss is not finite."""
    if isinstance(event, StepsMeasured):
        return msgspec.structs.replace(event, loss=None)
    if isinstance(event, EpochFinished):
        return msgspec.structs.replace(event, train_loss=None, test_loss=None)
    return event


def evil() -> list[AnyEvent]:
    started = msgspec.structs.replace(
        story.STARTED, name=EVIL, dataset=EVIL, device_name=EVIL, model=EVIL
    )
    return [
        *story.preparing(), Notice(EVIL, "warning"), started, story.gpu(0, name=EVIL),
        *story.epochs(2), GpusUnavailable(EVIL), Notice(EVIL, "error"),
        RunEnded("failed", EVIL, 5.0),
    ]  # fmt: skip


def planned(epochs: int | None, seconds: float | None = None) -> list[AnyEvent]:
    return [
        msgspec.structs.replace(
            story.STARTED, epochs_planned=epochs, time_limit_seconds=seconds
        ),
        *story.epochs(1 if epochs == 1 else 3),
    ]  # fmt: skip


STORIES: dict[str, list[AnyEvent]] = {
    "nothing yet": [],
    "preparing": story.preparing(),
    "started": [story.STARTED],
    "training": story.training(),
    "waiting": story.waiting(),
    "fixed": story.fixed(measured=True),
    "paused": [*story.training(), Paused()],
    "loss not finite": [nan(event) for event in story.training()],
    "diverged": [*map(nan, story.training()), RunEnded("diverged", "not finite", 9.0)],
    "8 GPUs": story.with_gpu([story.gpu(index) for index in range(8)]),
    "GPU without figures": story.with_gpu([story.gpu(0, measured=False)]),
    "256 cores": [*story.training(), story.cpu(256)],
    "no cores": [*story.training(), story.cpu(0)],
    "1 epoch": planned(1),
    "100,000 epochs": planned(100_000),
    "8 hours": planned(None, 28_800.0),
    "evil names": evil(),
    "many notices": [*story.training(), *(Notice(f"number {n}") for n in range(200))],
    "finished": [*story.training(), RunEnded("finished", "", 80.0)],
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", STORIES)
async def test_everything_fits_and_nothing_overlaps(name: str, size: tuple[int, int]) -> None:
    stage, state = Stage(monitor()), story.told(*STORIES[name])
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        show(stage, state)
        await pilot.pause()
        places = regions(stage)
        assert len(places) > 6
        for (one, region), (other, another) in itertools.combinations(places.items(), 2):
            assert not region.overlaps(another), f"{one} lies over {other}"
        for one, region in places.items():
            assert stage.screen.region.contains_region(region), f"{one} sticks out"
        shown = text(stage)
        assert len(shown.splitlines()) == size[1]
        assert max(map(len, shown.splitlines())) <= size[0]
        assert ("p Pause" if state.ended is None else "q Leave") in shown.splitlines()[-1]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_names_cannot_paint(size: tuple[int, int]) -> None:
    """Escapes in a name reach no cell, and markup is text like any other."""
    stage = Stage(monitor(EVIL, EVIL))
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        show(stage, story.told(*evil()))
        await pilot.pause()
        for line in stage.screen._compositor.render_strips():
            for segment in line:
                assert not set("\x1b\x07\x9b") & set(segment.text), repr(segment.text)
        assert "[/x][bold]" in text(stage)


@pytest.mark.parametrize("size", [(59, 40), (120, 14), (20, 5), (1, 1)], ids=str)
async def test_too_small(size: tuple[int, int]) -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        show(stage, story.told(*story.training()))
        await pilot.pause()
        if size[0] > 40:
            assert "This window is too small." in text(stage)
        assert "wait" not in text(stage)
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        assert "too small" not in text(stage)
        assert "wait" in text(stage)


async def test_figures_of_the_run_are_on_the_screen() -> None:
    state = story.told(*story.training())
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        show(stage, state)
        await pilot.pause()
        shown = text(stage)
    assert state.train_loss.last is not None
    for words in (
        "● training", "epoch 6/20", "28 %", "Some CPU 9000", "251,834 parameters",
        f"{state.train_loss.last:.4g}", "wait 22.2 %", "compute 62.2 %", "42 %", "812 MB",
        "6.2 GB of 16 GB", "no NVIDIA driver found", "2 of 10,000 images",
    ):  # fmt: skip
        assert words in shown, words
    assert "ETA –" not in shown


async def test_gpu_figures_and_dashes_for_those_there_are_none_of() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        show(stage, story.told(*story.with_gpu([story.gpu(0), story.gpu(1, measured=False)])))
        await pilot.pause()
        lines = text(stage).splitlines()
    first, second = (next(x for x in lines if f" gpu {n} " in x) for n in (0, 1))
    for words in ("87 %", "9 GB of 80 GB", "312 of 700 W", "61 °C", "Some GPU"):
        assert words in first, words
    assert second.count("–") >= 4
    assert "0" not in second.replace("gpu 1", "").replace("00", "")


async def test_what_was_not_measured_is_a_dash() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        show(stage, story.told(story.STARTED))
        await pilot.pause()
        shown = text(stage)
    assert "ETA –" in shown
    assert "train –" in shown
    assert "test –" in shown


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_gpu_s_figures_fit_its_line(size: tuple[int, int]) -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        show(stage, story.told(*story.with_gpu([story.gpu(0)])))
        await pilot.pause()
        line = next(line for line in text(stage).splitlines() if " gpu 0 " in line)
    for words in ("87 %", "9 GB", "312", "61 °C"):
        assert words in line
    assert "…" not in line


@pytest.mark.parametrize("size", SIZES[1:], ids=str)
async def test_every_gpu_has_a_line_also_those_that_come_later(size: tuple[int, int]) -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        for count in (1, 8):
            show(stage, story.told(*story.with_gpu([story.gpu(n) for n in range(count)])))
            await pilot.pause()
            shown = text(stage)
            for number in range(count):
                assert f" gpu {number} " in shown, number


async def test_time_passes_between_two_records() -> None:
    state = story.told(*story.training())
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for later, clock in ((60.0, "01:00"), (3661.0, "1:01:01")):
            show(stage, state, state.started_at_seconds + later)
            await pilot.pause()
            assert clock in text(stage).splitlines()[0]


async def test_a_state_that_says_the_same_is_not_drawn_again() -> None:
    state = story.told(*story.training())
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        show(stage, state)
        await pilot.pause()
        drawn: list[str] = []
        for panel in stage.screen.query("Panel"):
            refresh = panel.refresh
            panel.refresh = lambda *a, _r=refresh, _p=panel, **k: (
                drawn.append(_p.id),
                _r(*a, **k),
            )[1]  # type: ignore[method-assign, misc]
        show(stage, state)
        await pilot.pause()
        assert drawn == []


@pytest.mark.parametrize("name", ["preparing", "training", "8 GPUs", "evil names"])
async def test_without_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        show(stage, story.told(*STORIES[name]))
        await pilot.pause()
        picture = stage.export_screenshot()
    colours = {c for c in _colours(picture) if len({c[1:3], c[3:5], c[5:7]}) > 1}
    # The title and buttons of the window that Textual's picture has around the screen.
    frame = {"#ff5f57", "#febc2e", "#28c840", "#c5c8c6"}
    assert colours <= frame


def test_an_empty_no_color_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, plain in (("", False), ("1", True)):
        monkeypatch.setenv("NO_COLOR", value)
        assert Stage(monitor()).no_color is plain


def _colours(svg: str) -> set[str]:
    return set(re.findall(r"#[0-9a-f]{6}", svg))


async def test_keys_without_a_run_do_no_harm() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.press("p")
        await pilot.press("question_mark")
        assert "The charts" in text(stage)
        await pilot.press("q")
        assert stage.screen is stage.shown, "q closes the help and nothing else"
        show(stage, RunState())
        await pilot.press("q")
    assert not stage.is_running
