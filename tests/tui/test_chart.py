"""Charts of a run: what they draw anew, where they end, and that they share one axis."""

import msgspec
import pytest

from cnntop.core.events import CheckpointSaved, GpuSample, Paused, RunEnded
from cnntop.core.run_state import RunState
from cnntop.tui.axis_view import AxisView
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.widgets.axis_panel import AxisPanel
from cnntop.tui.widgets.charts import axis_panels
from cnntop.tui.widgets.panel import Frame
from cnntop.tui.widgets.plot import MARGIN
from tests.tui import story
from tests.tui.stage import Stage, monitor, show, text

WIDTH, HEIGHT = 59, 16


def rows(chart: AxisPanel, state: RunState, now: float, height: int = HEIGHT) -> list[str]:
    return [line.plain for line in chart.lines(state, Frame(now, WIDTH, height))]


def long_run(stretches: int) -> RunState:
    losses = [2.3 / (1 + number / 40) for number in range(stretches)]
    events = [story.stretch(1 + n // 8, 1 + n % 8, loss, 0.5) for n, loss in enumerate(losses)]
    return story.told(*story.preparing(), story.STARTED, *events, seconds=0.25)


def test_a_curve_that_grows_leaves_what_was_drawn_as_it_is() -> None:
    """Whole charts drawn anew each time cost the training more than all else on the screen."""
    chart = axis_panels(AxisView())["loss"]
    changed = []
    before: list[str] = []
    for stretches in range(200, 400, 8):
        drawn = rows(chart, long_run(stretches), stretches / 4)
        changed.append(sum(old != new for old, new in zip(before, drawn, strict=False)))
        before = drawn
    assert sorted(changed)[len(changed) // 2] <= 4, changed


def test_the_axis_of_a_run_that_is_over_ends_with_it() -> None:
    chart = axis_panels(AxisView())["loss"]
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


def test_every_chart_has_its_figures_and_its_cursor_in_the_same_column() -> None:
    gpu = [msgspec.structs.replace(story.gpu(0), power_watts=watts) for watts in (300.0, 350.0)]
    state = story.told(*story.with_gpu(gpu), CheckpointSaved("checkpoint/last.pt", 3, 0.5))
    axis = AxisView()
    panels = axis_panels(axis)
    assert list(panels) == [
        "loss", "accuracy", "rate", "speed", "parts", "gpu", "memory", "power", "temperature",
        "cpu", "axis",
    ]  # fmt: skip
    newest = {name: rows(panel, state, 50.0)[0] for name, panel in panels.items()}
    for name, words in {
        "loss": "train ", "accuracy": "test ", "rate": "0.01", "speed": "2,778",
        "parts": "wait 22 %", "gpu": "87 %", "memory": "9 GB", "power": "350 W",
        "temperature": "61 °C", "cpu": "42 %",
    }.items():  # fmt: skip
        assert words in newest[name], name
    axis.point(300.0)
    frame = Frame(50.0, WIDTH, HEIGHT)
    cursor = {name: panel.lines(state, frame) for name, panel in panels.items()}
    cell = axis.view.cell(300.0, axis.cells)
    assert cell is not None
    for name, drawn in cursor.items():
        for row in drawn[1:] if name != "axis" else drawn[:1]:
            [style] = [str(s.style) for s in row.spans if s.start <= MARGIN + cell < s.end] or [""]
            assert row.plain[MARGIN + cell] == "│" or "reverse" in style, name
    assert cursor["loss"][0].plain != newest["loss"]


def test_what_nothing_is_known_of_says_so() -> None:
    panels = axis_panels(AxisView())
    for name, panel in panels.items():
        for height in (1, 2, 5):
            drawn = rows(panel, RunState(), 1.0, height)
            assert len(drawn) <= max(height, 3) or name == "axis"
    assert "no step yet" in rows(panels["loss"], RunState(), 1.0)[1]
    assert "no GPU is watched" in rows(panels["power"], RunState(), 1.0)[1]
    dashes = story.told(*story.with_gpu([GpuSample(0, "GPU-0", "Some GPU")]))
    assert "–" in rows(panels["power"], dashes, 50.0)[0]


def test_the_split_is_stacked_with_a_texture_for_each_part() -> None:
    axis = AxisView()
    state = story.told(*story.preparing(), story.STARTED, *story.epochs(3, 8))
    drawn = rows(axis_panels(axis)["parts"], state, 50.0, 10)
    column = "".join(row[MARGIN + 1] for row in drawn[1:])
    assert column == "▒▒" + "█" * 6 + "▓" or column == "".join(sorted(column, key="▒░█▓".index))
    assert set(column) >= {"▒", "█", "▓"}
    axis.plain = True
    axis.changes += 1
    plain = rows(axis_panels(axis)["parts"], state, 50.0, 10)
    assert all(row.isascii() for row in plain)
    assert {"w", "c", "o"} <= {row[MARGIN + 1] for row in plain[1:]}


def test_the_split_told_is_of_steps_and_in_the_end_of_the_whole_run() -> None:
    """Never that of the moment between an epoch's last step and the next one's first, which is all
    "other"."""
    events = [*story.preparing(), story.STARTED, *story.epochs(3, 8)]
    going = rows(axis_panels(AxisView())["parts"], story.told(*events), 50.0)[0]
    assert " ".join(going.split()) == "split ▒ wait 22 % ░ transfer 4 % █ compute 62 % ▓ other 11 %"
    over = story.told(*events, RunEnded("finished", "", 30.0))
    ended = rows(axis_panels(AxisView())["parts"], over, 50.0)[0]
    assert " ".join(ended.split()) == "split ▒ wait 20 % ░ transfer 4 % █ compute 56 % ▓ other 20 %"


@pytest.mark.parametrize(
    ("height", "column"),
    [(1, "█"), (2, "▒█"), (3, "▒██"), (5, "▒███▓"), (20, "▒▒▒▒▒░████████████▓▓")],
)
def test_a_small_part_does_not_look_like_half_in_few_rows(height: int, column: str) -> None:
    """Wait 24 %, transfer 5 %, compute 60 %, other 11 %."""
    axis = AxisView()
    state = story.told(*story.preparing(), story.STARTED, *story.epochs(1, 5))
    drawn = rows(axis_panels(axis)["parts"], state, 50.0, height + 1)
    assert "".join(row[MARGIN + 1] for row in drawn[1:]) == column
