"""The axis on the screen: keys, the mouse, marks, the readout, and the log behind a deep zoom."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cnntop.core.events import CheckpointSaved, FixApplied, Paused, Resumed, RunEnded
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder
from cnntop.tui.axis_view import AxisView
from cnntop.tui.deep_zoom import DeepZoom
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.watch_run import WatchApp, WatchedRun
from cnntop.tui.widgets.axis import SIGNS
from cnntop.tui.widgets.charts import axis_panels
from cnntop.tui.widgets.panel import Frame
from tests.runs.test_window import LONG, long_run, write
from tests.tui import story
from tests.tui.stage import Stage, monitor, show, text


def run_with_marks() -> RunState:
    middle = [
        CheckpointSaved("checkpoint/last.pt", 3, 0.5, 313 * 3),
        FixApplied("data.augment_on", "cpu", "device", 313 * 4, 100.0),
        Paused(),
        Resumed(0.5),
        story.stretch(6, 1, None, None),
        RunEnded("stopped", "", 30.0),
    ]
    return story.told(*story.preparing(), story.STARTED, *story.epochs(5), *middle)


async def shown(stage: Stage, pilot: Pilot[None], state: RunState) -> MonitorScreen:
    await pilot.pause()
    show(stage, state)
    await pilot.pause()
    assert isinstance(stage.shown, MonitorScreen)
    return stage.shown


async def test_keys_move_the_cursor_zoom_and_change_the_axis() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        axis = (await shown(stage, pilot, story.told(*story.training()))).axis
        seen = [text(stage)]

        async def press(key: str) -> str:
            await pilot.press(key)
            await pilot.pause()
            seen.append(text(stage))
            assert seen[-1] != seen[-2], f"{key} shows nothing"
            return seen[-1]

        at_end = axis.last
        assert "step 1," in await press("left")
        assert axis.cursor is not None
        one = at_end - axis.cursor
        await press("shift+left")
        assert axis.cursor == pytest.approx(at_end - 11 * one)
        await press("shift+right")
        await press("right")
        assert axis.cursor == pytest.approx(at_end)
        assert "loss train 2." in await press("home"), "that of the first stretch"
        assert axis.cursor == 0.0
        await press("escape")
        assert axis.cursor is None
        assert "zoomed" in await press("plus")
        assert "zoomed" in await press("minus") or not axis.zoomed
        await press("plus")
        assert "whole run" in await press("0")
        assert " epoch " in await press("x")
        assert " time " in await press("x")
        await press("x")
        assert "loss log" in await press("l")
        await press("l")
        assert "light smoothing" in await press("m")
        await press("left")
        assert "follows the end" in await press("end")


async def test_the_mouse_sets_and_drags_the_cursor_and_the_wheel_zooms() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        axis = (await shown(stage, pilot, story.told(*story.training()))).axis
        await pilot.mouse_down("#loss", offset=(30, 2))
        await pilot.pause()
        first = axis.cursor
        assert first is not None
        assert axis.view.cell(first, axis.cells) == 30 - 9
        await pilot.hover("#loss", offset=(40, 2))
        await pilot.pause()
        assert axis.cursor is not None
        assert axis.view.cell(axis.cursor, axis.cells) == 40 - 9
        await pilot.mouse_up("#loss", offset=(40, 2))
        await pilot.hover("#loss", offset=(50, 2))
        await pilot.pause()
        assert axis.view.cell(axis.cursor, axis.cells) == 40 - 9, "let go"
        chart = stage.screen.query_one("#accuracy")
        at = axis.view.middle(20, axis.cells)
        from textual.events import MouseScrollUp

        chart.post_message(MouseScrollUp(chart, 29, 2, 0, 0, 0, False, False, False))
        await pilot.pause()
        assert axis.zoomed
        assert axis.view.cell(at, axis.cells) == pytest.approx(20, abs=1)


async def test_what_happened_is_marked_and_told_at_the_cursor() -> None:
    state = run_with_marks()
    assert {mark.kind for mark in state.marks} == {"checkpoint", "fix", "pause", "nan", "end"}
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        screen = await shown(stage, pilot, state)
        for kind in ("checkpoint", "fix"):
            assert SIGNS[kind].char in text(stage)
        screen.axis.point(313.0 * 4)
        screen.on_axis_panel_changed()
        await pilot.pause()
        told = text(stage)
        assert "data.augment_on cpu -> device" in told
        assert "step 1,252  epoch 4.00" in told


def test_signs_are_all_different_and_one_cell_wide() -> None:
    for shown_as in ([sign.char for sign in SIGNS.values()], [s.plain for s in SIGNS.values()]):
        assert len(set(shown_as)) == len(SIGNS)
        assert all(len(char) == 1 for char in shown_as)
    assert all(sign.plain.isascii() for sign in SIGNS.values())


def test_the_line_reads_out_every_chart_at_the_cursor_and_in_ascii_too() -> None:
    axis = AxisView(plain=True)
    panels = axis_panels(axis)
    state = run_with_marks()
    frame = Frame(60.0, 200, 6)
    for panel in panels.values():
        panel.lines(state, frame)
    axis.point(600.0)
    lines = [line.plain for line in panels["axis"].lines(state, frame)]
    told = " ".join(lines)
    for words in ("step 600", "loss train 1.", "loss test 1.", "accuracy train", "images/s 2,778",
                  "wait 22.2 %", "cpu 42 %", "learning rate 0.01"):  # fmt: skip
        assert words in told, words
    assert all(line.isascii() for line in lines)
    narrow = [line.plain for line in panels["axis"].lines(state, Frame(60.0, 60, 3))]
    assert narrow[-1].rstrip().endswith("..."), "a sign that not all of it fits"


def test_a_deep_zoom_shows_single_stretches_of_a_long_run(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    state = write(log, long_run())
    axis = AxisView(magnifier=DeepZoom(log))
    axis.follow(state)
    axis.point(5.0 * 12_345)
    axis.zoom(40 / LONG)
    assert axis.source() is state, "reading waits for nothing"
    deadline = time.monotonic() + 60
    while axis.source() is state:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    chart = axis_panels(axis)["loss"]
    title = chart.lines(state, Frame(1.0, 110, 10))[0].plain
    assert "12345" in title.replace(",", "") or "1.234e+04" in title
    start, end = axis.window
    seen = [one for one in axis.source().train_loss.bins if start <= one.step <= end]
    assert {one.count for one in seen} == {1}
    assert len(seen) >= 35
    coarse = [one for one in state.train_loss.bins if start <= one.step <= end]
    assert len(coarse) <= 2


async def test_a_run_that_is_watched_is_read_from_its_log_where_it_is_looked_at_closely(
    tmp_path: Path,
) -> None:
    write(tmp_path / "events.jsonl", long_run())
    app = WatchApp(WatchedRun(RunFolder(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.watched.done)
        screen = app.screen
        assert isinstance(screen, MonitorScreen)
        screen.axis.point(5.0 * 12_345)
        screen.axis.zoom(40 / LONG)
        screen.on_axis_panel_changed()
        await until(pilot, lambda: "1.234e+04" in text(app))


async def until(pilot: Pilot[None], seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < deadline
        await pilot.pause(0.05)


def test_without_a_log_the_run_s_own_curves_are_shown(tmp_path: Path) -> None:
    state = write(tmp_path / "events.jsonl", long_run())
    axis = AxisView(magnifier=DeepZoom(tmp_path / "nowhere.jsonl"))
    axis.follow(state)
    axis.zoom(0.01)
    for _ in range(50):
        assert axis.source() is state
        time.sleep(0.002)
