"""Going on with a run: what its folder knows of it, and what may be different now."""

from dataclasses import dataclass
from typing import Any

import msgspec

from cnntop.core.errors import UsageError
from cnntop.core.events import RunEnded
from cnntop.core.recipe import Recipe, Tree, from_code, override, resolve
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder, RunInfo
from cnntop.core.runs.log import read_log
from cnntop.core.text import printable

MAY_CHANGE = ("train.epochs", "train.time")


@dataclass(frozen=True)
class Resumption:
    """An earlier run, as its folder has it. `state` is its folded log; the next record has the
    number `next_seq` and comes at `at_seconds` or later on the stream's clock."""

    folder: RunFolder
    info: RunInfo
    state: RunState
    next_seq: int
    at_seconds: float

    @classmethod
    def of(cls, folder: RunFolder) -> "Resumption":
        """Raises UsageError for a run that is alive or no run at all, DamagedLogError."""
        info = folder.read_info()
        if info is None:
            raise UsageError(f"{printable(str(folder.path))} is no run folder: no run.json in it.")
        if folder.is_alive():
            raise UsageError(f"run {info.run} is still running; `cnntop watch` shows it.")
        state, next_seq, at_seconds = RunState(), 0, 0.0
        for record in read_log(folder.events):
            state.apply(record)
            next_seq, at_seconds = record.seq + 1, record.at_seconds
        return cls(folder, info, state, next_seq, at_seconds)

    def recipe(self, settings: dict[str, Any], model: str | None = None) -> Recipe:
        """The run's recipe, as long as was planned last, with `settings` ("section.key" -> value)
        laid over it. `model` is what the command line has for a network from code.

        Raises UsageError if they change more than how long it trains, if there is nothing left to
        train, or if the run's network is code which nobody has named; RecipeError.
        """
        earlier = self._planned()
        tree = _tree(earlier)
        if earlier.model.name == "code":
            if model is None:
                raise UsageError(
                    f"run {self.info.run} trains a network from code, which is only imported when "
                    f"it is named: add --model {printable(str(earlier.model.architecture))}"
                )
            del tree["model"]  # no recipe may have it
        recipe = resolve(override(tree, settings), f"run {self.info.run}")
        if model is not None:
            recipe = from_code(recipe, printable(model))
        if changes := _changes(earlier, recipe):
            raise UsageError(
                f"run {self.info.run} cannot go on with another recipe: {'; '.join(changes)}. "
                "Only --epochs and --time may change; start a new run for the rest."
            )
        ended = self.state.ended
        if isinstance(ended, RunEnded) and ended.status == "finished" and recipe == earlier:
            raise UsageError(
                f"run {self.info.run} has finished. Give it longer with --epochs or --time."
            )
        return recipe

    def _planned(self) -> Recipe:
        """The run's recipe, with the length that a person gave it since."""
        recipe, started = self.info.recipe, self.state.started
        if started is None:
            return recipe
        time, seconds = recipe.train.time, started.time_limit_seconds
        if seconds != recipe.train.time_limit_seconds:
            time = None if seconds is None else f"{seconds!r}s"
        train = msgspec.structs.replace(recipe.train, epochs=started.epochs_planned, time=time)
        return msgspec.structs.replace(recipe, train=train)


def _tree(recipe: Recipe) -> Tree:
    tree: Tree = msgspec.to_builtins(recipe)
    return {
        section: {key: value for key, value in values.items() if value is not None}
        for section, values in tree.items()
    }


def _changes(before: Recipe, after: Recipe) -> list[str]:
    old, new = _tree(before), _tree(after)
    paths = sorted({f"{s}.{key}" for tree in (old, new) for s in tree for key in tree[s]})
    found = []
    for path in paths:
        section, key = path.split(".")
        was, now = old[section].get(key), new[section].get(key)
        if was != now and path not in MAY_CHANGE:
            found.append(f"{path} was {was}, now {now}")
    return found
