"""`cnntop bench memory`: what it gives, and that a run's memory is bounded and flat."""

import json
from pathlib import Path

import pytest

from cnntop.tui.bench import memory
from cnntop.tui.bench.memory import Measured
from cnntop.tui.verbs import bench
from tests.tui.place import Place

MEGABYTE = 1_000_000


def test_figures() -> None:
    """By hand: halves and quarters of what was looked at."""
    bare = [5, 90, 100, 110]
    run = [1, 2, 90, 100, 110, 110, 150, 160]
    measured = Measured(bare, run, 4.0)
    assert measured.beyond_bytes == 130 - 105
    assert measured.growth_bytes == 155 - 95


@pytest.mark.alone
def test_a_short_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    bench.memory(minutes=0.25, json_file=file)
    assert "on top" in capsys.readouterr().out
    figures = json.loads(file.read_text())
    assert figures["beyond_bytes"] <= 60 * MEGABYTE
    assert len(figures["run_bytes"]) > 10


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(1800)
def test_a_long_one() -> None:
    measured = memory.measure(600.0)
    assert measured.beyond_bytes <= 60 * MEGABYTE
    assert measured.growth_bytes <= 5 * MEGABYTE


def test_a_file_that_cannot_be(place: Place) -> None:
    answer = place.run("bench", "memory", "--json", "missing/figures.json")
    assert answer.code == 2
    assert "--json: there is no folder" in answer.err
