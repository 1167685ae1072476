"""The language of `--where`: which rows of summary.csv are meant.

    dataset=cifar10 and batch_size<=32 and (model=shallow32 or not status=failed)

    expression = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term = "not" term | "(" expression ")" | column operator value
    operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"
    value = word | "'" text "'" | '"' text '"'

A column goes by its name in summary.csv or by its heading in the table.

Numbers are compared as numbers, all else as text, which puts dates in order. `~` is "contains" and
minds no capitals. 70% is 0.7; where a column has seconds, 15m is 900. What was not measured is
equal to '' alone, and neither below nor above anything.
"""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cnntop.core.analysis.columns import column_named, is_fraction, is_seconds
from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.sections import parse_duration
from cnntop.core.text import nearest, printable

Row = Mapping[str, str]
Test = Callable[[Row], bool]

MOST_NESTED = 50
"""Parentheses and "not"s within each other; more are no question of a person's."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>[()])
      | (?P<operator><=|>=|!=|==|=|<|>|~)
      | '(?P<single>[^']*)' | "(?P<double>[^"]*)"
      | (?P<word>[^\s()<>=!~'"]+)
      | (?P<end>$)
    )""",
    re.VERBOSE,
)
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Filter:
    """A filter that was understood. `columns` are those that it looks at."""

    text: str
    columns: frozenset[str]
    matches: Test


def parse_filter(text: str, columns: Collection[str], option: str = "--where") -> Filter:
    """The filter that `text` says, over rows of `columns`. `option` opens every complaint.

    Raises UsageError, which names the position of what cannot be understood, from 1.
    """
    parser = _Parser(text, columns, option)
    test = parser.expression()
    if parser.kind != "end":
        raise parser.error("'and', 'or' or the end was expected")
    return Filter(text, frozenset(parser.used), test)


class _Parser:
    """Recursive descent; `kind`, `token` and `position` are those of the next token."""

    def __init__(self, text: str, columns: Collection[str], option: str) -> None:
        self._text, self._columns, self._option = text, columns, option
        self._end = self._depth = self.position = 0
        self.kind = self.token = ""
        self.used: set[str] = set()
        self.advance()

    def advance(self) -> str:
        """Go on to the next token; the one that was next."""
        passed = self.token
        found = _TOKEN.match(self._text, self._end)
        if found is None:
            self.position = len(self._text) - len(self._text[self._end :].lstrip())
            self.token = self._text[self.position]
            quote = self.token in "'\""
            raise self.error("this quote is never closed" if quote else "this means nothing here")
        self.kind = found.lastgroup or "end"
        self.token = found[self.kind]
        self.position = found.start(self.kind)
        self._end = found.end()
        if self.kind in ("single", "double"):
            self.kind = "quoted"
            self.position -= 1
        elif self.kind == "word" and self.token.lower() in ("and", "or", "not"):
            self.kind, self.token = "mark", self.token.lower()
        return passed

    def error(self, what: str, position: int | None = None, shown: str | None = None) -> UsageError:
        place = self.position if position is None else position
        token = self.token if shown is None else shown
        near = f" ({printable(token)!r})" if token else " (the end)"
        stop = "" if what.endswith("?") else "."
        return UsageError(f"{self._option}, character {place + 1}{near}: {what}{stop}")

    def expression(self) -> Test:
        tests = [self._conjunction()]
        while self._take("or"):
            tests.append(self._conjunction())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _conjunction(self) -> Test:
        tests = [self._term()]
        while self._take("and"):
            tests.append(self._term())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _term(self) -> Test:
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise self.error(f"more than {MOST_NESTED} levels within each other")
        if self._take("not"):
            denied = self._term()
            test: Test = lambda row: not denied(row)  # noqa: E731
        elif self._take("("):
            test = self.expression()
            if not self._take(")"):
                raise self.error("')' was expected")
        else:
            test = self._comparison()
        self._depth -= 1
        return test

    def _take(self, mark: str) -> bool:
        if self.kind != "mark" or self.token != mark:
            return False
        self.advance()
        return True

    def _comparison(self) -> Test:
        if self.kind != "word":
            raise self.error("a column was expected, as in batch_size<=32")
        position = self.position
        name = self.advance()
        column = column_named(name, self._columns)
        if column is None:
            hint = nearest(name, self._columns)
            raise self.error(f"unknown column. {hint.rstrip('.')}", position, name)
        self.used.add(column)
        if self.kind != "operator":
            raise self.error(f"one of = != < <= > >= ~ was expected after {column}")
        sign = self.advance()
        if self.kind not in ("word", "quoted"):
            raise self.error("a value was expected; put quotes around one with special signs")
        position = self.position
        value = self.advance()
        number = _number(column, value)
        if is_fraction(column) and number is not None and number > 1:
            hint = f"{column} is a fraction: write {number / 100:g} or {number:g}%"
            raise self.error(hint, position, value)
        return _test(column, sign, value, number)


def _test(column: str, sign: str, value: str, number: float | None) -> Test:
    if sign == "~":
        part = value.lower()
        return lambda row: part in row[column].lower()
    if sign in ("=", "==", "!="):
        wanted = sign != "!="
        return lambda row: _equal(row[column], value, number) is wanted
    ordering = _ORDERINGS[sign]

    def compare(row: Row) -> bool:
        cell = row[column]
        if number is None or not cell:
            return bool(cell) and ordering(cell, value)
        try:
            return ordering(float(cell), number)
        except ValueError:  # text in a column of numbers
            return False

    return compare


def _equal(cell: str, value: str, number: float | None) -> bool:
    if cell == value or number is None:
        return cell == value
    try:
        return float(cell) == number
    except ValueError:
        return False


def _number(column: str, value: str) -> float | None:
    """What `value` is as a number: a percentage as a fraction, and a duration where the column has
    seconds."""
    try:
        return float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        pass
    if value and is_seconds(column):
        try:
            return parse_duration(value)
        except RecipeError:
            return None
    return None
