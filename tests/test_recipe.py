"""The recipe: what is right comes out complete, what is wrong is named with its key."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cnntop.core.errors import CnntopError, RecipeError
from cnntop.core.recipe import Recipe, enlarged, from_code, override, parse_duration, resolve

WHOLE = """
[model]
name = "resnet"
depth = 34
[data]
dataset = "cifar100"
image_size = 48
batch_size = 64
augment = ["vflip", "crop", "crop"]
crop_padding = 3
crop_border = "reflect"
augment_on = "loader"
workers = 3
[train]
time = "1h30m"
lr = 0.05
momentum = 0
nesterov = false
weight_decay = 0.0
decay_biases = false
bias_lr_factor = 8
muon_lr = 0.2
label_smoothing = 0.1
test_views = 6
schedule = "onecycle"
passes = 1
seed = 7
[machine]
device = "cuda:1"
threads = 4
precision = "bf16"
speed = "safe"
"""


def recipe(text: str) -> Recipe:
    tree = tomllib.loads(text)
    train = tree.setdefault("train", {})
    if isinstance(train, dict) and not {"epochs", "time"} & set(train):
        train["epochs"] = 1
    return resolve(tree, "mine.toml")


def complaint(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        recipe(text)
    message = str(caught.value)
    assert message.startswith("mine.toml: ")
    assert "\n" not in message
    assert "`$" not in message
    return message.removeprefix("mine.toml: ")


def test_every_key_is_taken() -> None:
    whole = recipe(WHOLE)
    assert whole.model.label == "resnet34"
    assert (whole.data.dataset, whole.data.image_size, whole.data.batch_size) == (
        "cifar100",
        48,
        64,
    )
    assert (whole.data.augment_on, whole.data.workers) == ("loader", 3)
    assert whole.data.crop_border == "reflect"
    assert (whole.data.crop_padding, whole.train.test_views) == (3, 6)
    assert (whole.train.nesterov, whole.train.decay_biases) == (False, False)
    assert (whole.train.bias_lr_factor, whole.train.muon_lr) == (8.0, 0.2)
    assert whole.train.label_smoothing == 0.1
    assert whole.train.time_limit_seconds == 5400.0
    assert whole.train.epochs is None
    assert (whole.train.lr, whole.train.momentum, whole.train.schedule) == (0.05, 0.0, "onecycle")
    assert (whole.machine.device, whole.machine.threads) == ("cuda:1", 4)
    assert whole.machine.precision == "bf16"


def test_augmentations_come_once_and_in_the_order_they_are_done() -> None:
    assert recipe(WHOLE).data.augment == ("crop", "vflip")
    assert recipe("data.augment = []").data.augment == ()


def test_what_is_left_out_has_the_papers_values() -> None:
    short = recipe("")
    assert (short.model.name, short.model.kernels, short.model.depth) == ("shallow", 32, None)
    assert short.model.label == "shallow32"
    assert short.data.augment == ("crop", "hflip", "vflip")
    assert (short.data.batch_size, short.train.lr, short.train.momentum) == (32, 0.001, 0.9)
    assert recipe('model.name = "resnet"').model.label == "resnet18"
    assert recipe('model.name = "speednet"').model.label == "speednet64"
    other = recipe('model.name = "torchvision"\nmodel.architecture = "vgg11"')
    assert other.model.label == "torchvision:vgg11"
    assert from_code(other, "./nets/net.py:Net").model.label == "net.py:Net"
    assert from_code(other, "nets.small:make").model.label == "nets.small:make"


def test_what_makes_it_faster_is_off_where_it_is_left_out() -> None:
    data, train = recipe("").data, recipe("").train
    assert data.crop_border == "black"
    assert (data.crop_padding, train.nesterov, train.decay_biases) == (4, False, True)
    assert (train.bias_lr_factor, train.muon_lr, train.label_smoothing) == (1.0, None, 0.0)
    assert (train.schedule, train.test_views) == ("constant", 1)


def test_folders_become_absolute() -> None:
    chosen = recipe('data.dataset = "folder"\ndata.dir = "flowers"').data.dir
    assert chosen == str(Path.cwd() / "flowers")
    home = recipe('data.dataset = "folder"\ndata.dir = "~/flowers"').data.dir
    assert home == str(Path.home() / "flowers")


def test_survives_json_and_resolves_to_itself() -> None:
    whole = recipe(WHOLE)
    encoded = msgspec.json.encode(whole)
    assert msgspec.json.decode(encoded, type=Recipe) == whole
    assert resolve(msgspec.json.decode(encoded), "again") == whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modle]", "unknown section [modle]. Did you mean 'model'?"),
        ("[training]", "unknown section [training]. Did you mean 'train'?"),
        ("batch_size = 3", "unknown section [batch_size]. The key is data.batch_size."),
        ("zzz = 3", "unknown section [zzz]. Known: model, data, train, machine."),
        ("data.batchsize = 3", "unknown key data.batchsize. Did you mean 'batch_size'?"),
        ("train.learning_rate = 1", "unknown key train.learning_rate."),
        ("model.kernel = 3", "unknown key model.kernel. Did you mean 'kernels'?"),
        ('model.name = "resnt"', "model.name: 'resnt' is unknown. Did you mean 'resnet'?"),
        ('data.dataset = "cifar11"', "data.dataset: 'cifar11' is unknown. Did you mean 'cifar10'?"),
        ('data.crop_border = "white"', "data.crop_border: 'white' is unknown. Known: black"),
        ('data.augment = ["crp"]', "data.augment: 'crp' is unknown. Did you mean 'crop'?"),
        ('data.augment_on = "gpu"', "data.augment_on: 'gpu' is unknown."),
        ('train.schedule = "cosin"', "train.schedule: 'cosin' is unknown. Did you mean 'cosine'?"),
        ('machine.precision = "fp16"', "machine.precision: 'fp16' is unknown."),
        ('machine.speed = "warp"', "machine.speed: 'warp' is unknown."),
        ('machine.device = "gpu"', "machine.device: 'gpu' is unknown. Known: auto, cpu, cuda"),
        ('machine.device = "cuda:x"', "machine.device: 'cuda:x' is unknown."),
        ("train.test_views = 4", "train.test_views: 4 is not known. Known: 1, 2, 6."),
        (
            'data.augment = ["altfilp"]',
            "data.augment: 'altfilp' is unknown. Did you mean 'altflip'",
        ),
        (
            "model.depth = 44\nmodel.name = 'resnet'",
            "model.depth: 44 is not known. Known: 18, 20, 32, 34, 50, 56, 110.",
        ),
    ],
)
def test_unknown_words_are_named_with_the_nearest_right_one(text: str, message: str) -> None:
    assert complaint(text).startswith(message)


@pytest.mark.parametrize(
    ("text", "key", "wanted", "given"),
    [
        ('data.batch_size = "32"', "data.batch_size", "a whole number", '"32"'),
        ("data.batch_size = 32.5", "data.batch_size", "a whole number", "32.5"),
        ("data.batch_size = true", "data.batch_size", "a whole number", "true"),
        ("model.kernels = [8]", "model.kernels", "a whole number", "[8]"),
        ("train.nesterov = 1", "train.nesterov", "true or false", "1"),
        ("train.test_views = 2.5", "train.test_views", "a whole number", "2.5"),
        ('train.muon_lr = "0.1"', "train.muon_lr", "a number", '"0.1"'),
        ('train.lr = "0.1"', "train.lr", "a number", '"0.1"'),
        ("train.lr = true", "train.lr", "a number", "true"),
        ("train.time = 15", "train.time", "text in quotes", "15"),
        ("train.time = 15:00:00", "train.time", "text in quotes", "15"),
        ('data.augment = "crop"', "data.augment", "a list", '"crop"'),
        ("data.augment = [1]", "data.augment", "text in quotes", "[1]"),
        ("data.dataset = 10", "data.dataset", "text in quotes", "10"),
        ("data.dir = { a = 1 }", "data.dir", "text in quotes", "{'a': 1}"),
        ("model.name = 18", "model.name", "text in quotes", "18"),
        ("machine.device = 0", "machine.device", "text in quotes", "0"),
    ],
)
def test_wrong_types_say_what_was_wanted_and_given(
    text: str, key: str, wanted: str, given: str
) -> None:
    message = complaint(text)
    assert message.startswith(f"{key}: expected {wanted}")
    assert given in message


@pytest.mark.parametrize("text", ["data = 3", "[[data]]\nbatch_size = 3", 'model = "resnet"'])
def test_a_section_must_be_a_section(text: str) -> None:
    assert "must be a section: write [" in complaint(text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("data.batch_size = 0", "data.batch_size"),
        ("data.batch_size = -32", "data.batch_size"),
        ("data.image_size = 8", "data.image_size"),
        ("data.workers = -1\ndata.augment_on = 'loader'", "data.workers"),
        ("model.kernels = 0", "model.kernels"),
        ("train.epochs = 0", "train.epochs"),
        ("train.passes = 0", "train.passes"),
        ("train.evaluate_every = 0", "train.evaluate_every"),
        ("train.seed = -1", "train.seed"),
        ("train.seed = 4294967296", "train.seed"),
        ("train.lr = -0.1", "train.lr"),
        ("train.lr = nan", "train.lr"),
        ("train.lr = inf", "train.lr"),
        ("train.momentum = 1.0", "train.momentum"),
        ("train.label_smoothing = 1.0", "train.label_smoothing"),
        ("train.label_smoothing = -0.1", "train.label_smoothing"),
        ("train.bias_lr_factor = 0", "train.bias_lr_factor"),
        ("train.bias_lr_factor = -1", "train.bias_lr_factor"),
        ("train.muon_lr = 0", "train.muon_lr"),
        ("train.muon_lr = inf", "train.muon_lr"),
        ("data.crop_padding = 0", "data.crop_padding"),
        ("data.crop_padding = 5", "data.crop_padding"),
        ("train.weight_decay = -1", "train.weight_decay"),
        ("machine.threads = 0", "machine.threads"),
        ('train.time = "0s"', "train.time"),
    ],
)
def test_values_out_of_range(text: str, key: str) -> None:
    assert complaint(text).startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('train.epochs = 3\ntrain.time = "1m"', "exactly one of epochs and time"),
        ("model.depth = 18", "model.depth: shallow has no depth"),
        ('model.name = "speednet"\nmodel.depth = 18', "model.depth: speednet has no depth"),
        ('data.augment = ["hflip", "altflip"]', "data.augment: altflip mirrors every image"),
        ("train.momentum = 0\ntrain.nesterov = true", "train.nesterov: there is none without"),
        ("train.lr = 0\ntrain.muon_lr = 0.1", "train.muon_lr: follows the schedule of train.lr"),
        ('model.name = "resnet"\nmodel.kernels = 8', "model.kernels: resnet has no kernels"),
        ('model.architecture = "vgg11"', "model.architecture: shallow has no architecture"),
        ('model.name = "torchvision"', "model.architecture: torchvision has many"),
        (
            'model.name = "torchvision"\nmodel.architecture = "os:system"',
            "model.architecture: 'os:system' is no name",
        ),
        ('model.name = "code"', "model.name: a recipe is data"),
        (
            'model.name = "code"\nmodel.architecture = "./net.py:Net"',
            "model.name: a recipe is data",
        ),
        ('data.dataset = "folder"', "data.dir: dataset folder needs a folder"),
        ('data.dataset = "shapes"\ndata.dir = "x"', "data.dir: shapes are generated"),
        ("data.workers = 2", "data.workers: only augment_on = loader has workers"),
        ("data.workers = 2\ndata.augment_on = 'cpu'", "data.workers: only augment_on = loader"),
    ],
)
def test_keys_that_contradict_each_other(text: str, words: str) -> None:
    assert words in complaint(text)


def test_a_run_without_any_limit_is_refused() -> None:
    with pytest.raises(RecipeError, match="exactly one of epochs and time"):
        resolve({"train": {"lr": 0.1}}, "mine.toml")


@pytest.mark.parametrize(
    ("batch_size", "enlarged_to", "lr"),
    [(8, 32, 0.04), (32, 128, 0.04), (50, 100, 0.02), (128, 128, 0.01), (500, 500, 0.01)],
)
def test_max_enlarges_batch_and_rate(batch_size: int, enlarged_to: int, lr: float) -> None:
    text = f"data.batch_size = {batch_size}\ntrain.lr = 0.01\n"
    found = enlarged(recipe(text + 'machine.speed = "max"'))
    assert (found.data.batch_size, found.train.lr) == (enlarged_to, lr)
    for speed in ("safe", "fast"):
        other = recipe(text + f'machine.speed = "{speed}"')
        assert enlarged(other) == other


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0), ("15m", 900.0), ("8h", 28_800.0), ("1h30m", 5_400.0), ("1.5h", 5_400.0),
        ("1h0m1s", 3_601.0), ("0.5s", 0.5), ("3h32m", 12_720.0),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "15 m", "-5m", "1m1h", "5min", "1e3s", "15m\n"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(RecipeError, match=r"train\.time: .* is not a duration\. Write 90s, 15m"):
        parse_duration(text)


def test_terminal_escapes_in_a_preset_do_not_reach_the_terminal() -> None:
    for text in ('"\\u001b[31mred" = 1', 'data."\\u001b]0;x" = 1', 'data.dataset = "\\u001b[2J"'):
        assert "\x1b" not in complaint(text)


def test_recipe_errors_are_usage_errors() -> None:
    error: CnntopError = RecipeError("x")
    assert error.exit_code == 2


BASE: dict[str, Any] = {"model": {"name": "shallow", "kernels": 8}, "train": {"time": "8h"}}


def test_overriding_leaves_the_tree_as_it_was() -> None:
    result = override(BASE, {"train.lr": 0.5, "data.batch_size": 64, "model.kernels": 16})
    assert result["data"] == {"batch_size": 64}
    assert result["model"] == {"name": "shallow", "kernels": 16}
    assert result["train"] == {"time": "8h", "lr": 0.5}
    assert BASE == {"model": {"name": "shallow", "kernels": 8}, "train": {"time": "8h"}}


def test_epochs_and_time_take_each_others_place() -> None:
    assert override(BASE, {"train.epochs": 3})["train"] == {"epochs": 3}
    assert override({"train": {"epochs": 3}}, {"train.time": "1m"})["train"] == {"time": "1m"}
    both = override(BASE, {"train.epochs": 3, "train.time": "1m"})
    with pytest.raises(RecipeError, match="exactly one of epochs and time"):
        resolve(both, "options")


def test_another_model_does_not_keep_the_old_ones_size() -> None:
    assert override(BASE, {"model.name": "resnet"})["model"] == {"name": "resnet"}
    sized = override(BASE, {"model.name": "resnet", "model.depth": 34})
    assert sized["model"] == {"name": "resnet", "depth": 34}
    assert override(BASE, {"model.name": "shallow"})["model"] == BASE["model"]
    unnamed = override({"model": {"kernels": 8}}, {"model.name": "shallow"})
    assert unnamed["model"] == {"name": "shallow", "kernels": 8}
