"""What the pages of the reports are made of: words, and tables that may be shaded."""

import csv
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size

from cnntop.core.analysis.colour_scale import is_light, rgb
from cnntop.core.analysis.statistics import Spread
from cnntop.core.text import defused
from cnntop.tui.format import NOT_MEASURED
from cnntop.tui.terminal import is_terminal

_BLOCKS, _ASCII_BLOCKS = " ░▒▓█", " .:*#"
_IN_ASCII = {"–": "-", "±": "+-", "…": "~", "×": "x", "█": "#", "▓": "*", "▒": ":", "░": "."}
_LEAST_LABEL = 6


@dataclass(frozen=True)
class Style:
    """What the terminal can show: `space` columns (None: any number), colour, more than ASCII."""

    space: int | None = None
    colour: bool = False
    ascii: bool = False


@dataclass(frozen=True)
class Words:
    text: str

    def lines(self, style: Style) -> list[str]:
        return textwrap.wrap(self.text, max(20, min(style.space or 100, 100)))

    def markdown(self) -> list[str]:
        return [_marked(self.text)]


@dataclass(frozen=True)
class Table:
    """Rows under a title: the first `labels` columns say what a row is, the others are figures.
    `shades` has, by row and column, from 0 to 1 how light a cell is."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    labels: int = 1
    shades: Mapping[tuple[int, int], float] = field(default_factory=dict)

    def lines(self, style: Style) -> list[str]:
        """In several blocks where it is wider than the terminal, each without the rows that it has
        no figures of. Labels are cut where not even one column fits beside them."""
        said = in_ascii if style.ascii else str
        headings = [said(cell) for cell in self.headings]
        rows = [[said(cell) for cell in row] for row in self.rows]
        widths = [max(map(cell_len, cells)) for cells in zip(headings, *rows, strict=True)]
        if self.shades and not style.colour:
            widths[self.labels :] = [width + 3 for width in widths[self.labels :]]
        figures = range(self.labels, len(widths))
        if style.space is not None:
            widest = max((widths[column] for column in figures), default=0)
            _cut(widths, self.labels, style.space - widest - 2)
        lines = textwrap.wrap(self.title, style.space) if style.space else [self.title]
        blocks = _blocks(widths, figures, style.space)
        for block in blocks:
            columns = (*range(self.labels), *block)
            if block is not blocks[0]:
                lines.append("")
            heading = [self._aligned(column, headings[column], widths) for column in columns]
            lines.append("  ".join(heading).rstrip())
            for number, row in enumerate(rows):
                if len(blocks) > 1 and all(row[column] == said(NOT_MEASURED) for column in block):
                    continue
                cells = [self._cell(number, c, row[c], widths, style) for c in columns]
                lines.append("  ".join(cells).rstrip())
        return lines

    def markdown(self) -> list[str]:
        ruler = ["---"] * self.labels + ["---:"] * (len(self.headings) - self.labels)
        rows = ([_marked(cell) for cell in row] for row in (self.headings, *self.rows))
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, f"| {' | '.join(ruler)} |")
        return [f"**{_marked(self.title)}**", "", *lines]

    def _aligned(self, column: int, text: str, widths: Sequence[int]) -> str:
        width = widths[column]
        if cell_len(text) > width:
            text = set_cell_size(text, width - 1).rstrip() + "…"
        space = " " * (width - cell_len(text))
        return text + space if column < self.labels else space + text

    def _cell(self, row: int, column: int, text: str, widths: Sequence[int], style: Style) -> str:
        share = self.shades.get((row, column))
        if not self.shades or column < self.labels:
            return self._aligned(column, text, widths)
        if not style.colour:
            blocks = _ASCII_BLOCKS if style.ascii else _BLOCKS
            block = " " if share is None else blocks[round(share * (len(blocks) - 1))]
            return self._aligned(column, f"{text} {2 * block}", widths)
        text = self._aligned(column, text, widths)
        if share is None:
            return text
        ink = 16 if is_light(share) else 231
        return f"\x1b[48;5;{_nearest_of_256(share)};38;5;{ink}m{text}\x1b[0m"


Part = Words | Table


def _cut(widths: list[int], labels: int, space: int) -> None:
    """Narrow the widest labels until they fit, if they can."""
    while sum(widths[:labels]) + 2 * (labels - 1) > space:
        widest = max(range(labels), key=lambda column: widths[column])
        if widths[widest] <= _LEAST_LABEL:
            return
        widths[widest] -= 1


def _blocks(widths: Sequence[int], figures: range, space: int | None) -> list[list[int]]:
    """The columns of figures, in as many blocks as it takes."""
    taken = sum(widths[: figures.start]) + 2 * (figures.start - 1)
    blocks: list[list[int]] = [[]]
    wide = taken
    for column in figures:
        if blocks[-1] and space is not None and wide + 2 + widths[column] > space:
            blocks.append([])
            wide = taken
        blocks[-1].append(column)
        wide += 2 + widths[column]
    return blocks


def _nearest_of_256(share: float) -> int:
    """The colour of the 6 x 6 x 6 cube of 256-colour terminals nearest to the scale's."""
    levels = (0, 95, 135, 175, 215, 255)
    red, green, blue = (
        min(range(6), key=lambda level: abs(levels[level] - part)) for part in rgb(share)
    )
    return 16 + 36 * red + 6 * green + blue


