"""Try-outs from the picker: one at a time, and what is known from this and earlier ones."""

from cnntop.core.recipe import Recipe
from cnntop.core.tryout import TRYOUT_SECONDS, Refused, Told, Tryout, remember, remembered
from cnntop.tui.tryout_child import TryoutChild


class Tryouts:
    """Named as the presets are. `begin` starts one, `poll` goes along with it."""

    def __init__(self) -> None:
        self._child: TryoutChild | None = None
        self._name, self._doing = "", ""
        self._recipe: Recipe | None = None
        self._refused: dict[str, str] = {}

    @property
    def under_way(self) -> bool:
        return self._child is not None

    @property
    def process_id(self) -> int | None:
        return None if self._child is None else self._child.process_id

    def begin(self, name: str, recipe: Recipe, model: str) -> None:
        """`model` is as in `Request`. Raises UsageError, OSError."""
        self.end()
        self._child = TryoutChild(recipe, model, TRYOUT_SECONDS)
        self._name, self._recipe, self._doing = name, recipe, "importing torch"
        self._refused.pop(name, None)

    def poll(self) -> bool:
        """Whether there is anything new to show."""
        said = None if self._child is None else self._child.poll()
        match said:
            case Told(doing):
                self._doing = doing
            case Refused(message):
                self._refused[self._name] = message
                self.end()
            case Tryout():
                assert self._recipe is not None
                remember(self._recipe, said)
                self.end()
        return said is not None

    def end(self) -> None:
        """Also one that is not done."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def doing(self, name: str) -> str:
        """What one does that is under way, as told on the page of the preset `name`."""
        if self._child is None:
            return ""
        return self._doing if name == self._name else f"{self._name}: {self._doing}"

    def refused(self, name: str) -> str:
        """Why the last one of `name` came to nothing, or ""."""
        return self._refused.get(name, "")

    def result(self, recipe: Recipe) -> Tryout | None:
        """Of the last one of this recipe on this machine, also of another day."""
        return remembered(recipe)
