"""The monitor's layouts: which panels, in which order, and what gives way where there is no room.

A layout is data. From `WIDE` columns on its panels stand in two columns, else in one; the charts
stay above one another, so that a moment is at the same column in all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

WIDE = 160
"""Columns from which on there are two columns of panels."""
_RIGHT_LEAST, _RIGHT_MOST = 60, 110
_AXIS = "axis"
_CHARTS = (
    "loss", "accuracy", "rate", "speed", "parts", "gpu", "memory", "power", "temperature", "cpu",
)  # fmt: skip
GPU_CHARTS = frozenset({"gpu", "memory", "power", "temperature"})
"""Those that a machine without a GPU has nothing for."""
NUMBERED = 9
"""There are so many digits to show and hide panels with."""
_ENDLESS = 1000


@dataclass(frozen=True)
class Place:
    """A panel in a layout.

    Below `least` lines it is left out, with `good` it says what it has to say, and it takes up to
    `most`; what is left over is shared by `weight`. The lower its `rank`, the longer it stays. An
    `extra` is there only where all others have their good lines and it can have its own. One that
    is `eager` takes its good lines at once, before those of a higher rank take any.
    """

    panel: str
    rank: int
    least: int
    good: int
    most: int = _ENDLESS
    weight: int = 1
    right: bool = False
    extra: bool = False
    eager: bool = False


@dataclass(frozen=True)
class Layout:
    """`places` are from top to bottom, in two columns those of each from top to bottom."""

    name: str
    about: str
    places: tuple[Place, ...]


class Spot(NamedTuple):
    """Where a panel lies, in cells from the upper left."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Arrangement:
    """Where the panels lie that are shown, and the names of those for which there is no room."""

    spots: Mapping[str, Spot]
    left_out: tuple[str, ...] = ()


def _charts(extra_from: int = _ENDLESS) -> tuple[Place, ...]:
    """All charts and their axis; those that rank behind `extra_from` where there is much room."""
    ranks = {"loss": 1, "accuracy": 2, "parts": 4, "gpu": 5, "speed": 6, "rate": 7, "cpu": 8}
    return (
        *(
            Place(
                name, ranks.get(name, 9), 3, 5, weight=2,
                extra=ranks.get(name, 9) > extra_from,
            )
            for name in _CHARTS
        ),
        Place(_AXIS, 3, 1, 3, 5),
    )  # fmt: skip


def _in(places: Sequence[Place], *names: str) -> tuple[Place, ...]:
    return tuple(place for place in places if place.panel in names)


_HARDWARE = Place("hardware", 5, 2, 3, 3, right=True, eager=True)
_SPLIT = Place("split", 3, 3, 6, 9, right=True)
_NOTICES = Place("notices", 4, 1, 2, 6, right=True)
_GHOST = Place("ghost", 7, 2, 3, 8, right=True)
_LOG = Place("log", 20, 6, 10, weight=3, right=True, extra=True)

LAYOUTS = (
    Layout(
        "overview",
        "the run at a glance",
        (
            *_in(_charts(3), "loss", "accuracy", "rate", "speed", "parts", "gpu"),
            Place(_AXIS, 6, 1, 3, 4),
            _SPLIT,
            _HARDWARE,
            _GHOST,
            _NOTICES,
            _LOG,
        ),
    ),
    Layout("charts", "every curve over one time axis", _charts()),
    Layout(
        "hardware",
        "the machine, and where the time goes",
        (
            replace(_HARDWARE, rank=1),
            replace(_SPLIT, rank=4),
            *(
                replace(place, rank=place.rank + 2 * (place.panel not in GPU_CHARTS))
                for place in _in(
                    _charts(), "gpu", "cpu", "memory", "power", "temperature", "parts", "speed",
                    _AXIS,
                )
            ),
            replace(_LOG, rank=21),
        ),
    ),
    Layout(
        "log",
        "all that happened",
        (
            Place("log", 1, 3, 12, weight=4),
            *(replace(place, extra=True) for place in _in(_charts(), "loss", _AXIS)),
            replace(_SPLIT, extra=True),
            replace(_HARDWARE, extra=True),
        ),
    ),
    Layout(
        "config",
        "the recipe and the machine",
        (Place("config", 1, 3, 20, weight=4), _LOG),
    ),
)  # fmt: skip


