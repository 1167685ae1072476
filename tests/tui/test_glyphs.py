"""ASCII where the terminal has no more: who decides, what stands for what, and that no more goes
out."""

from collections.abc import Callable

import pytest
from rich.cells import cell_len

from cnntop.tui.glyphs import ASCII, as_ascii, ascii_only
from cnntop.tui.look import Look
from cnntop.tui.screens.help import HelpScreen
from tests.tui import story
from tests.tui.place import Place
from tests.tui.stage import Stage, monitor, show, text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LC_ALL": "POSIX", "LANG": "en_GB.UTF-8"}, True),
        ({"LC_CTYPE": "de_DE.ISO-8859-1", "LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "en_GB"}, True),
        # As Python leaves it: LC_CTYPE is its own where it found the C locale.
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "en_GB.UTF-8", "TERM": "linux"}, True),
        ({"LANG": "en_GB.UTF-8", "CNNTOP_ASCII": "1"}, True),
        ({"LC_ALL": "C", "CNNTOP_ASCII": "0"}, False),
    ],
)
def test_who_gets_ascii(environment: dict[str, str], expected: bool) -> None:
    assert ascii_only(environment) is expected


def test_every_stand_in_is_as_wide_as_its_sign() -> None:
    for sign, plain in ASCII.items():
        assert plain.isascii()
        assert len(plain) == cell_len(sign), sign


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain", "plain"),
        ("● training · 61 °C …", "* training - 61 'C ~"),
        ("Größe ñ", "Gro?e n"),
        ("模型 x", "???? x"),
        ("a\u0301b", "ab"),
        ("🚀", "??"),
        ("\u2800\u28ff\u2801\u2880⠒", " #'.-"),
        ("⡇⢸", "||"),
    ],
)
def test_words_in_ascii(given: str, expected: str) -> None:
    assert as_ascii(given) == expected
    assert len(as_ascii(given)) == cell_len(given)


def test_levels_and_textures_stay_apart() -> None:
    for signs in ("▁▂▃▄▅▆▇█", "░▒▓█", "●❚■✔✖◌", "━•"):
        assert len(set(as_ascii(signs))) == len(signs), signs


NAMES = "Größe 模型 🚀 …"


@pytest.mark.parametrize("layout", ["overview", "log", "config", "help", "palette"])
async def test_nothing_else_is_drawn(layout: str) -> None:
    stage = Stage(HelpScreen() if layout == "help" else monitor(NAMES, NAMES))
    stage = Stage(stage.shown, Look(ascii_only=True))
    async with stage.run_test(size=(100, 30), notifications=True) as pilot:
        await pilot.pause()
        if layout != "help":
            show(stage, story.told(*story.with_gpu([story.gpu(0, name=NAMES)])))
        if layout in ("log", "config"):
            await stage.screen.run_action(f"show_layout('{layout}')")
        if layout == "palette":
            await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        stage.notify("✔ done")
        await pilot.pause()
        drawn = text(stage)
    assert drawn.strip()
    assert drawn.isascii(), sorted({c for c in drawn if not c.isascii()})
    assert ("+ done" in drawn) or layout == "palette"


def test_a_plain_terminal_is_sent_ascii_alone(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    with place.window(*quick("--epochs", "2"), LC_ALL="C") as window:
        window.until("+ finished")
        window.keys("?")
        window.until("What is shown")
        window.keys("\x1b")
        window.until(lambda text: "What is shown" not in text)
        window.keys("v")
        window.until(lambda text: text.rstrip().endswith("charts"))
        window.keys("q")
        assert window.end() == 0
        assert "status   finished" in window.text
    assert window.raw.isascii()
