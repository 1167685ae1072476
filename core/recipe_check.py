"""What values a recipe's keys may have, alone and together."""

import re

from cnntop.core.datasets import CATALOGUE
from cnntop.core.errors import RecipeError
from cnntop.core.sections import MOST_CROP_PADDING, SIZE_KEYS, Data, Machine, Model, Recipe, Train
from cnntop.core.text import nearest, printable

DATASETS = (*CATALOGUE, "folder")
_DEPTHS = (18, 20, 32, 34, 50, 56, 110)
_TEST_VIEWS = (1, 2, 6)
_MOST_SEED = 2**32 - 1


def check(recipe: Recipe) -> None:
    """Raises RecipeError for a value out of its range, and for keys that contradict each other."""
    _check_model(recipe.model)
    _check_data(recipe.data)
    _check_train(recipe.train)
    _check_machine(recipe.machine)


def _check_model(model: Model) -> None:
    if model.name == "code":
        raise RecipeError(
            "model.name: a recipe is data; a network from code is named on the command line alone, "
            "as in --model ./net.py:Net."
        )
    _within("model.kernels", model.kernels, 1, 65_536)
    for key, home in (("kernels", "shallow"), ("depth", "resnet"), ("architecture", "torchvision")):
        if getattr(model, key) is not None and SIZE_KEYS[model.name] != key:
            raise RecipeError(
                f"model.{key}: {model.name} has no {key}; leave it out or use {home}."
            )
    if model.depth is not None and model.depth not in _DEPTHS:
        known = ", ".join(map(str, _DEPTHS))
        raise RecipeError(f"model.depth: {model.depth} is not known. Known: {known}.")
    if model.name == "torchvision" and model.architecture is None:
        raise RecipeError("model.architecture: torchvision has many; name one, as in vgg11_bn.")
    if model.architecture is not None and not re.fullmatch(r"\w{1,64}", model.architecture):
        raise RecipeError(
            f"model.architecture: {printable(model.architecture)!r} is no name of a network of "
            "torchvision's, as vgg11_bn is."
        )


def _check_data(data: Data) -> None:
    _within("data.batch_size", data.batch_size, 1, 1_000_000)
    _within("data.image_size", data.image_size, 16, 1024)
    _within("data.workers", data.workers, 0, 1024)
    _within("data.crop_padding", data.crop_padding, 1, MOST_CROP_PADDING)
    if {"hflip", "altflip"} <= set(data.augment):
        raise RecipeError(
            "data.augment: altflip mirrors every image in every other pass, hflip by a coin; "
            "leave one of them out."
        )
    if data.dataset not in DATASETS:
        raise RecipeError(
            f"data.dataset: {printable(data.dataset)!r} is unknown. "
            f"{nearest(data.dataset, DATASETS)}"
        )
    if data.dataset == "folder" and data.dir is None:
        raise RecipeError("data.dir: dataset folder needs a folder; give --data-dir DIR.")
    if data.dataset == "shapes" and data.dir is not None:
        raise RecipeError("data.dir: shapes are generated and take no folder; leave it out.")
    if data.workers is not None and data.augment_on != "loader":
        raise RecipeError(
            "data.workers: only augment_on = loader has workers; "
            "add --set augment_on=loader or leave workers out."
        )


def _check_train(train: Train) -> None:
    _within("train.epochs", train.epochs, 1, 1_000_000)
    _within("train.passes", train.passes, 1, 1_000)
    _within("train.evaluate_every", train.evaluate_every, 1, 1_000_000)
    _within("train.seed", train.seed, 0, _MOST_SEED)
    for key in ("lr", "momentum", "weight_decay", "bias_lr_factor", "muon_lr", "label_smoothing"):
        value = getattr(train, key)
        if value is not None and not (0 <= value < float("inf")):
            raise RecipeError(f"train.{key}: {value} is not a number of 0 or more.")
    for key in ("momentum", "label_smoothing"):
        if getattr(train, key) >= 1:
            raise RecipeError(f"train.{key}: {getattr(train, key)} must be below 1.")
    for key in ("bias_lr_factor", "muon_lr"):
        if getattr(train, key) == 0:
            raise RecipeError(f"train.{key}: 0 would train nothing; leave it out.")
    if train.test_views not in _TEST_VIEWS:
        raise RecipeError(f"train.test_views: {train.test_views} is not known. Known: 1, 2, 6.")
    if train.muon_lr is not None and train.lr == 0:
        raise RecipeError("train.muon_lr: follows the schedule of train.lr, which is 0.")
    if train.nesterov and train.momentum == 0:
        raise RecipeError("train.nesterov: there is none without momentum; leave it out.")
    if train.time_limit_seconds == 0:
        raise RecipeError("train.time: a run of no time at all. Write 90s, 15m, 8h or 1h30m.")
    if (train.epochs is None) == (train.time is None):
        raise RecipeError("train: give exactly one of epochs and time.")


def _check_machine(machine: Machine) -> None:
    _within("machine.threads", machine.threads, 1, 4096)
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", machine.device):
        raise RecipeError(
            f"machine.device: {printable(machine.device)!r} is unknown. "
            "Known: auto, cpu, cuda, cuda:N."
        )


def _within(path: str, value: int | None, least: int, most: int) -> None:
    if value is not None and value < least:
        raise RecipeError(f"{path}: {value} is too small; the least is {least}.")
    if value is not None and value > most:
        raise RecipeError(f"{path}: {value} is too large; the most is {most}.")
