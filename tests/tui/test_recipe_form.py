"""The form: every key, checked as it is typed, started or kept as a preset of one's own."""

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from cnntop.core import preset
from cnntop.core.model_option import parse_model
from cnntop.core.recipe_draft import PATHS
from cnntop.tui.launch import Launch
from cnntop.tui.screens.picker import Picked, PickerScreen
from cnntop.tui.screens.recipe_form import RecipeForm, draft_of
from cnntop.tui.widgets.chooser import Chooser
from cnntop.tui.widgets.recipe_field import RecipeField
from tests.tui.stage import Stage, text


def launch(name: str = "demo", **settings: object) -> Launch:
    changed = {key.replace("__", "."): value for key, value in settings.items()}
    return Launch(name, Path("runs"), settings=changed)


def form(asked: Launch | None = None) -> RecipeForm:
    asked = asked or launch()
    return RecipeForm(asked, draft_of(asked))


async def edit(pilot: Pilot[None], path: str, *keys: str) -> None:
    """Put the cursor into a field, empty it, and type."""
    fields = pilot.app.screen.query(RecipeField)
    next(field for field in fields if field.path == path).focus_editor()
    await pilot.pause()
    if isinstance(pilot.app.focused, Input):
        await pilot.press("ctrl+u", "ctrl+k")
    await pilot.press(*keys)
    await pilot.pause()
    await pilot.pause()


def line_of(stage: Stage, key: str) -> str:
    """What the form shows of a key."""
    lines = text(stage).splitlines()[1:-3]
    return next((line for line in lines if key in line.split()[:2]), "")


def footnote(stage: Stage) -> str:
    return " ".join(" ".join(text(stage).splitlines()[-3:-1]).split())


@pytest.mark.parametrize("size", [(60, 15), (200, 60)], ids=str)
async def test_every_key_is_there_and_explained(size: tuple[int, int]) -> None:
    stage = Stage(form())
    seen = set()
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        for path in PATHS:
            shown = text(stage)
            assert max(map(len, shown.splitlines())) <= size[0]
            assert "^r Start" in shown.splitlines()[-1]
            assert "^s Save preset" in shown.splitlines()[-1]
            if footnote(stage).startswith(f"{path}: "):
                seen.add(path)
            assert line_of(stage, path.partition(".")[2]), "the field with the focus is in sight"
            await pilot.press("down")
            await pilot.pause()
    assert seen == set(PATHS)


async def test_a_mistake_is_told_beside_its_field_as_it_is_typed_and_stops_the_start() -> None:
    stage = Stage(form())
    async with stage.run_test(size=(120, 40)) as pilot:
        await edit(pilot, "train.lr", "0", ".", "5")
        assert line_of(stage, "lr").split()[:4] == ["*", "lr", "0.5", "was"]
        await edit(pilot, "train.momentum", *"1.5")
        assert "! 1.5 must be below 1." in line_of(stage, "momentum")
        assert "2 changed, 1 wrong" in text(stage)
        await edit(pilot, "train.seed", "7")
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert stage.answers == [], "nothing starts"
        assert footnote(stage).startswith("! train.momentum: 1.5 must be below 1.")
        await pilot.press("ctrl+z")
        await pilot.pause()
        assert "!" not in line_of(stage, "momentum")
        await pilot.press("ctrl+r")
        await pilot.pause()
    [edited] = stage.answers
    recipe = edited.launch.recipe()  # type: ignore[attr-defined]
    assert (recipe.train.lr, recipe.train.seed, recipe.train.momentum) == (0.5, 7, 0.9)


async def test_choosing_another_network_shows_what_goes_with_it() -> None:
    stage = Stage(form(launch(train__epochs=7)))
    async with stage.run_test(size=(80, 24)) as pilot:
        await edit(pilot, "model.name", "enter", "down", "enter")
        assert line_of(stage, "name").split()[:3] == ["*", "name", "resnet"]
        assert "not set" in line_of(stage, "kernels")
        await edit(pilot, "model.depth", "5", "0")
        await edit(pilot, "train.time", "9", "m")
        assert "not set" in line_of(stage, "epochs")
        await pilot.press("f5")
        await pilot.pause()
    [edited] = stage.answers
    recipe = edited.launch.recipe()  # type: ignore[attr-defined]
    assert recipe.model.label == "resnet50"
    assert (recipe.train.time, recipe.train.epochs) == ("9m", None)


