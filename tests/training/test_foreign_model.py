"""Networks from elsewhere: what is imported, how it is called, and each mistake in one message."""

import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.model_option import ModelCode, parse_model
from cnntop.core.recipe import Model
from cnntop.core.training.foreign_model import load_code
from cnntop.core.training.models import build, parameter_count

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes, channels, image_size):
        super().__init__()
        self.linear = nn.Linear(channels * image_size * image_size, classes)

    def forward(self, images):
        return self.linear(images.flatten(1))
"""
Write = Callable[..., ModelCode]


@pytest.fixture(autouse=True)
def imports_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("cnntop_model", "person_")):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Makes a file with `more` after the network, and what `--model` has for `attribute` of it."""

    def make(more: str = "", attribute: str = "Net", head: str = NET) -> ModelCode:
        file = tmp_path / "net.py"
        file.write_text(head + more)
        code = parse_model(f"{file}:{attribute}").code
        assert code is not None
        return code

    return make


def built(code: ModelCode, channels: int = 3, classes: int = 10, side: int = 8) -> nn.Module:
    return load_code(code).build(channels, classes, side)


def complaint(code: ModelCode) -> str:
    with pytest.raises(UsageError) as caught:
        built(code)
    text = str(caught.value)
    assert text.startswith(f"--model {code.text}: ")
    assert "\n" not in text
    assert caught.value.exit_code == 2
    return text


def test_the_file_is_run_and_remembered_by_its_hash(write: Write, tmp_path: Path) -> None:
    code = write()
    loaded = load_code(code)
    assert loaded.source.model == code.text
    assert loaded.source.file == str(tmp_path / "net.py")
    assert loaded.source.sha256 == hashlib.sha256((tmp_path / "net.py").read_bytes()).hexdigest()
    model = loaded.build(1, 7, 12)
    assert model(torch.zeros(5, 1, 12, 12)).shape == (5, 7)
    assert not list(tmp_path.glob("**/*.pyc")), "nothing is left beside the file"


def test_the_weights_come_from_the_seed(write: Write) -> None:
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(built(write()).state_dict()["linear.weight"])
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("classes, channels, image_size", "{'classes': 10, 'channels': 3, 'image_size': 8}"),
        ("num_classes, in_channels", "{'num_classes': 10, 'in_channels': 3}"),
        ("*, num_classes=1000", "{'num_classes': 10}"),
        ("depth=3, width=2", "{'depth': 3, 'width': 2}"),
        ("classes=2, **more", "{'classes': 10, 'more': {}}"),
        ("**more", "{'more': {'num_classes': 10}}"),
        ("*rest", "{'rest': ()}"),
        ("", "{}"),
    ],
)
def test_it_is_called_with_the_arguments_that_it_has(
    write: Write, signature: str, expected: str
) -> None:
    make = f"\ndef make({signature}):\n    assert locals() == {expected}, locals()\n"
    made = "    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 10))\n"
    assert parameter_count(built(write(make + made, "make"))) == 3 * 8 * 8 * 10 + 10


def test_a_method_a_partial_and_a_lazy_network_will_do(write: Write) -> None:
    more = """
from functools import partial
class Nets:
    @staticmethod
    def small(classes): return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))
half = partial(Net, image_size=8)
"""
    lazy = built(write(more, "Nets.small"))
    assert parameter_count(lazy) == 3 * 8 * 8 * 10 + 10
    assert parameter_count(built(write(more, "half"))) == 3 * 8 * 8 * 10 + 10


