"""Figures as SVG text, for papers: axes with ticks, and marks that are given in the data's units.

Dark text on white, the colour-blind-safe palette of Okabe and Ito ("Color Universal Design", 2008)
and dashes beside colours, so that print in grey can be told apart too.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cnntop.core.text import printable

INK, FAINT, GRID = "#1a1a1a", "#595959", "#d9d9d9"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Blue, vermilion, green, purple, orange, sky blue."""
DASHES = ("", "6 3", "2 2", "8 3 2 3")

_TEXT_SIZE = 12


@dataclass(frozen=True)
class Axis:
    """One direction of a plot, from `low` to `high`. `label` names the quantity with its unit.

    With `log` equal distances are equal ratios, and `low` is above 0. With `names` it has no
    numbers: the nth name stands at n + 0.5, counting from 0, and takes from n to n + 1.
    """

    label: str
    low: float
    high: float
    log: bool = False
    names: tuple[str, ...] = ()

    @classmethod
    def over(
        cls, label: str, values: Iterable[float | None], *, log: bool = False, zero: bool = False
    ) -> "Axis":
        """An axis with all `values` on it and whole ticks at both ends; with `zero` 0 is too.
        What is None or not finite is left out; so is what is not above 0 on a `log` axis."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        if log:
            known = [value for value in known if value > 0] or [1.0]
            low = 10.0 ** math.floor(math.log10(min(known)))
            return cls(label, low, max(low * 10, _ceiling_1_2_5(max(known))), log=True)
        low, high = min(known, default=0.0), max(known, default=1.0)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = (low, low + 1) if low == 0 else (low - abs(low) / 2, high + abs(high) / 2)
        step = _step(low, high)
        return cls(label, math.floor(low / step) * step, math.ceil(high / step) * step)

    @classmethod
    def of_names(cls, label: str, names: Sequence[str]) -> "Axis":
        return cls(label, 0.0, float(max(1, len(names))), names=tuple(names))

    def share(self, value: float) -> float:
        """Where `value` lies: 0 at `low`, 1 at `high`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        # Halves, because the difference of two huge numbers may be infinite.
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Where marks are on the axis, and what stands there."""
        if self.names:
            return [(number + 0.5, name) for number, name in enumerate(self.names)]
        if self.log:
            return [(value, _number(value, value)) for value in self._log_ticks()]
        step = _step(self.low, self.high)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [number * step for number in range(first, last + 1)]
        return [(value, _number(value, step)) for value in values]

    def _log_ticks(self) -> list[float]:
        decades = math.log10(self.high / self.low)
        factors = (1, 2, 5) if decades <= 3 else (1,)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = 1 + (last - first) // 8
        values = [f * 10.0**power for power in range(first, last + 1, every) for f in factors]
        return [v for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9)]


def _step(low: float, high: float) -> float:
    """The distance of about five ticks: 1, 2 or 5 times a power of ten (Heckbert, "Nice Numbers
    for Graph Labels", Graphics Gems, 1990)."""
    rough = high / 5 - low / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return power * min((1, 2, 5, 10), key=lambda factor: abs(math.log(factor * power / rough)))


def _ceiling_1_2_5(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= value * (1 - 1e-9))


def _number(value: float, step: float) -> str:
    """`value` with the digits that a distance of `step` asks for."""
    size = max(abs(value), step)
    if size >= 1e9 or size < 1e-3:
        return f"{value:.3g}"
    if size >= 1e6:
        return f"{value / 1e6:g}M"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value + 0.0:,.{digits}f}"


@dataclass(frozen=True)
class _Entry:
    """A line of a legend; `dash` None for an area."""

    label: str
    colour: str
    dash: str | None