async def test_what_is_typed_ahead_goes_to_its_own_field_and_counts() -> None:
    """As from a slow line, which brings all of it at once."""
    stage = Stage(form())
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        typed = ["right", "down", "down", "5", "6", "down", "x", "backspace", "up", "ctrl+u"]
        for key in [*typed, "3", "4", "f5"]:
            stage.post_message(events.Key(key, key if len(key) == 1 else None))
        for _ in range(5):
            await pilot.pause()
    [edited] = stage.answers
    assert edited.launch.recipe().model.label == "resnet34"  # type: ignore[attr-defined]


async def test_words_are_taken_by_arrows_letters_and_the_mouse() -> None:
    stage = Stage(form())
    async with stage.run_test(size=(80, 24)) as pilot:
        await edit(pilot, "model.name", "right", "right")
        assert line_of(stage, "name").split()[2] == "speednet"
        await pilot.press("left", "left", "left")
        await pilot.pause()
        assert line_of(stage, "name").split()[2] == "torchvision"
        assert footnote(stage).startswith("model.name: ")
        assert "! torchvision has many; name one" in line_of(stage, "architecture")
        await pilot.press("s")
        await pilot.pause()
        assert line_of(stage, "name").split()[1] == "shallow", "as it was"
        await pilot.click(Chooser)
        await pilot.pause()
        await pilot.click(OptionList, offset=(3, 2))
        await pilot.pause()
        assert line_of(stage, "name").split()[2] == "resnet"


async def test_from_the_picker_and_back_nothing_typed_is_lost_and_it_starts() -> None:
    stage = Stage(PickerScreen(Launch(None, Path("runs")), []))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+e")
        await pilot.pause()
        await edit(pilot, "data.batch_size", "6", "4")
        await pilot.press("escape")
        await pilot.pause()
        assert "pick an experiment" in text(stage)
        assert "32, augmented by" in text(stage), "Enter would start it as it is"
        await pilot.press("f4")
        await pilot.pause()
        assert line_of(stage, "batch_size").split()[:3] == ["*", "batch_size", "64"]
        await pilot.press("ctrl+r")
        await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.preset == "demo"
    assert heard.launch.recipe().data.batch_size == 64


async def test_saved_as_a_preset_it_is_listed_and_replaced_only_when_asked_twice() -> None:
    stage = Stage(PickerScreen(Launch(None, Path("runs"), settings={"train.epochs": 9}), []))
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+e")
        await pilot.pause()
        await edit(pilot, "train.lr", *"0.25")
        await pilot.press("ctrl+s")
        await pilot.pause()
        await pilot.press(*"demo", "enter")
        await pilot.pause()
        assert "demo is built in" in text(stage)
        await pilot.press("ctrl+u", *"mine", "enter", "enter")
        await pilot.pause()
        assert preset.find("mine").about == "demo with lr 0.25"
        saved = preset.find("mine").resolve()
        assert (saved.train.lr, saved.train.epochs) == (0.25, 9)
        assert "mine   0 changed" in text(stage)

        await edit(pilot, "train.lr", *"0.75")
        await pilot.press("ctrl+s", "enter", "enter")
        await pilot.pause()
        assert "Replace your preset mine?" in text(stage)
        await pilot.press("k")
        await pilot.pause()
        assert preset.find("mine").resolve().train.lr == 0.25
        await pilot.press("ctrl+s", "enter", "enter", "r")
        await pilot.pause()
        assert preset.find("mine").resolve().train.lr == 0.75
        await pilot.press("escape")
        await pilot.pause()
        await pilot.pause()
        assert "> mine (own)" in text(stage)
        await pilot.press("enter")
        await pilot.pause()
    [heard] = stage.heard
    assert isinstance(heard, Picked)
    assert heard.launch.preset == "mine"


async def test_a_network_from_code_keeps_its_place_and_is_no_preset(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("raise SystemExit('imported')")
    asked = Launch("demo", Path("runs"), model_code=parse_model(f"{file}:Net").code)
    stage = Stage(form(asked))
    async with stage.run_test(size=(120, 40), notifications=True) as pilot:
        await edit(pilot, "train.lr", *"0.5")
        assert "net.py:Net, from code" in text(stage)
        assert not line_of(stage, "kernels")
        await pilot.press("ctrl+s")
        await pilot.pause(0.2)
        assert "A preset is data" in text(stage)
        await pilot.press("ctrl+r")
        await pilot.pause()
    [edited] = stage.answers
    recipe = edited.launch.recipe()  # type: ignore[attr-defined]
    assert recipe.model.label == "net.py:Net"
    assert recipe.train.lr == 0.5
