"""Checkpoints cut off at every byte and with flipped bits: what was saved, or one message. And
those that a person asks for while no step is taken."""

import random
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from cnntop.core.errors import CnntopError
from cnntop.core.events import (
    CheckpointSaved,
    EpochFinished,
    Paused,
    Resumed,
    RunResumed,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.recipe import resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.session import start_run
from cnntop.core.training.checkpoint import Checkpoints
from cnntop.core.training.loop import TrainingLoop
from cnntop.core.training.tally import EpochTally
from cnntop.tui import cli
from tests.conftest import PATIENCE_SECONDS, Watched
from tests.training.test_resume import (
    assert_same_training,
    check_figures,
    events,
    resumed,
    same,
)

FILES = ("last.pt", "previous.pt", "best.pt", "hashes.json")
FLIPS = 500
"""In each file."""


@dataclass(frozen=True)
class Saved:
    """A run's folder whose checkpoints a test may damage, and what they were."""

    run: Path
    files: dict[str, bytes]
    contents: dict[str, Any]

    def path(self, name: str) -> Path:
        return self.run / "checkpoint" / name

    def write(self, name: str, content: bytes) -> None:
        self.path(name).write_bytes(content)

    def restore(self) -> None:
        for name, content in self.files.items():
            self.write(name, content)

    def loaded(self) -> str:
        """The name of the checkpoint that is taken, whose content must be as it was saved; the
        message where there is none to take. Anything else that is raised fails the test."""
        try:
            loaded = Checkpoints(self.run).load()
        except CnntopError as error:
            return str(error)
        assert loaded is not None, "they were there"
        assert same(loaded.content, self.contents[loaded.name]), loaded.name
        return loaded.name


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """The folder of a run that has ended, with the smallest network there is. Without momentum the
    optimiser keeps nothing, which halves the files."""
    tree: dict[str, dict[str, Any]] = {
        "model": {"name": "shallow", "kernels": 1},
        "data": {"dataset": "folder", "dir": str(pictures), "image_size": 16, "augment_on": "cpu"},
        "train": {"epochs": 3, "momentum": 0.0},
        "machine": {"device": "cpu", "threads": 1},
    }
    runs_dir = tmp_path_factory.mktemp("runs")
    handle = start_run(RunRequest(resolve(tree, "test"), "none", "tiny", runs_dir))
    assert handle.wait(120.0)
    assert handle.error is None
    assert handle.folder is not None
    return handle.folder.path


@pytest.fixture
def saved(trained: Path, tmp_path: Path) -> Saved:
    copy = tmp_path / "runs" / trained.name
    shutil.copytree(trained, copy)
    files = {name: (copy / "checkpoint" / name).read_bytes() for name in FILES}
    contents = {
        name: torch.load(copy / "checkpoint" / name, weights_only=True)
        for name in FILES
        if name.endswith(".pt")
    }
    assert contents["last.pt"]["step"] > contents["previous.pt"]["step"]
    return Saved(copy, files, contents)


def cut_everywhere(saved: Saved, every: int) -> None:
    """Each file at every length, `every` apart; those whose loss costs nothing further apart."""
    last, previous, best = (saved.files[name] for name in FILES[:3])
    for size in range(0, len(last), every):
        saved.write("last.pt", last[:size])
        assert saved.loaded() == "previous.pt", size
        if size < len(previous):
            saved.write("previous.pt", previous[:size])
            assert "last.pt and previous.pt are damaged" in saved.loaded(), size
            saved.path("last.pt").unlink()
            assert "checkpoint: previous.pt is damaged" in saved.loaded(), size
            saved.write("previous.pt", previous)
    saved.restore()
    for size in range(0, max(len(previous), len(best)), 10 * every):
        saved.write("previous.pt", previous[:size])
        saved.write("best.pt", best[:size])
        assert saved.loaded() == "last.pt", size


def test_cut_off_at_many_bytes(saved: Saved) -> None:
    cut_everywhere(saved, 29)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_cut_off_at_every_byte(saved: Saved) -> None:
    cut_everywhere(saved, 1)


def test_hashes_cut_off_at_every_byte(saved: Saved) -> None:
    """What they cannot vouch for any more is not taken, be it whole or not."""
    hashes = saved.files["hashes.json"]
    for size in range(len(hashes) - 1):  # without its line feed it is as good
        saved.write("hashes.json", hashes[:size])
        assert "hashes.json is missing or damaged" in saved.loaded(), size
    saved.path("hashes.json").unlink()
    assert "hashes.json is missing or damaged" in saved.loaded()
    saved.write("hashes.json", hashes[:-1])
    assert saved.loaded() == "last.pt"


@pytest.mark.parametrize("name", FILES)
def test_flipped_bits(saved: Saved, name: str) -> None:
    draw = random.Random(11)
    taken = set()
    for _ in range(FLIPS):
        content = bytearray(saved.files[name])
        bit = draw.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        saved.write(name, bytes(content))
        taken.add(saved.loaded())
    if name == "last.pt":
        assert taken == {"previous.pt"}
    elif name in ("previous.pt", "best.pt"):
        assert taken == {"last.pt"}
    else:
        assert {"last.pt", "previous.pt"} < taken, "of hashes that still stand something is taken"
        assert all("hashes.json" in one for one in taken - {"last.pt", "previous.pt"})


def test_damaged_hashes_do_not_keep_a_run_from_saving(saved: Saved) -> None:
    kept, state = Checkpoints(saved.run), saved.contents["last.pt"] | {"step": 1_000}
    for damaged in (b"", b"[", b'["\xff"]', b"\x00" * 200, b"{}"):
        saved.write("hashes.json", damaged)
        kept.save("last.pt", state)
        loaded = kept.load()
        assert loaded is not None
        assert (loaded.name, loaded.content["step"]) == ("last.pt", 1_000)


def test_a_disk_that_cannot_read_a_checkpoint_any_more(saved: Saved) -> None:
    """A file that gives EIO, as one on bad blocks: this process's memory, where there is none."""
    saved.path("last.pt").unlink()
    saved.path("last.pt").symlink_to("/proc/self/mem")
    with pytest.raises(OSError, match="Input/output error"):
        saved.path("last.pt").read_bytes()
    assert saved.loaded() == "previous.pt"


def test_a_disk_that_takes_hashes_but_no_checkpoint(saved: Saved) -> None:
    """However often it is tried in vain, what is there can be told to be whole."""
    kept = Checkpoints(saved.run)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        for step in range(20):
            with pytest.raises(OSError, match="too large"):
                kept.save("last.pt", saved.contents["last.pt"] | {"step": step})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert saved.loaded() == "last.pt"
    saved.path("last.pt").unlink()
    assert saved.loaded() == "previous.pt"
    assert sorted(path.name for path in saved.path("").iterdir()) == sorted({*FILES} - {"last.pt"})


# What is said


@pytest.fixture
def resume(
    saved: Saved, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], tuple[int, str, str]]]:
    """`cnntop run --resume` of `saved` for one more epoch: exit code, output, errors."""
    more = ("run", "--resume", saved.run.name, "--runs-dir", str(saved.run.parent))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGUSR2)}

    def command() -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cnntop", *more, "--epochs", "4", "--plain"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, errors = capfd.readouterr()
        return int(ended.value.code or 0), out, errors

    yield command
    for number, handler in handlers.items():  # ignored from then on, also by processes to come
        signal.signal(number, handler)


