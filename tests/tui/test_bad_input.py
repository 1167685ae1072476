"""Every mistake a person can make: one clear message, the right exit code, nothing left behind.

The real command line throughout, in plain mode. Most of the commands are started at once, two at a
time, because some of them need seconds to find out.
"""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tui.place import NO_NETWORK, Answer, Place


@dataclass(frozen=True)
class Mistake:
    """Arguments of `cnntop`, the exit code, and words the message must have. `{...}` in arguments
    stands for a prepared folder or file."""

    arguments: str
    code: int
    words: tuple[str, ...]


DEMO = "run --preset demo --plain "
MISTAKES = {
    "unknown preset": Mistake("run --preset dmeo", 2, ("'dmeo'", "Did you mean 'demo'?")),
    "nothing like it": Mistake("run --preset zzzz", 2, ("'zzzz'", "Known: ", "resnet18")),
    "preset file missing": Mistake("run --preset no.toml", 2, ("no.toml", "does not exist")),
    "unknown key by --set": Mistake(
        DEMO + "--set schedul=cosine", 2, ("'schedul'", "Did you mean 'schedule'?")
    ),
    "unknown key, section": Mistake(
        DEMO + "--set data.batchsize=3", 2, ("data.batchsize", "Did you mean 'batch_size'?")
    ),
    "unknown section": Mistake(DEMO + "--set trian.lr=3", 2, ("trian", "Did you mean 'train'?")),
    "unknown key in TOML": Mistake(
        "run --preset {unknown_key}", 2, ("unknown_key", "train.learning_rate")
    ),
    "unknown section in TOML": Mistake(
        "run --preset {unknown_section}", 2, ("[trian]", "Did you mean 'train'?")
    ),
    "wrong type in TOML": Mistake(
        "run --preset {wrong_type}", 2, ("wrong_type", "train.epochs", '"five"', "a whole number")
    ),
    "key outside its section": Mistake(
        "run --preset {no_section} --lr 0.1", 2, ("no_section", "data.batch_size")
    ),
    "section as a value": Mistake("run --preset {flat} --lr 0.1", 2, ("flat", "[model]")),
    "absurd size": Mistake(DEMO + "--kernels 99999999999", 2, ("model.kernels", "the most is")),
    "bracket missing": Mistake(DEMO + "--set augment=[crop", 2, ("data.augment", "bracket")),
    "not TOML": Mistake("run --preset {torn}", 2, ("preset torn", "cannot read it")),
    "not text": Mistake("run --preset {binary}", 2, ("preset binary", "cannot read it")),
    "unknown value": Mistake(
        DEMO + "--set schedule=cosin", 2, ("train.schedule", "'cosin'", "Did you mean 'cosine'?")
    ),
    "unknown augmentation": Mistake(
        DEMO + "--set augment=crop,hfilp", 2, ("data.augment", "'hfilp'", "'hflip'")
    ),
    "unknown dataset": Mistake(
        DEMO + "--dataset cifar11", 2, ("data.dataset", "'cifar11'", "Did you mean 'cifar10'?")
    ),
    "unknown model": Mistake(DEMO + "--set model.name=resnt", 2, ("model.name", "'resnet'")),
    "wrong type by --set": Mistake(
        DEMO + "--set weight_decay=much", 2, ("train.weight_decay", '"much"', "a number")
    ),
    "no value by --set": Mistake(DEMO + "--set batch_size", 2, ("--set batch_size", "KEY=VALUE")),
    "empty key": Mistake(DEMO + "--set =3", 2, ("--set",)),
    "given twice": Mistake(DEMO + "--lr 1 --set lr=2", 2, ("train.lr", "keep one")),
    "epochs and time": Mistake(DEMO + "--epochs 1 --time 1m", 2, ("epochs", "time", "one of")),
    "no duration": Mistake(DEMO + "--time soon", 2, ("train.time", "'soon'", "15m")),
    "zero epochs": Mistake(DEMO + "--epochs 0", 2, ("train.epochs", "0", "least is 1")),
    "zero batch": Mistake(DEMO + "--batch-size 0", 2, ("data.batch_size", "least is 1")),
    "negative rate": Mistake(DEMO + "--lr -1", 2, ("train.lr", "-1")),
    "rate not a number": Mistake(DEMO + "--lr nan", 2, ("train.lr", "nan")),
    "unknown device": Mistake(DEMO + "--device gpu", 2, ("machine.device", "'gpu'", "cuda")),
    "workers without loader": Mistake(DEMO + "--workers 2", 2, ("workers", "augment_on=loader")),
    "no pass at all": Mistake(DEMO + "--set passes=0", 2, ("train.passes", "least is 1")),
    "folder without a folder": Mistake(DEMO + "--dataset folder", 2, ("data.dir", "--data-dir")),
    "folder of a generated set": Mistake(
        DEMO + "--dataset shapes --data-dir {pictures}", 2, ("data.dir", "shapes")
    ),
    "runs folder below a file": Mistake(
        DEMO + "--runs-dir {file}/runs", 2, ("runs folder", "cannot be written", "--runs-dir")
    ),
    "runs folder is a file": Mistake(
        DEMO + "--runs-dir {file}", 2, ("runs folder", "cannot be written")
    ),
    "batch larger than dataset": Mistake(
        DEMO + "--data-dir {pictures} --batch-size 100", 2,
        ("data.batch_size", "100", "72 training images", "--batch-size 72"),
    ),
    "one class": Mistake(DEMO + "--data-dir {one_class}", 2, ("only one class", "dark")),
    "no test split": Mistake(
        DEMO + "--data-dir {no_test}", 2, ("no test/ or val/", "train/<class>")
    ),
    "empty folder": Mistake(DEMO + "--data-dir {empty}", 2, ("no train/", "train/<class>")),
    "too many damaged": Mistake(
        DEMO + "--data-dir {damaged}", 3,
        ("more than 10 of 72 images", "train/dark/000.png", "Ways out:"),
    ),
    "folder missing": Mistake(
        DEMO + "--data-dir nowhere", 3, ("nowhere does not exist", "Ways out:", "--dataset shapes")
    ),
    "no such GPU": Mistake(DEMO + "--device cuda:99", 2, ("machine.device", "cuda:99")),
}  # fmt: skip

