"""What the tests of the terminal share: places to run the command in, and pictures to train on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.place import Place


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
