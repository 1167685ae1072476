"""The picker and its form."""

from pathlib import Path

from textual.pilot import Pilot

from cnntop.core import preset
from cnntop.core.machine.identity import host_name
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.tui.launch import Launch
from cnntop.tui.screens.picker import PickerScreen
from cnntop.tui.screens.recipe_form import RecipeForm, draft_of
from tests.tui.scenes.scene import Act, Scene, keys, press
from tests.tui.stage import Stage
from tests.tui.test_recipe_form import edit

OWN = "# {0} thing\n[model]\nkernels = 2\n[data]\ndataset = 'shapes'\n[train]\nepochs = 1\n"


def row(**values: str) -> Row:
    """Of a run of the preset demo on this machine, whose name no picture shows."""
    known = {
        "dataset": "shapes", "model": "shallow32", "batch_size": "32", "name": "early",
        "host": host_name(),
    }  # fmt: skip
    return dict.fromkeys(COLUMNS, "") | known | values


def earlier() -> list[Row]:
    memory = {"process_memory_peak_bytes": "812000000", "seconds": "100"}
    return [
        row(run="20260101-100000-a-01", epoch_seconds="9", best_test_accuracy="0.5", seconds="90"),
        row(run="20260102-100000-b-02", epoch_seconds="4", best_test_accuracy="0.7512",
            name="a rather long name of a run", **memory),
        row(run="20260103-100000-c-03", epoch_seconds="6", status="diverged", seconds="61"),
        row(run="20260104-100000-d-04", epoch_seconds="5", best_test_accuracy="0.71", seconds="75"),
    ]  # fmt: skip


def picker(*rows: Row, **settings: object) -> PickerScreen:
    changed = {key.replace("__", "."): value for key, value in settings.items()}
    return PickerScreen(Launch(None, Path("runs"), settings=changed), rows)


def with_own() -> PickerScreen:
    """A usable one and one that is not."""
    folder = preset.own_folder()
    folder.mkdir(parents=True)
    (folder / "zebra.toml").write_text(OWN.format("A striped"))
    (folder / "aaa.toml").write_text("[train]\nepochs = 'x[/y]'\n")
    return picker()


def form() -> RecipeForm:
    launch = Launch("demo", Path("runs"))
    return RecipeForm(launch, draft_of(launch))


def edited(*fields: tuple[str, str], then: tuple[str, ...] = ()) -> Act:
    """Type into the form's fields, then press keys."""

    async def act(_stage: Stage, pilot: Pilot[None]) -> None:
        for path, typed in fields:
            await edit(pilot, path, *typed)
        await press(pilot, *then)

    return act


SCENES = {
    "picker-earlier": Scene(lambda: picker(*earlier())),
    "picker-filtered": Scene(picker, keys(*"cifar100")),
    "picker-nothing": Scene(picker, keys(*"quiet")),
    "picker-own": Scene(with_own, keys("down")),
    "picker-unusable": Scene(with_own),
    "picker-download": Scene(lambda: picker(data__dataset="cifar10")),
    "picker-page": Scene(lambda: picker(*earlier()), keys("tab")),
    "picker-help": Scene(picker, keys("question_mark")),
    "form-wrong": Scene(form, edited(("train.lr", "0.5"), ("train.momentum", "1.5"))),
    "form-words": Scene(form, keys("enter")),
    "form-save": Scene(form, edited(("train.lr", "0.25"), then=("ctrl+s",))),
    "form-save-taken": Scene(form, edited(("train.lr", "0.25"), then=("ctrl+s", *"demo"))),
}
