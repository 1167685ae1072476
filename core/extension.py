"""More epochs or more time for a run that trains."""

import math
import re
from dataclasses import dataclass

from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.sections import parse_duration
from cnntop.core.text import printable

MOST_EPOCHS = 1_000_000
MOST_SECONDS = 366 * 86_400.0
_LEAST_SECONDS = 1.0


@dataclass(frozen=True)
class Extension:
    """How much longer than planned. A run that ends by epochs takes `epochs` alone, one that ends
    by time `seconds` alone."""

    epochs: int = 0
    seconds: float = 0.0

    def __add__(self, more: "Extension") -> "Extension":
        return Extension(self.epochs + more.epochs, self.seconds + more.seconds)

    @property
    def usable(self) -> bool:
        """Whether a run can be asked for it: for something, within bounds."""
        epochs_usable = 0 <= self.epochs <= MOST_EPOCHS
        seconds_usable = self.seconds == 0 or _LEAST_SECONDS <= self.seconds <= MOST_SECONDS
        return epochs_usable and seconds_usable and self != NOTHING


NOTHING = Extension()


def parse_extension(text: str, by_epochs: bool, epoch_seconds: float | None) -> Extension:
    """What a person wrote, as in "5", "5 epochs", "10m" or "1h30m", in the unit that the run ends
    by: epochs if `by_epochs`, else seconds. The other unit is converted at `epoch_seconds` an
    epoch, None where no epoch has been measured yet.

    Raises UsageError for anything else, and for what cannot be converted yet.
    """
    written = "".join(text.lower().split()).removeprefix("+")
    count = re.fullmatch(r"(\d{1,7})(epochs?)?", written)
    asked = Extension(epochs=int(count[1])) if count else Extension(seconds=_seconds(written))
    if by_epochs != (count is not None):
        if epoch_seconds is None:
            unit = "a number of epochs" if by_epochs else "a time, as 10m"
            raise UsageError(f"no epoch has ended yet to convert it by; write {unit}.")
        if count:
            asked = Extension(seconds=float(math.ceil(asked.epochs * epoch_seconds)))
        elif asked.seconds:
            asked = Extension(epochs=max(1, round(asked.seconds / epoch_seconds)))
    if not asked.usable:
        raise UsageError("a run can go on for 1 to 1,000,000 epochs more, or 1 s to 366 days.")
    return asked


def _seconds(written: str) -> float:
    try:
        return parse_duration(written)
    except RecipeError:
        raise UsageError(
            f"{printable(written)!r} is neither a number of epochs, as 5, nor a time, as 10m or "
            "1h30m."
        ) from None
