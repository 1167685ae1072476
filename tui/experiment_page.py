"""The page beside the picker's list: what an experiment is, what it would take here, and what it
came to before."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from cnntop.core.analysis.profile import Profile
from cnntop.core.datasets import CATALOGUE, is_here
from cnntop.core.expected import Expected, earlier_runs, expected, number, run_date
from cnntop.core.network_size import recipe_size
from cnntop.core.recipe import Data, Model, Recipe, enlarged
from cnntop.core.recipe_draft import value_text
from cnntop.core.runs.summary import Row
from cnntop.core.sections import SECTIONS
from cnntop.core.text import printable
from cnntop.core.tryout import Tryout
from cnntop.tui.choices import Choice
from cnntop.tui.format import bytes_size, clock, duration, network_figures, percent, rate
from cnntop.tui.widgets.panel import FAINT

EARLIER_RUNS = 5
_LABEL_WIDTH = 8
_SAID = {
    "model.name", "model.kernels", "model.depth", "model.architecture", "data.dataset", "data.dir",
    "data.batch_size", "data.augment", "train.epochs", "train.time", "train.lr", "train.momentum",
    "train.weight_decay", "train.schedule",
}  # fmt: skip
"""Keys that have a line of their own."""


@dataclass(frozen=True)
class Known:
    """What is known of an experiment on this machine. `rows` are all runs, oldest first; `doing`
    says how far a try-out is that is under way, `refused` why the last one came to nothing."""

    rows: Sequence[Row]
    tryout: Tryout | None = None
    profile: Profile | None = None
    doing: str = ""
    refused: str = ""


def experiment_page(choice: Choice, known: Known, width: int) -> Content:
    """Lines of at most `width` cells."""
    width = max(width, 2 * _LABEL_WIDTH)
    name = printable(choice.name) + ("   (your own)" if choice.own else "")
    lines = [_heading(name), *map(Content, _wrapped(choice.about, width)), Content()]
    if choice.recipe is None:
        said = _wrapped(f"Cannot be used: {choice.error}", width)
        return Content("\n").join([*lines, *map(Content, said)])
    recipe = enlarged(choice.recipe)  # as a run would train it
    earlier = earlier_runs(known.rows, recipe)
    lines += _facts(_recipe_facts(recipe), width)
    lines += [Content(), _heading("On this machine")]
    lines += _facts(_here(recipe, earlier, known), width)
    first, *rest = _results(earlier, width)
    lines += [Content(), _heading(first), *map(Content, rest)]
    return Content("\n").join(lines)


def _heading(text: str) -> Content:
    return Content.styled(text, "bold")


def _facts(pairs: Sequence[tuple[str, str]], width: int) -> list[Content]:
    """Label and text side by side; the text's further lines below its first."""
    lines = []
    for label, text in pairs:
        first, *rest = _wrapped(text, width - _LABEL_WIDTH) or [""]
        lines.append(Content.assemble((f"{label:<{_LABEL_WIDTH}}", FAINT), first))
        lines += [Content(" " * _LABEL_WIDTH + line) for line in rest]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _recipe_facts(recipe: Recipe) -> list[tuple[str, str]]:
    train, data = recipe.train, recipe.data
    limit = train.time if train.epochs is None else _epochs(train.epochs)
    size = recipe_size(recipe)
    facts = [("model", model_words(recipe.model))]
    if size is not None:
        facts.append(("size", network_figures(size)))
    facts += [
        ("data", dataset_words(data)),
        ("batch", f"{data.batch_size}, augmented by {', '.join(data.augment) or 'nothing'}"),
        ("length", f"{limit}"),
        (
            "rate",
            f"{train.lr:g}, {train.schedule}, momentum {train.momentum:g}, "
            f"weight decay {train.weight_decay:g}",
        ),
    ]
    if also := _others(recipe):
        facts.append(("also", also))
    return facts


