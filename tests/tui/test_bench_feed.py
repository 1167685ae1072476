"""`cnntop bench feed`, shortened: what it gives, and that it leaves nothing behind."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from cnntop.tui.bench import feed, feed_page
from cnntop.tui.bench.feed import PIL, PIL_WORKERS, Measured, Plan
from cnntop.tui.bench.race import Ready, Slot
from cnntop.tui.verbs import bench
from tests.tui.place import Place

SHORT = Plan(rounds=2, slot_seconds=0.1, least_batches=5)
_PRESET = """
[data]
augment_on = "loader"
workers = 1

[train]
epochs = 1

[machine]
device = "cpu"
"""


def test_the_command_measures_prints_and_writes(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    temp, file, preset = (tmp_path / name for name in ("temp", "figures.json", "tiny.toml"))
    temp.mkdir()
    preset.write_text(_PRESET)
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    monkeypatch.setattr(feed, "PLAN", replace(SHORT, preset=str(preset)))
    before = psutil.Process().children(recursive=True)
    bench.feed(data_dir=str(pictures), batch_size=8, json_file=file)
    assert psutil.Process().children(recursive=True) == before
    assert list(temp.iterdir()) == []

    page, told = capsys.readouterr()
    for words in (
        "batches of 8 of folder",
        "PIL, 2 workers",
        "cnntop, loader, 1 workers",
        "cnntop, cpu",
    ):
        assert words in page
    assert "in turns" in told
    check_figures(json.loads(file.read_text()))


def check_figures(tree: dict[str, Any]) -> None:
    assert tree["train_images"] == 72
    workers = {name: path["workers"] for name, path in tree["paths"].items()}
    assert workers == {"pil": 0, "pil_workers": 2, "loader": 1, "cpu": None}
    for path in tree["paths"].values():
        assert path["images_per_second"] > 0
        assert path["cpu_seconds_per_image"] > 0
        for name in ("ratio", "ratio_per_core"):
            low, high = path[f"{name}_interval"]
            assert 0 < low <= path[name] <= high
        assert len(path["slots"]) == SHORT.rounds
        for slot in path["slots"]:
            assert slot["seconds"] >= SHORT.slot_seconds
            assert slot["images"] >= SHORT.least_batches
    assert tree["paths"]["pil"]["ratio"] == 1.0
    assert tree["machine"]["cores"] >= 1


def test_a_figures_file_that_cannot_be_is_told_before_anything_is_measured(place: Place) -> None:
    answer = place.run("bench", "feed", "--json", "missing/figures.json")
    assert answer.code == 2
    assert "--json" in answer.err
    assert "getting ready" not in answer.err


def test_figures_by_hand() -> None:
    def ready(workers: int | None) -> Ready:
        return Ready("cifar10", 50_000, "cpu", "Some CPU", 2, workers)

    found = Measured(
        Plan().recipe(),
        {PIL: ready(0), PIL_WORKERS: ready(2), "cpu": ready(None)},
        {
            PIL: [Slot(10, 100, 1.0, 1.0), Slot(10, 50, 1.0, 1.0)],
            PIL_WORKERS: [Slot(10, 120, 1.0, 2.0), Slot(10, 60, 1.0, 2.0)],
            "cpu": [Slot(10, 1000, 1.0, 0.5), Slot(10, 600, 1.0, 0.5)],
        },
        others_cores=0.0,
    )
    assert found.images_per_second("cpu") == 800
    assert found.speed("cpu").median == 11.0
    assert found.speed_per_core("cpu").median == 22.0
    assert found.speed_per_core(PIL_WORKERS).median == pytest.approx(0.6)
    page = feed_page.as_table(found)
    for words in ("PIL, 2 workers", "cnntop, cpu", "11x (10x to 12x)", "22x (20x to 24x)"):
        assert words in page