def test_resume_goes_on_from_the_one_before(
    saved: Saved, resume: Callable[[], tuple[int, str, str]]
) -> None:
    saved.write("last.pt", saved.files["last.pt"][:-1])
    code, out, errors = resume()
    assert (code, errors) == (0, "")
    assert "last.pt is damaged; going on from previous.pt" in out
    assert f"the run goes on after step {saved.contents['previous.pt']['step']:,}" in out
    assert "status   finished" in out


@pytest.mark.parametrize("lost", [("last.pt", "previous.pt"), ("hashes.json",)], ids=str)
def test_resume_says_that_nothing_is_whole(
    saved: Saved, resume: Callable[[], tuple[int, str, str]], lost: tuple[str, ...]
) -> None:
    for name in lost:
        saved.write(name, saved.files[name][:50])
    log = saved.run / "events.jsonl"
    before = log.read_bytes()
    code, _, errors = resume()
    assert code == 1
    [message] = errors.splitlines()
    assert message.startswith(f"cnntop: {saved.run}")
    assert all(name in message for name in lost)
    assert ("nobody can tell whether" in message) == (lost == ("hashes.json",))
    assert log.read_bytes() == before, "the run is as it was"


# When one is saved


def until_saved(watched: Watched) -> dict[str, Any]:
    """Ask for a checkpoint, and what it holds once it is told."""
    before = len(events(watched.look(), CheckpointSaved))
    watched.handle.control.checkpoint()
    watched.until(lambda records: len(events(records, CheckpointSaved)) > before)
    path = watched.folder / "checkpoint" / "last.pt"
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def test_one_asked_for_in_a_pause_is_saved_at_once_and_the_pause_goes_on(
    start: Any, request_run: Callable[..., RunRequest]
) -> None:
    watched = start(request_run(epochs=1_000_000))
    watched.until(lambda records: bool(events(records, StepsMeasured)))
    watched.handle.control.pause()
    watched.until(lambda records: bool(events(records, Paused)))
    began, paused = (
        next(record.at_seconds for record in watched.records if isinstance(record.event, kind))
        for kind in (RunStarted, Paused)
    )
    step = events(watched.records, StepsMeasured)[-1].step
    for _ in range(2):
        time.sleep(0.5)
        saved = until_saved(watched)
        assert saved["step"] == step
        assert saved["trained_seconds"] <= paused - began, "the pause is not training"
        assert watched.handle.control.paused
    assert not events(watched.look(), Resumed)
    watched.handle.control.resume()
    watched.until(lambda records: bool(events(records, Resumed)))
    [resumed] = events(watched.records, Resumed)
    assert resumed.paused_seconds >= 1.0
    watched.until(lambda records: events(records, StepsMeasured)[-1].step > step)
    watched.handle.control.stop()
    assert watched.end().ended.status == "stopped"


