"""`cnntop bench train`, shortened: what it gives, and that it leaves nothing behind."""

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from cnntop.core.errors import CnntopError, UsageError
from cnntop.tui.bench import train, train_page
from cnntop.tui.bench.race import Arm, ArmProcess, Go, Race, Ready, Slot, Trained, race
from cnntop.tui.bench.train import CNNTOP, RESIDENT, Accuracies, Measured, Plan, plain
from cnntop.tui.verbs import bench
from tests.tui.place import Place

PATIENCE_SECONDS = 120.0
SHORT = Plan(pairs=2, slot_seconds=0.1, least_steps=5)

_PRESET = """
[model]
name = "shallow"
kernels = 4

[data]
image_size = 16
batch_size = 8

[train]
epochs = 1
lr = 0.01

[machine]
device = "cpu"
"""


@pytest.fixture
def own_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary folders are made in, to see what is left there."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def preset(tmp_path: Path) -> str:
    file = tmp_path / "tiny.toml"
    file.write_text(_PRESET)
    return str(file)


def plan(preset: str, pictures: Path, **settings: Any) -> Plan:
    own = {"data.dataset": "folder", "data.dir": str(pictures)} | settings
    return replace(SHORT, presets=(preset,), settings=own)


def arms() -> list[psutil.Process]:
    """The child processes of this one, and theirs."""
    return psutil.Process().children(recursive=True)


