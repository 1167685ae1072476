"""What the tests of the terminal share: places to run the command in, and pictures to train on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.tui.place import Place
from tests.tui.settled import settled


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screens look the same on whatever terminal the tests were started."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for variable in ("CNNTOP_ASCII", "NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(autouse=True)
def settled_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pilot.pause` and `pilot.press` come back when the screen has done all there is to do."""
    for module in ("app", "pilot"):
        monkeypatch.setattr(f"textual.{module}.wait_for_idle", settled)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One place for all tests of a file, so that they can look at one run."""
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="session")
def quick(pictures: Path) -> Callable[..., list[str]]:
    """Arguments of a run that takes a moment an epoch: a small network on a few pictures."""

    def arguments(*more: str) -> list[str]:
        return [
            *("run", "--preset", "demo", "--data-dir", str(pictures), "--set", "image_size=16"),
            *("--kernels", "4", "--batch-size", "8", "--device", "cpu", *more),
        ]

    return arguments


@pytest.fixture(scope="session")
def mostly_test(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 32x32 images whose evaluation takes seconds and whose training takes none: 2,500
    and 32."""
    folder = tmp_path_factory.mktemp("mostly")
    for split, count in (("train", 16), ("test", 1_250)):
        for label, brightness in (("dark", 70), ("light", 180)):
            place = folder / split / label
            place.mkdir(parents=True)
            Image.new("RGB", (32, 32), (brightness,) * 3).save(place / "0.png")
            for number in range(1, count):
                (place / f"{number}.png").hardlink_to(place / "0.png")
    return folder
