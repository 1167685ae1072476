"""Augmentation: a draw of its own for every image, all windows and coins alike, nothing else; and
the same chances in all three ways to augment."""

import tracemalloc
from collections import Counter
from functools import cache
from itertools import combinations, pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from torch.nn import functional

from cnntop.core.recipe import CropBorder, resolve
from cnntop.core.training import augmentation
from cnntop.core.training.augmentation import CROP_PADDING, Draws, Normalization, augment, draw
from cnntop.core.training.augmenter import BLOCK_BYTES, Augmenter
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.preparation import Sources

ALL = ("crop", "hflip", "vflip")
OFFSETS = 2 * CROP_PADDING + 1


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(size: int = 12, channels: int = 3) -> torch.Tensor:
    """One image without symmetry and without black, so that no two of its variants are equal."""
    return torch.randint(1, 256, (channels, size, size), generator=generator(9), dtype=torch.uint8)


def variants(
    image: torch.Tensor, names: tuple[str, ...]
) -> dict[bytes, tuple[int, int, bool, bool]]:
    """Every allowed result by brute force, with the draw that leads to it."""
    height, width = image.shape[1:]
    padded = functional.pad(image, (CROP_PADDING,) * 4)
    rows = range(OFFSETS) if "crop" in names else [CROP_PADDING]
    found = {}
    for top in rows:
        for left in rows:
            window = padded[:, top : top + height, left : left + width]
            for h in {False, "hflip" in names}:
                for v in {False, "vflip" in names}:
                    axes = [axis for axis, flipped in ((2, h), (1, v)) if flipped]
                    found[window.flip(axes).contiguous().numpy().tobytes()] = (top, left, h, v)
    return found


def draws(names: tuple[str, ...], count: int, seed: int = 0) -> list[tuple[int, int, bool, bool]]:
    """The draw of each of `count` copies of one image, checked to be an allowed one."""
    image = picture()
    allowed = variants(image, names)
    drawn = draw(names, count, generator(seed))
    out = augment(image.expand(count, -1, -1, -1), drawn)
    assert torch.equal(out, by_augmenter(image[None], torch.zeros(count, dtype=torch.int64), drawn))
    return [allowed[one.numpy().tobytes()] for one in out]


def by_augmenter(
    images: torch.Tensor, chosen: torch.Tensor, drawn: Draws, border: CropBorder = "black"
) -> torch.Tensor:
    return Augmenter(images, crop="crop" in drawn, crop_border=border)(chosen, drawn)


def chi_square(counts: Counter[int], cells: int) -> float:
    expected = counts.total() / cells
    return sum((counts[cell] - expected) ** 2 / expected for cell in range(cells))


def test_brute_force_knows_all_81_windows_and_four_flips() -> None:
    assert len(variants(picture(), ("crop",))) == 81
    assert len(variants(picture(), ALL)) == 324
    assert len(variants(picture(), ("hflip", "vflip"))) == 4


@pytest.mark.parametrize("names", [("crop",), ("hflip",), ("vflip",), ("hflip", "vflip"), ALL])
def test_only_allowed_results_and_all_of_them_come_up(names: tuple[str, ...]) -> None:
    seen = set(draws(names, 6_000))
    assert len(seen) == len(variants(picture(), names))


def test_equal_images_of_a_batch_come_out_differently() -> None:
    assert len(set(draws(ALL, 64))) > 32
    assert len(set(draws(("crop",), 64))) > 32
    assert len(set(draws(("hflip",), 64))) == 2


def test_offsets_are_uniform_and_independent() -> None:
    found = draws(("crop",), 20_000)
    # 99.99 % of fair draws stay below 31.8 (8 degrees of freedom) and 138.8 (80).
    assert chi_square(Counter(top for top, *_ in found), OFFSETS) < 31.8
    assert chi_square(Counter(left for _, left, *_ in found), OFFSETS) < 31.8
    both = Counter(top * OFFSETS + left for top, left, *_ in found)
    assert chi_square(both, OFFSETS * OFFSETS) < 138.8


def test_coins_are_fair_and_independent() -> None:
    found = draws(("hflip", "vflip"), 20_000)
    # 99.99 % of fair draws stay below 21.1 (3 degrees of freedom).
    assert chi_square(Counter(2 * h + v for *_, h, v in found), 4) < 21.1


def test_neighbours_in_a_batch_are_independent() -> None:
    found = draws(ALL, 20_000)
    pairs = Counter(2 * a[2] + b[2] for a, b in zip(found[::2], found[1::2], strict=True))
    assert chi_square(pairs, 4) < 21.1


