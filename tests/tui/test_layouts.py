"""Where panels go, for every size: nothing overlaps, and what gives way is told."""

import itertools
from collections.abc import Sequence

import pytest

from cnntop.tui.layouts import (
    GPU_CHARTS,
    LAYOUTS,
    WIDE,
    Arrangement,
    Layout,
    Place,
    alone,
    arrange,
    layout_named,
    next_layout,
    numbered,
)

WIDTHS = (60, 80, 120, WIDE - 1, WIDE, 200, 300)
HEIGHTS = range(11, 97)
CHARTS = {"loss", "accuracy", "rate", "speed", "parts", "cpu", "axis"} | GPU_CHARTS


def overlapping(arrangement: Arrangement) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(arrangement.spots.items(), 2)
        if a.x < b.x + b.width and b.x < a.x + a.width
        and a.y < b.y + b.height and b.y < a.y + a.height
    ]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_size_is_used_without_overlaps(layout: Layout) -> None:
    by_name = {place.panel: place for place in layout.places}
    for width, height in itertools.product(WIDTHS, HEIGHTS):
        arrangement = arrange(layout.places, width, height)
        assert {*arrangement.spots, *arrangement.left_out} == by_name.keys()
        if "axis" in arrangement.spots:
            assert CHARTS - {"axis"} & set(arrangement.spots)
        assert overlapping(arrangement) == []
        for name, spot in arrangement.spots.items():
            assert by_name[name].least <= spot.height <= by_name[name].most, (name, width, height)
            assert 0 <= spot.x <= spot.x + spot.width <= width
            assert 0 <= spot.y <= spot.y + spot.height <= height
        edges = {(s.x, s.width) for name, s in arrangement.spots.items() if name in CHARTS}
        assert len(edges) <= 1, "a moment is at one column in all charts"


def test_the_most_important_stay_longest() -> None:
    overview = layout_named("overview")
    small = arrange(overview.places, 60, 12)
    assert {"loss", "accuracy", "split", "notices", "hardware"} == set(small.spots)
    assert small.left_out
    large = arrange(overview.places, 300, 96)
    assert large.left_out == ()
    assert len({spot.x for spot in large.spots.values()}) == 2
    for height in HEIGHTS:
        spots = arrange(overview.places, 80, height).spots
        assert {"loss", "accuracy", "split"} <= set(spots)


def test_more_room_never_shows_fewer_panels() -> None:
    for layout, width in itertools.product(LAYOUTS, WIDTHS):
        shown = [len(arrange(layout.places, width, height).spots) for height in HEIGHTS]
        assert shown == sorted(shown), (layout.name, width)


def _heights(places: Sequence[Place], height: int) -> dict[str, int]:
    return {name: spot.height for name, spot in arrange(places, 80, height).spots.items()}


def test_lines_go_to_the_eager_then_in_turn_then_by_weight() -> None:
    places = [
        Place("a", 1, 2, 4, weight=3), Place("b", 2, 2, 5, 5), Place("c", 3, 1, 6, 6, eager=True),
        Place("d", 9, 2, 3, extra=True),
    ]  # fmt: skip
    assert _heights(places, 5) == {"a": 2, "b": 2, "c": 1}
    assert _heights(places, 4) == {"a": 2, "b": 2}
    assert _heights(places, 8) == {"a": 2, "b": 2, "c": 4}
    assert _heights(places, 12) == {"a": 3, "b": 3, "c": 6}
    assert _heights(places, 17) == {"a": 6, "b": 5, "c": 6}
    assert _heights(places, 18) == {"a": 4, "b": 5, "c": 6, "d": 3}


def test_a_chart_alone_keeps_its_axis() -> None:
    spots = alone("loss", ["loss", "axis", "split"], 80, 20).spots
    assert {name: spot.height for name, spot in spots.items()} == {"loss": 16, "axis": 4}
    assert set(alone("loss", ["loss"], 80, 20).spots) == {"loss"}
    assert alone("split", ["split", "axis"], 80, 20).spots["split"].height == 20


def test_layouts_go_round() -> None:
    first = LAYOUTS[0]
    assert layout_named("no such") == first
    seen = [first]
    for _ in LAYOUTS[1:]:
        seen.append(next_layout(seen[-1], 1))
    assert seen == list(LAYOUTS)
    assert next_layout(seen[-1], 1) == first
    assert next_layout(first, -1) == seen[-1]


def test_digits_are_for_the_first_nine_and_not_for_the_axis() -> None:
    for layout in LAYOUTS:
        panels = numbered(layout.places)
        assert len(panels) <= 9
        assert "axis" not in panels
