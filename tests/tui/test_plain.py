"""A run as lines: on a pipe, in a dumb terminal, where it is asked for."""

import csv
import re
from collections.abc import Callable

import pytest

from tests.tui.place import Answer, Place
from tests.tui.terminal_window import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def answer(shared_place: Place, quick: Callable[..., list[str]]) -> Answer:
    return shared_place.run(*quick("--epochs", "3", "--name", "trial \x1b[31m"))


def test_milestones_come_in_order(answer: Answer) -> None:
    assert answer.code == 0
    assert answer.err == ""
    wanted = (
        r"^\[00:\d\d\] importing torch$",
        r"^\[\d\d:\d\d\] decoding images",
        r"^\[\d\d:\d\d\] shallow4 \([\d,]+ parameters, \S+ M multiply-adds an image\) on ",
        r"folder:\S+, batch 8, cpu \(.+\)",
        r"^\[\d\d:\d\d\] run folder /.+-trial-",
        r"^\[\d\d:\d\d\] epoch 1/3: train loss \S+ accuracy \S+ % \| test loss \S+ accuracy",
        r"^\[\d\d:\d\d\] epoch 2/3: ",
        r"^\[\d\d:\d\d\] epoch 3/3: .*wait \S+ %  transfer \S+ %  compute \S+ %  other \S+ %$",
        r"^trial \S+: shallow4 on folder:\S+, batch 8, ",
        r"^  status   finished$",
        r"^  trained  3 epochs in \d\d:\d\d$",
        r"^  test     loss \S+, accuracy \S+ %, best \S+ % after epoch [123]$",
        r"^  steps    hidden wait \S+ %  augment \S+ ms CPU an image  "
        r"forward \d+ % backward \d+ % optimizer \d+ %  launch gaps not measured$",
        r"^  limit    compute at (\S+ % of this machine's limit \(.+/s\), whole step at \S+ %|"
        r"\S+ \S?FLOP/s, machine's limit not measured)$",
        r"^  verdict  \S+: .+\.$",
        r"^ +0 +test accuracy +epoch 3 +0 +train loss +epoch 3$",
        r"^  run      /.+-trial-",
        r"^  compare  cnntop compare --runs-dir /",
    )
    at = 0
    for pattern in wanted:
        match = re.compile(pattern, re.MULTILINE).search(answer.out, at)
        assert match is not None, f"{pattern} not in order in:\n{answer.out}"
        at = match.end()


def test_lines_are_plain(answer: Answer) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", answer.out)
    assert answer.out.endswith("\n")


def test_lines_and_files_say_the_same(answer: Answer, shared_place: Place) -> None:
    [row] = shared_place.rows()
    assert row["status"] == "finished"
    assert row["name"] == "trial ?[31m"
    shown = re.search(r"test     loss \S+, accuracy (\S+) %, best (\S+) %", answer.out)
    assert shown is not None
    assert f"{100 * float(row['test_accuracy']):.2f}" == shown[1]
    assert f"{100 * float(row['best_test_accuracy']):.2f}" == shown[2]
    with (shared_place.run_folders()[0] / "epochs.csv").open(newline="") as file:
        assert [epoch["epoch"] for epoch in csv.DictReader(file)] == ["1", "2", "3"]


def test_an_epoch_without_evaluation_says_so(place: Place, quick: Callable[..., list[str]]) -> None:
    out = place.run(*quick("--epochs", "3", "--set", "evaluate_every=2")).out
    tests = re.findall(r"^\[.*\] epoch (\d)/3: .* \| test (\w+ \w+)", out, re.MULTILINE)
    assert [epoch for epoch, test in tests if test == "not evaluated"] == ["1"]
    assert len(tests) == 3


def test_auto_says_where_it_augments_and_why(place: Place, quick: Callable[..., list[str]]) -> None:
    out = place.run(*quick("--epochs", "1", "--set", "augment_on=auto")).out
    lines = out.splitlines()
    [tried] = [at for at, line in enumerate(lines) if "] trying augmentation on cpu" in line]
    [why] = [at for at, line in enumerate(lines) if "] info: augmentation on cpu: a step" in line]
    assert tried < why


def test_the_command_at_the_end_shows_the_run(answer: Answer, shared_place: Place) -> None:
    command = answer.out.rpartition("compare  cnntop ")[2].split()
    shown = shared_place.run(*command)
    assert "trial ?[31m  finished" in shown.out


def test_dumb_terminal_gets_lines_and_no_escapes(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    with place.window(*quick("--epochs", "1"), TERM="dumb") as window:
        assert window.end() == 0
    text = window.raw.decode()
    assert "\x1b" not in text
    assert "epoch 1/1: " in text
    assert "status   finished" in text


def test_dumb_terminal_without_preset_says_what_to_do(place: Place) -> None:
    for variables in ({"TERM": "dumb"}, {"TERM": ""}):
        with place.window(**variables) as window:
            assert window.end() == 2
        assert "no preset given, and no screen" in window.raw.decode()


def test_plain_in_a_real_terminal(place: Place, quick: Callable[..., list[str]]) -> None:
    with place.window(*quick("--epochs", "1", "--plain")) as window:
        assert window.end() == 0
    assert b"\x1b" not in window.raw
    assert "status   finished" in window.text


def test_a_reader_that_goes_away_does_not_stop_the_run(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    with place.start(*quick("--epochs", "3")) as line:
        line.read_until("importing torch")
        assert line.process.stdout is not None
        line.process.stdout.close()
        assert line.process.wait(PATIENCE_SECONDS) == 0
    assert [row["status"] for row in place.rows()] == ["finished"]
