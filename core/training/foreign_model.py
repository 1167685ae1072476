"""Networks that are not cnntop's own: torchvision's by name, and what a person's code makes (P17).

Whatever comes from there is tried on two images before anything else, so that what is wrong with it
is said in one message, before the first step.
"""

import copy
import hashlib
import importlib
import importlib.util
import inspect
import operator
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.parameter import is_lazy

from cnntop.core.errors import CnntopError, RecipeError, UsageError
from cnntop.core.model_option import ModelCode, ModelSource, told
from cnntop.core.text import nearest, printable
from cnntop.core.training.memory import is_out_of_memory

_FILE_MODULE = "cnntop_model_file"
"""The name under which a person's file is a module."""
_CLASSES, _CHANNELS = ("classes", "num_classes"), ("channels", "in_channels")
_AUXILIARY: dict[str, dict[str, Any]] = {
    name: {"aux_logits": False, "init_weights": True} for name in ("googlenet", "inception_v3")
}
"""These two answer with more than logits unless told otherwise."""
_TRIED_IMAGES = 2


@dataclass(frozen=True)
class LoadedCode:
    """A person's code, imported. `make` is what the command line named."""

    source: ModelSource
    make: Callable[..., object]

    def build(self, channels: int, classes: int, image_size: int) -> nn.Module:
        """The network, tried on two images. `make` is called with those of the keyword arguments
        `classes` or `num_classes`, `channels` or `in_channels`, and `image_size` that it has; one
        with `**` gets `num_classes`. Raises UsageError."""
        label = f"--model {printable(self.source.model)}"
        arguments = _arguments(self.make, label, channels, classes, image_size)
        with _told_as(f"{label}: calling it", self.source.file):
            model = self.make(**arguments)
        if not isinstance(model, nn.Module):
            raise UsageError(f"{label}: it made {_a(model)}; it has to make a torch.nn.Module.")
        _try(model, label, self.source.file, (channels, image_size), classes)
        return model


def load_code(code: ModelCode) -> LoadedCode:
    """Import what `--model` names, after a look at whether it is what a run goes on with.

    From here on nothing is imported from the current folder, however this process was started.
    Raises UsageError.
    """
    label = f"--model {printable(code.text)}"
    _forget_current_folder()
    if code.file is not None:
        module, source = _load_file(code, code.file, label)
    else:
        module, source = _load_module(code, label)
    try:
        made: object = operator.attrgetter(code.attribute)(module)
    except AttributeError:
        public = [name for name, one in vars(module).items() if _makes(one, module)]
        hint = f" {nearest(code.attribute, public)}" if public else ""
        raise UsageError(
            f"{label}: there is no {code.attribute} in {printable(source.file)}.{hint}"
        ) from None
    if isinstance(made, nn.Module):
        raise UsageError(
            f"{label}: {code.attribute} is a network already; name the class or function that "
            "makes it, so that its weights come from the run's seed."
        )
    if not callable(made):
        raise UsageError(
            f"{label}: {code.attribute} is {_a(made)}; name a class or function that makes a "
            "torch.nn.Module."
        )
    _arguments(made, label, 0, 0, 0)  # what it lacks is told before the images are loaded
    return LoadedCode(source, made)


def _load_file(code: ModelCode, file: Path, label: str) -> tuple[ModuleType, ModelSource]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{label}: {error.strerror or error}.") from None
    source = _source(code, str(file), text, label)
    spec = importlib.util.spec_from_loader(_FILE_MODULE, loader=None, origin=str(file))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(file)
    # Dataclasses and pickling look a class's module up by its name.
    sys.modules[_FILE_MODULE] = module
    try:
        with _told_as(f"{label}: importing it", str(file)):
            # What was read is what is run: the file may change in between.
            exec(compile(text, str(file), "exec", dont_inherit=True), vars(module))
    except UsageError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            raise UsageError(
                f"{error} Modules beside the file are not found by themselves: install them, or "
                "put all into the one file."
            ) from None
        raise
    return module, source


def _load_module(code: ModelCode, label: str) -> tuple[ModuleType, ModelSource]:
    missing = (
        f"{label}: there is no module {code.module} that is installed. Nothing is imported from "
        "the current folder by itself; for a file, write --model ./net.py:Net."
    )
    package = code.module.partition(".")[0]
    with _told_as(f"{label}: looking for it", ""):
        found = importlib.util.find_spec(package)
        if found is not None and package != code.module:
            try:
                found = importlib.util.find_spec(code.module)  # imports what it lies in
            except ModuleNotFoundError as error:
                if not code.module.startswith(str(error.name)):
                    raise
                found = None
    if found is None:
        raise UsageError(missing)
    file = found.origin or ""
    if not found.has_location or not Path(file).is_file():
        raise UsageError(f"{label}: {code.module} is no module of a file.")
    source = _source(code, file, Path(file).read_bytes(), label)
    with _told_as(f"{label}: importing it", file):
        return importlib.import_module(code.module), source


def _source(code: ModelCode, file: str, text: bytes, label: str) -> ModelSource:
    digest = hashlib.sha256(text).hexdigest()
    if code.sha256 is not None and digest != code.sha256:
        raise UsageError(
            f"{label}: {printable(file)} has changed since the run began (SHA-256 "
            f"{code.sha256[:12]} then, {digest[:12]} now). Go back to what it was, or start a new "
            "run."
        )
    return ModelSource(printable(code.text), printable(file), digest)