def layout_named(name: str) -> Layout:
    """The layout of that name, else the first."""
    return next((layout for layout in LAYOUTS if layout.name == name), LAYOUTS[0])


def next_layout(layout: Layout, steps: int) -> Layout:
    """Around the ring of them; `steps` may be negative."""
    names = [one.name for one in LAYOUTS]
    return LAYOUTS[(names.index(layout.name) + steps) % len(LAYOUTS)]


def numbered(places: Sequence[Place]) -> list[str]:
    """The panels that a digit shows and hides, the first by 1. The axis belongs to the charts."""
    return [place.panel for place in places if place.panel != _AXIS][:NUMBERED]


def arrange(places: Sequence[Place], width: int, height: int) -> Arrangement:
    """Where each of `places` goes in so many cells."""
    right = [place for place in places if place.right]
    if width < WIDE or len(right) in (0, len(places)):
        return _column(places, 0, width, height)
    right_width = min(_RIGHT_MOST, max(_RIGHT_LEAST, width * 2 // 5))
    left = [place for place in places if not place.right]
    one = _column(left, 0, width - right_width - 1, height)
    two = _column(right, width - right_width, right_width, height)
    return Arrangement({**one.spots, **two.spots}, one.left_out + two.left_out)


def alone(panel: str, present: Sequence[str], width: int, height: int) -> Arrangement:
    """The panel on the whole screen; a chart with its axis."""
    places = [Place(panel, 1, 1, 1)]
    if panel in _CHARTS and _AXIS in present:
        places.append(Place(_AXIS, 2, 1, 3, 4))
    return _column(places, 0, width, height)


def _column(places: Sequence[Place], x: int, width: int, height: int) -> Arrangement:
    heights = _heights(places, height)
    shown = [place.panel for place in places if place.panel in heights]
    spare = height - sum(heights.values())
    apart = {panel for before, panel in pairwise(shown) if not _belong_together(before, panel)}
    if spare < 2 * len(apart):
        apart = set()
    _share(places, heights, spare - len(apart))
    spots, y = {}, 0
    for panel in shown:
        y += panel in apart  # a blank line above it
        spots[panel] = Spot(x, y, width, heights[panel])
        y += heights[panel]
    return Arrangement(spots, tuple(p.panel for p in places if p.panel not in heights))


def _belong_together(*panels: str) -> bool:
    """Whether they are charts over one axis, or that axis."""
    return all(panel in _CHARTS or panel == _AXIS for panel in panels)


def _heights(places: Sequence[Place], height: int) -> dict[str, int]:
    """Of those that there is room for: from the least to the good lines, one by one in turn."""
    heights: dict[str, int] = {}
    ranked = sorted(places, key=lambda place: place.rank)
    for place in ranked:
        left = height - sum(heights.values())
        if not place.extra and place.least <= left:
            heights[place.panel] = min(place.good, left) if place.eager else place.least
    _raise(ranked, heights, height)
    for place in ranked:
        if place.extra and sum(heights.values()) + place.good <= height:
            heights[place.panel] = place.good
    if _AXIS in heights and not any(panel in _CHARTS for panel in heights):
        return _heights([place for place in places if place.panel != _AXIS], height)
    return heights


def _raise(places: Sequence[Place], heights: dict[str, int], height: int) -> None:
    """A line to each in turn, until all have their good ones or there are no more."""
    short = [place for place in places if heights.get(place.panel, _ENDLESS) < place.good]
    while short:
        for place in short:
            if sum(heights.values()) == height:
                return
            heights[place.panel] += 1
        short = [place for place in short if heights[place.panel] < place.good]


def _share(places: Sequence[Place], heights: dict[str, int], spare: int) -> None:
    """Hand out the lines that are left, by weight."""
    given = dict.fromkeys(heights, 0)
    for _ in range(max(0, spare)):
        growing = [
            place for place in places if heights.get(place.panel, _ENDLESS) < place.most
        ]  # fmt: skip
        if not growing:
            return
        next_one = min(growing, key=lambda place: (given[place.panel] + 1) / place.weight)
        given[next_one.panel] += 1
        heights[next_one.panel] += 1
