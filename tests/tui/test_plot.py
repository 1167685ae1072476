"""Plots: spikes, scales, smoothing, what is left out, the cursor, and plain characters."""

import math
import random

import pytest
from textual.content import Content

from cnntop.tui.format import figure
from cnntop.tui.widgets.plot import MARGIN, STROKE, Line, Point, View, plot_rows

WIDTH, HEIGHT = 60, 8


def points(values: list[float]) -> list[Point]:
    return [Point(x, value, value, value) for x, value in enumerate(values)]


def line(values: list[float], mark: str = STROKE, style: str = "$primary") -> Line:
    return Line("one", mark, style, points(values))


def view(count: int, **more: float) -> View:
    return View(0.0, float(count - 1), **more)  # type: ignore[arg-type]


def drawn(rows: list[Content]) -> list[str]:
    return [row.plain[MARGIN:] for row in rows]


def labels(rows: list[Content]) -> tuple[str, str]:
    return rows[0].plain[:MARGIN].strip(), rows[-1].plain[:MARGIN].strip()


def column(rows: list[str], cell: int) -> str:
    return "".join(row[cell] for row in rows)


def test_rows_are_as_many_and_as_wide_as_asked_for() -> None:
    for width, height in ((60, 8), (12, 1), (10, 2), (200, 30)):
        rows = plot_rows([line([1.0, 2.0, 3.0])], view(3), width, height, figure)
        assert len(rows) == height
        assert {row.cell_length for row in rows} == {max(MARGIN + 1, width - 1)}
    assert plot_rows([line([1.0])], view(2), 60, 0, figure) == []


def test_a_spike_among_a_million_points_is_seen_and_the_mean_beside_it_too() -> None:
    """In bins: one of them has a value far off, which its mean does not tell."""
    bins = [Point(x, 0.9, 1.0, 1.1) for x in range(500)]
    bins[250] = Point(250, 0.9, 1.001, 9.0)
    rows = plot_rows([Line("loss", STROKE, "$primary", bins)], view(500), WIDTH, HEIGHT, figure)
    assert labels(rows) == ("10", "0")
    tops = [cell for cell, char in enumerate(drawn(rows)[1]) if char != " "]
    assert tops == [25]
    spike = {style for start, end, style in rows[1].spans if start <= MARGIN + 25 < end}
    assert spike == {"$primary 45%"}
    mean_row = rows[-1] if "$primary" in {s.style for s in rows[-1].spans} else rows[-2]
    assert any(span.style == "$primary" for span in mean_row.spans)


def test_values_that_are_not_finite_are_left_out() -> None:
    gap = [1.0, math.nan, math.inf, -math.inf, 2.0]
    only = [Point(x, v, v, v) for x, v in ((0, 1.0), (4, 2.0))]
    like = Line("one", STROKE, "$primary", only)
    assert [r.plain for r in plot_rows([line(gap)], view(5), WIDTH, HEIGHT, figure)] == [
        r.plain for r in plot_rows([like], view(5), WIDTH, HEIGHT, figure)
    ]
    assert "no value here" in plot_rows([line([math.nan])], view(2), WIDTH, HEIGHT, figure)[0].plain


def test_a_logarithmic_scale_makes_a_line_of_what_falls_by_the_same_factor() -> None:
    falling = [10.0 ** (-x / 25) for x in range(101)]
    rows = plot_rows([line(falling)], view(101, log=True), WIDTH, HEIGHT, figure)
    assert labels(rows) == ("1", "0.0001")
    assert column(drawn(rows), 24).strip()
    heights = [next(y for y in range(HEIGHT) if drawn(rows)[y][cell] != " ") for cell in range(50)]
    steps = [heights.count(y) for y in range(HEIGHT)]
    assert max(steps) - min(steps) <= 2, steps
    below = plot_rows([line([0.0, -1.0])], view(2, log=True), WIDTH, HEIGHT, figure)
    assert "no value above 0" in below[0].plain


