"""A second key right behind the one that closes a screen must not close the one below."""

from typing import Any

from textual.await_complete import AwaitComplete
from textual.screen import Screen


class DismissedOnce:
    """For screens. Textual's `dismiss` closes whatever is on top, be it the screen or not."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        assert isinstance(self, Screen)
        if not self.is_current:
            done: AwaitComplete = AwaitComplete.nothing()  # type: ignore[no-untyped-call]
        else:
            done = super().dismiss(result)  # type: ignore[misc]
        return done
