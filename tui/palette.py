"""The command palette: whatever keys do, found by name, with the key beside it."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from cnntop.tui import themes
from cnntop.tui.keys import Key
from cnntop.tui.layouts import LAYOUTS


class Entry(NamedTuple):
    """`name` and `help` are cnntop's own words: no markup, and nothing from outside."""

    name: str
    key: str
    help: str
    run: Callable[[], Awaitable[object] | None]


class Palette(Provider):
    """Of the screen it was opened on: its keys, its layouts; and the themes."""

    async def discover(self) -> Hits:
        for entry in self._entries():
            yield DiscoveryHit(_shown(entry), entry.run, text=entry.name, help=entry.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for entry in self._entries():
            score = matcher.match(entry.name)
            if score > 0:
                shown = Content.assemble(matcher.highlight(entry.name), f"   {entry.key}")
                yield Hit(score, shown, entry.run, text=entry.name, help=entry.help)

    def _entries(self) -> Iterator[Entry]:
        seen: set[str] = {"app.command_palette"}
        for key in cast(tuple[Key, ...], getattr(self.screen, "KEYS", ())):
            # Two keys may do the same, and a panel has its digit beside it.
            if not key.label or not key.help or key.action in seen:
                continue
            seen.add(key.action)
            yield self._entry(key.label, key.written, key.help, key.action)
        if seen & {"step_layout(1)"}:
            for layout in LAYOUTS:
                name = f"Layout: {layout.name}"
                yield self._entry(name, "v", layout.about, f"show_layout('{layout.name}')")
        for theme in themes.NAMES:
            yield self._entry(f"Theme: {theme}", "t", "", f"app.use_theme('{theme}')")

    def _entry(self, name: str, key: str, told: str, action: str) -> Entry:
        # Brackets would be taken for markup.
        return Entry(name, key, told.replace("[", "("), partial(self.screen.run_action, action))


def _shown(entry: Entry) -> Content:
    return Content.assemble((entry.name, "bold"), f"   {entry.key}")