def test_the_generator_alone_decides() -> None:
    torch.manual_seed(1)
    first = draws(ALL, 100, seed=3)
    torch.manual_seed(2)
    assert draws(ALL, 100, seed=3) == first
    assert draws(ALL, 100, seed=4) != first
    state = torch.get_rng_state()
    draws(ALL, 100)
    assert torch.equal(torch.get_rng_state(), state)


def test_images_stay_bytes_and_the_originals_as_they_were() -> None:
    images = picture().repeat(8, 1, 1, 1)
    before = images.clone()
    out = augment(images, draw(ALL, len(images), generator()))
    assert (out.dtype, out.shape) == (torch.uint8, images.shape)
    assert out.data_ptr() != images.data_ptr()
    out.zero_()
    assert torch.equal(images, before)


def test_without_names_nothing_happens() -> None:
    images = picture().repeat(4, 1, 1, 1)
    assert torch.equal(augment(images, draw((), len(images), generator())), images)


@pytest.mark.parametrize("shape", [(5, 1, 28, 28), (1, 3, 16, 16), (3, 3, 20, 12)])
def test_grey_small_and_oblong_images(shape: tuple[int, ...]) -> None:
    images = torch.randint(1, 256, shape, dtype=torch.uint8, generator=generator())
    out = augment(images, draw(ALL, len(images), generator(1)))
    assert out.shape == shape
    for one, image in zip(out, images, strict=True):
        assert one.contiguous().numpy().tobytes() in variants(image, ALL)


@pytest.mark.parametrize(
    "shape", [(300, 3, 32, 32), (40, 1, 28, 28), (9, 3, 20, 12), (3, 3, 64, 64), (1, 1, 1, 1)]
)
@pytest.mark.parametrize("count", [0, 1, 7, 600])
def test_an_augmenter_does_the_same_to_the_bit(shape: tuple[int, ...], count: int) -> None:
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator())
    before = images.clone()
    chosen = torch.randint(len(images), (count,), generator=generator(1))
    for size in range(len(ALL) + 1):
        for names in combinations(ALL, size):
            drawn = draw(names, count, generator(2))
            for border in get_args(CropBorder):
                if border == "reflect" and min(shape[2:]) <= CROP_PADDING:
                    continue  # there is not enough to reflect
                made = by_augmenter(images, chosen, drawn, border)
                assert torch.equal(made, augment(images[chosen], drawn, border))
                made.zero_()
    assert torch.equal(images, before)


def test_an_augmenter_remembers_nothing_and_takes_no_more_than_some_blocks() -> None:
    images = torch.randint(0, 256, (20, 3, 224, 224), dtype=torch.uint8, generator=generator())
    images = images.transpose(2, 3)  # a view does as well
    tracemalloc.start()
    augmenter = Augmenter(images, crop=True)
    for seed in range(3):
        drawn = draw(ALL, 13, generator(seed))
        assert torch.equal(
            augmenter(torch.arange(13), drawn), augment(images[:13], drawn)
        )  # torch's own memory is not traced
    assert tracemalloc.get_traced_memory()[1] < 4 * BLOCK_BYTES
    tracemalloc.stop()


def test_a_reflected_border_is_the_mirror_image_of_what_is_inside() -> None:
    image = picture(size=9)
    drawn = {"crop": torch.tensor([[0, 0], [8, 8], [0, 5]]), "hflip": torch.tensor([0, 0, 1]) > 0}
    out = augment(image.expand(3, -1, -1, -1), drawn, "reflect")
    padded = np.pad(image.numpy(), ((0, 0), (4, 4), (4, 4)), mode="reflect")
    assert np.array_equal(out[0].numpy(), padded[:, :9, :9])
    assert np.array_equal(out[1].numpy(), padded[:, 8:, 8:])
    assert np.array_equal(out[2].numpy(), padded[:, :9, 5:14][..., ::-1])


WAYS = [
    ("loader", "cpu"),
    ("cpu", "cpu"),
    ("device", "cpu"),
    pytest.param(
        ("device", "cuda"),
        marks=[
            pytest.mark.cuda,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
        ],
    ),
]
COUNT = 9_720
"""Thirty for each of the 324 results, and a hundred and twenty for each of the 81 windows."""

Found = dict[int, tuple[int, int, bool, bool]]
"""By image, its draw in one pass: top, left, h-flip, v-flip."""