def _others(recipe: Recipe) -> str:
    """Keys beyond those above whose value is not what holds without them."""
    found = []
    for section, struct in SECTIONS.items():
        usual, own = struct(), getattr(recipe, section)
        for key in struct.__struct_fields__:
            value = getattr(own, key)
            if f"{section}.{key}" not in _SAID and value != getattr(usual, key):
                found.append(f"{key} {value_text(value)}")
    return ", ".join(found)


def model_words(model: Model) -> str:
    if model.kernels is not None:
        return f"{model.name}, {model.kernels} kernels"
    return model.label if model.depth is None else f"{model.name}, {model.depth} layers"


def dataset_words(data: Data) -> str:
    """What it is, and whether it is here."""
    if data.dataset == "folder":
        return f"folder {printable(str(data.dir))}" + (
            "" if is_here("folder", data.dir) else " (not there)"
        )
    if data.dataset == "shapes":
        return "shapes, generated (nothing to download)"
    if is_here(data.dataset, data.dir):
        return f"{data.dataset} (here)"
    size = bytes_size(CATALOGUE[data.dataset].download_bytes)
    return f"{data.dataset} (not here: {size} to download)"


def _here(recipe: Recipe, earlier: Sequence[Row], known: Known) -> list[tuple[str, str]]:
    found = expected(recipe, earlier, known.tryout, known.profile)
    facts = []
    if found.epoch_seconds is None:
        facts.append(("epoch", "not known: Ctrl-T tries it for five seconds"))
    else:
        facts.append(("epoch", f"{duration(found.epoch_seconds)} ({found.epoch_source})"))
        facts.append(("whole", _whole(recipe, found)))
    facts.append(("memory", _memory(found)))
    if known.doing:
        facts.append(("trying", f"{known.doing} ... (Ctrl-T ends it)"))
    elif known.refused:
        facts.append(("tried", known.refused))
    elif known.tryout is not None:
        facts.append(("tried", _tried(known.tryout)))
    return facts


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' * (count != 1)}"


def _whole(recipe: Recipe, found: Expected) -> str:
    epochs, seconds = found.epochs(recipe), found.total_seconds(recipe)
    if recipe.train.epochs is not None:
        return f"about {clock(seconds)} for {_epochs(recipe.train.epochs)}"
    return f"about {epochs:.3g} epochs in {clock(seconds)}"


def _memory(found: Expected) -> str:
    parts = []
    if found.process_memory_bytes is not None:
        parts.append(f"{bytes_size(found.process_memory_bytes)} at most")
    if found.gpu_memory_bytes is not None:
        parts.append(f"{bytes_size(found.gpu_memory_bytes)} on the GPU")
    return f"{', '.join(parts)} ({found.memory_source})" if parts else "not known"


def _tried(tryout: Tryout) -> str:
    where = " in the place of the dataset, which is not here" if tryout.stand_in else ""
    return (
        f"{duration(tryout.step_seconds)} a step, {rate(tryout.images_per_second)} images/s, "
        f"{tryout.tried_utc[:10]}, on {printable(tryout.images)}{where}, "
        f"{printable(tryout.device_name)}"
    )


def _results(earlier: Sequence[Row], width: int) -> list[str]:
    """The newest runs of the same experiment here, and the best of all."""
    if not earlier:
        return ["No earlier run here"]
    count = f"{len(earlier)} earlier run{'s' * (len(earlier) > 1)} here"
    scored = [(score, row) for row in earlier
              if (score := number(row["best_test_accuracy"])) is not None]  # fmt: skip
    if scored:
        accuracy, row = max(scored, key=lambda pair: pair[0])
        count += f", best {percent(accuracy, 2)} ({row['name']}, {run_date(row)})"
    lines = _wrapped(count, width)
    for row in list(reversed(earlier))[:EARLIER_RUNS]:
        accuracy_text = percent(number(row["best_test_accuracy"]), 2)
        took = clock(number(row["seconds"]))
        line = f"{run_date(row)}  {accuracy_text:>8}  {took:>8}  {row['status']:<11}  {row['name']}"
        lines.append(line if len(line) <= width else line[: width - 1] + "…")
    return lines