def test_smoothing_draws_a_calm_curve_over_the_raw_one() -> None:
    draw = random.Random(4)
    noisy = [1.0 + draw.uniform(-0.5, 0.5) for _ in range(400)]
    rough, calm = (
        plot_rows([line(noisy)], view(400, smoothing=s), WIDTH, 12, figure) for s in (0.0, 0.12)
    )

    def rows_of(rows: list[Content], style: str) -> int:
        """In the middle, because at its ends a curve is hardly smoothed."""
        middle = [row[MARGIN + 10 : MARGIN + 40] for row in rows]
        return sum(any(span.style == style for span in row.spans) for row in middle)

    assert rows_of(rough, "$primary") >= 6
    assert rows_of(calm, "$primary") <= 3
    assert rows_of(calm, "$primary 45%") >= 6, "the raw curve stays"


def test_smoothing_leaves_a_straight_line_as_it_is_to_its_ends() -> None:
    straight = [2.0 - x / 100 for x in range(200)]
    one, other = (
        plot_rows([line(straight)], view(200, smoothing=s), WIDTH, HEIGHT, figure)
        for s in (0.0, 0.12)
    )
    assert [row.plain for row in one] == [row.plain for row in other]


def test_lines_are_told_apart_without_colour() -> None:
    train, test = line([1.0, 2.0, 3.0]), line([3.0, 2.0, 1.0], "•", "$accent")
    for plain, mark in ((False, "•"), (True, "o")):
        shown = "".join(drawn(plot_rows([train, test], view(3), 60, 8, figure, plain=plain)))
        assert mark in shown
        assert plain or shown.count(mark) == 3, "at each of its points"
        assert shown.isascii() == plain
        without = "".join(drawn(plot_rows([train], view(3), 60, 8, figure, plain=plain)))
        assert mark not in without


def test_the_cursor_is_a_line_and_what_it_covers_stays() -> None:
    rows = [plot_rows([line([0.0, 1.0] * 10)], view(20), WIDTH, HEIGHT, figure, at) for at in
            (None, 9.5)]  # fmt: skip
    cell = 25
    before, after = (drawn(one) for one in rows)
    assert all(row[cell] == "│" or row[cell] == was[cell] != " "
               for row, was in zip(after, before, strict=True))  # fmt: skip
    assert [r[:cell] + r[cell + 1 :] for r in before] == [r[:cell] + r[cell + 1 :] for r in after]
    for row, was in zip(rows[1], before, strict=True):
        [under] = [s.style for s in row.spans if s.start == MARGIN + cell == s.end - 1] or [""]
        assert ("reverse" in str(under)) == (was[cell] != " ")
    outside = plot_rows([line([0.0, 1.0])], view(2), WIDTH, HEIGHT, figure, 5.0)
    assert "│" not in "".join(row.plain for row in outside)


def test_a_curve_comes_into_a_view_between_two_of_its_points() -> None:
    """Zoomed in so far that no point is left inside, its way through is still seen."""
    rows = plot_rows([line([0.0, 10.0])], View(0.4, 0.6), WIDTH, HEIGHT, figure)
    assert labels(rows) == ("6", "4")
    assert all(column(drawn(rows), cell).strip() for cell in range(50))


@pytest.mark.parametrize("cell", [0, 1, 25, 48, 49])
def test_a_view_finds_the_cell_of_the_middle_of_a_cell(cell: int) -> None:
    for looked_at in (View(0.0, 1.0), View(100.0, 1e7), View(3.0, 3.5)):
        assert looked_at.cell(looked_at.middle(cell, 50), 50) == cell
        assert looked_at.cell(looked_at.start - 0.01, 50) is None
        assert looked_at.cell(looked_at.end, 50) == 49


def test_the_value_of_a_level_curve_is_told_once() -> None:
    rows = plot_rows([line([2.5, 2.5, 2.5])], view(3), 40, 4, figure)
    assert [row.plain[:MARGIN].strip() for row in rows] == ["2.5", "", "", ""]
