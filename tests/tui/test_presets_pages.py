"""`cnntop presets` and `cnntop presets show`."""

import tomllib
from pathlib import Path

import pytest

from cnntop.core import preset
from cnntop.core.recipe import resolve
from cnntop.tui import preset_pages
from tests.tui.place import Place


@pytest.fixture
def own(place: Place) -> Path:
    """A folder of a person's own presets."""
    folder = place.config / "presets"
    folder.mkdir(parents=True)
    return folder


def test_listing_has_a_line_for_every_preset(place: Place) -> None:
    answer = place.run("presets")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines] == preset.names()
    assert all(len(line.split()) > 3 for line in lines), "each says what it is"
    assert [line.split()[0] for line in lines].index("shallow8") < [
        line.split()[0] for line in lines
    ].index("shallow16")


def test_own_presets_stand_beside_the_built_in_ones(place: Place, own: Path) -> None:
    (own / "mine.toml").write_text("# My own thing\n[train]\nepochs = 1\n")
    assert "My own thing (your own)" in place.run("presets").out
    answer = place.run("presets", "show", "mine")
    assert answer.code == 0
    assert "epochs = 1" in answer.out


def test_a_broken_preset_spoils_only_its_own_line(place: Place, own: Path) -> None:
    (own / "broken.toml").write_text("[train\n")
    answer = place.run("presets")
    assert answer.code == 0
    assert "cannot be used" in answer.out
    assert len(answer.out.splitlines()) == len(preset.names()) > 20
    answer = place.run("presets", "show", "broken")
    assert answer.code == 2
    assert answer.err.startswith("cnntop: preset broken:")


def test_escapes_in_a_preset_are_cleaned(own: Path) -> None:
    # In-process: on a pipe, the command line library would hide what a terminal gets.
    (own / "ev\x1b[31mil.toml").write_text("[train]\nepochs = 1\n")
    assert "\x1b" not in preset_pages.listing()
    assert "ev?[31mil" in preset_pages.listing()
    assert "\x1b" not in preset_pages.page("ev\x1b[31mil")


@pytest.mark.parametrize("name", preset.names())
def test_show_prints_toml_that_resolves_to_the_same_recipe(name: str) -> None:
    text = preset_pages.page(name)
    assert text.startswith("# ")
    assert resolve(tomllib.loads(text), "shown") == preset.find(name).resolve()


def test_what_show_prints_is_a_preset_file(place: Place) -> None:
    text = place.run("presets", "show", "resnet18").out
    file = place.folder / "copy.toml"
    file.write_text(text)
    assert place.run("presets", "show", str(file)).out == text


def test_unknown_name(place: Place) -> None:
    answer = place.run("presets", "show", "dmeo")
    assert answer.code == 2
    assert answer.err.startswith("cnntop: unknown preset 'dmeo'. Did you mean 'demo'?")
    assert answer.out == ""
