"""Pictures of the screens in colour: each theme, ASCII and NO_COLOR, and what stands out.

The text of test_snapshots.py has every screen and state at every size. These pictures have the
colours too, and are large; so they are few.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from cnntop.tui.look import Look
from cnntop.tui.themes import NAMES
from tests.tui import scenes
from tests.tui.kept_picture import compare, names_kept, same_each_time
from tests.tui.stage import Stage

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
    *(("monitor-training", (80, 24), style) for style in STYLES),
    ("monitor-gpus-8", (120, 40), DARK),
    ("monitor-cores-256", (200, 60), DARK),
    ("monitor-long-names", (60, 15), DARK),
    ("monitor-not-finite", (80, 24), DARK),
    ("monitor-ten-million-steps", (120, 40), DARK),
    ("monitor-before-first-step", (80, 24), DARK),
    ("ghost-charts", (120, 40), DARK),
    ("hardware-large", (120, 40), DARK),
    *(("curves", (80, 24), style) for style in STYLES),
    ("curves-many", (120, 40), DARK),
    *(("compare-marks", (80, 24), style) for style in (DARK, "ascii", "no-color")),
    ("recipes", (80, 24), DARK),
    ("picker-earlier", (120, 40), DARK),
    ("form-wrong", (80, 24), DARK),
    ("end", (80, 24), DARK),
    *(("ghost-chooser", (80, 24), style) for style in (DARK, "no-color")),
]


def file_name(name: str, size: tuple[int, int], style: str) -> str:
    return f"{name}-{style}-{size[0]}x{size[1]}.svg"


def svg(stage: Stage) -> str:
    return same_each_time(stage.export_screenshot())


@pytest.mark.parametrize(("name", "size", "style"), PICTURES, ids=str)
async def test_screen_looks_as_kept(
    name: str, size: tuple[int, int], style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = STYLES[style]
    if chosen.no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    look = Look(ascii_only=chosen.ascii_only)
    seen = await scenes.ALL[name].play(size, svg, look, chosen.theme)
    compare(FOLDER / file_name(name, size, style), seen)


def test_no_picture_is_left_of_what_is_not_looked_at() -> None:
    assert names_kept(FOLDER, ".svg") == {file_name(*picture) for picture in PICTURES}
