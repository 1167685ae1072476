"""The preset picker: what there is, what each one is, and what is known of it on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from cnntop.core import preset as presets
from cnntop.core.datasets import CATALOGUE, is_here
from cnntop.core.errors import CnntopError
from cnntop.core.machine.identity import host_name
from cnntop.core.network_size import recipe_size
from cnntop.core.recipe import Data, Model, Recipe
from cnntop.core.runs.summary import Row
from cnntop.core.text import printable
from cnntop.tui.format import bytes_size, clock, columns, network_figures, percent
from cnntop.tui.launch import Launch
from cnntop.tui.widgets.too_small import TooSmall

HEADLINE = "cnntop   pick an experiment: arrows move, Enter starts it"


class Picked(Message):
    """A preset was chosen, and its recipe is in order."""

    def __init__(self, launch: Launch) -> None:
        super().__init__()
        self.launch = launch


class PickerScreen(Screen[None]):
    """The list at the left, the preset under the cursor at the right; posts `Picked`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "app.quit", "Quit"),
        Binding("escape,ctrl+c", "app.quit", show=False, priority=True),
    ]

    def __init__(self, launch: Launch, rows: Sequence[Row]) -> None:
        super().__init__()
        self._launch = launch
        self._rows = rows

    def compose(self) -> ComposeResult:
        yield Static(HEADLINE, id="headline", markup=False)
        with Horizontal(id="picker"):
            yield OptionList(
                *(Option(Content(printable(name)), id=name) for name in presets.names())
            )
            with VerticalScroll(id="details", can_focus=False):
                yield Static(id="about", markup=False)
        yield TooSmall("q quits.")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        name = event.option_id
        assert name is not None
        try:
            text = _page(self._launch.with_preset(name), self._rows)
        except CnntopError as error:
            text = f"{printable(name)}\n\nCannot be used: {error}"
        self.query_one("#about", Static).update(Content(text))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        assert event.option_id is not None
        launch = self._launch.with_preset(event.option_id)
        try:
            launch.recipe()
        except CnntopError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.post_message(Picked(launch))


def _page(launch: Launch, rows: Sequence[Row]) -> str:
    assert launch.preset is not None
    preset, recipe = presets.find(launch.preset), launch.recipe()
    train, data = recipe.train, recipe.data
    limit = train.time if train.epochs is None else f"{train.epochs} epochs"
    earlier = [row for row in rows if _same_experiment(row, recipe)]
    facts = [
        ("model", _model_words(recipe.model)),
        *([("size", network_figures(size))] if (size := recipe_size(recipe)) else []),
        ("data", _dataset_line(data)),
        ("batch", f"{data.batch_size}, augmented by {', '.join(data.augment) or 'nothing'}"),
        ("runs for", f"{limit}"),
        ("rate", f"{train.lr:g}, {train.schedule}, momentum {train.momentum:g}"),
    ]
    if train.epochs is not None:
        facts.append(("takes", _expected_time(train.epochs, earlier)))
    facts.append(("best here", _best(earlier)))
    return "\n".join([preset.about, "", *columns(facts, indent="")])


def _model_words(model: Model) -> str:
    if model.kernels is not None:
        return f"{model.name}, {model.kernels} kernels"
    return model.label if model.depth is None else f"{model.name}, {model.depth} layers"


def _dataset_line(data: Data) -> str:
    if data.dataset == "folder":
        return f"folder {data.dir}" + ("" if is_here("folder", data.dir) else " (not there)")
    info = CATALOGUE[data.dataset]
    if data.dataset == "shapes":
        return "shapes, generated (nothing to download)"
    if is_here(data.dataset, data.dir):
        return f"{data.dataset} (here)"
    return f"{data.dataset} (not here: {bytes_size(info.download_bytes)} to download)"


def _same_experiment(row: Row, recipe: Recipe) -> bool:
    return (
        row["dataset"] == _dataset_name(recipe.data)
        and row["model"] == recipe.model.label
        and row["batch_size"] == str(recipe.data.batch_size)
        and row["host"] == host_name()
    )


def _dataset_name(data: Data) -> str:
    """The dataset as rows of the summary call it."""
    return (
        f"folder:{Path(data.dir).name}" if data.dir and data.dataset == "folder" else data.dataset
    )


def _number(text: str) -> float | None:
    """A cell of the summary as a number; None for an empty or a foreign one."""
    try:
        return float(text)
    except ValueError:
        return None


def _expected_time(epochs: int, earlier: Sequence[Row]) -> str:
    """Epochs times the mean epoch of the newest earlier run that finished one."""
    cells = (_number(row["epoch_seconds"]) for row in earlier)
    measured = [seconds for seconds in cells if seconds is not None]
    if not measured:
        return "not known yet: no earlier run here"
    return f"about {clock(measured[-1] * epochs)}, as in the newest earlier run"


def _best(earlier: Sequence[Row]) -> str:
    cells = ((_number(row["best_test_accuracy"]), row) for row in earlier)
    scored = [(accuracy, row) for accuracy, row in cells if accuracy is not None]
    if not scored:
        return "no earlier run"
    accuracy, row = max(scored, key=lambda pair: pair[0])
    return f"{percent(accuracy, 2)} ({row['name']}, {row['run'][:8]})"
