"""Runs of other processes: watched, steered, listed, stopped, started in the background."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from cnntop.core.events import FixApplied, FixMeasured, Notice, Paused, Record
from cnntop.core.runs.control_socket import process_id
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.log import read_log, sealed
from cnntop.tui import app
from cnntop.tui.bench.made_run import write_run
from cnntop.tui.watch_run import WatchApp, WatchedRun
from tests.tui.place import COMMAND, Line, Place
from tests.tui.terminal_window import PATIENCE_SECONDS, TerminalWindow
from tests.tui.test_fix_key import WAITING

Quick = Callable[..., list[str]]
LONG = ("--epochs", "1000000")
RUNNING = "● "
"""Training or evaluating: with epochs of a moment it is either at any time."""
_NO_TORCH = """
import sys
from cnntop.tui import cli
sys.argv = ["cnntop", *sys.argv[1:]]
try:
    cli.app()
finally:
    print("torch" in sys.modules or "numpy" in sys.modules)
"""


@pytest.fixture(scope="class")
def live(tmp_path_factory: pytest.TempPathFactory, quick: Quick) -> Iterator[tuple[Place, Line]]:
    """A place with a run that trains until the last test of it."""
    place = Place(tmp_path_factory.mktemp("live"))
    with place.start(*quick(*LONG, "--name", "mine", "--plain")) as line:
        line.read_until("epoch 2/")
        yield place, line


@pytest.fixture(scope="module")
def over(shared_place: Place, quick: Quick) -> Place:
    """A place with a run that has finished."""
    answer = shared_place.run(*quick("--epochs", "2", "--name", "mine", "--plain"))
    assert answer.code == 0, answer.err
    return shared_place


def both_until(windows: Sequence[TerminalWindow], wanted: str) -> None:
    """Wait until each shows it. Reads them in turn, because a program whose terminal is not read
    stands still once its buffer is full."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(wanted in window.text for window in windows):
        for window in windows:
            assert window.read(0.02), f"ended without showing {wanted}:\n{window.text}"
        assert time.monotonic() < deadline, [window.text for window in windows]


class TestWhileItTrains:
    def test_leaving_a_watch_leaves_it(self, live: tuple[Place, Line]) -> None:
        place, run = live
        for key in ("q", "d", "\x03"):
            with place.window("watch", "last", columns=60, lines=15) as window:
                window.until(RUNNING)
                window.keys(key)
                assert window.end() == 0
                assert re.search(r"-mine-.*: (training|evaluating), epoch ", window.text)
        with place.window("watch") as window:
            window.until(RUNNING)
            window.kill(signal.SIGTERM)
            assert window.end() == 143
            assert not window.alternate
        assert run.process.poll() is None

    def test_a_look_changes_nothing(self, live: tuple[Place, Line]) -> None:
        place, _ = live
        with place.window("watch", "--readonly") as window:
            window.until(RUNNING)
            window.keys("pfs")
            window.until(lambda text: text.count("--readonly") == 3)
            window.keys("q")
            assert window.end() == 0
        log = (place.run_folders()[0] / "events.jsonl").read_text()
        assert '"paused"' not in log

    def test_ps_tells_of_it(self, live: tuple[Place, Line]) -> None:
        place, run = live
        [folder] = place.run_folders()
        heading, row = place.run("ps").out.splitlines()
        assert heading.split() == [
            "run",
            "name",
            "status",
            "epoch",
            "done",
            "images/s",
            "ETA",
            "pid",
        ]
        assert row.split()[:2] == [folder.name, "mine"]
        assert re.search(r" \d+/1000000 +0 % ", row)
        assert row.split()[-1] == str(process_id(RunFolder(folder))) == str(run.process.pid)


def test_after_the_fact(over: Place) -> None:
    [folder] = over.run_folders()
    for name in (folder.name[:-1], str(folder)):
        with over.window("watch", name) as window:
            window.until("✔ finished")
            assert "best test accuracy" in window.until("(q leaves)")
            window.keys("q")
            assert window.end() == 0
            assert "finished after 2 epochs" in window.text
    nowhere = subprocess.run(
        [sys.executable, "-m", "cnntop.tui.cli", "watch", ".", "--plain"], cwd=folder,
        env=over.environment(), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "status   finished" in nowhere.stdout


def test_a_long_run_is_shown_to_its_end(place: Place) -> None:
    place.runs.mkdir()
    folder = write_run(place.runs, "long", 400_000)
    with place.window("watch", "long") as window:
        text = window.until("✔ finished")
        assert "256/" in text, "the newest epoch"
        window.keys("q")
        assert window.end() == 0
        assert f"{folder.path.name}: finished after 255.9 epochs" in window.text.replace("\n", "")


class Sketching(WatchApp):
    """Never gets beyond the sketch."""

    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))

    def _read_on(self) -> None:
        pass


