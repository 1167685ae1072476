"""The last line of the monitor: the keys that matter most, and which layout this is.

Our own, for Textual's footer gives no sign of the keys it has no room for, and has a widget a key.
"""

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message

from cnntop.core.analysis.verdict import verdict
from cnntop.core.run_state import RunState
from cnntop.tui.keys import RUN, Key
from cnntop.tui.widgets.panel import FAINT, Frame, Panel

_ALWAYS = 3
"""Keys beside help for which the layout's words give way."""
_LAYOUT_ACTION, _LEAVE, _FIX = "step_layout(1)", "app.leave", "app.fix"


class KeyLine(Panel):
    """Each key can be clicked, and so can the layout's name."""

    class Clicked(Message):
        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__("keys")
        ranked = sorted((key for key in keys if key.rank), key=lambda key: key.rank)
        self._help = [key for key in ranked if key.action == "app.help"]
        self._keys = [key for key in ranked if key.action != "app.help"]
        self._view = ("", 0, 0)
        self._alone = ""
        self._clickable: list[tuple[int, str]] = []
        """Where each thing that can be clicked ends, from the left, and what it does."""

    def tell(self, layout: str, left_out: int, hidden: int, alone: str | None) -> None:
        """The layout's name, how many panels have no room, how many are switched off, and the panel
        that has the whole screen."""
        self._view = (layout, left_out, hidden)
        self._alone = alone or ""

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        keys = _of_use(self._keys, state)
        least = sum(_width(key) for key in [*keys[:_ALWAYS], *self._help])
        words = next(
            (text for text in self._words() if len(text) + least <= frame.width), self._words()[-1]
        )
        room = frame.width - len(words) - sum(map(_width, self._help))
        shown: list[Key] = []
        for key in keys:
            if sum(map(_width, shown)) + _width(key) > room:
                break
            shown.append(key)
        shown += self._help
        parts, at = [], 0
        self._clickable = []
        for key in shown:
            parts += [(f" {key.written}", "bold $accent"), (f" {key.label} ", "")]
            at += _width(key)
            self._clickable.append((at, key.action))
        gap = max(0, frame.width - at - len(words))
        self._clickable += [(at + gap, ""), (frame.width, _LAYOUT_ACTION)]
        return [Content.assemble(*parts, " " * gap, (words, FAINT))]

    def _words(self) -> list[str]:
        """From the longest to the shortest."""
        if self._alone:
            return [f" {self._alone}: Esc goes back ", f" {self._alone}: Esc "]
        name, left_out, hidden = self._view
        long = [name]
        short = name
        if left_out:
            long.append(f"+{left_out} more panel{'s' * (left_out > 1)}: v or full screen")
            short += f" +{left_out}"
        if hidden:
            long.append(f"-{hidden} switched off: their digits")
            short += f" -{hidden}"
        return [f" {'  '.join(long)} ", f" {short} "]

    def on_click(self, event: events.Click) -> None:
        action = next((what for end, what in self._clickable if event.x < end), "")
        if action:
            event.stop()
            self.post_message(self.Clicked(action))


def _of_use(keys: Sequence[Key], state: RunState) -> list[Key]:
    """Nothing can be done to a run that is over but to leave it; a fix that there is comes first,
    and without one its key is left out."""
    if state.ended is not None:
        return [
            key._replace(label="Leave") if key.action == _LEAVE else key
            for key in keys
            if key.group != RUN or key.action == _LEAVE
        ]
    others = [key for key in keys if key.action != _FIX]
    found = verdict(state)
    if found is None or found.fix is None:
        return others
    return [*(key for key in keys if key.action == _FIX), *others]


def _width(key: Key) -> int:
    return len(f" {key.written} {key.label} ")
