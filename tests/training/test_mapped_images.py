"""Images of a folder that memory does not hold: on disk, and the same for training."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnntop.core.errors import DatasetError, UsageError
from cnntop.core.run_request import RunRequest
from cnntop.core.training.batches import ResidentBatches
from cnntop.core.training.datasets import Dataset, decoded_cache, decoding, load
from cnntop.core.training.preparation import prepare
from tests.training.test_folder import Collect


def loaded(folder: Path) -> tuple[Dataset, Collect]:
    sink = Collect()
    return load("folder", folder, 16, sink), sink


def same(one: Dataset, other: Dataset) -> bool:
    pairs = [(one.train, other.train), (one.test, other.test)]
    return all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in pairs
    )


@pytest.fixture
def folder(pictures: Path, tmp_path: Path) -> Path:
    """With an image that cannot be decoded, before many that can."""
    copy = tmp_path / "some"
    shutil.copytree(pictures, copy)
    (copy / "train" / "dark" / "000.png").write_bytes(b"no image")
    return copy


@pytest.fixture
def in_memory(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The images of `folder`; from now on no others fit."""
    dataset, _ = loaded(folder)
    assert not dataset.train.mapped
    monkeypatch.setattr(decoded_cache, "MOST_OF_MEMORY", 0.0)
    monkeypatch.setenv("CNNTOP_CACHE", str(tmp_path / "another cache"))
    return dataset


def test_they_are_the_same_images(folder: Path, in_memory: Dataset) -> None:
    first, told = loaded(folder)
    assert (first.train.mapped, first.test.mapped) == (True, True)
    assert same(first, in_memory)
    assert len(told.decoded()) > 0
    assert ["cannot be decoded" in text for text in told.warnings] == [True]
    again, told = loaded(folder)
    assert again.train.mapped
    assert same(again, in_memory)
    assert told.decoded() == []


def test_grey_ones_have_one_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_cache, "MOST_OF_MEMORY", 0.0)
    for number, name in enumerate(("train/a/1", "train/b/1", "test/a/1", "test/b/1")):
        path = tmp_path / "grey" / f"{name}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((16, 16), 9 + number, dtype=np.uint8)).save(path)
    dataset, _ = loaded(tmp_path / "grey")
    assert dataset.train.mapped
    assert dataset.train.images.flatten(1).unique(dim=1).tolist() == [[9], [10]]


def test_what_is_decoded_leaves_no_file_behind_but_the_entry(
    folder: Path, in_memory: Dataset, tmp_path: Path
) -> None:
    loaded(folder)
    [entry] = (tmp_path / "another cache" / "decoded").iterdir()
    assert len(list(entry.iterdir())) == 5


def test_a_cache_that_takes_no_entry_is_a_warning(
    folder: Path, in_memory: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The images are on the disk, if for this run only."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(decoded_cache, "write", full)
    dataset, told = loaded(folder)
    assert same(dataset, in_memory)
    assert any("cannot be kept" in text for text in told.warnings)


def test_a_disk_without_room_is_told_before_anything_is_decoded(
    folder: Path, in_memory: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    monkeypatch.setattr(decoding, "_pixels", None)
    with pytest.raises(DatasetError, match=r"no room for them \(no space left on device\)"):
        loaded(folder)


def test_a_run_has_the_same_batches(
    folder: Path, in_memory: Dataset, request_run: Callable[..., RunRequest]
) -> None:
    recipe = request_run(dir=str(folder), augment=("crop", "hflip")).recipe
    prepared = prepare(recipe, Collect(), lambda: False)
    assert prepared.dataset.train.mapped
    data, seed = recipe.data, recipe.train.seed
    theirs = ResidentBatches(in_memory.train, data, seed, torch.device("cpu"), "cpu")
    for one, other in zip(prepared.batches.epoch(1), theirs.epoch(1), strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)


def test_workers_have_no_copy_of_them(
    folder: Path, in_memory: Dataset, request_run: Callable[..., RunRequest]
) -> None:
    recipe = request_run(dir=str(folder), augment_on="loader").recipe
    with pytest.raises(UsageError, match="augment_on=cpu"):
        prepare(recipe, Collect(), lambda: False)
