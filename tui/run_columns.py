"""The columns of the compare screen: what fits a width, and how wide each is then."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnntop.core.analysis.columns import is_fraction
from cnntop.tui.compare import SHOWN, Question
from cnntop.tui.run_table import DROPPED_FIRST, TEXT, heading

GAP = 2
"""Cells between two columns."""

_MORE = ("lr", "schedule", "seed", "precision", "threads", "gpu_utilization", "host")
"""Beyond the printed table's, for wide screens; the most telling first."""

_COMPARED = (
    "test_accuracy", "best_test_accuracy", "epoch_seconds", "images_per_second", "seconds",
)  # fmt: skip
"""What is set against the baseline, beside times to an accuracy and the like."""

_TEXT_WIDTH = 20
"""Text gets more only where there is room left."""
_LEAST_TEXT_WIDTH = 8
_DIFFERENCE_WIDTH = 8
"""Of "baseline"; figures are shorter."""


class Column(NamedTuple):
    """One that is shown: of the rows' `name`, or the difference in it to the baseline."""

    name: str
    width: int
    is_difference: bool = False

    @property
    def heading(self) -> str:
        if not self.is_difference:
            return heading(self.name)
        return f"{heading(self.name)} {'pts' if is_fraction(self.name) else 'x'}"

    @property
    def is_text(self) -> bool:
        return self.name in TEXT


class Fitted(NamedTuple):
    """The columns that fit, and how many do not."""

    columns: list[Column]
    left_out: int


def all_columns(question: Question) -> list[str]:
    """Those of the screen where a person names none."""
    at = SHOWN.index("best_test_accuracy") + 1
    return [*SHOWN[:at], *question.reached, *SHOWN[at:], *_MORE]


def fitted(
    names: Sequence[str], widths: Mapping[str, int], space: int, order: str | None, fixed: bool,
    against_baseline: bool,
) -> Fitted:  # fmt: skip
    """As many as fit into `space` cells. `widths` are those of their contents; the column that is
    sorted by stays, and with `fixed` ones, a person's own, the last go first."""
    if not names:
        return Fitted([], 0)
    columns = []
    for name in names:
        columns.append(Column(name, _natural(name, widths[name], name == order)))
        if against_baseline and is_compared(name):
            difference = Column(name, 0, is_difference=True)
            width = max(len(difference.heading), _DIFFERENCE_WIDTH)
            columns.append(difference._replace(width=width))
    whole = len(columns)
    capped = [
        each._replace(width=min(each.width, max(_TEXT_WIDTH, len(each.heading) + 2)))
        if each.is_text
        else each
        for each in columns
    ]
    for name, is_difference in _dropped_first(names, fixed):
        if _total(capped) <= space:
            break
        if name != order:
            capped = [
                each for each in capped if (each.name, each.is_difference) != (name, is_difference)
            ]
    while len(capped) > 1 and _total(_narrowed(capped, space)) > space:
        capped.pop()
    return Fitted(_widened(_narrowed(capped, space), columns, space), whole - len(capped))


def _natural(name: str, content: int, is_order: bool) -> int:
    """With room for the sign of the order."""
    return max(content, len(heading(name)) + (2 if is_order else 0))


def is_compared(name: str) -> bool:
    """Whether a column is set against the baseline."""
    return name in _COMPARED or "_to_" in name or "_within_" in name


def _dropped_first(names: Sequence[str], fixed: bool) -> list[tuple[str, bool]]:
    """Columns, and differences in them, in the order in which they give way."""
    order = list(reversed(names[1:])) if fixed else [*reversed(_MORE), *DROPPED_FIRST]
    return [(name, is_difference) for name in order for is_difference in (True, False)]


def _total(columns: Sequence[Column]) -> int:
    return sum(each.width + GAP for each in columns) - GAP


def _narrowed(columns: Sequence[Column], space: int) -> list[Column]:
    """The first column takes what room the others leave, down to a least."""
    first, *rest = columns
    over = _total(columns) - space
    if over <= 0 or not first.is_text:
        return list(columns)
    return [first._replace(width=max(_LEAST_TEXT_WIDTH, first.width - over)), *rest]


def _widened(columns: list[Column], natural: Sequence[Column], space: int) -> list[Column]:
    """Text that was capped gets the room that is left, the first column first."""
    wanted = {(each.name, each.is_difference): each.width for each in natural}
    left = space - _total(columns)
    for place, each in enumerate(columns):
        more = min(left, wanted[each.name, each.is_difference] - each.width)
        if more > 0:
            columns[place] = each._replace(width=each.width + more)
            left -= more
    return columns
