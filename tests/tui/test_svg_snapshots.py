"""Pictures of the monitor in colour: each theme, ASCII and NO_COLOR, and the states that stand out.

The text of test_snapshots.py has every state at every size. These pictures have the colours too,
and are large; so they are few.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from cnntop.tui.look import Look
from cnntop.tui.themes import NAMES
from tests.tui import states
from tests.tui.kept_picture import compare, names_kept, same_each_time
from tests.tui.stage import Stage, monitor, show

DARK = NAMES[0]
FOLDER = Path(__file__).with_name("svg_snapshots")


class Style(NamedTuple):
    """What a picture is drawn in."""

    theme: str = DARK
    ascii_only: bool = False
    no_color: bool = False


STYLES = {
    **{theme: Style(theme) for theme in NAMES},
    "ascii": Style(ascii_only=True),
    "no-color": Style(no_color=True),
}
PICTURES = [
    *(("training", (80, 24), style) for style in STYLES),
    ("gpus-8", (120, 40), DARK),
    ("cores-256", (200, 60), DARK),
    ("long-names", (60, 15), DARK),
    ("not-finite", (80, 24), DARK),
    ("ten-million-steps", (120, 40), DARK),
    ("before-first-step", (80, 24), DARK),
]


def file_name(state: str, size: tuple[int, int], style: str) -> str:
    return f"{state}-{style}-{size[0]}x{size[1]}.svg"


@pytest.mark.parametrize(("state", "size", "style"), PICTURES, ids=str)
async def test_screen_looks_as_kept(
    state: str, size: tuple[int, int], style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = STYLES[style]
    if chosen.no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    stage = Stage(monitor(), Look(ascii_only=chosen.ascii_only))
    async with stage.run_test(size=size) as pilot:
        stage.theme = chosen.theme
        show(stage, states.state_of(state))
        await pilot.pause()
        seen = same_each_time(stage.export_screenshot())
    compare(FOLDER / file_name(state, size, style), seen)


def test_no_picture_is_left_of_what_is_not_looked_at() -> None:
    assert names_kept(FOLDER, ".svg") == {file_name(*picture) for picture in PICTURES}