@cache
def passes(way: tuple[str, str]) -> tuple[Found, Found]:
    """The draws of two passes over images that are all alike, every pixel telling its place, so
    that each can be read from the result exactly, black border and all."""
    augment_on, device = way
    place = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    images = torch.cat([place // 16 + 100, place % 16 + 200])
    allowed = variants(images, ALL)
    split = ImageSet(images.repeat(COUNT, 1, 1, 1), torch.arange(COUNT))
    dataset = Dataset("places", tuple(map(str, range(COUNT))), split, split)
    data = {"batch_size": 100, "augment_on": augment_on, "augment": list(ALL), "workers": 0}
    if augment_on != "loader":
        del data["workers"]
    recipe = resolve({"data": data, "train": {"epochs": 1, "seed": 5}}, "test")
    normalization = Normalization(split.images)
    source = Sources(recipe, dataset, normalization, torch.device(device)).make(augment_on)
    found: tuple[Found, Found] = ({}, {})
    for epoch in (0, 1):
        for batch in source.epoch(epoch + 1):
            levels = batch.images.cpu()
            if levels.dtype != torch.uint8:
                levels *= normalization.deviation[:, None, None]
                levels = (levels + normalization.mean[:, None, None]).round().to(torch.uint8)
            for label, image in zip(batch.labels.tolist(), levels, strict=True):
                found[epoch][label] = allowed[image.numpy().tobytes()]
    return found


def require_uniform(drawn: list[int], cells: int) -> None:
    """Fails one fair draw in 100,000; with the seed as it is, always or never."""
    assert chi_square(Counter(drawn), cells) < chi2.ppf(1 - 1e-5, cells - 1)


@pytest.mark.parametrize("way", WAYS)
def test_in_every_way_all_results_are_as_likely(way: tuple[str, str]) -> None:
    for found in passes(way):
        assert len(found) == COUNT
        require_uniform([top * OFFSETS + left for top, left, _, _ in found.values()], 81)
        require_uniform([2 * h + v for _, _, h, v in found.values()], 4)
        # Flips say nothing about the window, neither along their axis nor across.
        for offset in (0, 1):
            for flip in (2, 3):
                require_uniform([one[offset] * 2 + one[flip] for one in found.values()], 18)
        require_uniform(
            [((t * OFFSETS + le) * 2 + h) * 2 + v for t, le, h, v in found.values()], 324
        )


@pytest.mark.parametrize("way", WAYS)
def test_in_every_way_an_image_draws_apart_from_others_and_from_other_passes(
    way: tuple[str, str],
) -> None:
    first, second = passes(way)
    in_order = list(first.values())
    neighbours = list(pairwise(in_order))
    a_batch_apart = list(zip(in_order[:-100], in_order[100:], strict=True))
    epochs = [(first[image], second[image]) for image in range(COUNT)]
    # Not by its index either, were it the place in the pass that decides.
    places = list(zip(in_order, second.values(), strict=True))
    for pairs in (neighbours, a_batch_apart, epochs, places):
        for offset in (0, 1):
            require_uniform([one[offset] * OFFSETS + two[offset] for one, two in pairs], 81)
        for flip in (2, 3):
            require_uniform([2 * one[flip] + two[flip] for one, two in pairs], 4)


@pytest.mark.parametrize("way", WAYS[1:])
def test_every_way_is_like_the_papers(way: tuple[str, str]) -> None:
    for papers, found in zip(passes(WAYS[0]), passes(way), strict=True):
        assert list(found) == list(papers)  # the same images in the same order
        one, other = Counter(papers.values()), Counter(found.values())
        assert set(one) == set(other)
        distance = sum((one[result] - other[result]) ** 2 / (one[result] + other[result])
                       for result in one)  # fmt: skip
        assert distance < chi2.ppf(1 - 1e-5, len(one) - 1)


def test_normalized_training_images_have_mean_0_and_deviation_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(augmentation, "_COUNTED_AT_ONCE", 64)  # of 200
    draw = generator(2)
    channels = [torch.randint(low, high, (200, 1, 8, 8), generator=draw, dtype=torch.uint8)
                for low, high in ((0, 256), (100, 110), (0, 2))]  # fmt: skip
    images = torch.cat(channels, dim=1)
    out = Normalization(images)(images)
    assert (out.dtype, out.shape) == (torch.float32, images.shape)
    assert out.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    # A deviation below one level counts as one: near-constant channels are not blown up.
    deviations = out.double().std((0, 2, 3), unbiased=False).tolist()
    assert deviations == pytest.approx([1, 1, 0.5], abs=1e-3)
    assert images.dtype == torch.uint8


def test_a_constant_channel_becomes_zero() -> None:
    images = torch.full((4, 1, 8, 8), 77, dtype=torch.uint8)
    assert not Normalization(images)(images).any()


def test_statistics_are_exact_for_many_images() -> None:
    images = torch.full((3_000, 1, 32, 32), 255, dtype=torch.uint8)
    images[:1_500] = 254
    normalization = Normalization(images)
    assert normalization.mean.item() == 254.5
