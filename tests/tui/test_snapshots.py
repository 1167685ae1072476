"""Pictures of the screens as text, from made-up runs. `make snapshots` draws them anew."""

from pathlib import Path

import pytest

from tests.tui import scenes
from tests.tui.kept_picture import compare, names_kept
from tests.tui.stage import SIZES, text

FOLDER = Path(__file__).with_name("snapshots")
ALL_SIZES = [*SIZES, (200, 60)]
TOO_SMALL = (40, 10)
PICTURES = [
    *((name, size) for name in scenes.ALL for size in ALL_SIZES),
    *((name, TOO_SMALL) for name in scenes.OF_EACH_SCREEN),
]


def file_name(name: str, size: tuple[int, int]) -> str:
    return f"{name}-{size[0]}x{size[1]}.txt"


@pytest.mark.parametrize(("name", "size"), PICTURES, ids=lambda one: str(one))
async def test_screen_looks_as_kept(
    name: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen = await scenes.ALL[name].play(size, text)
    compare(FOLDER / file_name(name, size), seen + "\n")


def test_no_picture_is_left_of_a_screen_there_is_none_of() -> None:
    assert names_kept(FOLDER, ".txt") == {file_name(*picture) for picture in PICTURES}
