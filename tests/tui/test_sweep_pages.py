"""What a sweep says before and after, and the command lines of its runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cnntop.core import preset
from cnntop.core.recipe import override, resolve
from cnntop.core.runs.folder import RunFolder
from cnntop.core.setting import parse_setting
from cnntop.core.sweep.definition import Definition, Draft, names
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.forecast import Forecast
from cnntop.core.sweep.halving import Due
from cnntop.core.sweep.progress import PointState, SweepState
from cnntop.core.sweep.ranking import ranking
from cnntop.core.sweep.scheduler import Job
from cnntop.tui.sweep.child import command
from cnntop.tui.sweep.heat_map import heat_map, text_lines
from cnntop.tui.sweep.pages import listing, plan_lines, run_lines, summary_lines


def made(grid: dict[str, list[Any]], **given: Any) -> Definition:
    return replace(Draft(None, "demo", grid), **given).definition()


def state(definition: Definition, *given: PointState) -> SweepState:
    known = {one.point.number: one for one in given}
    points = definition.points()
    return SweepState(definition, tuple(known.get(p.number, PointState(p)) for p in points))


def done(definition: Definition, number: int, accuracy: float, **other: Any) -> PointState:
    one = PointState(
        definition.points()[number - 1],
        "finished",
        RunFolder(Path("r")),
        ((1, accuracy),),
        1.0,
        5.0,
    )
    return replace(one, **other)


class TestPlan:
    def test_what_it_would_run(self) -> None:
        definition = made({"model.kernels": [4, 8], "data.augment": [[], ["crop"]]}, seeds=3)
        lines = plan_lines(definition, Forecast(definition, []), 1, None)
        assert lines[0] == "sweep demo: 4 places in the grid x 3 seeds, 12 runs of demo"
        assert lines[1].split() == ["kernels", "4", "8"]
        assert lines[2].split() == ["augment", "none", "crop"]
        assert "not known yet" in lines[3]
        runs = run_lines(definition, None)
        assert len(runs) == 12
        assert runs[1].split() == ["2", "kernels=4", "augment=crop", "seed=0", "to", "come"]

    def test_what_time_limits_make_of_it_on_two_devices(self) -> None:
        definition = made({"model.kernels": [4, 8]}, settings={"train.time": "90s"}, seeds=2)
        text = "\n".join(plan_lines(definition, Forecast(definition, []), 2, None))
        assert "03:00 of training, 2 at once" in text

    def test_what_is_done_of_it(self) -> None:
        definition = made({"model.kernels": [4, 8]}, settings={"train.epochs": 2})
        sweep = state(definition, done(definition, 1, 0.5, epochs=2.0, seconds=10.0))
        lines = plan_lines(definition, Forecast(definition, []), 1, sweep)
        assert lines[-1].split(maxsplit=1) == ["done", "1 of 2, 00:10 to go"]

    def test_halving_and_what_a_schedule_means_for_it(self) -> None:
        grid = {"train.lr": [0.1, 0.2, 0.3, 0.4]}
        settings = {"train.epochs": 8, "train.schedule": "constant"}
        definition = made(grid, halving=2, settings=settings)
        text = "\n".join(plan_lines(definition, Forecast(definition, []), 1, None))
        assert "4 to epoch 2, then the best 2 to epoch 4, then the best 1 to epoch 8" in text
        assert "schedule" not in text
        settings["train.schedule"] = "cosine"
        annealed = made(grid, halving=2, settings=settings)
        assert "a schedule follows each rung's end" in "\n".join(
            plan_lines(annealed, Forecast(annealed, []), 1, None)
        )


def test_the_listing_names_each(capsys: pytest.CaptureFixture[str]) -> None:
    lines = listing().splitlines()
    assert [line.split()[0] for line in lines[: len(names())]] == names()


class TestSummary:
    def test_what_came_out_and_how_to_go_on(self, tmp_path: Path) -> None:
        definition = made({"model.kernels": [4, 8], "data.batch_size": [16, 32]})
        failed = done(
            definition, 3, 0.1, status="failed", evaluations=(), message="no [/x]\x1b room"
        )
        folder = SweepFolder.create(tmp_path, definition, [])
        sweep = state(definition, done(definition, 1, 0.5), done(definition, 2, 0.75), failed)
        text = "\n".join(summary_lines(folder, sweep))
        rows = [line.split() for line in text.splitlines()[3:6]]
        assert rows == [["kernels", "\\", "batch_size", "16", "32"], ["4", "50.0", "75.0*"],
                        ["8", "✖", "·"]]  # fmt: skip
        assert "1. kernels=4 batch_size=32  75.00 %  1 epoch  00:05" in text
        assert "✖ kernels=8 batch_size=16 seed=0: failed, " in text
        assert "no [/x]? room" in text
        assert "1 run still to come" in text
        assert f"cnntop sweep --resume {folder.path.name} --runs-dir {tmp_path}" in text

    def test_seeds_are_told_by_mean_and_deviation(self, tmp_path: Path) -> None:
        definition = made({"model.kernels": [4]}, seeds=3)
        sweep = state(definition, done(definition, 1, 0.5), done(definition, 2, 0.52))
        text = "\n".join(summary_lines(SweepFolder.create(tmp_path, definition, []), sweep))
        assert "1. kernels=4  51.00 % ±1.41  n=2  1 epoch" in text
        assert "~51.0*" in text

    def test_columns_that_do_not_fit_are_counted(self) -> None:
        definition = made({"model.kernels": [4], "data.batch_size": list(range(1, 21))})
        lines = text_lines(heat_map(definition, ranking(state(definition))), 60)
        assert lines[0].endswith(" …")
        shown = len(lines[1].split()) - 1
        assert lines[2] == f"({20 - shown} columns did not fit)"
        assert max(map(len, lines)) <= 60


class TestCommandOfARun:
    def test_its_options_are_the_points_recipe(self, tmp_path: Path) -> None:
        grid = {"data.augment": [["crop", "hflip"], []], "train.nesterov": [True, False],
                "train.lr": [1e-05, 3.0], "model.name": ["shallow", "resnet"]}  # fmt: skip
        definition = made(grid, name="-odd name", settings={"train.momentum": 0.5}, seeds=2)
        folder = SweepFolder.create(tmp_path, definition, [])
        for point in definition.points():
            words = command(folder, Job(folder.path.name, Due(PointState(point)), ""))
            told = dict(word.split("=", 1) for word in words if word.startswith("--preset="))
            given = [word.partition("=")[2] for word in words if word.startswith("--set=")]
            settings = dict(parse_setting(text) for text in given)
            tree = override(preset.find(told["--preset"]).tree, settings)
            assert resolve(tree, "test") == point.recipe()
            assert f"--name={point.run_name}" in words
            assert f"--sweep-point={folder.path.name}/{point.number}" in words

    def test_the_device_it_is_given_and_how_far_it_goes(self, tmp_path: Path) -> None:
        definition = made({"model.kernels": [4]})
        folder = SweepFolder.create(tmp_path, definition, [])
        [point] = definition.points()
        words = command(folder, Job(folder.path.name, Due(PointState(point), 3), "cuda:1"))
        assert words[-2:] == ["--device=cuda:1", "--epochs=3"]
        run = PointState(point, "interrupted", RunFolder(tmp_path / "r"))
        words = command(folder, Job(folder.path.name, Due(run, 9), "cuda:1"))
        assert words[-2:] == [f"--resume={tmp_path / 'r'}", "--epochs=9"]  # on its own device
