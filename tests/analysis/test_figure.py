"""Figures: axes with round ticks, marks where they belong, text that stays text."""

import math
from xml.etree import ElementTree as ET

import pytest

from cnntop.core.analysis.figure import PALETTE, Axis, Figure, shortened, text_width

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert(1)</script> & \x1b[31m \ud800 ]]> [/x]"


def parsed(figure: Figure) -> ET.Element:
    return ET.fromstring(figure.svg().encode())


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0, 913], ["0", "200", "400", "600", "800", "1,000"]),
        ([0.31, 2.4], ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]),
        ([0.0612, 0.0618], ["0.0612", "0.0613", "0.0614", "0.0615", "0.0616", "0.0617", "0.0618"]),
        ([-3, 9], ["-4", "-2", "0", "2", "4", "6", "8", "10"]),
        ([0, 3e6], ["0", "500,000", "1M", "1.5M", "2M", "2.5M", "3M"]),
        ([5, 5], ["2", "3", "4", "5", "6", "7", "8"]),
        ([0, 0], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([None, math.nan, math.inf, 1, 2], ["1.0", "1.2", "1.4", "1.6", "1.8", "2.0"]),
        ([], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(values: list[float], ticks: list[str]) -> None:
    axis = Axis.over("x", values)
    assert [text for _, text in axis.ticks()] == ticks
    assert axis.share(axis.ticks()[0][0]) == pytest.approx(0)
    assert axis.share(axis.ticks()[-1][0]) == pytest.approx(1)


@pytest.mark.parametrize("values", [[0, 1e308], [-1e308, 1e308], [5e-324, 1e-320], [1e-300, 1e300]])
def test_no_magnitude_breaks_an_axis(values: list[float]) -> None:
    axis = Axis.over("x", values)
    assert 1 <= len(axis.ticks()) <= 12
    assert all(-1e-9 <= axis.share(value) <= 1 + 1e-9 for value in values)


def test_a_logarithmic_axis_has_equal_ratios_at_equal_distances() -> None:
    axis = Axis.over("seconds", [3, 400, 0, -1], log=True)
    assert (axis.low, axis.high) == (1, 500)
    assert [text for _, text in axis.ticks()] == ["1", "2", "5", "10", "20", "50", "100", "200",
                                                  "500"]  # fmt: skip
    assert axis.share(20) - axis.share(2) == pytest.approx(axis.share(200) - axis.share(20))
    assert len(Axis.over("x", [1e-300, 1e300], log=True).ticks()) <= 12


def test_zero_is_on_the_axis_where_it_is_asked_for() -> None:
    assert Axis.over("x", [5, 9], zero=True).low == 0
    assert Axis.over("x", [-5, -9], zero=True).high == 0


def test_marks_lie_where_their_values_are() -> None:
    figure = Figure(400, 300, "t")
    plot = figure.plot(100, 50, 200, 100, Axis("x", 0, 10), Axis("y", 0, 1))
    plot.line([(0, 0.0), (5, 0.5), (6, None), (10, 1.0)], PALETTE[0], "a line")
    plot.area([(0, 0.0, 0.5), (10, 0.0, 1.0)], PALETTE[1], "an area")
    plot.box(2, 0, 4, 0.75, PALETTE[2])
    plot.dot(5, 0.5, PALETTE[3])
    plot.legend()
    root = parsed(figure)
    line, area = root.iter(f"{SVG}path")
    assert line.get("d") == "M100 150h0L200 100M300 50h0", "a gap where nothing was measured"
    assert area.get("d") == "M100 100L300 50L300 150L100 150Z"
    [box] = [e for e in root.iter(f"{SVG}rect") if e.get("height") == "75"]
    assert (box.get("x"), box.get("y"), box.get("width")) == ("140", "75", "40")
    [dot] = root.iter(f"{SVG}circle")
    assert (dot.get("cx"), dot.get("cy")) == ("200", "100")
    assert {"a line", "an area"} <= set(texts(root))


def test_names_stand_in_the_middle_of_their_place() -> None:
    axis = Axis.of_names("batch size", ["8", "16"])
    assert axis.ticks() == [(0.5, "8"), (1.5, "16")]
    assert [axis.share(at) for at, _ in axis.ticks()] == [0.25, 0.75]


def test_any_text_stays_text() -> None:
    figure = Figure(4000, 300, EVIL, note=EVIL)
    plot = figure.plot(100, 80, 3000, 100, Axis(EVIL, 0, 1), Axis.of_names(EVIL, [EVIL]), EVIL)
    plot.line([(0, 0.5)], PALETTE[0], EVIL)
    plot.legend()
    root = parsed(figure)
    safe = "<script>alert(1)</script> & ?[31m ? ]]> [/x]"
    assert texts(root).count(safe) == 7
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "rect", "text", "line", "path",
    }  # fmt: skip


def test_what_is_too_wide_is_cut() -> None:
    assert shortened("short", 100) == "short"
    cut = shortened("x" * 100, 70)
    assert cut.endswith("…")
    assert text_width(cut) <= 70
    assert text_width("漢") > text_width("x")