class Figure:
    """A picture of `width` x `height` pixels; y counts downwards from its upper edge."""

    def __init__(self, width: float, height: float, title: str, note: str = "") -> None:
        """`title` and below it `note`, what the figures were measured on."""
        self.width, self.height = width, height
        self._root = ET.Element(
            "svg", xmlns="http://www.w3.org/2000/svg", width=_at(width), height=_at(height),
            viewBox=f"0 0 {_at(width)} {_at(height)}", role="img",
            attrib={"font-family": "Helvetica, Arial, sans-serif", "font-size": str(_TEXT_SIZE)},
        )  # fmt: skip
        ET.SubElement(self._root, "title").text = printable(title)
        self.rect(0, 0, width, height, "#ffffff")
        self.text(16, 26, shortened(title, width - 32, 16), size=16, bold=True)
        if note:
            self.text(16, 44, shortened(note, width - 32), colour=FAINT)

    def plot(
        self, x: float, y: float, width: float, height: float, across: Axis, up: Axis,
        title: str = "",
    ) -> "Plot":  # fmt: skip
        """A frame with its axes; `x`, `y` is its upper left corner. Leave about 60 to its left and
        40 below for ticks and labels, and 24 above for its title and legend."""
        return Plot(self, x, y, width, height, across, up, title)

    def text(
        self, x: float, y: float, text: str, *, anchor: str = "start", size: float = _TEXT_SIZE,
        bold: bool = False, colour: str = INK, turned: bool = False,
    ) -> None:  # fmt: skip
        """`anchor` is "start", "middle" or "end"; `turned` reads upwards. Any text is safe."""
        more: dict[str, str | float] = {"text_anchor": anchor} if anchor != "start" else {}
        if size != _TEXT_SIZE:
            more["font_size"] = size
        if bold:
            more["font_weight"] = "bold"
        if turned:
            more["transform"] = f"rotate(-90 {_at(x)} {_at(y)})"
        self._add("text", x=x, y=y, fill=colour, **more).text = printable(text)

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str, edge: str = ""
    ) -> None:
        more = {"stroke": edge} if edge else {}
        self._add("rect", x=x, y=y, width=width, height=height, fill=fill, **more)

    def rule(
        self, x: float, y: float, to_x: float, to_y: float, colour: str, dash: str = "",
        width: float = 1,
    ) -> None:  # fmt: skip
        """A straight line."""
        more = {"stroke_dasharray": dash} if dash else {}
        self._add("line", x1=x, y1=y, x2=to_x, y2=to_y, stroke=colour, stroke_width=width, **more)

    def circle(self, x: float, y: float, radius: float, fill: str) -> None:
        self._add("circle", cx=x, cy=y, r=radius, fill=fill, stroke="#ffffff")

    def path(self, text: str, **attributes: str | float) -> None:
        """`text` is as in SVG."""
        self._add("path", d=text, **attributes)

    def svg(self) -> str:
        """The file's text."""
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _add(self, tag: str, **attributes: str | float) -> ET.Element:
        element = ET.SubElement(self._root, tag)
        for name, value in attributes.items():
            element.set(name.replace("_", "-"), value if isinstance(value, str) else _at(value))
        return element


