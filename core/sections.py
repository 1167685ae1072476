"""The recipe's sections: what keys there are, of what type, and what holds without them."""

import re
from typing import Any, Literal

import msgspec

from cnntop.core.errors import RecipeError
from cnntop.core.text import printable

Augmentation = Literal["crop", "hflip", "altflip", "vflip"]
AugmentOn = Literal["auto", "loader", "cpu", "device"]
CropBorder = Literal["black", "reflect"]
Schedule = Literal["constant", "cosine", "step", "onecycle", "triangle", "linear"]

MOST_CROP_PADDING = 4
SIZE_KEYS = {"shallow": "kernels", "speednet": "kernels", "resnet": "depth",
             "torchvision": "architecture"}  # fmt: skip
"""By a model's name, the key that says which or how large it is."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the recipe's sections."""


class Model(Section, frozen=True):
    """`kernels` is the width of `shallow` (P1) or of `speednet`, `depth` the layers of `resnet`
    (P3, P4), `architecture` which one of `torchvision`'s networks.

    A network from a person's code (P17) has the name "code" and `--model`'s value for its
    architecture; see `recipe.from_code`.
    """

    name: Literal["shallow", "resnet", "speednet", "torchvision", "code"] = "shallow"
    kernels: int | None = None
    depth: int | None = None
    architecture: str | None = None

    @property
    def label(self) -> str:
        """The model in a word or two, as tables show it: `shallow128`, `resnet18`,
        `torchvision:vgg11`, `net.py:Net`."""
        if self.name == "code":
            return str(self.architecture).rpartition("/")[2]
        if self.name == "torchvision":
            return f"{self.name}:{self.architecture}"
        return f"{self.name}{self.depth if self.name == 'resnet' else self.kernels}"


class Data(Section, frozen=True):
    """`dir` is the folder of images (dataset "folder") or of the dataset's files (all others).

    `crop_padding` is how many pixels a random crop moves an image at most, in each direction, and
    `crop_border` what comes in there: nothing, or the mirror image of what is beside it. With
    "altflip" an image is mirrored in every other pass instead of by a coin.
    """

    dataset: str = "cifar10"
    dir: str | None = None
    image_size: int | None = None
    batch_size: int = 32
    augment: tuple[Augmentation, ...] = ("crop", "hflip", "vflip")
    crop_padding: int = MOST_CROP_PADDING
    crop_border: CropBorder = "black"
    augment_on: AugmentOn = "auto"
    workers: int | None = None


class Train(Section, frozen=True):
    """Exactly one of `epochs` and `time` (as in "90s", "15m", "8h", "1h30m") limits the run.

    `passes` is how often in a row each batch is trained on (P7). The test set is evaluated after
    every `evaluate_every` epochs, and after the last, by the mean answer to `test_views` variants
    of each image. Biases are all parameters of one dimension, batch norm's scales included:
    `bias_lr_factor` is how many times `lr` they take, and with `decay_biases` they are decayed as
    fast as the others. With a `muon_lr` Muon trains the filters of convolutions, at that rate, and
    SGD the rest.
    """

    epochs: int | None = None
    time: str | None = None
    lr: float = 0.001
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    decay_biases: bool = True
    bias_lr_factor: float = 1.0
    muon_lr: float | None = None
    label_smoothing: float = 0.0
    schedule: Schedule = "constant"
    passes: int = 1
    evaluate_every: int = 1
    test_views: int = 1
    seed: int = 0

    @property
    def time_limit_seconds(self) -> float | None:
        return None if self.time is None else parse_duration(self.time)


class Machine(Section, frozen=True):
    """`threads` of None leaves the number of CPU threads to torch.

    `speed`: "safe" computes as the recipe is written, to the bit; "fast" changes rounding only;
    "max" may change the recipe (see `recipe.enlarged`), and says so.
    """

    device: str = "auto"
    threads: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    speed: Literal["safe", "fast", "max"] = "safe"


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole experiment. Made by `recipe.resolve`, never by hand."""

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


def parse_duration(text: str) -> float:
    """Seconds in "90s", "15m", "8h" or "1h30m". Raises RecipeError for anything else."""
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text)
    if not text or match is None:
        raise RecipeError(
            f"train.time: {printable(text)!r} is not a duration. Write 90s, 15m, 8h or 1h30m."
        )
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