def test_one_asked_for_in_an_evaluation_goes_on_to_the_bit(
    start: Any,
    run: Any,
    request_run: Callable[..., RunRequest],
    many_to_test: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = request_run(dir=str(many_to_test), epochs=2, augment_on="cpu")
    whole = run(replace(request, runs_dir=tmp_path / "whole"))
    evaluating, looked_at = threading.Event(), threading.Event()
    go_on = TrainingLoop._go_on_evaluating

    def held(loop: TrainingLoop, tally: EpochTally) -> bool:
        while evaluating.is_set() and not looked_at.wait(0.01) and go_on(loop, tally):
            pass
        evaluating.set()  # the first batch has been, before the second one it is held
        return go_on(loop, tally)

    monkeypatch.setattr(TrainingLoop, "_go_on_evaluating", held)
    watched = start(request)
    assert evaluating.wait(PATIENCE_SECONDS)
    saved = until_saved(watched)
    assert not events(watched.look(), EpochFinished), "it is saved before the evaluation is over"
    assert saved["step"] == saved["pass"]["batches"] > 0
    copy = tmp_path / "copy"
    sockets = shutil.ignore_patterns("control.sock")
    shutil.copytree(watched.folder, copy / watched.folder.name, ignore=sockets)
    watched.handle.control.stop()
    looked_at.set()
    watched.end()
    again = run(resumed(replace(request, runs_dir=copy), copy / watched.folder.name))
    assert again.ended.status == "finished"
    [goes_on] = events(again.records, RunResumed)
    assert goes_on.step == saved["step"]
    assert_same_training(whole.folder, again.folder)
    check_figures(whole.folder, again.folder)


@pytest.fixture
def many_to_test(pictures: Path, tmp_path: Path) -> Path:
    """`pictures` with 4,824 of them to test on: many batches, between which a run looks up."""
    folder = tmp_path / "many"
    shutil.copytree(pictures, folder)
    for label in ("dark", "light"):
        for number in range(2_400):
            place = folder / "test" / label
            (place / f"more-{number}.png").hardlink_to(place / "000.png")
    return folder
