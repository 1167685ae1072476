"""Curves as dots: where they go, what they join, and whose colour a cell takes."""

from collections.abc import Sequence

import pytest

from cnntop.core.events import Paused, RunEnded
from cnntop.core.run_state import RunState
from cnntop.tui.format import figure
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.widgets import braille
from cnntop.tui.widgets.chart import Chart, Series
from cnntop.tui.widgets.panel import Frame
from tests.tui import story
from tests.tui.stage import Stage, monitor, show, text

WIDTH, HEIGHT = 59, 16


def picture(points: Sequence[tuple[int, float]], columns: int = 4, rows: int = 2) -> list[str]:
    """The dots of one curve from 0 to 1, row by row: `#` where there is one."""
    dots = braille.strokes(points, columns, rows, 0.0, 1.0)
    height = braille.DOTS_DOWN * rows
    return ["".join("#" if column >> row & 1 else "." for column in dots) for row in range(height)]


def test_neighbours_are_joined_where_the_curve_jumps() -> None:
    assert picture([(0, 1.0), (1, 0.0), (2, 0.0), (3, 1.0)], columns=2) == [
        "#..#",
        ".#.#",
        ".#.#",
        ".#.#",
        ".#.#",
        ".#.#",
        ".#.#",
        ".##.",
    ]


def test_points_far_apart_are_joined_by_a_slope() -> None:
    assert picture([(0, 1.0), (7, 0.0)]) == [
        "#.......",
        ".#......",
        "..#.....",
        "...#....",
        "....#...",
        ".....#..",
        "......#.",
        ".......#",
    ]


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_every_value_has_a_dot_in_the_field(value: float) -> None:
    assert sum(row.count("#") for row in picture([(3, value)])) == 1


def test_each_dot_is_the_bit_of_its_braille_pattern() -> None:
    every = {braille.cells([[left, right]], 0)[0][0] for left in range(16) for right in range(16)}
    assert every == {" ", *(chr(0x2800 + bits) for bits in range(1, 256))}
    numbers = {(0, 0): 0x01, (0, 3): 0x40, (1, 0): 0x08, (1, 3): 0x80}
    for (column, row), bit in numbers.items():
        dots = [0, 0]
        dots[column] = 1 << row
        assert braille.cells([dots], 0) == [(chr(0x2800 + bit), 0)]


def test_a_cell_takes_the_colour_of_the_curve_on_top() -> None:
    train, test = [1, 0, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]
    assert braille.cells([train, test], 0) == [("⠁", 0), ("⠉", 1), ("⠁", 0)]
    assert braille.cells([train, [0] * 6], 0) == [("⠁⠁⠁", 0)]
    assert braille.cells([train, test], 1) == [("   ", 0)]


def rows(chart: Chart, state: RunState, now: float) -> list[str]:
    return [line.plain for line in chart.lines(state, Frame(now, WIDTH, HEIGHT))]


def long_run(stretches: int) -> RunState:
    losses = [2.3 / (1 + number / 40) for number in range(stretches)]
    events = [story.stretch(1 + n // 8, 1 + n % 8, loss, 0.5) for n, loss in enumerate(losses)]
    return story.told(*story.preparing(), story.STARTED, *events, seconds=0.25)


def test_a_curve_that_grows_leaves_what_was_drawn_as_it_is() -> None:
    """Whole charts drawn anew each time cost the training more than all else on the screen."""
    chart = Chart("loss", lambda state: [Series("train", state.train_loss)], figure)
    changed = []
    before: list[str] = []
    for stretches in range(200, 400, 8):
        drawn = rows(chart, long_run(stretches), stretches / 4)
        changed.append(sum(old != new for old, new in zip(before, drawn, strict=False)))
        before = drawn
    assert sorted(changed)[len(changed) // 2] <= 4, changed


def test_the_axis_of_a_run_that_is_over_ends_with_it() -> None:
    chart = Chart("loss", lambda state: [Series("train", state.train_loss)], figure)
    state = long_run(330)
    open_end = max(len(row.rstrip()) for row in rows(chart, state, 100.0)[1:])
    assert open_end < WIDTH - 2
    ended = story.told(
        *story.preparing(), story.STARTED, *story.epochs(6), RunEnded("finished", "", 24.0)
    )
    assert max(len(row.rstrip()) for row in rows(chart, ended, 200.0)[1:]) >= WIDTH - 2


async def test_figures_are_drawn_once_a_second_and_what_happens_at_once() -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert isinstance(stage.shown, MonitorScreen)
        state = long_run(80)
        show(stage, state, 100.0)
        await pilot.pause()
        told = text(stage)
        state._apply(story.stretch(10, 8, 0.123, 0.5))
        show(stage, state, 100.3)
        await pilot.pause()
        assert text(stage) == told
        show(stage, state, 101.0)
        await pilot.pause()
        assert "0.123" in text(stage)
        state._apply(Paused())
        show(stage, state, 101.1)
        await pilot.pause()
        assert "paused" in text(stage)
