"""The app with one screen on it and no run behind it, for Textual's pilot."""

import re
from html import unescape
from pathlib import Path

from rich.cells import set_cell_size
from textual import events
from textual.app import App
from textual.geometry import Region
from textual.message import Message
from textual.screen import Screen

from cnntop.core.run_state import RunState
from cnntop.tui import app as program
from cnntop.tui.app import CnntopApp
from cnntop.tui.launch import Launch
from cnntop.tui.look import Look
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.screens.picker import Picked

SIZES = [(60, 15), (80, 24), (120, 40)]
TITLE = "demo  shallow32 · shapes · batch 32"
_TEXT = re.compile(
    r'<text [^>]*?x="(?P<x>[\d.]+)"[^>]*?textLength="(?P<length>[\d.]+)"'
    r'[^>]*?clip-path="url\(#[^)]*?-line-(?P<line>\d+)\)"[^>]*>(?P<text>[^<]*)</text>'
)


class Stage(CnntopApp):
    """`shown` is on top from the start; messages of interest end up in `heard`."""

    CSS_PATH = str(Path(program.__file__).with_name("app.tcss"))

    def __init__(self, shown: Screen[object], look: Look | None = None) -> None:
        super().__init__(Launch("demo", Path("runs")), look or Look())
        self.shown = shown
        self.heard: list[Message] = []
        self.answers: list[object] = []

    def on_mount(self, event: events.Mount) -> None:
        event.prevent_default()  # the app's own would start a run
        self.push_screen(self.shown, self.answers.append)

    def on_picked(self, event: Picked) -> None:
        event.prevent_default()
        self.heard.append(event)


def monitor(title: str = TITLE, subtitle: str = "lr 0.01 cosine") -> MonitorScreen:
    return MonitorScreen(title, subtitle)


def show(stage: Stage, state: RunState, now: float | None = None) -> None:
    """Hand `state` to the monitor on the stage, at the time of its newest record."""
    screen = stage.shown
    assert isinstance(screen, MonitorScreen)
    screen.show(state, state.at_seconds if now is None else now)


def text(stage: App[None]) -> str:
    """What the screen shows, line by line, read from Textual's own picture of it."""
    rows: dict[int, dict[int, str]] = {}
    for match in _TEXT.finditer(stage.export_screenshot(simplify=False)):
        part = unescape(match["text"]).replace("\xa0", " ")
        cell = float(match["length"]) / max(1, len(part))
        rows.setdefault(int(match["line"]), {})[round(float(match["x"]) / cell)] = part
    lines = []
    for number in range(stage.size.height):
        line = ""
        for at, part in sorted(rows.get(number, {}).items()):
            line = set_cell_size(line, at) + part
        lines.append(line.rstrip())
    return "\n".join(lines)


def regions(stage: Stage) -> dict[str, Region]:
    """Where the leaves of the screen's tree that are displayed lie, by their names."""
    found = {}
    for widget in stage.screen.query("*"):
        hidden = not widget.display or any(not above.display for above in widget.ancestors)
        if hidden or widget.children:
            continue
        found[f"{type(widget).__name__} {widget.id or ''} {len(found)}"] = widget.region
    return found