def _forget_current_folder() -> None:
    """Take it off the list of places to import from, unless Python itself is installed there."""
    here, installed = Path.cwd(), set(sysconfig.get_paths().values())
    sys.path[:] = [one for one in sys.path if one in installed or Path(one).resolve() != here]


def _makes(one: object, module: ModuleType) -> bool:
    return callable(one) and getattr(one, "__module__", None) == module.__name__


def _arguments(
    make: Callable[..., object], label: str, channels: int, classes: int, image_size: int
) -> dict[str, int]:
    given = dict.fromkeys(_CLASSES, classes) | dict.fromkeys(_CHANNELS, channels)
    given["image_size"] = image_size
    try:
        parameters = inspect.signature(make).parameters.values()
    except ValueError:
        raise UsageError(f"{label}: Python cannot tell its arguments; wrap it.") from None
    named = [one for one in parameters if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)]
    arguments = {one.name: given[one.name] for one in named if one.name in given}
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters)
    if takes_any and not arguments.keys() & set(_CLASSES):
        arguments["num_classes"] = classes
    missing = [
        one.name
        for one in parameters
        if one.default is one.empty
        and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        and one.name not in arguments
    ]
    if missing:
        raise UsageError(
            f"{label}: it wants {' and '.join(missing)}, and is given {', '.join(given)} alone."
        )
    return arguments


def torchvision_builder(architecture: str) -> Callable[..., nn.Module]:
    """What makes that network of torchvision's. Raises RecipeError if it has none."""
    from torchvision import models

    known = models.list_models(module=models)
    if architecture not in known:
        own = ("shallow", "speednet", "resnet20", "resnet32", "resnet56", "resnet110")
        raise RecipeError(
            f"model: neither cnntop nor torchvision has {printable(architecture)!r}. "
            f"{nearest(architecture, [*own, *known])}"
        )
    builder: Callable[..., nn.Module] = models.get_model_builder(architecture)
    return builder


def build_torchvision(architecture: str, channels: int, classes: int, image_size: int) -> nn.Module:
    """One of torchvision's networks, with random weights, tried on two images. Raises UsageError:
    most are made for colour and for larger images than 32x32, and some take no smaller ones."""
    builder, label = torchvision_builder(architecture), f"torchvision:{architecture}"
    more = _AUXILIARY.get(architecture, {})
    if architecture.startswith("vit_"):
        more = {"image_size": image_size}
    with _told_as(f"{label}: building it for images of {image_size} pixels", ""):
        model = builder(num_classes=classes, **more)
    _try(model, label, "", (channels, image_size), classes)
    return model


def _try(model: nn.Module, label: str, file: str, image: tuple[int, int], classes: int) -> None:
    """Raises UsageError unless a copy of `model` answers images as a network for training must, in
    training and after it. `image` is channels and side."""
    channels, side = image
    size = f"{channels}x{side}x{side}"
    images = torch.zeros(_TRIED_IMAGES, channels, side, side)
    labels = torch.zeros(_TRIED_IMAGES, dtype=torch.int64)
    with _told_as(f"{label}: answering images of {size}", file), torch.random.fork_rng(devices=[]):
        if any(is_lazy(one) for one in model.parameters()):
            with torch.no_grad():
                model.eval()(images)  # its parameters get their sizes
    if not any(one.requires_grad for one in model.parameters()):
        raise UsageError(f"{label}: it has no parameters to train.")
    with _told_as(f"{label}: copying it", file):
        tried = copy.deepcopy(model).to("cpu")
    for training in (True, False):
        when = "training" if training else "evaluating"
        with (
            _told_as(f"{label}: {when} on images of {size}", file),
            torch.random.fork_rng(devices=[]),
        ):
            logits = tried.train(training)(images)
        _require_logits(logits, label, classes)
        if training:
            with _told_as(f"{label}: training on images of {size}", file):
                functional.cross_entropy(logits, labels).backward()


def _require_logits(logits: object, label: str, classes: int) -> None:
    wanted = f"logits [N, classes], here [{_TRIED_IMAGES}, {classes}]"
    if not isinstance(logits, torch.Tensor):
        raise UsageError(f"{label}: it answers images with {_a(logits)}, not with {wanted}.")
    shape = list(logits.shape)
    if shape != [_TRIED_IMAGES, classes] or not logits.is_floating_point():
        kind = str(logits.dtype).removeprefix("torch.")
        raise UsageError(f"{label}: it answers images with {kind} {shape}, not with {wanted}.")


@contextmanager
def _told_as(doing: str, file: str) -> Iterator[None]:
    """Raises UsageError for whatever goes wrong in there; `file` is the person's."""
    try:
        yield
    except CnntopError:
        raise
    except (Exception, SystemExit) as error:  # code of others may raise anything
        if is_out_of_memory(error):
            raise
        raise UsageError(f"{doing} raised {told(error, file)}.") from error


def _a(thing: object) -> str:
    """What kind of thing this is."""
    name = type(thing).__name__
    return "nothing" if thing is None else f"a thing of type {printable(name)}"