async def test_a_pause_is_ended_while_a_sketch_tells_of_it(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "long", 300_000, over=False)
    *_, last = read_log(folder.events)
    paused = Record(last.seq + 1, last.at_seconds, Paused())
    with folder.events.open("ab") as log:
        log.write(sealed(msgspec.json.encode(paused)))
    watch = Sketching(WatchedRun(folder))
    async with watch.run_test(size=(120, 40)) as pilot:
        while watch.state.started is None:
            await pilot.pause()
        assert watch.state is not watch.watched.state, "of which little is read by then"
        assert watch.watched.control.paused


def test_a_damaged_log_is_shown_as_far_as_it_goes(over: Place) -> None:
    [folder] = over.run_folders()
    log = folder / "events.jsonl"
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:-5], b"{broken\n", *lines[-5:]]))
    try:
        with over.window("watch", "mine") as window:
            window.until("cannot be read on")
            window.keys("q")
            assert window.end() == 1
            assert "is no event" in window.text.replace("\n", "")
        answer = over.run("watch", "mine", "--plain")
        assert answer.code == 1
        assert "epoch 1/" in answer.out
        assert "is no event" in answer.err
    finally:
        log.write_bytes(whole)


def test_a_log_that_cannot_be_read_for_a_while_is_read_on_then(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "mine", 1_000, over=False)
    handle = folder.lock()
    watched = WatchedRun(folder)
    while watched.behind:
        watched.drain()
    away = tmp_path / "away"
    folder.events.rename(away)
    folder.events.mkdir()  # reading it fails as a broken disk does
    [told] = watched.drain()
    assert isinstance(told.event, Notice)
    assert "cannot be read now, and is tried again: Is a directory" in told.event.text
    assert watched.drain() == []
    assert not watched.done
    assert not watched.behind, "nobody waits busily"
    folder.events.rmdir()
    away.rename(folder.events)
    *_, last = read_log(folder.events)
    paused = Record(last.seq + 1, last.at_seconds, Paused())
    with folder.events.open("ab") as log:
        log.write(sealed(msgspec.json.encode(paused)))
    assert watched.drain() == [paused]
    watched.close()
    os.close(handle)


@pytest.mark.parametrize("verb", [("watch", "--plain"), ("ps",)])
def test_watching_needs_no_torch(over: Place, verb: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _NO_TORCH, *verb], cwd=over.folder, env=over.environment(),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("False\n")


def test_no_run_to_watch(place: Place) -> None:
    for verb in ("watch", "stop"):
        answer = place.run(verb, "last")
        assert answer.code == 2
        assert "there are no runs" in answer.err
    assert "Nothing is running" in place.run("ps").out


def test_goes_on_and_is_killed_under_a_watch(over: Place) -> None:
    """Last of those on this run, because it is another one afterwards."""
    with over.window("watch", "mine") as window:
        window.until("✔ finished")
        with over.start("run", "--resume", "mine", *LONG, "--plain") as line:
            window.until(RUNNING)
            line.kill(signal.SIGKILL)
            line.end()
        window.until("■ interrupted")
        window.keys("p")
        window.until("This run is over.")
        window.keys("q")
        assert window.end() == 0
    with over.window("watch") as window:
        window.until("■ interrupted")
        window.until("(q leaves)")
        before = window.rest(1.0)
        assert window.rest(1.0) == before, "a run that is over stands still"
        window.keys("q")
        assert window.end() == 0
        assert "interrupted after" in window.text
    lines = over.run("watch", "--plain")
    assert lines.code == 0
    assert "status   interrupted: its process is gone" in lines.out
    answer = over.run("stop", "last")
    assert (answer.code, answer.out) == (1, "")
    assert "is not running. `cnntop ps`" in answer.err