class Plot:
    """A frame of a figure, with marks in the units of its axes."""

    def __init__(
        self, figure: Figure, x: float, y: float, width: float, height: float, across: Axis,
        up: Axis, title: str,
    ) -> None:  # fmt: skip
        self.figure, self.across, self.up = figure, across, up
        self.left, self.top, self.width, self.height = x, y, width, height
        self._title = title
        self._entries: list[_Entry] = []
        figure.text(x, y - 8, title, bold=True)
        self._axes()

    def x(self, value: float) -> float:
        """In pixels."""
        return self.left + self.width * self.across.share(value)

    def y(self, value: float) -> float:
        return self.top + self.height * (1 - self.up.share(value))

    def line(
        self, points: Iterable[tuple[float, float | None]], colour: str, label: str = "", *,
        dash: str = "", width: float = 1.6,
    ) -> None:  # fmt: skip
        """Through `points` (x, y) in order; one without y leaves a gap."""
        parts, drawing = [], False
        for across, up in points:
            if up is not None:
                at = f"{_at(self.x(across))} {_at(self.y(up))}"
                parts.append(f"L{at}" if drawing else f"M{at}h0")  # h0: a lone point is a dot
            drawing = up is not None
        more = {"stroke_dasharray": dash} if dash else {}
        self.figure.path(
            "".join(parts), fill="none", stroke=colour, stroke_width=width,
            stroke_linejoin="round", stroke_linecap="round", **more,
        )  # fmt: skip
        self._entry(label, colour, dash)

    def area(
        self, points: Sequence[tuple[float, float, float]], colour: str, label: str = "", *,
        opacity: float = 1.0,
    ) -> None:  # fmt: skip
        """Between a lower and an upper line: `points` are (x, low, high)."""
        there = [f"{_at(self.x(across))} {_at(self.y(high))}" for across, _, high in points]
        back = [f"{_at(self.x(across))} {_at(self.y(low))}" for across, low, _ in reversed(points)]
        outline = f"M{'L'.join(there + back)}Z" if points else ""
        self.figure.path(outline, fill=colour, fill_opacity=opacity)
        self._entry(label, colour, None)

    def box(
        self, x: float, y: float, to_x: float, to_y: float, colour: str, label: str = "",
        edge: str = "",
    ) -> None:  # fmt: skip
        """A bar, or a cell of a heat map, between two corners."""
        left, right = sorted((self.x(x), self.x(to_x)))
        top, bottom = sorted((self.y(y), self.y(to_y)))
        self.figure.rect(left, top, right - left, bottom - top, colour, edge)
        self._entry(label, colour, None)

    def dot(self, x: float, y: float, colour: str, radius: float = 3.5) -> None:
        self.figure.circle(self.x(x), self.y(y), radius, colour)

    def legend(self) -> None:
        """The labels of what was drawn, in one row above the frame's right end."""
        room = self.width - text_width(self._title) - 24 - 36 * len(self._entries)
        labels = [entry.label for entry in self._entries]
        if sum(map(text_width, labels)) > room:
            labels = [shortened(label, room / len(labels)) for label in labels]
        x, y = self.left + self.width, self.top - 8
        for entry, label in zip(reversed(self._entries), reversed(labels), strict=True):
            x -= text_width(label)
            self.figure.text(x, y, label)
            x -= 24
            if entry.dash is None:
                self.figure.rect(x + 6, y - 9, 12, 10, entry.colour)
            else:
                self.figure.rule(x - 2, y - 4, x + 18, y - 4, entry.colour, entry.dash, 2)
            x -= 12

    def _entry(self, label: str, colour: str, dash: str | None) -> None:
        if label and label not in {entry.label for entry in self._entries}:
            self._entries.append(_Entry(label, colour, dash))

    def _axes(self) -> None:
        figure, bottom, right = self.figure, self.top + self.height, self.left + self.width
        for value, text in self.up.ticks():
            y = self.y(value)
            if not self.up.names:
                figure.rule(self.left, y, right, y, GRID)
            figure.text(self.left - 6, y + 4, text, anchor="end")
        for value, text in self.across.ticks():
            x = self.x(value)
            if not self.across.names:
                figure.rule(x, bottom, x, bottom + 4, INK)
            figure.text(x, bottom + 17, text, anchor="middle")
        figure.rule(self.left, self.top, self.left, bottom, INK)
        figure.rule(self.left, bottom, right, bottom, INK)
        figure.text(self.left + self.width / 2, bottom + 34, self.across.label, anchor="middle")
        widest = max((text_width(text) for _, text in self.up.ticks()), default=0)
        x, y = self.left - 16 - widest, self.top + self.height / 2
        figure.text(x, y, self.up.label, anchor="middle", turned=True)


def text_width(text: str, size: float = _TEXT_SIZE) -> float:
    """About how many pixels `text` is wide; only who draws it knows its font."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return size * (0.56 * len(text) + 0.44 * wide)


def shortened(text: str, width: float, size: float = _TEXT_SIZE) -> str:
    """`text`, cut with an ellipsis where it is wider than `width` pixels."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def _at(pixels: float) -> str:
    return f"{round(pixels, 2):g}" if abs(pixels) < 1000 else f"{pixels:.1f}"