USAGE = {
    "not a number": ("run --preset demo --epochs many", "--epochs"),
    "unknown option": ("run --preset demo --epoch 3", "--epochs"),
    "stray word": ("run demo", "demo"),
    "option without value": ("run --preset", "--preset"),
    "unknown verb": ("train", "train"),
    "show what": ("presets show", "NAME"),
}


@pytest.fixture(scope="module")
def prepared(shared_place: Place, pictures: Path) -> dict[str, str]:
    """What `{...}` in arguments stands for."""
    folder = shared_place.folder
    presets = {
        "unknown_key": b"[train]\nepochs = 1\nlearning_rate = 0.1\n",
        "unknown_section": b"[trian]\nepochs = 1\n",
        "wrong_type": b"[train]\nepochs = 'five'\n",
        "no_section": b"batch_size = 3\n",
        "flat": b"model = 3\n",
        "torn": b"[train\nepochs = 1\n",
        "binary": b"\xff\xfe\x00",
    }
    paths = {"pictures": pictures}
    for name, content in presets.items():
        paths[name] = folder / f"{name}.toml"
        paths[name].write_bytes(content)
    for name in ("one_class", "no_test", "damaged"):
        paths[name] = folder / name
        shutil.copytree(pictures, paths[name])
    for split in ("train", "test"):
        shutil.rmtree(folder / "one_class" / split / "light")
    shutil.rmtree(folder / "no_test" / "test")
    for number in range(11):
        (folder / "damaged" / "train" / "dark" / f"{number:03}.png").write_bytes(b"no image")
    paths["empty"] = folder / "empty"
    paths["empty"].mkdir()
    paths["file"] = folder / "file"
    paths["file"].touch()
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def answers(shared_place: Place, prepared: dict[str, str]) -> Callable[[str], Answer]:
    """The answer to each mistake, by its name."""

    def run(mistake: Mistake) -> Answer:
        arguments = mistake.arguments.format(**prepared).split()
        return shared_place.run(*arguments, **NO_NETWORK)

    pool = ThreadPoolExecutor(2)
    started = {name: pool.submit(run, mistake) for name, mistake in MISTAKES.items()}
    return lambda name: started[name].result()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_message(name: str, answers: Callable[[str], Answer]) -> None:
    mistake, answer = MISTAKES[name], answers(name)
    assert answer.code == mistake.code, answer
    assert answer.err.startswith("cnntop: ")
    assert answer.err.count("cnntop: ") == 1
    assert "Traceback" not in answer.err + answer.out
    for word in mistake.words:
        assert word in answer.err, word
    if "Ways out:" not in mistake.words:
        assert answer.err.count("\n") == 1, "one line"


