"""Presets: the built-in ones say what their names say, a person's own stand beside them."""

import re
from pathlib import Path

import pytest

from cnntop.core import preset
from cnntop.core.errors import RecipeError, UsageError
from cnntop.core.recipe import resolve
from cnntop.core.training.schedule import STEPS_AT

WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
PAPER = {
    *(f"shallow{kernels}" for kernels in WIDTHS), "shallow32-b128", "resnet18", "resnet18-b128",
}  # fmt: skip
FAST = {"resnet18-fast", "speedrun"}
HE = {"resnet20", "resnet32", "resnet56", "resnet110"}
DEEP = {"resnet34", "resnet50", *HE}
BUILT_IN = {"demo", *FAST, *PAPER, *DEEP, *(f"{name}-cifar100" for name in PAPER | DEEP)}
TIMES = {
    "shallow32": "15m", "shallow32-b128": "15m", "shallow128": "8h", "resnet18": "3h32m",
    "resnet18-b128": "4h",
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "config" / "presets"
    folder.mkdir(parents=True)
    return folder


def test_the_built_in_ones() -> None:
    assert len(BUILT_IN) == 37
    assert set(preset.names()) == BUILT_IN
    assert len(preset.names()) == 37


def test_they_stand_in_the_order_people_count() -> None:
    shallow = [name for name in preset.names() if re.fullmatch(r"shallow\d+", name)]
    assert shallow == [f"shallow{kernels}" for kernels in WIDTHS]


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_each_resolves_and_says_what_it_is(name: str) -> None:
    found = preset.find(name)
    found.resolve()
    assert found.name == name
    assert not found.own
    assert 10 < len(found.about) <= 100
    assert not found.about.startswith("#")


@pytest.mark.parametrize("name", sorted(BUILT_IN - FAST - {"demo"}))
def test_each_is_what_its_name_says(name: str) -> None:
    parts = re.fullmatch(r"(shallow|resnet)(\d+)(-b(\d+))?(-cifar100)?", name)
    assert parts is not None
    model, size, _, batch, cifar100 = parts.groups()
    recipe = preset.find(name).resolve()
    assert recipe.model.label == f"{model}{size}"
    assert recipe.data.batch_size == int(batch or (128 if f"{model}{size}" in DEEP else 32))
    assert recipe.data.dataset == ("cifar100" if cifar100 else "cifar10")
    if f"{model}{size}" in DEEP:
        assert (recipe.train.lr, recipe.train.momentum) == (0.1, 0.9)
        assert recipe.train.schedule == ("step" if f"{model}{size}" in HE else "cosine")
        return
    # The paper's figures (P8); the rest is for every experiment the same.
    assert (recipe.train.lr, recipe.train.schedule) == (0.001, "constant")
    assert recipe.data.augment == ("crop", "hflip", "vflip")
    assert recipe.train.time_limit_seconds is not None


@pytest.mark.parametrize(("name", "time"), TIMES.items())
def test_the_papers_times(name: str, time: str) -> None:
    assert preset.find(name).resolve().train.time == time
    assert preset.find(f"{name}-cifar100").resolve().train.time == time


@pytest.mark.parametrize("name", sorted(HE))
def test_he_et_al_take_64000_steps_with_a_tenth_of_the_rate_after_32000_and_48000(
    name: str,
) -> None:
    """arXiv:1512.03385, section 4.2."""
    recipe = preset.find(name).resolve()
    assert recipe.train.epochs is not None
    steps = recipe.train.epochs * -(-50_000 // recipe.data.batch_size)
    assert steps == pytest.approx(64_000, rel=0.005)
    assert STEPS_AT == (0.5, 0.75)
    assert recipe.train.weight_decay == 1e-4
    assert recipe.data.augment == ("crop", "hflip")


def test_twins_differ_in_their_dataset_alone() -> None:
    for name in PAPER | DEEP:
        tree = preset.find(name).tree
        twin = preset.find(f"{name}-cifar100").tree
        assert twin == {**tree, "data": {**tree["data"], "dataset": "cifar100"}}


def test_the_fast_ones_use_every_key_there_is_for_it() -> None:
    used = set()
    for name in FAST:
        found = preset.find(name)
        recipe = found.resolve()
        assert recipe.machine.speed == "fast"
        assert 50_000 % recipe.data.batch_size == 0, "the batch that is replayed is the only one"
        used |= {f"{key}={value}" for section in found.tree.values()
                 for key, value in section.items() if not isinstance(value, list)}  # fmt: skip
        assert recipe.data.augment == ("crop", "altflip")
    keys = {setting.partition("=")[0] for setting in used}
    assert keys >= {"crop_padding", "crop_border", "nesterov", "decay_biases"}
    assert keys >= {"bias_lr_factor", "muon_lr", "label_smoothing"}
    assert used >= {"name=speednet", "schedule=triangle", "schedule=linear"}
    assert used >= {"test_views=2", "test_views=6"}


def test_the_demo_needs_no_download() -> None:
    recipe = preset.find("demo").resolve()
    assert recipe.data.dataset == "shapes"
    assert recipe.train.epochs is not None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shalow128", "unknown preset 'shalow128'. Did you mean 'shallow128'?"),
        ("resnet-18", "Did you mean 'resnet18'?"),
        ("DEMO", "Did you mean 'demo'?"),
        ("", "unknown preset ''"),
        ("\x1b[31m", "unknown preset '?[31m'"),
        ("../presets/demo", "unknown preset"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        preset.find(name)
    assert "cnntop presets" in str(caught.value)
    assert caught.value.exit_code == 2


def test_own_presets_stand_beside_the_built_in_ones(own: Path) -> None:
    (own / "mine.toml").write_text("# My own\n[train]\nepochs = 3\n")
    assert set(preset.names()) == BUILT_IN | {"mine"}
    mine = preset.find("mine")
    assert (mine.own, mine.about, mine.resolve().train.epochs) == (True, "My own", 3)


def test_an_own_preset_goes_before_a_built_in_one(own: Path) -> None:
    (own / "demo.toml").write_text("train.epochs = 3")
    assert len(preset.names()) == 37
    demo = preset.find("demo")
    assert (demo.own, demo.about, demo.resolve().train.epochs) == (True, "", 3)


def test_other_files_in_the_folder_are_no_presets(own: Path) -> None:
    (own / "notes.txt").write_text("x")
    (own / "mine.toml~").write_text("x")
    assert set(preset.names()) == BUILT_IN


def test_a_broken_own_preset_hides_no_other(own: Path) -> None:
    (own / "broken.toml").write_text("[train\n")
    assert set(preset.names()) == BUILT_IN | {"broken"}
    preset.find("demo").resolve()
    with pytest.raises(RecipeError, match=r"preset broken: cannot read it: .*line 1"):
        preset.find("broken")


def test_a_preset_from_a_file_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "wide.toml"
    path.write_text("\n\n# Wide\n[model]\nkernels = 99\n[train]\nepochs = 1\n")
    wide = preset.find(str(path))
    assert (wide.name, wide.about, wide.resolve().model.label) == ("wide", "Wide", "shallow99")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UsageError, match=r"does not exist|unknown preset"):
            preset.find(str(path))


@pytest.mark.parametrize(
    "content",
    [b"epochs = ", b"a = 1\na = 2", b"\xff\xfe", b"[train]\nepochs = 3\x00", b"[[[", b'x = "'],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match="preset broken: cannot read it") as caught:
        preset.find(str(path))
    assert "\n" not in str(caught.value)


def test_what_is_wrong_in_a_preset_is_said_with_its_name(own: Path) -> None:
    (own / "mine.toml").write_text("[train]\nepoch = 3\n")
    with pytest.raises(RecipeError, match=r"^preset mine: unknown key train\.epoch\. Did you mean"):
        preset.find("mine").resolve()


def test_terminal_escapes_in_a_comment_or_name_are_made_harmless(own: Path) -> None:
    (own / "a\x1b[31mb.toml").write_text("# red \x9b31m\n[train]\nepochs = 1\n")
    found = preset.find("a\x1b[31mb")
    assert (found.name, found.about) == ("a?[31mb", "red ?31m")


def test_a_saved_preset_is_a_preset_as_any_other(own: Path) -> None:
    recipe = preset.find("speedrun").resolve()
    file = preset.save("mine-2", "Fast, \x1b[31mmy way", recipe)
    assert file.parent == own
    mine = preset.find("mine-2")
    assert (mine.own, mine.about) == (True, "Fast, ?[31mmy way")
    assert mine.resolve() == recipe
    assert "mine-2" in preset.names()
    assert preset.is_own("mine-2")
    for line in file.read_text().splitlines():
        assert line == "" or line.startswith(("#", "[")) or "  # " in line, "each key is explained"


def test_saving_makes_the_folder_and_replaces_only_when_it_is_to(tmp_path: Path) -> None:
    one, two = (preset.find(name).resolve() for name in ("demo", "resnet18"))
    preset.save("mine", "One", one)
    with pytest.raises(UsageError, match="there is a preset mine of your own already"):
        preset.save("mine", "Two", two)
    assert preset.find("mine").resolve() == one
    preset.save("mine", "Two", two, replace=True)
    assert preset.find("mine").resolve() == two
    assert [file.name for file in preset.own_folder().iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "x/y", ".x", "-p", "x.toml", "x\x1b", "a" * 61, "_x"]
)
def test_a_name_that_would_be_none(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a preset"):
        preset.save(name, "", preset.find("demo").resolve())
    assert not preset.own_folder().exists()


def test_a_name_too_long_for_a_file_is_nobodys() -> None:
    assert not preset.is_own("x" * 300)


def test_a_built_in_one_is_never_replaced() -> None:
    with pytest.raises(UsageError, match="demo is built in"):
        preset.save("demo", "", preset.find("resnet18").resolve(), replace=True)
    assert not preset.own_folder().exists()


@pytest.mark.parametrize("folder", ["a \"b\\c'd", "né", "tab\there", "del\x7f", "\udcff"])
def test_a_folder_of_images_with_any_name(tmp_path: Path, folder: str) -> None:
    recipe = resolve(
        {"data": {"dataset": "folder", "dir": f"/x/{folder}"}, "train": {"epochs": 1}}, "test"
    )
    if folder in ("del\x7f", "\udcff"):  # which TOML has no way to write
        with pytest.raises(UsageError, match=r"data\.dir"):
            preset.save("mine", "", recipe)
        assert not preset.is_own("mine")
    else:
        preset.save("mine", "", recipe)
        assert preset.find("mine").resolve() == recipe
