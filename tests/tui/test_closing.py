"""What stays in the terminal: the curves as a small picture, the ghost, the run, the command."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cnntop.core.events import CheckpointSaved, RunEnded, Status
from cnntop.core.runs.folder import RunFolder
from cnntop.core.session import RunHandle
from cnntop.tui.closing import closing_lines
from cnntop.tui.curve_picture import MOST_COLUMNS, ROWS, Pictured, picture
from cnntop.tui.format import percent
from cnntop.tui.ghost_race import HIDDEN, GhostRace
from tests.kept_runs import keep_run
from tests.tui import story

RISING = [(float(epoch), epoch / (epoch + 4)) for epoch in range(1, 21)]


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of a usual size, whatever the one is that the tests are run in."""
    monkeypatch.setenv("LINES", "40")
    monkeypatch.setenv("COLUMNS", "100")


def closing(
    runs_dir: Path, epochs: int = 6, race: GhostRace | None = None, status: Status = "finished"
) -> list[str]:
    """The last lines of a run of the story."""
    saved = CheckpointSaved("checkpoint/last.pt", epochs, 0.5)
    state = story.told(story.STARTED, *story.epochs(epochs), saved, RunEnded(status, "", 24.0))
    handle = SimpleNamespace(folder=RunFolder(runs_dir / story.STARTED.run))
    return closing_lines(cast(RunHandle, handle), state, race)


def test_the_picture_stands_between_the_figures_and_the_path(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {"data.dataset": "shapes"}, reached=[(1.0, 0.5)])
    lines = closing(tmp_path)
    labels = [line.split()[0] if line.split() else "" for line in lines]
    assert labels[-3:] == ["ghost", "run", "compare"]
    at = next(place for place, line in enumerate(lines) if "test accuracy" in line) - ROWS
    assert labels.index("verdict") < at < labels.index("ghost")
    drawn = lines[at : at + ROWS]
    assert all(any("\u2800" < sign <= "\u28ff" for sign in line) for line in (drawn[0], drawn[-1]))
    assert drawn[0].split()[:2] == ["58.0", "%"]
    assert drawn[-1].split()[:2] == ["18.0", "%"]
    axis = lines[at + ROWS]
    assert " ".join(axis.split()) == "0 test accuracy epoch 6 0 train loss epoch 6"
    assert all(len(line) <= MOST_COLUMNS for line in [*drawn, axis])
    told = lines[-3].split(maxsplit=1)[1]
    assert told.startswith("8.00 points above the best earlier run shallow32 (50.00 %), 2026")


def test_a_run_that_can_go_on_says_how(tmp_path: Path) -> None:
    where = tmp_path / story.STARTED.run
    for status in ("interrupted", "stopped", "failed"):
        assert f"  go on    cnntop run --resume {where}" in closing(tmp_path, status=status)
    for status in ("finished", "diverged"):
        assert "--resume" not in "\n".join(closing(tmp_path, status=status))


def test_on_a_terminal_lines_break_between_words_and_what_is_copied_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = closing(tmp_path, status="stopped")
    monkeypatch.setattr("cnntop.tui.closing.is_terminal", lambda _stream: True)
    monkeypatch.setenv("COLUMNS", "60")
    broken = closing(tmp_path, status="stopped")
    ends = [f"cnntop run --resume {tmp_path / story.STARTED.run}", f"--runs-dir {tmp_path}"]
    for line in broken:
        assert len(line) <= 60 or line.endswith(tuple(ends)) or line.startswith("  run "), line
    assert len(broken) > len(whole)
    [at] = [place for place, line in enumerate(broken) if line.startswith("  verdict  ")]
    assert broken[at + 1].startswith(" " * 11)
    for end in ends:
        assert any(line.endswith(end) for line in broken)


def test_without_two_evaluations_there_is_no_picture(tmp_path: Path) -> None:
    assert not [line for line in closing(tmp_path, epochs=1) if "test accuracy" in line]


def test_a_ghost_that_was_hidden_is_not_told_of(tmp_path: Path) -> None:
    keep_run(tmp_path, 1, {"data.dataset": "shapes"}, reached=[(1.0, 0.5)])
    race = GhostRace(tmp_path)
    race.choose(HIDDEN)
    assert not [line for line in closing(tmp_path, race=race) if line.startswith("  ghost")]


@pytest.mark.parametrize("columns", [10, 34, 35, 50, 72, 300])
@pytest.mark.parametrize("plain", [False, True])
def test_the_picture_fits_where_it_is_shown(columns: int, plain: bool) -> None:
    one = Pictured("test accuracy", RISING, percent)
    lines = picture([one, one], columns, plain)
    assert bool(lines) == (columns >= 35)
    assert all(len(line) <= min(columns, MOST_COLUMNS) for line in lines)
    assert "".join(lines).count("test accuracy") == (2 if columns >= 70 else bool(lines))
    assert "".join(lines).isascii() == (plain or not lines)


def test_its_labels_are_of_what_is_drawn() -> None:
    """And not of the lowest of a hundred noisy batches, which no figure beside it tells."""
    noisy = [(epoch / 1000, 1.0 if epoch % 2 else 3.0) for epoch in range(1000)]
    lines = picture([Pictured("loss", [*noisy, (1.0, 1.0)], str)], 40, plain=True)
    labels = [float(line[:8]) for line in lines if line[:8].strip()]
    assert labels == pytest.approx([2.0, 2.0], abs=0.1)


def test_the_picture_rises_where_the_curve_does() -> None:
    one = Pictured("test accuracy", RISING, percent)
    rows = [line[9:] for line in picture([one], 40, plain=True)[:-1]]
    assert len(rows) == ROWS
    first = [next(place for place, sign in enumerate(row) if sign == "*") for row in rows]
    assert first == sorted(first, reverse=True)
    columns = {place for row in rows for place, sign in enumerate(row) if sign == "*"}
    assert columns == set(range(min(columns), max(columns) + 1)), "without a gap"


def test_a_level_curve_and_one_of_a_single_point() -> None:
    level = Pictured("loss", [(1.0, 0.5), (2.0, 0.5)], percent)
    assert len(picture([level], 40, plain=False)) == ROWS + 1
    assert picture([Pictured("loss", [(1.0, 0.5)], percent)], 40, plain=False) == []
