"""`cnntop run --model`: a run with a network of a person's own, and going on with it."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cnntop.core import preset
from cnntop.core.errors import CnntopError, UsageError
from cnntop.core.events import EpochFinished, RunStarted
from cnntop.core.model_option import parse_model
from cnntop.core.session import RunHandle, start_run
from cnntop.tui.launch import Launch
from cnntop.tui.screens.picker import Picked, PickerScreen
from cnntop.tui.verbs.run import run
from cnntop.tui.ways_out import command_line
from tests.tui.place import LOADING, Place
from tests.tui.stage import Stage, text

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, image_size):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 5)
        self.linear = nn.Linear(4 * (image_size - 4) ** 2, num_classes)

    def forward(self, images):
        maps = torch.relu(self.convolution(images))
        return self.linear(maps.view(len(maps), -1))
"""
LATE = """
class Late(Net):
    steps = 0

    def forward(self, images):
        Late.steps += 1
        if Late.steps > 300:
            raise ArithmeticError("enough")
        return super().forward(images)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with net.py in it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    yield tmp_path
    sys.modules.pop("cnntop_model_file", None)


@pytest.fixture
def launch(folder: Path, pictures: Path) -> Callable[..., Launch]:
    """Makes the launch of a run of a moment with `--model`; `settings` lie over its recipe."""

    def make(model: str | None, **settings: Any) -> Launch:
        own = {
            "data.dataset": "folder", "data.dir": str(pictures), "data.image_size": 16,
            "data.batch_size": 16, "machine.device": "cpu", "machine.threads": 1,
            "train.epochs": 1,
        }  # fmt: skip
        own |= {key.replace("__", "."): value for key, value in settings.items()}
        code = None if model is None else parse_model(model).code
        return Launch("demo", folder / "runs", settings=own, model_code=code)

    return make


def trained(launch: Launch) -> RunHandle:
    handle = start_run(launch.request())
    assert handle.wait(120)
    return handle


def told(handle: RunHandle) -> list[Any]:
    return [record.event for record in handle.feed.drain()]


@pytest.mark.parametrize("speed", ["safe", "fast"])
def test_a_run_with_a_network_of_ones_own(
    launch: Callable[..., Launch], folder: Path, speed: str
) -> None:
    """Its view does not stand channels-last, which `fast` leaves out then."""
    handle = trained(launch("./net.py:Net", machine__speed=speed))
    assert handle.error is None
    assert handle.folder is not None
    events = told(handle)
    [started] = [event for event in events if isinstance(event, RunStarted)]
    assert started.model == "net.py:Net"
    assert started.parameters == (3 * 25 + 1) * 4 + 4 * 12 * 12 * 2 + 2
    assert started.multiply_adds == 12 * 12 * 4 * 75 + 4 * 12 * 12 * 2
    assert any(isinstance(event, EpochFinished) for event in events)
    notices = " ".join(getattr(event, "text", "") for event in events)
    assert ("ways that the network does not stand were left out" in notices) == (speed == "fast")
    kept = json.loads((handle.folder.path / "run.json").read_text())
    assert kept["model_source"] == {
        "model": "./net.py:Net", "file": str(folder / "net.py"),
        "sha256": hashlib.sha256(NET.encode()).hexdigest(),
    }  # fmt: skip
    assert kept["recipe"]["model"]["architecture"] == "./net.py:Net"


def test_going_on_wants_the_same_code_named_again(
    launch: Callable[..., Launch], folder: Path
) -> None:
    trained(launch("./net.py:Net"))
    (folder / "other.py").write_text(NET)

    def resumed(model: str | None, **settings: Any) -> Launch:
        code = None if model is None else parse_model(model).code
        more = {"train.epochs": 2} | settings
        return Launch(None, folder / "runs", settings=more, model_code=code).resuming("last")

    with pytest.raises(UsageError, match=r"trains a network from code.* add --model ./net.py:Net"):
        resumed(None).request()
    with pytest.raises(UsageError, match=r"model.architecture was ./net.py:Net, now ./other.py:N"):
        resumed("./other.py:Net").request()
    with pytest.raises(UsageError, match=r"^model\.kernels: a network from code has none"):
        resumed("./net.py:Net", **{"model.kernels": 8}).request()
    (folder / "net.py").write_text(NET + "\n")
    changed = trained(resumed("./net.py:Net"))
    assert isinstance(changed.error, UsageError)
    assert "net.py has changed since the run began" in str(changed.error)
    assert changed.exit_code == 2
    (folder / "net.py").write_text(NET)
    handle = trained(resumed("./net.py:Net"))
    assert handle.error is None
    passes = [event.epoch for event in told(handle) if isinstance(event, EpochFinished)]
    assert passes == [2]


def test_another_run_does_not_become_one_of_code(launch: Callable[..., Launch]) -> None:
    plain = launch(None, model__name="shallow", model__kernels=4)
    trained(plain)
    code = parse_model("./net.py:Net").code
    resumed = Launch(None, plain.runs_dir, model_code=code).resuming("last")
    with pytest.raises(UsageError, match=r"model\.name was shallow, now code"):
        resumed.request()


def test_what_it_raises_while_training_is_its_own(
    launch: Callable[..., Launch], folder: Path
) -> None:
    (folder / "net.py").write_text(NET + LATE)
    handle = trained(launch("./net.py:Late", train__epochs=200))
    assert handle.folder is not None, "it had begun"
    assert handle.traceback is None
    line = (NET + LATE).splitlines().index('            raise ArithmeticError("enough")') + 1
    said = f"--model ./net.py:Late raised ArithmeticError: enough (net.py, line {line})."
    assert str(handle.error) == said
    assert handle.exit_code == 1


def test_a_network_of_torchvisions_is_data(launch: Callable[..., Launch]) -> None:
    named = {"model__name": "torchvision", "model__architecture": "squeezenet1_1"}
    handle = trained(launch(None, **named, data__image_size=32))
    assert handle.error is None
    [started] = [event for event in told(handle) if isinstance(event, RunStarted)]
    assert started.model == "torchvision:squeezenet1_1"


@pytest.mark.parametrize("place", ["preset", "--set"])
def test_a_preset_or_setting_never_imports_code(folder: Path, place: str) -> None:
    (folder / "net.py").write_text("raise SystemExit('imported')")
    named = {"name": "code", "architecture": "./net.py:Net"}
    (folder / "mine.toml").write_text(
        "[train]\nepochs = 1\n"
        + ("".join(["[model]\n", *(f"{key} = '{value}'\n" for key, value in named.items())])
           if place == "preset" else "")
    )  # fmt: skip
    settings = {f"model.{key}": value for key, value in named.items() if place == "--set"}
    with pytest.raises(UsageError, match=r"model\.name: a recipe is data; .* --model ./net"):
        Launch(str(folder / "mine.toml"), folder / "runs", settings=settings).request()
    if place == "preset":
        with pytest.raises(CnntopError, match="a recipe is data"):
            preset.find(str(folder / "mine.toml")).resolve()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "shallow64", "kernels": 32}, r"model\.kernels is given twice"),
        ({"model": "shallow64", "setting": ["model.name=resnet"]}, r"model\.name is given twice"),
        ({"model": "resnet", "kernels": 32}, r"model\.kernels: resnet has no kernels"),
        ({"model": "resnet101"}, r"model\.depth: 101 is not known"),
        ({"model": "./net.py:Net", "kernels": 32}, r"model\.kernels: a network from code has none"),
        ({"model": "./nit.py:Net"}, r"there is no file \./nit\.py"),
        ({"model": "net.py:Net"}, r"write \./net\.py:Net"),
    ],
)
def test_a_mistake_is_told_before_anything_begins(
    folder: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        run(preset="demo", plain=True, runs_dir=folder / "runs", **options)
    assert not (folder / "runs").exists()


def test_the_command_for_a_way_out_names_it(launch: Callable[..., Launch]) -> None:
    assert "--model ./net.py:Net" in command_line(launch("./net.py:Net"))


async def test_the_picker_shows_and_picks_it(launch: Callable[..., Launch]) -> None:
    stage = Stage(PickerScreen(launch("./net.py:Net"), []))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "net.py:Net" in text(stage)
        await pilot.press("enter")
        await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.recipe().model.label == "net.py:Net"


def test_the_command_imports_nothing_else_from_its_folder(place: Place, pictures: Path) -> None:
    """The real command, with workers; each of these files would end what imports it. A background
    run is one that Python starts by a module's name, which would look there first."""
    (place.folder / "net.py").write_text(NET)
    for name in ("numpy", "struct", "socket", "person_net"):
        (place.folder / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    quick = ("run", "-p", "demo", "--data-dir", str(pictures), "--set", "image_size=16",
             "--batch-size", "16", "--device", "cpu", "--epochs", "1")  # fmt: skip
    done = place.run(*quick, "--model", "./net.py:Net", *LOADING)
    assert (done.code, done.err) == (0, "")
    assert "net.py:Net (" in done.out
    background = place.run(*quick, "--model", "person_net:Net", "--detach")
    assert background.code == 2
    assert "there is no module person_net that is installed" in background.err
    assert "Traceback" not in background.err
