"""Finding runs by what a person calls them."""

from collections.abc import Sequence

from cnntop.core.errors import UsageError
from cnntop.core.runs.summary import Row
from cnntop.core.text import nearest, printable


def select(rows: Sequence[Row], wanted: str) -> list[Row]:
    """The rows that `wanted` names: a run's id, a name (all runs of that name), or a prefix of an
    id or name that only one run has. Raises UsageError for none or for an ambiguous prefix.
    """
    for column in ("run", "name"):
        exact = [row for row in rows if row[column] == wanted]
        if exact:
            return exact
    found = [row for row in rows if row["run"].startswith(wanted) or row["name"].startswith(wanted)]
    if len(found) == 1:
        return found
    if found:
        some = ", ".join(printable(row["run"]) for row in found[:4]) + (
            ", ..." if len(found) > 4 else ""
        )
        raise UsageError(
            f"{printable(wanted)!r} could be any of {len(found)} runs: {printable(some)}. "
            "Write more of it."
        )
    if not rows:
        raise UsageError(f"no run {printable(wanted)!r}: there are no runs in this folder yet.")
    names = [row["name"] for row in rows] + [row["run"] for row in rows]
    raise UsageError(f"no run {printable(wanted)!r}. {_hint(wanted, names)}")


def _hint(wanted: str, names: list[str]) -> str:
    hint = nearest(wanted, dict.fromkeys(names))
    return hint if hint.startswith("Did") else "`cnntop compare` lists them."
