"""A footer that stays as it is while the keys do."""

from textual.screen import Screen
from textual.widgets import Footer


class SteadyFooter(Footer):
    """Textual makes its footer anew, key by key, whenever the focus moves, though the keys in it
    are mostly the same: in a form that is a third of what a key costs."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._shown: set[tuple[str, str]] = set()

    def bindings_changed(self, screen: Screen[object]) -> None:
        active = screen.active_bindings.values()
        shown = {(one.binding.key, one.binding.description) for one in active if one.binding.show}
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
