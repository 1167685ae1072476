"""SIGINT and SIGTERM in every phase of a run, with and without a screen: it ends in order, soon."""

import json
import random
import signal
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnntop.core.events import Activity, CheckpointSaved, EpochFinished, Paused, RunStarted
from cnntop.core.runs.control_socket import Command, send
from cnntop.core.runs.folder import RunFolder
from tests.tui.place import NO_NETWORK, Place, until
from tests.tui.terminal_window import TerminalWindow

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
MOST_SECONDS = 10.0
"""From the signal to the end of the process."""
LONG = ("--epochs", "1000000")
DEMO = ("run", "--preset", "demo", "--device", "cpu", "--kernels", "4")


@dataclass
class Going:
    """A run in a terminal."""

    place: Place
    window: TerminalWindow
    plain: bool

    def until(self, seen: Callable[[], bool]) -> None:
        until(seen, self.window.read)

    def pause(self) -> None:
        if self.plain:
            [folder] = self.place.run_folders()
            send(RunFolder(folder), Command("pause"))
        else:
            self.window.until("a step")  # the screen knows of it a moment after the log
            self.window.keys("p")
        self.until(lambda: bool(self.place.told(Paused)))


# How each phase is reached


def shown(text: str) -> Callable[[Going], None]:
    def reach(going: Going) -> None:
        going.window.until(text)

    return reach


def first_step(going: Going) -> None:
    going.until(lambda: bool(going.place.told(RunStarted)))


def training(going: Going) -> None:
    going.until(lambda: len(going.place.told(EpochFinished)) > 1)


def evaluating(going: Going) -> None:
    going.until(lambda: any(one.name == "evaluating" for one in going.place.told(Activity)))


def paused(going: Going) -> None:
    training(going)
    going.pause()


def asked_whether_to_stop(going: Going) -> None:
    paused(going)
    going.window.keys("q")
    going.window.until("Stop or leave?")


@dataclass(frozen=True)
class Phase:
    """`images` names the fixture of a folder to train on, `begun` says whether a run folder is
    there by then, `dialog` that it is one only on a screen."""

    reach: Callable[[Going], None]
    images: str = "pictures"
    more: tuple[str, ...] = ("--set", "image_size=16", "--batch-size", "8", *LONG)
    begun: bool = True
    dialog: bool = False


PHASES = {
    "importing": Phase(shown("importing torch"), begun=False),
    "decoding": Phase(shown("decoding images"), "slow_to_decode", begun=False),
    "real images": Phase(shown("decoding images"), "images", LONG, begun=False),
    "downloading": Phase(
        shown("downloading Fashion-MNIST"), "", ("--dataset", "fashion_mnist"), begun=False
    ),
    "first step": Phase(first_step),
    "training": Phase(training),
    "evaluating": Phase(evaluating, "mostly_test", ("--kernels", "128", *LONG)),
    "paused": Phase(paused),
    "dialog": Phase(asked_whether_to_stop, dialog=True),
}
SOME = [
    ("decoding", "screen", signal.SIGINT),
    ("downloading", "lines", signal.SIGTERM),
    ("first step", "lines", signal.SIGINT),
    ("evaluating", "screen", signal.SIGTERM),
    ("paused", "lines", signal.SIGTERM),
    ("dialog", "screen", signal.SIGINT),
]
"""One of each phase that no other test has."""
ALL = [
    pytest.param(
        phase, mode, number,
        marks=[pytest.mark.long, *([pytest.mark.images] if phase == "real images" else [])],
    )
    for phase in PHASES for mode in ("screen", "lines") for number in CODES
    if (phase, mode, number) not in SOME and not (mode == "lines" and PHASES[phase].dialog)
]  # fmt: skip


@pytest.fixture(scope="session")
def slow_to_decode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 1,000 large pictures of noise."""
    folder = tmp_path_factory.mktemp("slow")
    pixels = np.random.default_rng(1).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "noise.png")
    for split, count in (("train", 400), ("test", 100)):
        for label in ("one", "other"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                (folder / split / label / f"{number}.png").hardlink_to(folder / "noise.png")
    return folder


@pytest.fixture
def stalling_proxy() -> Iterator[dict[str, str]]:
    """Variables that send downloads to a server which begins to answer and then says no more."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
            over.wait()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        yield NO_NETWORK | {"http_proxy": address, "HTTP_PROXY": address}
        over.set()
        server.shutdown()


@pytest.mark.parametrize(("phase", "mode", "number"), [*SOME, *ALL])
def test_the_first_signal(
    place: Place, stalling_proxy: dict[str, str], request: pytest.FixtureRequest,
    phase: str, mode: str, number: signal.Signals,
) -> None:  # fmt: skip
    wanted, plain = PHASES[phase], mode == "lines"
    arguments = [*DEMO, *wanted.more, *(["--plain"] if plain else [])]
    if wanted.images:
        arguments += ["--data-dir", str(request.getfixturevalue(wanted.images))]
    with place.window(*arguments, **stalling_proxy) as window:
        wanted.reach(Going(place, window, plain))
        asked_at = time.monotonic()
        window.kill(number)
        assert window.end() == CODES[number]
        assert time.monotonic() - asked_at < MOST_SECONDS
    assert not window.alternate, "the terminal is given back"
    assert "Traceback" not in window.raw.decode(errors="replace")
    if not wanted.begun:
        assert place.run_folders() == []
        return
    assert [row["status"] for row in place.rows()] == ["interrupted"]
    [folder] = place.run_folders()
    assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"


@pytest.mark.long
def test_the_dialog_of_a_missing_dataset(place: Place) -> None:
    """The run has failed by then: its exit code stands, and why is told in the terminal."""
    with place.window(*DEMO, "--dataset", "cifar10", **NO_NETWORK) as window:
        window.until("This dataset cannot be used.")
        window.kill(signal.SIGTERM)
        assert window.end() == 3
    assert not window.alternate
    assert "cannot download CIFAR-10" in window.text.replace("\n", "")


# The second signal


def test_a_second_signal_at_once_tears_nothing(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    end_at_once_and_go_on(place, quick, times=1)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_many_second_signals_at_once_tear_nothing(
    place: Place, quick: Callable[..., list[str]]
) -> None:
    end_at_once_and_go_on(place, quick, times=25)


def end_at_once_and_go_on(place: Place, quick: Callable[..., list[str]], times: int) -> None:
    """Epochs of a moment, so that a checkpoint is being written at nearly any time."""
    draw = random.Random(7)
    arguments = quick(*LONG, "--plain")
    for _ in range(times):
        with place.start(*arguments) as line:
            line.read_until("epoch ")
            time.sleep(draw.uniform(0.0, 0.5))
            line.kill(signal.SIGINT, signal.SIGTERM)
            assert line.end() in CODES.values()
        assert "Traceback" not in line.text
        known = len(place.told(EpochFinished))
        assert known >= line.text.count("train loss")
        arguments = ["run", "--resume", "last", *LONG, "--plain"]
    saved = place.told(CheckpointSaved)[-1]
    done = place.run("run", "--resume", "last", "--epochs", str(saved.epoch + 2), "--plain")
    assert (done.code, done.err) == (0, "")
    assert "damaged" not in done.out
    assert [row["status"] for row in place.rows()] == ["finished"]
