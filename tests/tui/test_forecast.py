"""`cnntop calibrate` and `cnntop project`: what they say, of known figures and of a run."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnntop.core.analysis import profile as profiles
from cnntop.core.errors import UsageError
from cnntop.core.run_request import RunRequest
from cnntop.tui import calibrate_page, project_page
from cnntop.tui.verbs import forecast
from tests.machine_profile import line, profile, tree
from tests.tui.place import Place

EVIL = "ev\x1b[31mil\n[/x]"
STEPS = {"shallow8": line(0.002, 1e-4), "shallow32": line(0.002, 4e-4)}
TINY = {"shallow4": line(0.1, 0.0)}
SMALL = {"dataset": "folder:x", "channels": 3, "size": 16, "classes": 2, "augment": []}


def kept(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_a_preset_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = kept(tmp_path / "b.json", tree(STEPS, spread=0.1))
    forecast.project("shallow32", on=str(file), epochs=10)
    page = capsys.readouterr().out
    # 1,563 steps of 14.8 ms, 10,000 test images of 1 ms, a checkpoint of 0.1 s.
    assert "preset shallow32: shallow32, batch 32, 50,000 training and 10,000 test images" in page
    assert re.search(r"an epoch +33.2 s \(30.9 s to 35.6 s\)", page)
    assert re.search(r"10 epochs +05:32 \(05:09 to 05:56\)", page)
    assert "3 rounds" in page
    assert "Interpolated" not in page
    forecast.project("shallow32", on=str(file), time="15m")
    assert re.search(r"in 15m +27.1 \(25.2 to 29.1\) epochs", capsys.readouterr().out)
    forecast.project("shallow16", on=str(file), batch_size=64, epochs=1)
    page = " ".join(capsys.readouterr().out.split())
    between = "Interpolated between shallow8 and shallow32 and batches of 32 and 128; its error is"
    assert f"{between} not known." in page


def test_a_run_on_another_machine(
    request_run: Callable[..., RunRequest], run: Callable[[RunRequest], Any], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    watched = run(request_run(name=EVIL, epochs=2))
    runs, name = tmp_path / "runs", watched.folder.name
    limits = {"flop_per_image": None}
    content = tree(TINY) | {"images": SMALL, "name": EVIL}
    content["networks"][0] |= limits
    content["machine"]["device_name"] = EVIL
    file = kept(profiles.profiles_folder() / "b.json", content)

    forecast.project(name, on="b", runs_dir=runs)
    page = capsys.readouterr().out
    assert "\x1b" not in page
    assert f"run {name}: shallow4, batch 16, 72 training and 24 test images" in page
    assert "forecast for  ev?[31mil?[/x]" in page
    # 5 steps of 0.1 s, 24 images of 1 ms, a checkpoint of 0.1 s; twice.
    assert re.search(r"an epoch .* 624 ms \(624 ms to 724 ms\) +\S+x as long", page)
    assert re.search(r"the end +2 +00:00 +00:01 \(00:01 to 00:01\)", page)
    assert page.count("not reached") <= 1

    forecast.project("last", on=str(file), as_json=True, runs_dir=runs)
    figures = json.loads(capsys.readouterr().out)
    assert figures["epoch_seconds"]["median"] == pytest.approx(0.624)
    assert figures["milestones"][-1]["epochs"] == 2
    assert figures["milestones"][-1]["forecast_seconds"]["median"] == pytest.approx(1.248)
    assert figures["ran_epoch_seconds"]["median"] > 0

    with pytest.raises(UsageError, match="is a run, and its recipe is what it was"):
        forecast.project(name, on="b", runs_dir=runs, epochs=3)
    content["networks"][0]["flop_per_image"] = 1.0
    kept(file, content)
    with pytest.raises(UsageError, match="MFLOP an image in the run"):
        forecast.project(name, on="b", runs_dir=runs)
    (watched.folder / "events.jsonl").write_text("")
    with pytest.raises(UsageError, match="never took a step"):
        forecast.project(name, on="b", runs_dir=runs)
    (watched.folder / "run.json").write_text("{")
    with pytest.raises(UsageError, match=r"run\.json is missing or damaged"):
        forecast.project(name, on="b", runs_dir=runs)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"run": None}, "name a run or a preset"),
        ({"run": "shalow8"}, "no run 'shalow8'"),
        ({"run": "shallow8", "preset": "shallow8"}, "both given"),
        ({"run": "shallow8", "on": "nowhere"}, "there is no profile 'nowhere'"),
        ({"run": "resnet18"}, "has no resnet18"),
        ({"run": "shallow8", "batch_size": 512}, "512 is beyond"),
        ({"run": "shallow8", "dataset": "fashion_mnist"}, "these have 28"),
        ({"run": "shallow8", "epochs": 0}, "train.epochs: 0 is too small"),
    ],
)
def test_what_cannot_be_forecast(tmp_path: Path, arguments: dict[str, Any], words: str) -> None:
    file = kept(tmp_path / "b.json", tree(STEPS))
    with pytest.raises(UsageError) as raised:
        forecast.project(**({"on": str(file), "runs_dir": tmp_path / "runs"} | arguments))
    assert words in str(raised.value)


def test_here_is_this_machines_profile_or_measured_now(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(project_page, "_SPOT_SECONDS", 0.0)
    monkeypatch.setattr(project_page, "host_name", lambda: "mine")
    kept(profiles.named("mine"), tree(STEPS))
    forecast.project("shallow8", on="here", epochs=1)
    page, told = capsys.readouterr()
    assert "Slow CPU" in page
    assert "measuring" not in told

    preset = tmp_path / "tiny.toml"
    preset.write_text(
        f'[model]\nkernels = 4\n[data]\ndataset = "folder"\ndir = "{pictures}"\nimage_size = 16\n'
        'batch_size = 16\n[train]\nepochs = 3\n[machine]\ndevice = "cpu"\nthreads = 1\n'
    )
    forecast.project(str(preset), on="this")
    page, told = capsys.readouterr()
    assert "these have 16" in told
    assert "measuring here" in told
    assert re.search(r"3 epochs +\d\d:\d\d \(", page)


def test_beside_a_run_nothing_is_measured(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.start(*quick("--epochs", "100000", "--name", "mine", "--plain")) as line:
        line.read_until("epoch 1/")
        for command in (("project", "last"), ("project", "shallow8"), ("calibrate",)):
            refused = place.run(*command)
            assert (refused.code, refused.out) == (1, ""), command
            assert "-mine-" in refused.err
            assert "is training here, and beside it nothing can be measured" in refused.err
        line.kill(signal.SIGINT)
        line.end()


def test_the_table_of_a_profile() -> None:
    page = calibrate_page.as_table(profile(STEPS, spread=0.1))
    assert "Profile of b: Slow CPU, 1 thread, fp32, speed safe, images of shapes" in page
    assert re.search(r"shallow32 +5.2 ms +14.8 ms +53.2 ms +1,000 images/s", page)
    assert "augmentation on cpu alone: 5,000 images/s" in page
    assert "3 rounds in 60 s, which lie up to 20 % apart" in page
    assert "off by up to 0 %" in page


def test_what_is_measured_by_default_and_what_cannot_be() -> None:
    recipes = calibrate_page.recipes(None, {})
    assert [recipe.model.label for recipe in recipes] == list(calibrate_page.PRESETS)
    assert {recipe.data.dataset for recipe in recipes} == {"shapes"}
    with pytest.raises(UsageError, match="two of them train shallow32"):
        calibrate_page.recipes(["shallow32", "shallow32-b128"], {})


@pytest.mark.parametrize("out", ["missing/b.json", "."])
def test_a_file_that_cannot_be_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--out: "):
        forecast.calibrate(["shallow8"], out=Path(out))
    assert capsys.readouterr().err == ""
