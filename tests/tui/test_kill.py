"""kill -9 at random moments: nothing acknowledged is lost, and the run comes out to the bit."""

import random
import re
import time
from pathlib import Path

import pytest
import torch

from cnntop.core.events import EpochFinished
from cnntop.core.runs.log import read_log
from cnntop.core.runs.summary import read_rows
from tests.tui.place import Line, Place

PRESET = """
[model]
name = "shallow"
kernels = 4

[data]
dataset = "folder"
dir = "{pictures}"
image_size = 16
batch_size = 1
augment_on = "cpu"

[train]
epochs = {epochs}
schedule = "cosine"
evaluate_every = 3

[machine]
device = "cpu"
threads = 1
"""
MOST_SECONDS = 0.5
"""From the first step that a process takes to its end: some epochs."""


@pytest.mark.timeout(180)
def test_killed_a_few_times(place: Place, pictures: Path) -> None:
    kill_at_random_moments(place, pictures, kills=3, epochs=30)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killed_two_hundred_times(place: Place, pictures: Path) -> None:
    kill_at_random_moments(place, pictures, kills=200, epochs=700)


def kill_at_random_moments(place: Place, pictures: Path, kills: int, epochs: int) -> None:
    preset = place.folder / "killed.toml"
    preset.write_text(PRESET.format(pictures=pictures, epochs=epochs))
    begin = ("run", "--plain", "--checkpoint-every", "0.1s", "--preset", str(preset))
    with place.start(*begin, "--name", "whole") as whole:
        assert whole.end() == 0, whole.text
    draw = random.Random(9)
    line = place.start(*begin, "--name", "killed")
    line.read_until("run folder")
    [folder] = [one for one in place.run_folders() if "killed" in one.name]
    for _ in range(kills):
        time.sleep(draw.uniform(0.0, MOST_SECONDS))
        kill(line)
        check_kept(folder, line.text)
        line = place.start("run", "--plain", "--checkpoint-every", "0.1s", "--resume", "killed")
        if draw.random() < 0.8:  # else it is killed while it imports and prepares
            line.read_until("goes on after step")
    assert line.end() == 0, line.text
    [original] = [one for one in place.run_folders() if "whole" in one.name]
    assert_same_weights(original, folder)
    assert {row["status"] for row in place.rows()} == {"finished"}


def kill(line: Line) -> None:
    assert line.process.poll() is None, f"it ended before it could be killed:\n{line.text}"
    line.process.kill()
    line.end()


def check_kept(folder: Path, printed: str) -> None:
    """What was printed is in the log, and the run says what became of it."""
    logged = [one.event for one in read_log(folder / "events.jsonl")]
    known = {event.epoch for event in logged if isinstance(event, EpochFinished)}
    told = {int(number) for number in re.findall(r"epoch (\d+)/\d+: train", printed)}
    assert told <= known
    [row] = [row for row in read_rows(folder.parent) if row["name"] == "killed"]
    assert row["status"] == "interrupted"


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (
        torch.load(folder / "checkpoint" / "last.pt", weights_only=True) for folder in (one, other)
    )
    assert first["step"] == second["step"]
    for name, weights in first["model"].items():
        assert torch.equal(weights, second["model"][name]), name