def test_lines_end_when_nobody_reads_them(place: Place, quick: Quick) -> None:
    """As in `cnntop watch --plain | head -1`; the run of it goes on."""
    with place.start(*quick(*LONG, "--plain")) as line:
        line.read_until("epoch 2/")
        watching = subprocess.Popen(
            [COMMAND, "watch", "--plain"], cwd=place.folder, env=place.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert watching.stdout is not None
        assert watching.stderr is not None
        watching.stdout.readline()
        watching.stdout.close()
        assert watching.wait(PATIENCE_SECONDS) == 0
        assert watching.stderr.read() == ""
        watching.stderr.close()
        line.read_until("epoch 4/")
        line.kill(signal.SIGINT)
        assert line.end() == 130


def test_d_leaves_the_screen_and_stop_ends_the_run(place: Place, quick: Quick) -> None:
    with place.window(*quick(*LONG, "--name", "mine")) as window:
        window.until("a step")
        window.keys("d")
        window.until("training goes on")
        assert not window.alternate
        window.until("train loss")
        answer = place.run("stop", "mine")
        assert (answer.code, answer.err) == (0, "")
        [folder] = place.run_folders()
        assert re.fullmatch(rf"{folder.name}: stopped after \S+ epochs, best .*\n", answer.out)
        assert place.rows()[0]["status"] == "stopped", "all is written when the command returns"
        assert window.end() == 0
        assert "status   stopped" in window.text
    assert place.run("ps").out.startswith("Nothing is running in ")


def test_two_watch_and_steer_a_run_in_the_background(place: Place, quick: Quick) -> None:
    # Of the folder that it is started in nothing is imported.
    (place.folder / "psutil.py").write_text("raise SystemExit('imported')")
    started = place.run(*quick(*LONG, "--name", "mine", "--detach"))
    assert (started.code, started.err) == (0, "")
    [folder] = place.run_folders()
    assert f"cnntop watch {folder.name}\n" in started.out
    process = process_id(RunFolder(folder))
    assert process is not None
    try:
        assert os.getsid(process) == process, "no terminal's end ends it"
        with place.window("watch") as one, place.window("watch", "mine", columns=100) as two:
            steer(one, two)
    finally:
        if RunFolder(folder).is_alive():
            os.kill(process, signal.SIGKILL)
    assert place.rows()[0]["status"] == "stopped"
    assert (folder / "output.txt").stat().st_mode & 0o077 == 0
    output = (folder / "output.txt").read_text()
    assert "importing torch" in output
    assert "status   stopped" in output
    assert list(place.runs.glob(".start*")) == []


def test_a_watched_run_is_steered_and_discarded(place: Place, quick: Quick) -> None:
    with place.start(*quick(*LONG, "--name", "mine", "--plain")) as line:
        line.read_until("epoch 2/")
        refused = place.run("stop", "mine", "--discard")
        assert (refused.code, refused.out) == (2, "")
        assert "Add --yes" in refused.err
        with place.window("watch") as window:
            window.until(RUNNING)
            window.keys("]")
            window.until("learning rate x2: ")
            window.keys("s")
            window.until("x  Discard the run")
            window.keys("x")
            window.until("d  Discard it for good")
            window.keys("d")
            shown = " ".join(window.until("■ stopped").replace("│", " ").split())
            window.keys("q")
            assert window.end() == 0
            assert "stops, and nothing of it is kept, as asked" in shown
            assert "interrupted" not in shown
            assert "its folder is gone" in window.text
        assert line.end() == 0
        assert "] learning rate x2: " in line.text
        assert "mine: discarded after " in line.text
    assert place.run_folders() == []
    assert place.rows() == []


@pytest.mark.long
def test_f_fixes_the_run(place: Place) -> None:
    """As the key does on the run's own screen, and each of those who watch sees it."""
    with place.start(*WAITING, "0", "--epochs", "1000", "--plain") as line:
        line.read_until("run folder")
        with place.window("watch") as one, place.window("watch", "--readonly") as two:
            both_until((one, two), "Press f to augment on the CPU")
            two.keys("f")
            both_until((two,), "This is a look only")
            assert place.told(FixApplied) == []
            one.keys("f")
            both_until((one, two), "fixed augment_on loader -> cpu; being measured")
            both_until((one, two), "fixed augment_on loader -> cpu: ")
            one.keys("f")
            both_until((one,), "Nothing to fix")
        line.kill(signal.SIGINT)
        assert line.end() == 130
    [applied], [measured] = place.told(FixApplied), place.told(FixMeasured)
    assert (applied.key, applied.before, applied.after) == ("data.augment_on", "loader", "cpu")
    assert measured.images_per_second_after > measured.images_per_second_before
    assert "fixed augment_on loader -> cpu: " in line.text
    [row] = place.rows()
    assert (row["augment_on"], row["fixes"]) == ("cpu", "data.augment_on loader -> cpu")


def steer(one: TerminalWindow, two: TerminalWindow) -> None:
    """Pause in one, go on and stop in the other, and see it in both."""
    both = (one, two)
    both_until(both, "a step")
    assert all("mine  shallow4" in window.text.splitlines()[0] for window in both)
    one.keys("p")
    both_until(both, "❚❚ paused")
    two.keys("p")
    both_until(both, RUNNING)
    one.keys("s")
    both_until((one,), "Stop this run?")
    one.keys("c")
    one.until(lambda text: "Stop this run?" not in text)
    both_until(both, RUNNING)
    two.keys("s")
    both_until((two,), "Stop this run?")
    two.keys("s")
    both_until(both, "■ stopped")
    before = one.rest(1.0)
    assert one.rest(1.0) == before, "a run that is over stands still"
    two.keys("p")
    two.until("This run is over.")
    for window in both:
        window.keys("q")
        assert window.end() == 0
        assert not window.alternate
        [line] = [row for row in window.text.splitlines() if "stopped after" in row]
        assert "-mine-" in line
        assert "cnntopcompare--runs-dir" in "".join(window.text.split())


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--epochs", "-1"), 2, "train.epochs"),
        (("--batch-size", "73"), 2, "more than the 72 training images"),
    ],
)
def test_in_the_background_what_goes_wrong_is_told(
    place: Place, quick: Quick, options: tuple[str, ...], code: int, message: str
) -> None:
    answer = place.run(*quick(*options, "--detach"))
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith("cnntop: ")
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert place.run_folders() == []
    assert not place.runs.exists() or not list(place.runs.glob(".start*"))


def test_in_the_background_there_is_no_picker(place: Place) -> None:
    answer = place.run("run", "--detach")
    assert answer.code == 2
    assert "no preset given" in answer.err
