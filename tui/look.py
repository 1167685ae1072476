"""How the screen is drawn: how often, and with which signs."""

import os
from dataclasses import dataclass

from cnntop.tui.glyphs import ascii_only

REFRESH_HZ = 4.0
SLOWEST_HZ, FASTEST_HZ = 0.5, 20.0
_LONGEST_POLL_SECONDS = 0.25
"""Between two looks at the run: however seldom the screen is drawn, a key is answered."""
FIGURES_SECONDS = 1.0
"""Between two drawings of the figures at the usual refresh: faster nobody reads them."""


@dataclass(frozen=True)
class Look:
    """`refresh_hz` is the most drawings a second; `ascii_only`, that nothing else may be sent."""

    refresh_hz: float = REFRESH_HZ
    ascii_only: bool = False

    @classmethod
    def of(cls, refresh_hz: float = REFRESH_HZ, ascii_asked: bool = False) -> "Look":
        """As asked for on the command line, on the terminal that the environment tells of. What is
        asked for holds for the lines after the screen too."""
        if ascii_asked:
            os.environ["CNNTOP_ASCII"] = "1"
        return cls(refresh_hz, ascii_only(os.environ))

    @property
    def poll_seconds(self) -> float:
        return min(_LONGEST_POLL_SECONDS, 1 / self.refresh_hz)

    @property
    def figures_seconds(self) -> float:
        """Between two drawings of the figures: longer than a frame, for most people look at what
        changes seldom; who asks for more frames than usual gets newer figures too."""
        usual = min(FIGURES_SECONDS, REFRESH_HZ * FIGURES_SECONDS / self.refresh_hz)
        return max(1 / self.refresh_hz, usual)


class Refresh:
    """Says at each look at the run whether to draw: as often as asked for, and less often while the
    terminal does not keep up."""

    _SLOWEST_SECONDS = 8.0
    _CALM = 4
    """Drawings in a row that the terminal kept up with, until the next ones come faster."""

    def __init__(self, look: Look) -> None:
        self._poll_seconds = look.poll_seconds
        self._asked = max(1, round(1 / (look.refresh_hz * look.poll_seconds)))
        self._every = self._asked
        self._since = self._every
        self._blamed = True
        self._calm = 0

    @property
    def slowed_seconds(self) -> float | None:
        """Between two drawings, if that is longer than asked for."""
        return self._every * self._poll_seconds if self._every > self._asked else None

    def due(self, behind: bool) -> bool:
        """To be asked at every look. `behind`: the terminal has not shown the last drawing yet."""
        self._since += 1
        if behind:
            if not self._blamed:  # a drawing that took long counts once, however long
                self._blamed = True
                self._calm = 0
                slowest = max(self._asked, int(self._SLOWEST_SECONDS / self._poll_seconds))
                self._every = min(2 * self._every, slowest)
            return False
        if self._since < self._every:
            return False
        self._since = 0
        if not self._blamed:
            self._calm += 1
        self._blamed = False
        if self._calm >= self._CALM and self._every > self._asked:
            self._calm = 0
            self._every = max(self._asked, self._every // 2)
        return True
