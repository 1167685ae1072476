"""A recipe while it is edited: what is typed, what goes with it, what is wrong and where."""

import pytest

from cnntop.core import preset
from cnntop.core.explanations import EXPLANATIONS
from cnntop.core.recipe import override, resolve
from cnntop.core.recipe_draft import PATHS, RecipeDraft
from cnntop.core.setting import choices


@pytest.fixture
def draft() -> RecipeDraft:
    return RecipeDraft(preset.find("demo").resolve())


@pytest.mark.parametrize("name", preset.names())
def test_untouched_it_is_the_recipe_itself(name: str) -> None:
    recipe = preset.find(name).resolve()
    draft = RecipeDraft(recipe)
    assert draft.recipe() == recipe
    assert (draft.changed, draft.settings, draft.errors()) == ([], {}, {})


def test_every_key_has_an_explanation_and_every_word_is_a_choice() -> None:
    assert set(EXPLANATIONS) == set(PATHS)
    assert choices("train.nesterov") == ("true", "false")
    assert "folder" in choices("data.dataset")
    assert "code" not in choices("model.name")
    assert choices("train.lr") == choices("data.augment") == choices("data.dir") == ()


def test_what_is_changed_is_what_a_launch_lays_over_the_preset(draft: RecipeDraft) -> None:
    draft.set("train.lr", "0.5")
    draft.set("data.augment", "hflip, crop")
    draft.set("data.batch_size", "32.")  # as it was, but badly written
    draft.set("machine.threads", "3")
    assert draft.errors() == {
        "data.batch_size": 'expected a whole number, got text in quotes ("32." was given).'
    }
    draft.set("data.batch_size", "32 ")
    assert draft.errors() == {}
    assert draft.settings == {
        "train.lr": 0.5, "data.augment": ["hflip", "crop"], "machine.threads": 3,
    }  # fmt: skip
    laid_over = resolve(override(preset.find("demo").tree, draft.settings), "test")
    assert laid_over == draft.recipe()


def test_a_limit_takes_the_place_of_the_other_and_gives_it_back(draft: RecipeDraft) -> None:
    for typed in ("1", "15", "15m"):
        draft.set("train.time", typed)
        assert draft.texts["train.epochs"] == ""
    assert draft.errors() == {}
    assert draft.settings == {"train.epochs": None, "train.time": "15m"}
    assert draft.recipe().train.time == "15m"
    draft.set("train.time", "")
    assert draft.texts["train.epochs"] == "25"
    assert draft.changed == []


def test_another_network_takes_the_size_along_and_gives_it_back(draft: RecipeDraft) -> None:
    draft.set("model.name", "resnet")
    assert draft.texts["model.kernels"] == ""
    draft.set("model.depth", "50")
    assert draft.recipe().model.label == "resnet50"
    draft.set("model.name", "shallow")
    assert draft.texts["model.kernels"] == "32"
    assert draft.texts["model.depth"] == ""
    assert draft.errors() == {}


def test_every_mistake_is_told_at_its_own_key(draft: RecipeDraft) -> None:
    draft.set("train.lr", "-1")
    draft.set("train.momentum", "1.5")
    draft.set("data.batch_size", "many")
    draft.set("model.depth", "18")
    draft.set("machine.device", "")
    draft.set("train.epochs", "")
    found = draft.errors()
    assert set(found) == {
        "train.lr", "train.momentum", "data.batch_size", "model.depth", "machine.device",
        "train.epochs", "train.time",
    }  # fmt: skip
    assert found["train.momentum"] == "1.5 must be below 1."
    assert "exactly one" in found["train.epochs"]
    for path in draft.changed:
        draft.reset(path)
    assert draft.errors() == {}


@pytest.mark.parametrize("text", ["[", "]", "crop,,", " ", "crop hflip", "\x00", "é" * 50, "1e999"])
def test_nothing_that_is_typed_raises(text: str) -> None:
    for path in PATHS:
        draft = RecipeDraft(preset.find("demo").resolve())
        draft.set(path, text)
        assert isinstance(draft.errors(), dict)
        draft.reset(path)
        assert draft.errors() == {}
