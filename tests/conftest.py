"""What tests of several places share: folders of their own, a small set of real images, runs."""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Before anything imports torch: small networks are faster on one thread, and other tests' too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image

from cnntop.core import datasets
from cnntop.core.events import Record, RunEnded
from cnntop.core.feed import Stream
from cnntop.core.recipe import SECTIONS, resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.session import RunHandle, start_run

IMAGES_VARIABLE = "CNNTOP_TEST_IMAGES"
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="session")
def drawn_shapes(request: pytest.FixtureRequest) -> Path:
    """The pictures of the dataset `shapes` as a cache folder has them after the first run; drawn
    once and kept in pytest's own cache, for as long as nobody changes how they are drawn."""
    source = Path(datasets.__file__).parent / "training" / "datasets" / "shapes.py"
    folder = request.config.cache.mkdir(f"shapes-{zlib.crc32(source.read_bytes()):08x}")
    file = folder / "shapes.u8"
    if not file.exists():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CNNTOP_CACHE", str(folder))
            from cnntop.core.training.datasets import shapes

            shapes.load(Stream())
    return file


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, drawn_shapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the folders of the person who runs it. That of what is kept has the
    pictures that nearly every run of a test trains on: to draw them takes longer than to train."""
    for variable in ("CONFIG", "RUNS"):
        monkeypatch.setenv(f"CNNTOP_{variable}", str(tmp_path / variable.lower()))
    cache = tmp_path.with_name(f"{tmp_path.name}-cache")  # what a test finds in its own it made
    cache.mkdir()
    (cache / drawn_shapes.name).symlink_to(drawn_shapes)
    monkeypatch.setenv("CNNTOP_CACHE", str(cache))
    # The command line sets it for all that it starts; here that would be the tests after it.
    monkeypatch.setenv("PYTHONSAFEPATH", "")


@pytest.fixture(scope="session")
def images() -> Path:
    """A folder of real images with train/ and test/ (or val/), which not every machine has."""
    chosen = os.environ.get(IMAGES_VARIABLE)
    if not chosen:
        pytest.skip(f"set {IMAGES_VARIABLE} to a folder of real images")
    return Path(chosen)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 16x16 PNG images in two classes that are easy to tell apart: 72 and 24."""
    folder = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(5)
    for split, count in (("train", 36), ("test", 12)):
        for label, brightness in (("dark", 70), ("light", 180)):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                pixels = draw.normal(brightness, 40, (16, 16, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / label / f"{number:03}.png")
    return folder


@pytest.fixture
def request_run(pictures: Path, tmp_path: Path) -> Callable[..., RunRequest]:
    """Makes the request of a run of a moment on `pictures`; `settings` lie over its recipe."""

    def make(name: str = "tiny", runs_dir: Path | None = None, **settings: Any) -> RunRequest:
        tree: dict[str, dict[str, Any]] = {
            "model": {"name": "shallow", "kernels": 4},
            "data": {"dataset": "folder", "dir": str(pictures), "image_size": 16, "batch_size": 16},
            "train": {"lr": 0.01},
            "machine": {"device": "cpu", "threads": 1},
        }
        tree["model"] = settings.pop("model", tree["model"])
        homes = {key: section for section, struct in SECTIONS.items()
                 for key in struct.__struct_fields__}  # fmt: skip
        if "time" not in settings:
            settings.setdefault("epochs", 2)
        for key, value in settings.items():
            tree[homes[key]][key] = value
        return RunRequest(resolve(tree, "test"), "none", name, runs_dir or tmp_path / "runs")

    return make


@dataclass
class Watched:
    """A run and all that its live feed told so far."""

    handle: RunHandle
    records: list[Record] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        assert self.handle.folder is not None
        return self.handle.folder.path

    def look(self) -> list[Record]:
        self.records += self.handle.feed.drain()
        return self.records

    def until(self, seen: Callable[[list[Record]], bool]) -> None:
        """Poll as a screen does until `seen`; the run must not end before."""
        waited = 0.0
        while not seen(self.look()):
            assert waited < PATIENCE_SECONDS, "the run does not get there"
            waited += 0.02
            assert not self.handle.wait(0.02), self.handle.error

    def end(self) -> "Watched":
        assert self.handle.wait(PATIENCE_SECONDS), "the run does not end"
        self.look()
        return self

    @property
    def ended(self) -> RunEnded:
        event = self.records[-1].event
        assert isinstance(event, RunEnded)
        return event


@pytest.fixture
def start() -> Callable[[RunRequest], Watched]:
    """Starts a run that a test goes along with."""
    return lambda request: Watched(start_run(request))


@pytest.fixture
def run(start: Callable[[RunRequest], Watched]) -> Callable[[RunRequest], Watched]:
    """Runs to the end."""
    return lambda request: start(request).end()
