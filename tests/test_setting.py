"""`--set key=value`: the section may be left out, the value gets its key's own type."""

import re
from typing import Any

import pytest

from cnntop.core.errors import RecipeError
from cnntop.core.recipe import SECTIONS, Section, override, resolve
from cnntop.core.setting import parse_setting


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("data.batch_size=64", "data.batch_size", 64),
        ("batch_size=64", "data.batch_size", 64),
        (" batch_size = 64 ", "data.batch_size", 64),
        ("lr=0.1", "train.lr", 0.1),
        ("lr=1", "train.lr", 1.0),
        ("lr=1e-3", "train.lr", 0.001),
        ("augment_on=loader", "data.augment_on", "loader"),
        ("augment=crop,hflip", "data.augment", ["crop", "hflip"]),
        ('augment=["crop", "hflip"]', "data.augment", ["crop", "hflip"]),
        ("augment=", "data.augment", []),
        ("augment=[]", "data.augment", []),
        ("time=15m", "train.time", "15m"),
        ("device=cuda:1", "machine.device", "cuda:1"),
        ("dir=/a=b", "data.dir", "/a=b"),
        ("dir=2024", "data.dir", "2024"),
        ("kernels=12", "model.kernels", 12),
        ("nesterov=true", "train.nesterov", True),
        ("decay_biases=false", "train.decay_biases", False),
        ("nesterov=yes", "train.nesterov", "yes"),  # which `resolve` complains of
        ("muon_lr=0.2", "train.muon_lr", 0.2),
        ("workers=0", "data.workers", 0),
        ("name=resnet", "model.name", "resnet"),
    ],
)
def test_values_have_their_keys_type(text: str, path: str, value: Any) -> None:
    parsed = parse_setting(text)
    assert parsed == (path, value)
    assert type(parsed[1]) is type(value)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_can_be_set_with_and_without_its_section(section: str) -> None:
    for key in SECTIONS[section].__struct_fields__:
        assert parse_setting(f"{section}.{key}=1")[0] == f"{section}.{key}"
        assert parse_setting(f"{key}=1")[0] == f"{section}.{key}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batch_size", "expected KEY=VALUE"),
        ("", "expected KEY=VALUE"),
        ("=3", "unknown key ''"),
        ("batchsize=3", "unknown key 'batchsize'. Did you mean 'batch_size'?"),
        ("learnrate=3", "unknown key 'learnrate'"),
        ("dta.batch_size=3", "unknown section [dta]. Did you mean 'data'?"),
        ("data.lr=3", "unknown key data.lr"),
        ("data.batch.size=3", "unknown key data.batch.size. Did you mean 'batch_size'?"),
        ("data.=3", "unknown key data."),
        (".lr=3", "unknown section []"),
    ],
)
def test_what_is_no_setting(text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(words)) as caught:
        parse_setting(text)
    assert "--set" in str(caught.value)


def test_a_key_of_two_sections_must_name_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(Section, frozen=True):
        seed: int = 0

    monkeypatch.setitem(SECTIONS, "other", Other)
    with pytest.raises(RecipeError, match=r"ambiguous; write train\.seed or other\.seed"):
        parse_setting("seed=3")
    assert parse_setting("other.seed=3") == ("other.seed", 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batch_size=many", "data.batch_size: expected a whole number"),
        ("batch_size=1.5", "data.batch_size: expected a whole number"),
        ("lr=fast", "train.lr: expected a number"),
        ("lr=nan", "train.lr: nan is not a number of 0 or more"),
        ("augment=crp", "data.augment: 'crp' is unknown. Did you mean 'crop'?"),
        ("schedule=cosin", "Did you mean 'cosine'?"),
        ("passes=0", "train.passes: 0 is too small"),
        ("speed=warp", "is unknown"),
    ],
)
def test_a_wrong_value_is_named_when_the_recipe_is_resolved(text: str, words: str) -> None:
    path, value = parse_setting(text)
    tree = override({"train": {"epochs": 1}}, {path: value})
    with pytest.raises(RecipeError, match=re.escape(words)):
        resolve(tree, "options")