MISTAKES = {
    "no such name": ("", "Nut", "there is no Nut in ", "Known: Net."),
    "a network": ("\nnet = Net(10, 3, 8)\n", "net", "is a network already", "seed"),
    "a number": ("\nnet = 3\n", "net", "net is a thing of type int"),
    "import raises": ("\n1 / 0\n", "Net", "importing it raised ZeroDivision", "net.py, line 13"),
    "import exits": ("\nraise SystemExit(3)\n", "Net", "importing it raised SystemExit: 3"),
    "no Python": ("\nclass Net(:\n", "Net", "importing it raised SyntaxError", "net.py, line 13"),
    "beside it": ("\nimport person_beside\n", "Net", "No module named", "Modules beside the file"),
    "call raises": (
        "\ndef make():\n    raise ValueError('no \\x1b[2J')\n", "make",
        "calling it raised ValueError: no ?[2J (net.py, line 14).",
    ),
    "wants more": ("\ndef make(width, classes): ...\n", "make", "it wants width, and is given"),
    "by place": ("\ndef make(classes, /): ...\n", "make", "it wants classes, and is given"),
    "makes nothing": ("\ndef make(): ...\n", "make", "it made nothing; it has to make"),
    "makes a number": ("\ndef make(): return 3\n", "make", "it made a thing of type int"),
    "nothing to train": ("\nmake = nn.Flatten\n", "make", "no parameters to train"),
    "forward raises": (
        "\nclass Bad(Net):\n    def forward(self, images):\n        return self.linear(images)\n",
        "Bad", "training on images of 3x8x8 raised RuntimeError", "net.py, line 15",
    ),
    "other classes": (
        "\ndef make(channels, image_size): return Net(7, channels, image_size)\n", "make",
        "answers images with float32 [2, 7], not with logits [N, classes], here [2, 10].",
    ),
    "a tuple": (
        "\nclass Bad(Net):\n    def forward(self, images): return super().forward(images), 1\n",
        "Bad", "answers images with a thing of type tuple",
    ),
    "whole numbers": (
        "\nclass Bad(Net):\n    def forward(self, images): return super().forward(images).long()\n",
        "Bad", "answers images with int64 [2, 10]",
    ),
    "no way back": (
        "\nclass Bad(Net):\n    def forward(self, images): return super().forward(images).data\n",
        "Bad", "training on images of 3x8x8 raised RuntimeError",
    ),
    "bad when evaluating": (
        "\nclass Bad(Net):\n    def forward(self, images):\n"
        "        return super().forward(images) if self.training else None\n",
        "Bad", "answers images with nothing",
    ),
    "no copy of it": (
        "\nclass Bad(Net):\n    def __deepcopy__(self, memo): raise TypeError('one only')\n",
        "Bad", "copying it raised TypeError: one only (net.py, line 14)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_the_persons_line(name: str, write: Write) -> None:
    more, attribute, *words = MISTAKES[name]
    text = complaint(write(more, attribute))
    for word in words:
        assert word in text
    assert "\x1b" not in text


def test_trying_it_changes_nothing_of_it(write: Write) -> None:
    more = "\ndef make(): return nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), Net(10, 3, 8))\n"
    torch.manual_seed(3)
    model = built(write(more, "make"))
    state = torch.get_rng_state()
    torch.manual_seed(3)
    nn.Linear(3 * 8 * 8, 10)
    assert torch.equal(torch.get_rng_state(), state), "nothing but the weights was drawn"
    assert not model.state_dict()["0.running_mean"].any()
    assert all(one.grad is None for one in model.parameters())
    assert model.training


def test_running_out_of_memory_is_not_the_networks_mistake(write: Write) -> None:
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        built(write("\ndef make(): return nn.Linear(10**9, 10**7)\n", "make"))


def test_a_run_goes_on_with_the_same_file_only(write: Write) -> None:
    code = write()
    same = replace(code, sha256=load_code(code).source.sha256)
    built(same)
    write("\nimport person_never\n")
    text = complaint(same)
    assert "has changed since the run began" in text
    assert "person_never" not in text, "it is not run"


def person_package(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    (folder / name / "nets.py").write_text(NET)


def of(text: str) -> ModelCode:
    code = parse_model(text).code
    assert code is not None
    return code


def test_an_installed_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person_package(tmp_path, "person_installed")
    monkeypatch.syspath_prepend(tmp_path)
    code = of("person_installed.nets:Net")
    loaded = load_code(code)
    file = tmp_path / "person_installed" / "nets.py"
    assert loaded.source.file == str(file)
    assert loaded.source.sha256 == hashlib.sha256(NET.encode()).hexdigest()
    assert loaded.build(3, 10, 8)(torch.zeros(1, 3, 8, 8)).shape == (1, 10)
    assert code.imported_from() == str(file)


@pytest.mark.parametrize("entry", ["", ".", "whole"])
def test_a_module_of_the_current_folder_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    """However Python was started, and however the folder came to be where it looks."""
    marker = tmp_path / "imported"
    (tmp_path / "person_here.py").write_text(f"open({str(marker)!r}, 'w')\n{NET}")
    person_package(tmp_path, "person_package")
    (tmp_path / "person_package" / "__init__.py").write_text(f"open({str(marker)!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path) if entry == "whole" else entry)
    for text in ("person_here:Net", "person_package.nets:Net"):
        said = complaint(of(text))
        assert "Nothing is imported from the current folder by itself" in said
        assert "--model ./net.py:Net" in said
    assert not marker.exists()
    assert built(of("./person_here.py:Net"))
    assert marker.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("person_none:Net", "there is no module person_none that is installed"),
        ("torch.person_none:Net", "there is no module torch.person_none"),
        ("sys:path", "sys is no module of a file"),
        (
            "person_broken:Net",
            "importing it raised ZeroDivisionError: division by zero (__init__.py, line 1)",
        ),
        ("person_broken.nets:Net", "looking for it raised ZeroDivisionError"),
        (
            "person_lacking:Net",
            "importing it raised ModuleNotFoundError: No module named 'person_x'",
        ),
    ],
)
def test_a_module_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    (tmp_path / "person_broken").mkdir()
    (tmp_path / "person_broken" / "__init__.py").write_text("1 / 0")
    (tmp_path / "person_lacking.py").write_text("import person_x")
    monkeypatch.syspath_prepend(tmp_path)
    assert words in complaint(of(text))


@pytest.mark.parametrize("name", ["squeezenet1_1", "vit_b_16", "googlenet"])
def test_torchvisions_by_name(name: str) -> None:
    model = build(Model(name="torchvision", architecture=name), 3, 7, 64)
    assert model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnt110", "neither cnntop nor torchvision has 'resnt110'. Did you mean 'resnet110'?"),
        ("mobilnet_v3_small", "Did you mean 'mobilenet_v3_small'?"),
        ("fasterrcnn_resnet50_fpn", "neither cnntop nor torchvision has"),
        ("get_model", "neither cnntop nor torchvision has"),
    ],
)
def test_what_torchvision_has_not(name: str, words: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(words)):
        build(Model(name="torchvision", architecture=name), 3, 10, 32)


def test_what_torchvision_has_not_for_such_images() -> None:
    with pytest.raises(UsageError, match=r"^torchvision:alexnet: .* 3x32x32 raised RuntimeError"):
        build(Model(name="torchvision", architecture="alexnet"), 3, 10, 32)
    with pytest.raises(UsageError, match=r"^torchvision:squeezenet1_1: .* 1x64x64 raised"):
        build(Model(name="torchvision", architecture="squeezenet1_1"), 1, 10, 64)


def test_no_recipe_brings_in_code(write: Write) -> None:
    with pytest.raises(UsageError, match="comes by --model alone"):
        build(Model(name="code", architecture=write().text), 3, 10, 8)