def test_the_command_measures_prints_and_writes(
    own_temp: Path,
    preset: str,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(train, "PLAN", SHORT)
    monkeypatch.setattr(train, "cores", lambda: 2)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    before, file = arms(), tmp_path / "figures.json"
    bench.train([preset], data_dir=str(pictures), speed="safe", accuracy=2, seeds=1, json_file=file)
    assert arms() == before
    assert list(own_temp.iterdir()) == []
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers

    page, told = capsys.readouterr()
    for words in (
        "shallow4, batch 8",
        "72 images",
        "plain, 0 workers",
        "2 pairs",
        "after 2 epochs",
    ):
        assert words in page
    assert "plain, 0 workers, plain, 2 workers in turns" in told
    check_figures(json.loads(file.read_text()))


def check_figures(tree: dict[str, Any]) -> None:
    [network] = tree["networks"]
    assert network["batch_size"] == 8
    assert network["train_images"] == 72
    assert network["augment_on"] == "cpu"
    assert network["pairs"] == 2
    for name in ("ratio", "resident_fraction"):
        low, high = network[f"{name}_interval"]
        assert 0 < low <= network[name] <= high
    best = network["arms"][plain(network["best_workers"])]
    assert best["cnntop_over_it"] == network["ratio"]
    assert all(network["arms"][plain(n)]["cnntop_over_it"] >= network["ratio"] for n in (0, 2))
    assert set(network["arms"]) == {CNNTOP, RESIDENT, plain(0), plain(2)}
    for arm in network["arms"].values():
        assert len(arm["slots"]) == 2
        assert arm["images_per_second"] > 0
        assert sum(arm["split_fractions"].values()) == pytest.approx(1.0)
        for slot in arm["slots"]:
            assert slot["steps"] >= SHORT.least_steps
            assert slot["seconds"] >= SHORT.slot_seconds
            assert sum(slot["split_seconds"].values()) == pytest.approx(slot["seconds"])
            assert min(slot["split_seconds"].values()) >= -1e-6
            assert slot["split_seconds"]["compute"] > 0
            assert 0 < slot["images"] <= 8 * slot["steps"]
    waits = {name: arm["split_fractions"]["wait"] for name, arm in network["arms"].items()}
    assert waits[RESIDENT] < waits[plain(0)], "its batch is always there"
    accuracy = network["accuracy"]
    assert accuracy["epochs"] == 2
    for side in ("cnntop", "plain"):
        [reached] = accuracy[side]["test_accuracies"]
        assert reached == accuracy[side]["mean_test_accuracy"]
        assert 0 < reached <= 1
    assert set(tree["versions"]) == {"cnntop", "torch", "torchvision", "python"}


def test_what_an_arm_cannot_use_is_told_as_it_tells_it(
    own_temp: Path, preset: str, pictures: Path
) -> None:
    before = arms()
    too_large = plan(preset, pictures, **{"data.batch_size": 100})
    with pytest.raises(UsageError, match=r"data\.batch_size: 100 is more than the 72"):
        train.measure(too_large, lambda _: None, lambda _: None)
    assert arms() == before
    assert list(own_temp.iterdir()) == []


def test_an_arm_that_dies_is_an_error_with_its_words(
    tmp_path: Path, preset: str, pictures: Path
) -> None:
    arm = Arm("plain", plan(preset, pictures).recipe(preset))
    process = ArmProcess("the arm", arm, tmp_path / "arm")
    (tmp_path / "arm" / "words.txt").write_text("last \x1b[1m words")
    process.process.kill()
    with pytest.raises(CnntopError, match=r"the arm: the measuring process failed:\nlast .* words"):
        process.answer(Ready)
    process.go(Go(1.0, 1))  # nobody hears it, and that is no failure of its own
    process.end()


_PROGRAM = """
import sys, tempfile
from pathlib import Path
tempfile.tempdir = sys.argv[1]
from cnntop.tui.bench import train
from tests.tui.test_bench_train import plan
def print_now(text):
    print(text, flush=True)
train.measure(plan(sys.argv[2], Path(sys.argv[3])), print_now, print_now)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_no_arm_outlives_it(
    number: signal.Signals, code: int, own_temp: Path, preset: str, pictures: Path
) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(own_temp), preset, str(pictures)]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        assert "getting ready" in process.stdout.readline()
        children: list[psutil.Process] = []
        while not children:
            children = psutil.Process(process.pid).children()
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == code
    _, alive = psutil.wait_procs(children, PATIENCE_SECONDS)
    assert alive == []
    if number is signal.SIGINT:
        assert list(own_temp.iterdir()) == []


def test_mistakes_are_told_before_anything_is_measured(place: Place, tmp_path: Path) -> None:
    twice = tmp_path / "twice.toml"
    twice.write_text(_PRESET.replace("epochs = 1", "epochs = 1\npasses = 2"))
    for arguments, words in (
        (["--preset", "none-such"], "none-such"),
        (["--preset", str(twice)], "passes"),
        (["--speed", "faster"], "machine.speed"),
        (["--json", "missing/figures.json"], "--json"),
        (["--json", "."], "--json"),
    ):
        answer = place.run("bench", "train", *arguments)
        assert (answer.code, answer.out) == (2, ""), arguments
        assert words in answer.err
        assert "Traceback" not in answer.err
        assert "getting ready" not in answer.err


def test_turns_are_drawn_and_pairs_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    class Process:
        def __init__(self, name: str, arm: Arm, folder: Path) -> None:
            self._name = name

        def go(self, go: Go) -> None:
            order.append(self._name)

        def answer(self, kind: type) -> Any:
            return Slot(len(order), 1, 1.0) if kind is Slot else Ready("", 1, "", "", 1, None)

        def dismiss(self) -> None:
            pass

        end = dismiss

    monkeypatch.setattr("cnntop.tui.bench.race.ArmProcess", Process)
    recipe = Plan().recipe("demo")
    with race() as several:
        assert isinstance(several, Race)
        several.join({name: Arm("plain", recipe) for name in "abc"})
        rounds = [several.round("abc", Go(1.0, 1)) for _ in range(20)]
    assert all(list(found) == ["a", "b", "c"] for found in rounds)
    assert len({tuple(order[at : at + 3]) for at in range(0, 60, 3)}) == 6
    for number, found in enumerate(rounds):
        assert sorted(slot.steps for slot in found.values()) == [3 * number + n for n in (1, 2, 3)]


def test_figures_by_hand() -> None:
    split = {"wait": 0.5, "transfer": 0.0, "compute": 1.5, "other": 0.0}

    def slots(*images: int) -> list[Slot]:
        return [Slot(10, count, 2.0, split_seconds=split) for count in images]

    found = Measured(
        "shallow8",
        Plan().recipe("shallow8"),
        Ready("cifar10", 50_000, "cpu", "Some CPU", 2, None, "cpu"),
        (0, 2),
        {
            CNNTOP: slots(400, 800, 440),
            RESIDENT: slots(400, 1000, 440),
            plain(0): slots(60, 120, 60),
            plain(2): slots(100, 200, 100),
        },
        others_cores=0.0,
        accuracies=Accuracies(
            3, [Trained(0.61, 1.0), Trained(0.63, 1.0)], [Trained(0.60, 4.0), Trained(0.62, 4.0)]
        ),
    )
    assert found.images_per_second(CNNTOP) == 220
    assert found.speed(plain(found.best_workers)).median == 4.0
    assert found.speed(RESIDENT).low == 0.8
    page = train_page.as_table(found)
    for words in (
        "plain, 2 workers: 4.00x (4.00x to 4.40x), the best",
        "3 pairs",
        "25.0 %",
        "100.0 % (80.0 %",
        "+1.00 points",
    ):
        assert words in page
    assert "noisy" not in page
    assert "1.2 cores busy" in train_page.as_table(replace(found, others_cores=1.24))
    [network] = json.loads(train_page.as_json([found]))["networks"]
    assert network["accuracy"]["difference"] == pytest.approx(0.01)
    assert network["arms"][plain(2)]["split_fractions"]["compute"] == 0.75
