"""Images mirrored in every other pass, and crops of less than the whole border, in all three ways
to augment."""

from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import torch

from cnntop.core.recipe import Data, resolve
from cnntop.core.training.augmentation import Normalization, draw
from cnntop.core.training.batches import epoch_order, mirrored, pass_draws
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.preparation import Sources

COUNT, SIZE, BATCH = 400, 16, 32
CPU = torch.device("cpu")
WAYS = ("loader", "cpu", "device")
Seen = dict[int, tuple[bool, int, int]]
"""By image: whether it is mirrored, and how far it is moved down and right."""


def data(augment_on: str = "cpu", padding: int = 2, names: tuple[str, ...] = ()) -> Data:
    settings = {"batch_size": BATCH, "augment_on": augment_on, "crop_padding": padding}
    settings["augment"] = list(names or ("crop", "altflip"))
    if augment_on == "loader":
        settings["workers"] = 0
    return resolve({"data": settings, "train": {"epochs": 1}}, "test").data


@cache
def seen(augment_on: str, epoch: int, first_batch: int = 0, seed: int = 5) -> Seen:
    """A pass over images that are alike: black but for a bright dot, left of which is a dimmer."""
    image = torch.zeros(1, SIZE, SIZE, dtype=torch.uint8)
    image[0, 8, 8], image[0, 8, 7] = 250, 100
    split = ImageSet(image.repeat(COUNT, 1, 1, 1), torch.arange(COUNT))
    recipe = resolve({"train": {"epochs": 1, "seed": seed}}, "test")
    recipe = msgspec.structs.replace(recipe, data=data(augment_on))
    dataset = Dataset("dots", tuple(map(str, range(COUNT))), split, split)
    source = Sources(recipe, dataset, Normalization(split.images), CPU).make(augment_on)
    found: Seen = {}
    for batch in source.epoch(epoch, first_batch):
        for label, one in zip(batch.labels.tolist(), batch.images[:, 0].float(), strict=True):
            row, column = divmod(int(one.argmax()), SIZE)
            right_is_dim = bool(one[row, column + 1] > one[row, column - 1])
            at = SIZE - 1 - 8 if right_is_dim else 8
            found[label] = right_is_dim, row - 8, column - at
    source.close()
    return found


@pytest.mark.parametrize("augment_on", WAYS)
def test_every_image_is_mirrored_in_every_other_pass(augment_on: str) -> None:
    passes = [seen(augment_on, epoch) for epoch in (1, 2, 3, 4)]
    for image in range(COUNT):
        sides = [one[image][0] for one in passes]
        assert sides == [sides[0], not sides[0]] * 2


@pytest.mark.parametrize("augment_on", WAYS)
def test_which_comes_first_is_a_coin_for_each(augment_on: str) -> None:
    sides = [seen(augment_on, 1)[image][0] for image in range(COUNT)]
    # 99.99 % of fair coins stay within 39 of the half.
    assert abs(sum(sides) - COUNT / 2) < 39
    changes = sum(one != other for one, other in pairwise(sides))
    assert abs(changes - COUNT / 2) < 39, "neighbours draw apart"
    other = [seen(augment_on, 1, seed=6)[image][0] for image in range(COUNT)]
    assert sides != other


def test_it_is_the_same_in_all_three_ways() -> None:
    for epoch in (1, 2):
        one, *others = (seen(augment_on, epoch) for augment_on in WAYS)
        for other in others:
            assert {image: draw[0] for image, draw in one.items()} == {
                image: draw[0] for image, draw in other.items()
            }


@pytest.mark.parametrize("augment_on", WAYS)
def test_a_pass_begun_in_its_middle_draws_the_same(augment_on: str) -> None:
    whole, rest = seen(augment_on, 2), seen(augment_on, 2, 5)
    assert len(rest) == COUNT - 5 * BATCH
    assert rest.items() <= whole.items()


@pytest.mark.parametrize("augment_on", WAYS)
def test_crops_move_an_image_by_the_padding_at_most(augment_on: str) -> None:
    found = {draw[1:] for epoch in (1, 2, 3, 4) for draw in seen(augment_on, epoch).values()}
    assert found == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


@pytest.mark.parametrize("augment_on", WAYS)
def test_what_comes_in_may_be_the_mirror_image_of_what_is_inside(augment_on: str) -> None:
    image = torch.randint(256, (2, SIZE, SIZE), dtype=torch.uint8)
    padded = np.pad(image.numpy(), ((0, 0), (2, 2), (2, 2)), mode="reflect")
    windows = {
        padded[:, top : top + SIZE, left : left + SIZE].tobytes()
        for top in range(5)
        for left in range(5)
    }
    split = ImageSet(image.repeat(COUNT, 1, 1, 1), torch.zeros(COUNT, dtype=torch.int64))
    chosen = data(augment_on, names=("crop",))
    chosen = msgspec.structs.replace(chosen, crop_border="reflect")
    recipe = resolve({"train": {"epochs": 1}}, "test")
    recipe = msgspec.structs.replace(recipe, data=chosen)
    normalization = Normalization(split.images)
    sources = Sources(recipe, Dataset("one", ("one",), split, split), normalization, CPU)
    found = set()
    for batch in sources.make(augment_on).epoch(1):
        levels = batch.images
        if levels.dtype != torch.uint8:
            levels = levels * normalization.deviation[:, None, None]
            levels = (levels + normalization.mean[:, None, None]).round().to(torch.uint8)
        found |= {one.contiguous().numpy().tobytes() for one in levels}
    assert found == windows


def test_draws_of_other_recipes_are_as_they_ever_were() -> None:
    """Bytes that runs before these keys have drawn: resumed, they must go on with them."""
    order = epoch_order(50, 3, 2)
    recipe = Data()
    generator = torch.Generator().manual_seed(11)
    found = draw(recipe.augment, 50, torch.Generator().manual_seed(11), recipe.crop_padding)
    assert torch.equal(found["crop"], torch.randint(9, (50, 2), generator=generator))
    for flip in ("hflip", "vflip"):
        assert torch.equal(found[flip], torch.rand(50, generator=generator) < 0.5)
    drawn = pass_draws(recipe, order, 3, 2)
    assert list(drawn) == ["crop", "hflip", "vflip"]
    assert drawn["crop"][:3].tolist() == [[1, 0], [3, 1], [6, 1]]


def test_mirroring_follows_the_image_and_not_its_place() -> None:
    first, second = epoch_order(50, 3, 1), epoch_order(50, 3, 2)
    one = dict(zip(first.tolist(), mirrored(first, 3, 1).tolist(), strict=True))
    two = dict(zip(second.tolist(), mirrored(second, 3, 2).tolist(), strict=True))
    assert all(one[image] != two[image] for image in range(50))
    assert set(one.values()) == {True, False}
