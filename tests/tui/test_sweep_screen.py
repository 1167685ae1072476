"""Pictures of the sweep's screen as text. `make snapshots` draws them anew."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App

from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunFolder
from cnntop.core.sweep.definition import Definition, Draft
from cnntop.core.sweep.progress import PointState, SweepState
from cnntop.tui import app as program
from cnntop.tui.sweep.app import SweepApp
from cnntop.tui.sweep.screen import SweepScreen
from tests.tui import story
from tests.tui.kept_picture import compare, names_kept
from tests.tui.stage import text

FOLDER = Path(__file__).with_name("sweep_snapshots")
SIZES = [(50, 12), (60, 15), (80, 24), (120, 40)]
PAPER = {"model.kernels": [8, 16, 32, 64, 128], "data.batch_size": [8, 16, 32, 64, 128, 256]}


class Stage(App[None]):
    """One screen as the sweep's program shows it, and nothing behind it."""

    CSS_PATH = str(Path(program.__file__).with_name("app.tcss"))
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = SweepApp.HORIZONTAL_BREAKPOINTS
    VERTICAL_BREAKPOINTS = SweepApp.VERTICAL_BREAKPOINTS

    def __init__(self) -> None:
        super().__init__()
        self.shown = SweepScreen("20260101-120000-paper-abcd-sweep")

    def on_mount(self) -> None:
        self.push_screen(self.shown)


def definition(halving: int | None = None) -> Definition:
    return Draft(
        "paper", "demo", PAPER, {"train.epochs": 9}, 1 if halving else 2, halving
    ).definition()


def accuracy(number: int) -> float:
    """Of a made-up point: best in the middle of the grid."""
    row, column = divmod((number - 1) % 30, 6)
    return 0.75 - 0.01 * (row - 2) ** 2 - 0.02 * (column - 2) ** 2 + 0.001 * (number > 30)


def finished(sweep: Definition, count: int, epochs: int = 9) -> list[PointState]:
    return [
        PointState(
            p, "finished", RunFolder(Path("runs/r")), ((epochs, accuracy(p.number)),),
            float(epochs), 61.5,
        )
        for p in sweep.points()[:count]
    ]  # fmt: skip


def state(sweep: Definition, given: list[PointState]) -> SweepState:
    rest = [PointState(p) for p in sweep.points()[len(given) :]]
    return SweepState(sweep, (*given, *rest))


def empty() -> SweepState:
    return state(definition(), [])


def running() -> SweepState:
    sweep = definition()
    given = finished(sweep, 38)
    given[4] = replace(given[4], status="failed", evaluations=(), message="no room")
    given[34] = replace(given[34], status="diverged", evaluations=())
    now = replace(given[37], status="running", epochs=3.2, eta_seconds=40.0)
    return state(sweep, [*given[:37], now])


def halved() -> SweepState:
    sweep = definition(halving=3)
    given = finished(sweep, 30, epochs=1)
    best = sorted(given, key=lambda one: -(one.accuracy or 0.0))[:10]
    for one in best:
        further = replace(one, epochs=3.0, evaluations=((1, one.accuracy or 0.0), (3, 0.7)))
        given[one.point.number - 1] = further
    return state(sweep, given)


def single() -> SweepState:
    sweep = Draft("wd", "demo", {"train.weight_decay": [0.0, 1e-4, 5e-4]}).definition()
    return state(sweep, finished(sweep, 2))


STORIES = {"empty": empty, "running": running, "halved": halved, "single": single}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("name", STORIES)
async def test_the_sweep_looks_as_kept(name: str, size: tuple[int, int]) -> None:
    stage = Stage()
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        run, now = (story.told(*story.training()), 20.0) if name == "running" else (RunState(), 0.0)
        for _ in range(2):  # its map's height follows from what it shows
            stage.shown.show(STORIES[name](), 4200.0, "● running", run, now)
            await pilot.pause()
        seen = text(stage) + "\n"  # type: ignore[arg-type]
    compare(FOLDER / f"{name}-{size[0]}x{size[1]}.txt", seen)


def test_no_picture_is_left_of_a_sweep_there_is_none_of() -> None:
    wanted = {f"{name}-{width}x{height}.txt" for name in STORIES for width, height in SIZES}
    assert names_kept(FOLDER, ".txt") == wanted
