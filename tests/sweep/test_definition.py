"""A sweep as data: from the command line, from files, its points, what is refused."""

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from cnntop.core import preset
from cnntop.core.errors import CnntopError, RecipeError, UsageError
from cnntop.core.recipe import override, resolve
from cnntop.core.sweep.definition import Definition, Draft, about, names, parse_axis, read_draft
from cnntop.core.sweep.folder import SweepFolder, find_sweep, same_sweep, sweep_folders

GRID = {"model.kernels": [8, 16], "data.batch_size": [32, 128]}
BUILT_IN = {
    "augment-on", "augmentation", "batch-size", "depth", "kernels", "kernels-batch-size",
    "lr-halving", "networks", "passes", "resnet-batch-size", "schedules", "speed", "time-limits",
}  # fmt: skip


def made(**given: object) -> Definition:
    draft: dict[str, object] = {"preset": "demo", "grid": GRID, "seeds": 2}
    return Draft(**(draft | given)).definition()  # type: ignore[arg-type]


class TestPoints:
    def test_all_of_the_grid_with_a_seed_then_with_the_next(self) -> None:
        points = made().points()
        assert [point.number for point in points] == list(range(1, 9))
        assert [point.label for point in points[:3]] == [
            "kernels=8 batch_size=32 seed=0",
            "kernels=8 batch_size=128 seed=0",
            "kernels=16 batch_size=32 seed=0",
        ]
        assert [point.seed for point in points] == [0] * 4 + [1] * 4

    def test_each_has_its_recipe_and_name(self) -> None:
        last = made(settings={"train.lr": 0.5, "train.seed": 7}, name="mine").points()[-1]
        recipe = last.recipe()
        assert (recipe.model.kernels, recipe.data.batch_size) == (16, 128)
        assert (recipe.train.lr, recipe.train.seed) == (0.5, 8)
        assert recipe.train.epochs == 25  # the preset's own
        assert last.run_name == "mine-kernels16-batch_size128-seed8"

    def test_without_a_grid_there_are_the_seeds(self) -> None:
        assert [p.label for p in made(grid={}, seeds=3).points()] == ["seed=0", "seed=1", "seed=2"]

    def test_a_limit_in_the_grid_takes_the_place_of_the_presets(self) -> None:
        recipes = [p.recipe() for p in made(grid={"train.time": ["1m", "5m"]}, seeds=1).points()]
        assert [(r.train.time, r.train.epochs) for r in recipes] == [("1m", None), ("5m", None)]

    def test_another_model_brings_its_own_size(self) -> None:
        points = made(grid={"model.name": ["shallow", "resnet"]}, seeds=1).points()
        assert [p.recipe().model.label for p in points] == ["shallow32", "resnet18"]
        assert [p.cell for p in points] == ["model=shallow", "model=resnet"]


