"""Finding runs by what a person calls them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cnntop.core.errors import UsageError
from cnntop.core.runs.folder import RUN_FILE, RunFolder, run_folders
from cnntop.core.runs.summary import Row
from cnntop.core.text import nearest, printable


def select(rows: Sequence[Row], wanted: str) -> list[Row]:
    """The rows that `wanted` names: a run's id, a name (all runs of that name), a prefix of an id
    or name that only one run has, or "last", the newest. Raises UsageError for none or for an
    ambiguous prefix.
    """
    for column in ("run", "name"):
        exact = [row for row in rows if row[column] == wanted]
        if exact:
            return exact
    if wanted == "last" and rows:
        return [max(rows, key=lambda row: row["run"])]
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


def find_run(runs_dir: Path, wanted: str) -> RunFolder:
    """The folder of one run: "last" is the newest of `runs_dir`, a path leads to a folder itself,
    anything else is as in `select`. Raises UsageError."""
    if (Path(wanted) / RUN_FILE).is_file():
        return RunFolder(Path(wanted))
    folders = run_folders(runs_dir)
    if wanted == "last":
        if not folders:
            raise UsageError(f"there are no runs in {printable(str(runs_dir))} yet.")
        return folders[-1]
    found = select(names_of(folders), wanted)
    if len(found) > 1:
        raise UsageError(
            f"{printable(wanted)!r} is the name of {len(found)} runs; give one's id: "
            f"{', '.join(row['run'] for row in found[-4:])}."
        )
    return RunFolder(runs_dir / found[0]["run"])


def names_of(folders: Iterable[RunFolder]) -> list[Row]:
    """Ids and names of the runs in `folders`, for `select`, from the folders alone."""
    rows = []
    for folder in folders:
        info = folder.read_info()
        rows.append({"run": folder.path.name, "name": "" if info is None else info.name})
    return rows


def _hint(wanted: str, names: list[str]) -> str:
    hint = nearest(wanted, dict.fromkeys(names))
    return hint if hint.startswith("Did") else "`cnntop compare` lists them."