def test_no_mistake_left_a_run_behind(
    shared_place: Place, answers: Callable[[str], Answer], prepared: dict[str, str]
) -> None:
    for name in MISTAKES:
        answers(name)
    assert shared_place.run_folders() == []
    assert not (shared_place.runs / "summary.csv").exists()
    assert Path(prepared["file"]).is_file()


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage(place: Place, name: str) -> None:
    arguments, word = USAGE[name]
    answer = place.run(*arguments.split())
    assert answer.code == 2
    assert answer.out == ""
    assert "Error" in answer.err
    assert word in answer.err
    assert "Traceback" not in answer.err
    assert not place.runs.exists()


def test_a_person_s_escapes_are_not_echoed(place: Place) -> None:
    for arguments in (
        ["run", "--preset", "a\x1b[31mb"],
        ["run", "--preset", "demo", "--dataset", "a\x1b[31mb"],
        ["run", "--preset", "demo", "--set", "a\x1b[31mb=1"],
        ["run", "--preset", "demo", "--set", "schedule=a\x1b[31mb"],
        ["run", "--preset", "demo", "--data-dir", "a\x1b[31mb", "--plain"],
        ["compare", "a\x1b[31mb"],
        ["compare", "--sort", "a\x1b[31mb"],
    ):
        answer = place.run(*arguments)
        assert answer.code in (2, 3)
        assert "\x1b" not in answer.err + answer.out
        assert "[31mb" in answer.err, "what was typed is told all the same"


def test_a_few_damaged_images_are_named_counted_and_left_out(
    place: Place, pictures: Path, quick: Callable[..., list[str]]
) -> None:
    folder = place.folder / "few"
    shutil.copytree(pictures, folder)
    (folder / "train" / "dark" / "003.png").write_bytes(b"no image")
    (folder / "train" / "light" / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    arguments = quick("--epochs", "1", "--plain")
    arguments[arguments.index("--data-dir") + 1] = str(folder)
    answer = place.run(*arguments)
    assert answer.code == 0
    told = [line for line in answer.out.splitlines() if "cannot be decoded" in line]
    assert len(told) == 1
    assert "warning: 2 of 73 images in train/" in told[0]
    assert "train/dark/003.png" in told[0]
    assert "train/light/torn.jpg" in told[0]
    assert "status   finished" in answer.out
    assert [row["status"] for row in place.rows()] == ["finished"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_runs_folder_without_permission(place: Place) -> None:
    place.runs.mkdir(mode=0o500)
    answer = place.run("run", "--preset", "demo")
    assert answer.code == 2
    assert "cannot be written: Permission denied" in answer.err


def test_a_run_whose_loss_is_not_finite_has_failed_but_is_kept(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    answer = place.run(*quick("--epochs", "50", "--lr", "1e30", "--plain"))
    assert answer.code == 1
    assert answer.err.startswith("cnntop: the loss is no longer finite")
    assert "--lr" in answer.err
    assert "Traceback" not in answer.err
    assert [row["status"] for row in place.rows()] == ["diverged"]
    assert len(place.run_folders()) == 1
