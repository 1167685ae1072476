"""The shared axis: what it shows, how it follows, and that a moment stays that moment."""

import msgspec
import pytest

from cnntop.core.events import Paused, Record, Resumed, RunEnded, StepsMeasured
from cnntop.core.run_state import RunState
from cnntop.tui.axis_ticks import ticks
from cnntop.tui.axis_view import SMOOTHINGS, AxisView
from tests.tui import story


def paused_run(stretches: int = 100) -> RunState:
    """A stretch of ten steps a second, and after half of them a pause of 500 s."""
    state = RunState()
    state.apply(Record(0, 20.0, story.STARTED))
    for n in range(1, stretches + 1):
        later = 500.0 if n > stretches // 2 else 0.0
        if n == stretches // 2 + 1:
            state.apply(Record(n, 20.0 + n - 1, Paused()))
            state.apply(Record(n, 20.0 + n - 1 + later, Resumed(500.0)))
        event = story.stretch(1, 1, 2.0 - n / 100, 0.5)
        state.apply(Record(n, 20.0 + n + later, _at_step(event, 10 * n)))
    return state


def _at_step(event: StepsMeasured, step: int) -> StepsMeasured:
    return msgspec.structs.replace(event, step=step)


def axis_of(state: RunState) -> AxisView:
    axis = AxisView(cells=100)
    axis.follow(state)
    return axis


def test_the_whole_run_is_shown_with_room_until_it_is_over() -> None:
    state = paused_run()
    axis = axis_of(state)
    start, end = axis.window
    assert start == 0.0
    assert 1000 <= end <= 1500
    state.apply(Record(999, 620.0, RunEnded("finished")))
    assert axis.window == (0.0, 1000.0)


def test_a_moment_is_the_same_by_every_unit() -> None:
    axis = axis_of(paused_run())
    axis.point(250.0)
    axis.zoom(0.25)
    moment, window = axis.moment(250.0), axis.window
    assert moment == pytest.approx((250.0, 250 / 313, 25.0))
    for unit in ("epoch", "time", "step"):
        axis.next_unit()
        assert axis.unit == unit
        assert axis.cursor is not None
        assert axis.moment(axis.cursor) == pytest.approx(moment)
    assert axis.window == pytest.approx(window)
    axis.point(510.0)
    axis.next_unit()
    axis.next_unit()
    assert axis.cursor == pytest.approx(551.0), "the pause lies before it"


def test_a_window_at_the_beginning_does_not_begin_before_it_by_another_unit() -> None:
    axis = axis_of(paused_run())
    axis.point(0.0)
    for _ in range(8):
        axis.zoom(0.5)
    for _ in range(3):
        axis.next_unit()
        assert axis.window[0] >= 0


def test_a_cursor_pushes_the_window_along_and_it_stands_still_until_told_to_follow() -> None:
    state = paused_run()
    axis = axis_of(state)
    axis.zoom(0.2)
    assert axis.following
    start, end = axis.window
    assert start < 1000 <= end < 1000 + (end - start) / 4
    axis.move(-1)
    assert axis.cursor == pytest.approx(1000 - (end - start) / 100)
    assert not axis.following
    for _ in range(40):
        axis.move(-10)
        first, last = axis.window
        assert axis.cursor is not None
        assert first <= axis.cursor <= last
        assert last - first == pytest.approx(end - start)
    assert axis.cursor == 0.0
    frozen = axis.window
    state.apply(Record(999, 700.0, _at_step(story.stretch(1, 1, 1.0, 0.5), 1300)))
    assert axis.window == frozen
    axis.follow_end()
    assert axis.cursor is None
    assert axis.window[1] >= 1300


def test_zoom_keeps_what_it_is_about_in_its_place_and_ends_at_the_whole_run() -> None:
    axis = axis_of(paused_run())
    axis.point(400.0)
    share = 400.0 / axis.window[1]
    for _ in range(4):
        axis.zoom(0.5)
        start, end = axis.window
        assert (400.0 - start) / (end - start) == pytest.approx(share)
    for _ in range(40):
        axis.zoom(0.5)
    assert axis.window[1] - axis.window[0] == 2.0
    for _ in range(10):
        axis.zoom(2.0)
    assert not axis.zoomed
    axis.zoom(0.1)
    axis.home()
    assert axis.window[0] == axis.cursor == 0.0
    axis.whole()
    assert axis.following


def test_zoom_is_about_the_cursor_only_where_it_is_shown() -> None:
    axis = axis_of(paused_run())
    axis.point(100.0)
    axis.zoom(0.25, about=900.0)
    start, end = axis.window
    assert start > 100
    axis.zoom(0.5)
    assert start <= axis.window[0] < axis.window[1] <= end


def test_only_what_charts_must_be_drawn_anew_for_counts_as_a_change() -> None:
    axis = axis_of(paused_run())
    axis.move(-3)
    axis.hide_cursor()
    assert axis.changes == 0
    for act in (axis.toggle_log, axis.next_smoothing, axis.next_unit, lambda: axis.zoom(0.5)):
        before = axis.changes
        act()
        assert axis.changes > before


def test_smoothing_goes_round() -> None:
    axis = AxisView()
    seen = []
    for _ in SMOOTHINGS:
        seen.append(axis.view.smoothing)
        axis.next_smoothing()
    assert seen == sorted(SMOOTHINGS.values())
    assert axis.smoothing == "none"


@pytest.mark.parametrize("unit", ["step", "epoch", "time"])
@pytest.mark.parametrize("zoom", [1.0, 0.1, 0.005])
def test_ticks_are_round_in_order_and_fit(unit: str, zoom: float) -> None:
    axis = axis_of(paused_run())
    while axis.unit != unit:
        axis.next_unit()
    axis.point(400.0)
    axis.zoom(zoom)
    for cells in (20, 50, 110, 290):
        marked = ticks(axis, cells)
        start, end = axis.window
        assert marked or cells == 20
        assert all(start <= tick.x <= end + 1e-6 for tick in marked)
        assert len(marked) <= cells / 12 + 2
        assert len({tick.text for tick in marked}) == len(marked)


def test_an_axis_of_no_run_yet_shows_something() -> None:
    axis = AxisView()
    for _ in range(3):
        assert axis.window == (0.0, 1.0)
        axis.move(-1)
        axis.zoom(0.5)
        assert axis.moment(0.0) == (0.0, None, 0.0)
        ticks(axis, 50)
        axis.whole()
        axis.next_unit()
