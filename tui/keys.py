"""Every key of the monitor, in one table: what is bound, the help page, the line at the bottom and
the palette are all made from it, so that none of them can say what is not so."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.binding import Binding, BindingType

from cnntop.tui.widgets.axis_panel import ZOOM
from cnntop.tui.widgets.split import FIX_KEY


class Key(NamedTuple):
    """`keys` as Textual names them, `written` as on a keyboard. `label` is a few words, for the
    palette and the line at the bottom, where the lower a `rank`, the longer it stays (0: never
    there); `help` says it all. `panel`: bound by panels that scroll, while they have the focus."""

    group: str
    keys: str
    action: str
    written: str
    label: str
    help: str
    rank: int = 0
    panel: bool = False
    priority: bool = False


RUN, CHARTS, VIEW, SCREEN = "The run", "The charts", "What is shown", "The screen"

MONITOR_KEYS = (
    Key(RUN, "p", "app.pause", "p", "Pause / go on", "pause between two steps; again: go on", 1),
    Key(
        RUN, FIX_KEY, "app.fix", FIX_KEY, "Apply the fix",
        "apply the fix that the verdict (▶) proposes", 5,
    ),
    Key(RUN, "k", "app.checkpoint", "k", "Checkpoint now", "save a checkpoint now"),
    Key(RUN, "left_square_bracket", "app.rate(0.5)", "[", "Learning rate /2", ""),
    Key(RUN, "right_square_bracket", "app.rate(2.0)", "]", "Learning rate x2", ""),
    Key(RUN, "e", "app.extend", "e", "Train for longer", "train for longer: epochs or time"),
    Key(
        RUN, "q", "app.leave", "q", "Stop or leave",
        "stop (after this epoch, now, or discard the run),\nor leave the screen and train on", 2,
    ),
    Key(
        RUN, "d", "app.detach", "d", "Leave it training",
        "leave the screen; training goes on as plain lines",
    ),
    Key(RUN, "ctrl+c", "app.leave", "Ctrl-C", "Stop or leave", "as q", priority=True),
    Key(CHARTS, "left", "axis('move', -1)", "Left", "Cursor left", ""),
    Key(CHARTS, "right", "axis('move', 1)", "Right", "Cursor right", ""),
    Key(CHARTS, "shift+left", "axis('move', -10)", "Shift-Left", "Cursor ten cells left", ""),
    Key(CHARTS, "shift+right", "axis('move', 10)", "Shift-Right", "Cursor ten cells right", ""),
    Key(CHARTS, "plus,equals_sign", f"axis('zoom', {ZOOM})", "+", "Zoom in", ""),
    Key(CHARTS, "minus", f"axis('zoom', {1 / ZOOM})", "-", "Zoom out", ""),
    Key(CHARTS, "0", "axis('whole')", "0", "The whole run", ""),
    Key(CHARTS, "home", "axis('home')", "Home", "Beginning of the run", ""),
    Key(CHARTS, "end", "axis('follow_end')", "End", "Follow the end", ""),
    Key(
        CHARTS, "x", "axis('next_unit')", "x", "Axis by step, epoch, time",
        "the axis by step, epoch or time",
    ),
    Key(CHARTS, "l", "axis('toggle_log')", "l", "Logarithmic scale", "logarithmic scale, or not"),
    Key(
        CHARTS, "m", "axis('next_smoothing')", "m", "Smoothing",
        "smoothing over the curves: none, light, medium, strong",
    ),
    Key(
        CHARTS, "g", "app.ghost", "g", "Ghost",
        "the ghost: the earlier run to be held against, or none",
    ),
    Key(
        VIEW, "c", "app.compare", "c", "Compare runs",
        "compare runs: a table, curves over each other, recipes",
    ),
    Key(VIEW, "v", "step_layout(1)", "v", "Next layout", "next layout: overview, charts ...", 3),
    Key(VIEW, "V", "step_layout(-1)", "V", "Previous layout", "the one before"),
    *(
        Key(VIEW, str(n), f"toggle_panel({n})", str(n), f"Panel {n}", "") for n in range(1, 10)
    ),
    Key(VIEW, "tab", "app.focus_next", "Tab", "Next panel", "move the focus (┃) to the next panel"),
    Key(VIEW, "shift+tab", "app.focus_previous", "Shift-Tab", "Panel before", "the panel before"),
    Key(
        VIEW, "enter", "toggle_alone", "Enter", "Full screen",
        "the panel in focus on the whole screen; or double click", 4,
    ),
    Key(VIEW, "escape", "back", "Esc", "Back", "back from the whole screen, else hide the cursor"),
    *(
        Key(VIEW, keys, f"scroll({keys!r})", written, "", "", panel=True)
        for keys, written in (
            ("up", "Up"), ("down", "Down"), ("pageup", "PageUp"), ("pagedown", "PageDown"),
            ("home", "Home"), ("end", "End"),
        )
    ),
    Key(SCREEN, "t", "app.next_theme", "t", "Next theme", "next theme; it is remembered", 6),
    Key(
        SCREEN, "w", "app.copy_picture", "w", "Copy as a picture",
        "copy the screen as a picture (SVG) into the run's folder",
    ),
    Key(SCREEN, "W", "app.copy_text", "W", "Copy as text", "copy the screen as text"),
    Key(
        SCREEN, "ctrl+p", "app.command_palette", "Ctrl-P", "Palette",
        "find any of this by its name", 7,
    ),
    Key(
        SCREEN, "ctrl+l", "app.redraw", "Ctrl-L", "Draw anew",
        "draw all of it anew, where something else wrote on it", priority=True,
    ),
    Key(SCREEN, "question_mark", "app.help", "?", "Help", "this page; Esc or ? closes it", 1),
)  # fmt: skip

_TOGETHER = {
    "left_square_bracket": ("[ ]", "learning rate /2 and x2, on top of the schedule"),
    "left": ("← →", "a cursor over all charts; with Shift ten cells at a time"),
    "plus,equals_sign": ("+ - 0", "zoom in, out, the whole run; the mouse's wheel zooms too"),
    "home": ("Home End", "the beginning of the run; follow its end again"),
    "1": ("1 .. 9", "show or hide a panel: the small digit beside its name"),
    "up": ("arrows", "with PageUp, PageDown, Home, End: scroll log and recipe"),
}
"""Keys that the help page tells of in one line, by the first of them."""
_TOGETHER_IN_PANELS = ("up",)


def bindings(keys: Sequence[Key]) -> list[BindingType]:
    """For a screen."""
    return [
        Binding(key.keys, key.action, key.label, show=False, priority=key.priority)
        for key in keys
        if not key.panel
    ]


def scroll_bindings() -> list[BindingType]:
    """For a panel that scrolls."""
    return [Binding(key.keys, key.action, show=False) for key in MONITOR_KEYS if key.panel]


def changed(keys: Sequence[Key], *instead: Key) -> tuple[Key, ...]:
    """`keys` with others in place of those of the same name; new ones come at the end of the
    group."""
    by_name = {key.keys: key for key in instead}
    kept = [by_name.pop(key.keys, key) for key in keys]
    for key in by_name.values():
        same = [at for at, one in enumerate(kept) if one.group == key.group]
        kept.insert(same[-1] + 1 if same else len(kept), key)
    return tuple(kept)


def key_lines(keys: Sequence[Key]) -> list[str]:
    """The keys for a help page, by group."""
    lines: list[str] = []
    for group in dict.fromkeys(key.group for key in keys):
        lines += ["", group] if lines else [group]
        for key in keys:
            written, told = key.written, key.help
            if key.panel and key.keys not in _TOGETHER_IN_PANELS:
                continue
            if not told:
                written, told = _TOGETHER.get(key.keys, ("", ""))
            if key.group != group or not told:
                continue
            first, *more = told.split("\n")
            lines.append(f"  {written:<9} {first}")
            lines += [f"{'':<12}{line}" for line in more]
    return lines
