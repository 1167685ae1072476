"""What happened to a run beside its figures: the marks on its time axis, few however long it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Kind = Literal["checkpoint", "pause", "fix", "rate", "extend", "resume", "nan", "end"]

MARKS_KEPT = 256


class Mark(msgspec.Struct, frozen=True):
    """One thing that happened, at a step and a second on the stream's clock; `text` says what."""

    step: int
    at_seconds: float
    kind: Kind
    text: str


@dataclass
class Marks:
    """The marks in order, at most `MARKS_KEPT`: beyond them only each second one of the commonest
    kind is kept, then each fourth ..., so that a fix is not lost among the checkpoints of ten
    thousand epochs, and these stand as far apart at the beginning as at the end."""

    kept: list[Mark] = field(default_factory=list)
    _seen: Counter[Kind] = field(default_factory=Counter)
    _every: dict[Kind, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Mark]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    def add(self, mark: Mark) -> None:
        number = self._seen[mark.kind]
        self._seen[mark.kind] += 1
        if number % self._every.get(mark.kind, 1):
            return
        self.kept.append(mark)
        if len(self.kept) > MARKS_KEPT:
            self._thin()

    def reword(self, kind: Kind, text: str) -> None:
        """Say it anew of the newest mark, where that is of this kind: more is known of it now."""
        was_kept = (self._seen[kind] - 1) % self._every.get(kind, 1) == 0
        if was_kept and self.kept and self.kept[-1].kind == kind:
            self.kept[-1] = msgspec.structs.replace(self.kept[-1], text=text)

    def __deepcopy__(self, _memo: object) -> "Marks":
        return Marks(self.kept.copy(), self._seen.copy(), self._every.copy())

    def _thin(self) -> None:
        [(commonest, _)] = Counter(mark.kind for mark in self.kept).most_common(1)
        self._every[commonest] = 2 * self._every.get(commonest, 1)
        of_it, left = 0, []
        for mark in self.kept:
            if mark.kind == commonest:
                of_it += 1
                if of_it % 2 == 0:
                    continue
            left.append(mark)
        self.kept = left
