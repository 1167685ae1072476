"""The experiment as data: sections and keys, read from presets and options, checked by name.

A recipe that comes out of this module is complete and consistent; whatever is wrong with one is
said in a `RecipeError` that names the key and suggests the nearest right word.
"""

import re
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from cnntop.core.datasets import CATALOGUE
from cnntop.core.errors import RecipeError
from cnntop.core.text import nearest, printable

Augmentation = Literal["crop", "hflip", "vflip"]
AugmentOn = Literal["auto", "loader", "cpu", "device"]
Schedule = Literal["constant", "cosine", "step", "onecycle"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the recipe's sections."""


class Model(Section, frozen=True):
    """`kernels` is the width of `shallow` (P1), `depth` the layers of `resnet` (P3, P4)."""

    name: Literal["shallow", "resnet"] = "shallow"
    kernels: int | None = None
    depth: int | None = None

    @property
    def label(self) -> str:
        """The model in a word or two, as tables show it: `shallow128`, `resnet18`."""
        return f"{self.name}{self.kernels if self.name == 'shallow' else self.depth}"


class Data(Section, frozen=True):
    """`dir` is the folder of images (dataset "folder") or of the dataset's files (all others)."""

    dataset: str = "cifar10"
    dir: str | None = None
    image_size: int | None = None
    batch_size: int = 32
    augment: tuple[Augmentation, ...] = ("crop", "hflip", "vflip")
    augment_on: AugmentOn = "auto"
    workers: int | None = None


class Train(Section, frozen=True):
    """Exactly one of `epochs` and `time` (as in "90s", "15m", "8h", "1h30m") limits the run.

    `passes` is how often in a row each batch is trained on (P7). The test set is evaluated after
    every `evaluate_every` epochs, and after the last.
    """

    epochs: int | None = None
    time: str | None = None
    lr: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Schedule = "constant"
    passes: int = 1
    evaluate_every: int = 1
    seed: int = 0

    @property
    def time_limit_seconds(self) -> float | None:
        return None if self.time is None else parse_duration(self.time)


class Machine(Section, frozen=True):
    """`threads` of None leaves the number of CPU threads to torch."""

    device: str = "auto"
    threads: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    speed: Literal["safe"] = "safe"


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole experiment. Made by `resolve`, never by hand."""

    model: Model = Model()
    data: Data = Data()
    train: Train = Train()
    machine: Machine = Machine()


SECTIONS: dict[str, type[Section]] = {
    "model": Model,
    "data": Data,
    "train": Train,
    "machine": Machine,
}
Tree = dict[str, dict[str, Any]]
"""A recipe as plain data: section -> key -> value, as TOML gives it."""

DATASETS = (*CATALOGUE, "folder")
_TYPE_WORDS = {
    "str": "text in quotes",
    "str | null": "text in quotes",
    "int": "a whole number",
    "int | null": "a whole number",
    "float": "a number",
    "array": "a list",
    "bool": "true or false",
    "object": "a section",
    "date": "a date",
    "datetime": "a date",
    "time": "a time of day",
}
_DEFAULT_KERNELS = 32
_DEPTHS = (18, 34)
_MOST_SEED = 2**32 - 1
_AWAITED = {
    ("machine", "speed"): ("safe", "the faster settings"),
}


def resolve(tree: dict[str, Any], origin: str) -> Recipe:
    """The checked recipe of `tree`; `origin` (a preset's name or file) opens every complaint.

    Raises RecipeError for an unknown section or key, a wrong type, a value out of its range, or
    keys that contradict each other.
    """
    check_names(tree, origin)
    _check_awaited(tree, origin)
    try:
        recipe = msgspec.convert(tree, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(f"{origin}: {_explain(error, tree)}") from None
    try:
        _check_ranges(recipe)
        return _filled(recipe)
    except RecipeError as error:
        raise RecipeError(f"{origin}: {error}") from None


def override(tree: Tree, settings: dict[str, Any]) -> Tree:
    """`tree` with `settings` ("section.key" -> value) laid over it. `tree` is not changed.

    Setting one of `train.epochs` and `train.time` takes the other away, a new dataset the folder
    of the old one, and a new model's name the size that only the old one had.
    """
    result = {section: dict(values) for section, values in tree.items()}
    for path, value in settings.items():
        section, key = path.split(".")
        result.setdefault(section, {})[key] = value
    if "train.epochs" in settings and "train.time" not in settings:
        result["train"].pop("time", None)
    if "train.time" in settings and "train.epochs" not in settings:
        result["train"].pop("epochs", None)
    if "data.dataset" in settings and "data.dir" not in settings:
        result["data"].pop("dir", None)
    earlier = tree.get("model", {}).get("name", Model().name)
    if settings.get("model.name", earlier) != earlier:
        for key in {"kernels", "depth"} - {path.removeprefix("model.") for path in settings}:
            result["model"].pop(key, None)
    return result


def parse_duration(text: str) -> float:
    """Seconds in "90s", "15m", "8h" or "1h30m". Raises RecipeError for anything else."""
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text)
    if not text or match is None:
        raise RecipeError(
            f"train.time: {printable(text)!r} is not a duration. Write 90s, 15m, 8h or 1h30m."
        )
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def check_names(tree: dict[str, Any], origin: str) -> None:
    """Raises RecipeError for a section or key that there is none of."""
    for section, values in tree.items():
        if section not in SECTIONS:
            homes = [
                name for name, struct in SECTIONS.items() if section in struct.__struct_fields__
            ]
            hint = f"The key is {homes[0]}.{section}." if homes else nearest(section, SECTIONS)
            raise RecipeError(f"{origin}: unknown section [{printable(section)}]. {hint}")
        if not isinstance(values, dict):
            raise RecipeError(f"{origin}: {section} must be a section: write [{section}].")
        known = SECTIONS[section].__struct_fields__
        for key in values:
            if key not in known:
                hint = nearest(key, known)
                raise RecipeError(f"{origin}: unknown key {section}.{printable(key)}. {hint}")


def _check_awaited(tree: Tree, origin: str) -> None:
    for (section, key), (works, what) in _AWAITED.items():
        if tree.get(section, {}).get(key, works) != works:
            raise RecipeError(
                f"{origin}: {section}.{key}: {what} are not there yet; only {works!r} works."
            )


def _explain(error: msgspec.ValidationError, tree: Tree) -> str:
    """msgspec's complaint in a person's words, with the key's path and the value given."""
    complaint, _, path = str(error).partition(" - at `$.")
    path = path.rstrip("`")
    section, _, key = re.sub(r"\[.*", "", path).partition(".")
    value = tree.get(section, {}).get(key)
    choices = _choices(section, key)
    if choices and complaint.startswith("Invalid enum value"):
        given = complaint.removeprefix("Invalid enum value ").strip("'")
        return f"{section}.{key}: {printable(given)!r} is unknown. {nearest(given, choices)}"
    given = printable(_as_written(value))
    for type_name, word in _TYPE_WORDS.items():
        complaint = complaint.replace(f"`{type_name}`", word)
    return f"{section}.{key}: {complaint[0].lower()}{complaint[1:]} ({given} was given)."


def _as_written(value: Any) -> str:
    """A TOML value roughly as its file has it."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(section: str, key: str) -> list[str]:
    if section not in SECTIONS or key not in SECTIONS[section].__struct_fields__:
        return []
    if key == "augment":
        return list(get_args(Augmentation))
    hint = SECTIONS[section].__annotations__[key]
    return [choice for choice in get_args(hint) if isinstance(choice, str)]


def _check_ranges(recipe: Recipe) -> None:
    model, data, train, machine = recipe.model, recipe.data, recipe.train, recipe.machine
    _within("model.kernels", model.kernels, 1, 65_536)
    _within("data.batch_size", data.batch_size, 1, 1_000_000)
    _within("data.image_size", data.image_size, 16, 1024)
    _within("data.workers", data.workers, 0, 1024)
    _within("train.epochs", train.epochs, 1, 1_000_000)
    _within("train.passes", train.passes, 1, 1_000)
    _within("train.evaluate_every", train.evaluate_every, 1, 1_000_000)
    _within("machine.threads", machine.threads, 1, 4096)
    _within("train.seed", train.seed, 0, _MOST_SEED)
    for key in ("lr", "momentum", "weight_decay"):
        value = getattr(train, key)
        if not (0 <= value < float("inf")):
            raise RecipeError(f"train.{key}: {value} is not a number of 0 or more.")
    if train.momentum >= 1:
        raise RecipeError(f"train.momentum: {train.momentum} must be below 1.")
    if train.time_limit_seconds == 0:
        raise RecipeError("train.time: a run of no time at all. Write 90s, 15m, 8h or 1h30m.")
    if (train.epochs is None) == (train.time is None):
        raise RecipeError("train: give exactly one of epochs and time.")
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
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", machine.device):
        raise RecipeError(
            f"machine.device: {printable(machine.device)!r} is unknown. "
            "Known: auto, cpu, cuda, cuda:N."
        )
    if model.name == "resnet" and model.kernels is not None:
        raise RecipeError("model.kernels: resnet has no kernels; leave it out or use shallow.")
    if model.name == "shallow" and model.depth is not None:
        raise RecipeError("model.depth: shallow has no depth; leave it out or use resnet.")
    if model.depth is not None and model.depth not in _DEPTHS:
        raise RecipeError(f"model.depth: {model.depth} is not known. Known: 18, 34.")


def _within(path: str, value: int | None, least: int, most: int) -> None:
    if value is not None and value < least:
        raise RecipeError(f"{path}: {value} is too small; the least is {least}.")
    if value is not None and value > most:
        raise RecipeError(f"{path}: {value} is too large; the most is {most}.")


def _filled(recipe: Recipe) -> Recipe:
    """`recipe` with the model's own size filled in and the folder made absolute."""
    model, data = recipe.model, recipe.data
    if model.name == "shallow" and model.kernels is None:
        model = msgspec.structs.replace(model, kernels=_DEFAULT_KERNELS)
    if model.name == "resnet" and model.depth is None:
        model = msgspec.structs.replace(model, depth=_DEPTHS[0])
    if data.dir is not None:
        data = msgspec.structs.replace(data, dir=str(Path(data.dir).expanduser().absolute()))
    augment = tuple(name for name in get_args(Augmentation) if name in data.augment)
    data = msgspec.structs.replace(data, augment=augment)
    return msgspec.structs.replace(recipe, model=model, data=data)
