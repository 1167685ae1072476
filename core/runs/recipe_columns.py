"""A run's recipe as columns, named as `--set` names its keys: `train.label_smoothing`.

summary.csv has the most telling of them only, and of some what became of them on the machine
(`augment_on`, `precision`).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args

from cnntop.core.errors import UsageError
from cnntop.core.runs.folder import RunInfo
from cnntop.core.runs.summary import Row, cell
from cnntop.core.sections import SECTIONS, Section
from cnntop.core.text import nearest, printable

RECIPE_COLUMNS = tuple(
    f"{section}.{key}" for section, struct in SECTIONS.items() for key in struct.__struct_fields__
)
RECIPE_TEXT = frozenset(
    f"{section}.{key}"
    for section, struct in SECTIONS.items()
    for key, kind in struct.__annotations__.items()
    if not {int, float} & {kind, *get_args(kind)}
)
"""Those of text; the others have numbers."""

_SAME = (
    "data.dataset", "data.batch_size", "data.augment", "train.lr", "train.momentum",
    "train.weight_decay", "train.schedule", "train.passes", "train.evaluate_every", "train.seed",
)  # fmt: skip
SUMMARY_COLUMN = {
    **{path: path.partition(".")[2] for path in _SAME},
    **dict.fromkeys(("model.name", "model.kernels", "model.depth"), "model"),
    "data.augment_on": "augment_on",
    "machine.precision": "precision",
    "machine.device": "device_name",
    "machine.threads": "threads",
}
"""Where summary.csv tells what a recipe's key says, or what it led to."""

OF_RECIPE = frozenset((*RECIPE_COLUMNS, "model", *(path.partition(".")[2] for path in _SAME)))
"""All columns that are the same in runs of the same recipe."""

PLACE = {"data.dir", "data.workers", "machine.device", "machine.threads"}
"""Where a run ran, rather than what it was; the folder counts where it is the dataset."""


def recipe_row(row: Row, info: RunInfo | None) -> Row:
    """`RECIPE_COLUMNS` of the run with that `row`, as far as the row tells where its run.json
    cannot be read. `model.name` is empty then, and only then."""
    if info is None:
        return {
            path: row[path.partition(".")[2]] if path in _SAME else "" for path in RECIPE_COLUMNS
        }
    found: Row = {}
    for section in SECTIONS:
        found |= _cells(section, getattr(info.recipe, section))
    if row["extended"]:
        limit = "train.epochs" if found["train.epochs"] else "train.time"
        found[limit] = row["extended"].rpartition("-> ")[2]
    if found["train.epochs"] and row["status"] == "finished":
        found["train.epochs"] = row["epochs"]  # it may have gone on for longer than it began for
    return found


def same_recipe(over: Sequence[str], row: Mapping[str, str]) -> tuple[str, ...]:
    """What runs have in common that differ at most in the columns `over` and in where they ran.
    `row` has `RECIPE_COLUMNS`."""
    # A folder that is the dataset is more than a place.
    place = PLACE - {"data.dir"} if row["data.dataset"] == "folder" else PLACE
    left_out = place.union(over)
    known = tuple(row[path] for path in RECIPE_COLUMNS if path not in left_out)
    # What a person did to the rate while it trained is in no recipe.
    known = (*known, row.get("rate_changes", ""))
    # The label stands for the whole model where run.json cannot be read.
    return known if row["model.name"] else (row["model"], *known)


def recipe_paths(names: str, option: str) -> list[str]:
    """The recipe's columns that "seed,lr" or "train.seed,model" means; `option` opens every
    complaint. Raises UsageError for one there is none of."""
    keys = {path.partition(".")[2] for path in RECIPE_COLUMNS}
    found: list[str] = []
    for name in filter(None, (name.strip() for name in names.split(","))):
        paths = [p for p in RECIPE_COLUMNS if name in (p, p.partition(".")[2], p.partition(".")[0])]
        if not paths:
            hint = nearest(name, sorted(keys))
            raise UsageError(f"{option}: {printable(name)!r} is no key of a recipe. {hint}")
        found += paths
    if not found:
        raise UsageError(f"{option} names no key of a recipe; write {option} seed.")
    return list(dict.fromkeys(found))


@cache
def _cells(name: str, section: Section) -> Row:
    """Thousands of runs have few different sections."""
    keys = section.__struct_fields__
    return {f"{name}.{key}": printable(_cell(getattr(section, key))) for key in keys}


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return "+".join(value)
    return str(value).lower() if isinstance(value, bool) else cell(value)
