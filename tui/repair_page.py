"""`cnntop repair` and `cnntop gc`: what they look at, as lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cnntop.core.errors import UsageError
from cnntop.core.runs.folder import run_folders
from cnntop.core.runs.removal import remove_run
from cnntop.core.runs.repair import Finding, named_runs, repair_all, size_bytes
from cnntop.core.text import printable
from cnntop.tui.format import bytes_size


def repair(runs_dir: Path, wanted: Sequence[str]) -> Iterator[Finding]:
    """Repairs the runs that are wanted, all by default, and their summary.csv."""
    folders = named_runs(runs_dir, wanted) if wanted else run_folders(runs_dir)
    return repair_all(runs_dir, folders)


def finding_line(finding: Finding) -> str:
    return printable(f"{finding.where}: {finding.text}.")


def gc(runs_dir: Path, wanted: Sequence[str], yes: bool) -> Iterator[Finding]:
    """Removes the runs that are wanted, or only says what it would remove. Raises UsageError."""
    if not wanted:
        raise UsageError("name the runs to remove; `cnntop compare` lists them.")
    for folder in named_runs(runs_dir, wanted):
        path, size = str(folder.path), bytes_size(size_bytes(folder))
        if folder.is_alive() or (yes and not remove_run(folder)):
            yield Finding(path, f"{path} is running; it stays", right=False)
        else:
            yield Finding(path, f"{'removed' if yes else 'would remove'} {path}, {size}")