def _marked(text: str) -> str:
    """`text` in Markdown, meaning itself."""
    return "".join(f"\\{c}" if c in "\\|*_`<>[]#" else c for c in text)


def as_text(parts: Iterable[Part], style: Style) -> str:
    blocks = ["\n".join(part.lines(style)) for part in parts]
    text = "\n\n".join(blocks) + "\n"
    return in_ascii(text) if style.ascii else text


def as_markdown(parts: Iterable[Part]) -> str:
    return "\n\n".join("\n".join(part.markdown()) for part in parts) + "\n"


def as_csv(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """What was not measured is empty; figures have six digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _csv_cell(row.get(column)) for column in columns} for row in rows)
    return text.getvalue()


def _csv_cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else defused(str(value))


def in_ascii(text: str) -> str:
    for character, plain in _IN_ASCII.items():
        text = text.replace(character, plain)
    return text.encode("ascii", "replace").decode()


def terminal_style() -> Style:
    """Of standard output. On a pipe lines are as long as they like."""
    encoding = (sys.stdout.encoding or "").lower()
    # LC_ALL=C has Python write UTF-8 all the same, to a terminal that cannot show it.
    chosen = next(
        (os.environ[n] for n in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(n)), "utf8"
    )
    is_utf8 = "utf" in encoding and "utf" in chosen.lower()
    if not is_terminal(sys.stdout):
        return Style(ascii=not is_utf8)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") not in ("dumb", "")
    return Style(shutil.get_terminal_size().columns, colour, not is_utf8)


def seconds_figure(seconds: float) -> str:
    """With four digits, as the paper has them."""
    return f"{seconds:,.0f}" if seconds >= 999.5 else f"{seconds:.4g}"


def with_spread(found: Spread | None, scale: float = 1.0, digits: int | None = None) -> str:
    """A mean, with half its interval or with its runs where there are several: `10.3 ±0.2`."""
    if found is None:
        return NOT_MEASURED
    shown = seconds_figure(found.mean) if digits is None else f"{scale * found.mean:.{digits}f}"
    if found.low is not None:
        half = scale * (found.mean - found.low)
        spread = _two_digits(half) if digits is None else f"{half:.{digits}f}"
        return f"{shown} ±{spread}"
    return f"{shown} ({found.n})" if found.n > 1 else shown


def _two_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.2g}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def left_out(counts: Mapping[str, int]) -> list[Words]:
    """The sentence on runs that stand in no table, by why."""
    told = [f"{plural(count, 'run')} {why}" for why, count in counts.items() if count]
    return [Words(f"Left out: {'; '.join(told)}.")] if told else []


CHANGED = "changed by a fix on the way"