class TestAxes:
    def test_values_have_the_type_of_their_key(self) -> None:
        assert parse_axis("kernels=8, 16,32") == ("model.kernels", [8, 16, 32])
        assert parse_axis("train.lr=0.1,1") == ("train.lr", [0.1, 1.0])
        assert parse_axis("nesterov=true,false") == ("train.nesterov", [True, False])

    def test_augmentations_are_joined_by_plus(self) -> None:
        path, values = parse_axis("augment=crop+hflip,none")
        assert (path, values) == ("data.augment", [["crop", "hflip"], []])
        points = made(grid={path: values}, seeds=1).points()
        assert [p.cell for p in points] == ["augment=crop+hflip", "augment=none"]
        assert [p.recipe().data.augment for p in points] == [("crop", "hflip"), ()]

    @pytest.mark.parametrize(
        ("text", "said"),
        [("kernels", "KEY=A,B,C"), ("kernel=8", "Did you mean 'kernels'"), ("x.y=1", "--grid")],
    )
    def test_what_is_wrong_is_said(self, text: str, said: str) -> None:
        with pytest.raises(RecipeError, match=said):
            parse_axis(text)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"preset": None}, "no preset"),
        ({"preset": "dmeo"}, "Did you mean 'demo'"),
        ({"grid": {"model.kernels": []}}, "no values"),
        ({"grid": {"model.kernels": [8, 8]}}, "8 is there twice"),
        ({"grid": {"model.kernels": [8, 0]}}, "kernels=0 .*too small"),
        ({"grid": {"model.kernels": ["wide"]}}, "whole number"),
        ({"grid": {"train.seed": [1]}}, "--seeds"),
        ({"grid": {"data.batch_size": list(range(1, 5002))}}, "10,002 runs are too many"),
        ({"seeds": 0}, "least is 1"),
        ({"halving": 1}, "least is 2"),
        ({"halving": 2, "settings": {"train.time": "5m"}}, "epochs"),
        ({"halving": 2, "grid": {"train.epochs": [1, 2]}}, "epochs"),
        ({"settings": {"data.dataset": "folder", "data.dir": "\udcff"}}, "no text"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    given: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        made(**given)


class TestFiles:
    def test_the_built_in_ones(self) -> None:
        assert set(names()) == BUILT_IN

    @pytest.mark.parametrize("name", sorted(BUILT_IN))
    def test_each_can_be_run_and_says_which_claim_it_tests(self, name: str) -> None:
        found = read_draft(name).definition()
        assert found.name == name
        assert found.grid
        text = resources.files("cnntop.presets").joinpath("sweeps", f"{name}.toml").read_text()
        assert "paper" in text.partition("[sweep]")[0]
        assert 10 < len(about(name)) <= 110

    def test_options_lie_over_a_file(self) -> None:
        over = Draft(
            grid={"model.kernels": [1, 2]}, settings={"train.epochs": 4}, seeds=1, name="mine"
        )
        found = read_draft("kernels-batch-size").under(over).definition()
        assert found.name == "mine"
        assert found.seeds == 1
        assert found.grid["model.kernels"] == [1, 2]
        assert len(found.grid["data.batch_size"]) == 6
        assert {point.recipe().train.epochs for point in found.points()} == {4}

    def test_a_setting_that_the_grid_has_is_the_grids(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.toml"
        file.write_text(
            '[sweep]\npreset = "demo"\n[grid]\nmodel.kernels = [1, 2]\n[set]\nkernels = 7\n'
        )
        found = read_draft(str(file)).definition()
        assert found.name == "mine"
        assert [p.recipe().model.kernels for p in found.points()] == [1, 2]

    def test_ones_own_goes_before_the_built_in_one(self, tmp_path: Path) -> None:
        own = tmp_path / "config" / "sweeps"
        own.mkdir(parents=True)
        (own / "kernels.toml").write_text('# mine\n[sweep]\npreset = "demo"\n')
        assert about("kernels") == "mine"
        assert read_draft("kernels").preset == "demo"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[swep]\n", "Did you mean 'sweep'"),
            ("grid = 3\n", r"write \[grid\]"),
            ("[sweep]\nseed = 3\n", "Did you mean 'seeds'"),
            ('[sweep]\nseeds = "3"\n', "whole number"),
            ("[sweep]\nseeds = true\n", "whole number"),
            ("[grid]\nkernels = 8\n", "a list of values"),
            ("[grid]\nkernel = [8]\n", "Did you mean 'kernels'"),
            ("[set]\nkernel = 8\n", "Did you mean 'kernels'"),
            ("[grid\n", "cannot read it"),
        ],
    )
    def test_what_is_wrong_in_one_is_said(self, tmp_path: Path, text: str, said: str) -> None:
        file = tmp_path / "wrong.toml"
        file.write_text(text)
        with pytest.raises(RecipeError, match=said) as raised:
            read_draft(str(file))
        assert "sweep wrong" in str(raised.value)

    @pytest.mark.parametrize("name", ["nowhere.toml", "kernel"])
    def test_one_that_is_not_there(self, name: str) -> None:
        with pytest.raises(UsageError, match=r"does not exist|Did you mean 'kernels'"):
            read_draft(name)


class TestOnDisk:
    def test_it_is_found_again_by_what_it_is(self, tmp_path: Path) -> None:
        first = SweepFolder.create(tmp_path, made(), [])
        second = SweepFolder.create(tmp_path, made(seeds=3), ["cpu", "cpu"])
        assert sorted([first.path, second.path]) == [f.path for f in sweep_folders(tmp_path)]
        assert first.read() == made()
        assert second.devices == ["cpu", "cpu"]
        assert same_sweep(tmp_path, made()) == first
        assert same_sweep(tmp_path, made(name="other")) is None
        assert find_sweep(tmp_path, second.path.name) == second
        assert find_sweep(tmp_path, "dem") in (first, second)
        with pytest.raises(UsageError, match="no sweep"):
            find_sweep(tmp_path, "mine")

    def test_its_recipe_is_a_preset_whatever_becomes_of_the_one_it_came_from(
        self, tmp_path: Path
    ) -> None:
        folder = '/tmp/a "b" \\ c\x7f = [d] é'
        settings = {"data.dataset": "folder", "data.dir": folder, "train.weight_decay": 1e-5,
                    "data.augment": [], "train.nesterov": True}  # fmt: skip
        definition = made(settings=settings)
        kept = SweepFolder.create(tmp_path, definition, []).recipe_file(definition)
        assert tomllib.loads(kept.read_text(encoding="utf-8")) == definition.tree
        found = preset.find(str(kept))
        assert found.name == "demo"
        point = definition.points()[0]
        assert resolve(override(found.tree, point.settings), "test") == point.recipe()

    def test_a_damaged_one_is_told_and_is_none_to_go_on_with(self, tmp_path: Path) -> None:
        folder = SweepFolder.create(tmp_path, made(), [])
        file = folder.path / "sweep.json"
        file.write_bytes(file.read_bytes().replace(b'"seeds": 2', b'"seeds": 3'))
        with pytest.raises(CnntopError, match="damaged"):
            folder.read()
        assert same_sweep(tmp_path, made()) is None
        with pytest.raises(UsageError, match="no sweep"):
            find_sweep(tmp_path, "demo")

    def test_where_there_are_none(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no sweeps"):
            find_sweep(tmp_path / "nowhere", "last")
