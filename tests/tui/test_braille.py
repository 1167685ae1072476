"""Curves as dots: where they go, what they join, and whose colour a cell takes."""

from collections.abc import Sequence

import pytest

from cnntop.tui.widgets.braille import ASCII, BRAILLE, Field, Layers, bands, strokes


def dots(columns: list[int], height: int) -> list[str]:
    """Row by row: `#` where there is a dot."""
    return [
        "".join("#" if column >> row & 1 else "." for column in columns) for row in range(height)
    ]


def picture(points: Sequence[tuple[int, float]], across: int = 8, down: int = 8) -> list[str]:
    return dots(strokes(points, Field(across, down, 0.0, 1.0)), down)


def test_neighbours_are_joined_where_the_curve_jumps() -> None:
    assert picture([(0, 1.0), (1, 0.0), (2, 0.0), (3, 1.0)], across=4) == [
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


def test_a_band_spans_least_and_most_and_has_no_gaps() -> None:
    points = [(0, 0.0, 0.2), (1, 0.8, 1.0), (4, 0.4, 0.4), (5, 0.0, 1.0)]
    assert dots(bands(points, Field(6, 6, 0.0, 1.0)), 6) == [
        ".#...#",
        ".##..#",
        ".###.#",
        ".#..##",
        "#....#",
        "#....#",
    ]


def layers(ground: Sequence[list[int]], *curves: list[int], rows: int = 1) -> Layers:
    return Layers(ground, curves, BRAILLE, rows)


def test_each_dot_is_the_bit_of_its_braille_pattern() -> None:
    every = {layers([], [left, right]).text(0)[0] for left in range(16) for right in range(16)}
    assert every == {" ", *(chr(0x2800 + bits) for bits in range(1, 256))}
    numbers = {(0, 0): 0x01, (0, 3): 0x40, (1, 0): 0x08, (1, 3): 0x80}
    for (column, row), bit in numbers.items():
        columns = [0, 0]
        columns[column] = 1 << row
        assert layers([], columns).text(0) == [chr(0x2800 + bit)]


def test_a_cell_takes_the_colour_of_the_curve_on_top() -> None:
    train, test = [1, 0, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]
    both = layers([], train, test, rows=2)
    assert (both.text(0), both.owners(0)) == (["⠁", "⠉", "⠁"], [0, 1, 0])
    assert (both.text(1), both.owners(1)) == ([" "] * 3, [-1] * 3)


def test_a_band_gives_way_to_the_curves_in_their_cells_only() -> None:
    band, curve = [0xFF, 0xFF, 0xFF, 0xFF], [0b0010, 0b0010, 0, 0]
    both = layers([band], curve, rows=2)
    assert (both.text(0), both.owners(0)) == (["⠒", "⣿"], [1, 0])
    assert (both.text(1), both.owners(1)) == (["⣿", "⣿"], [0, 0])


def test_a_cell_of_plain_characters_is_one_dot() -> None:
    both = Layers([[0b111, 0b101]], [[0b010, 0b000]], ASCII, 3)
    assert [both.owners(row) for row in range(3)] == [[0, 0], [1, -1], [0, 0]]
