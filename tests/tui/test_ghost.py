"""The ghost on the screen: its panel, who it is, and the dialog that takes another."""

import time
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from textual.geometry import Size
from textual.widgets import Input, OptionList

from cnntop.core.analysis.ghost import Ghost, GhostEpoch
from cnntop.core.events import AnyEvent, Record, RunEnded
from cnntop.core.run_state import RunState
from cnntop.core.runs.log import RunLog
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.tui.ghost_race import BEST, HIDDEN, GhostRace
from cnntop.tui.screens.ghost_chooser import SHOWN, GhostChooser
from cnntop.tui.screens.monitor import MonitorScreen
from cnntop.tui.watch_run import WatchApp, WatchedRun
from cnntop.tui.widgets.ghost import GhostPanel
from cnntop.tui.widgets.panel import Frame
from tests.kept_runs import keep_run
from tests.tui import story
from tests.tui.place import Place, until
from tests.tui.stage import Stage, monitor, show, text

RECIPE = {"model.kernels": 8, "data.dataset": "shapes"}


def ghost(epochs: int = 20, better: float = 0.05, **values: object) -> Ghost:
    """One that was faster and better than the run of the story."""
    reached = [
        GhostEpoch(float(epoch), 313 * epoch, 3.0 * epoch, epoch / (epoch + 4) - 0.02 + better, 1.5)
        for epoch in range(1, epochs + 1)
    ]
    whole = Ghost(
        "20260101-100000-before-0001", "before", reached, reached[-1].test_accuracy,
        3.0 * epochs, "Some CPU 9000",
    )  # fmt: skip
    return Ghost(**{**whole.__dict__, **values})


def panel_lines(race: GhostRace, state: RunState, size: tuple[int, int]) -> list[str]:
    """What the panel says in so many cells."""
    panel = GhostPanel()
    panel.hold_against(race)
    frame = Frame(state.at_seconds, *Size(*size))
    return [line.plain for line in panel.lines(state, frame)]


def racing(one: Ghost | None) -> GhostRace:
    race = GhostRace()
    race.ghost, race.rows = one, []
    return race


def test_all_that_is_known_in_five_lines() -> None:
    lines = panel_lines(racing(ghost()), story.told(*story.training()), (120, 5))
    assert len(lines) == 5
    name, by_epoch, by_time, end, target = lines
    assert name.startswith(" ghost      before  best 86.33 % in 01:00")
    # Own 5 / 9 - 2 %; 5 points behind at the same epoch, and a ghost that is at 6.67 by then.
    assert by_epoch.startswith(" epoch 5    53.56 %  -5.00 points  test loss ")
    assert by_time.startswith(" at 00:20   53.56 %  -11.87 points")
    assert "at epoch 20  90 % sure: " in end
    assert end.endswith("at the present pace")
    assert target.startswith(" to 70 %")
    assert "in about" in target or "not reached by this projection" in target


@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_fewer_lines_say_it_shorter(height: int) -> None:
    lines = panel_lines(racing(ghost()), story.told(*story.training()), (80, height))
    assert len(lines) == height
    together = "\n".join(lines)
    for words in ("-5.00 p", "-11.87 p", "projected"):
        assert words in together
    assert all(len(line) <= 80 for line in lines)


def test_a_dash_where_the_ghost_has_no_figure() -> None:
    lines = panel_lines(racing(ghost(epochs=4)), story.told(*story.training()), (120, 5))
    assert lines[1] == " epoch 5    –  it ended after 4 epochs"
    assert lines[2] == " at 00:20   –  it was over after 00:12"


def test_a_ghost_that_was_evaluated_less_often() -> None:
    late = ghost()
    late = Ghost(**{**late.__dict__, "epochs": late.epochs[9:]})
    lines = panel_lines(racing(late), story.told(*story.training()), (120, 5))
    assert lines[1] == " epoch 5    –  it was not evaluated by then"
    assert lines[2] == " at 00:20   –  it was not evaluated by then"


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "ghost      –"),
        ([story.STARTED, *story.epochs(1, 3)], "after the first evaluation"),
        ([story.STARTED, *story.epochs(2)], "–  after 4 evaluations, now 2"),
        ([*story.training(), RunEnded("finished", "", 60.0)], "-32.78 pt against its best"),
    ],
)
def test_what_there_is_not_yet_and_what_there_is_at_the_end(
    events: list[AnyEvent], words: str
) -> None:
    race = racing(ghost() if events else None)
    if not events:
        race.rows = None
    assert words in "\n".join(panel_lines(race, story.told(*events), (120, 5)))


def test_the_shape_of_a_ghost_with_the_same_plan_is_taken() -> None:
    race = racing(ghost(schedule="cosine", planned_epochs=20))
    race._schedule = "cosine"
    state = story.told(*story.training())
    assert race.race(state, state.at_seconds).outlook.as_ghost
    lines = panel_lines(race, state, (120, 5))
    assert lines[3].endswith("as before went")
    race = racing(ghost(schedule="cosine", planned_epochs=10))
    race._schedule = "cosine"
    assert not race.race(state, state.at_seconds).outlook.as_ghost


def test_names_cannot_paint_and_hiding_says_so() -> None:
    race = racing(None)
    race.choose(HIDDEN)
    assert "none (g chooses one)" in panel_lines(race, RunState(), (80, 2))[0]


async def test_the_panel_on_the_monitor() -> None:
    for size, words in (((80, 24), "epoch 5 -5.00"), ((120, 40), "-5.00 points")):
        screen = monitor()
        screen.ghost_panel.hold_against(racing(ghost(name="evil\x1b[31m[/x]")))
        stage = Stage(screen)
        async with stage.run_test(size=size) as pilot:
            await pilot.pause()
            show(stage, story.told(*story.training()))
            await pilot.pause()
            shown = text(stage)
        assert words in shown
        assert "evil?[31m[/x]" in shown


async def test_the_ghosts_value_is_that_of_the_same_place() -> None:
    """In the title of a chart: after epoch 5, and not the best that it came to in the end."""
    screen, one = monitor(), ghost()
    screen.ghost_panel.hold_against(racing(one))
    stage = Stage(screen)
    async with stage.run_test(size=(200, 60)) as pilot:
        await pilot.pause()
        show(stage, story.told(*story.training()))
        screen.take_ghost()
        await pilot.pause()
        shown = text(stage)
        assert f"ghost {100 * one.epochs[4].test_accuracy:.1f} %" in shown
        assert f"ghost {100 * one.epochs[-1].test_accuracy:.1f} %" not in shown


def watched(runs_dir: Path) -> WatchedRun:
    """A run with a log, and runs before it."""
    for number, accuracy in ((1, 0.3), (2, 0.6)):
        keep_run(runs_dir, number, RECIPE, reached=[(2.0, 0.1), (2.0, accuracy)])
    folder = keep_run(runs_dir, 3, RECIPE, reached=[(2.0, 0.9)])
    log = RunLog(folder.events)
    started = msgspec.structs.replace(
        story.STARTED, run=folder.path.name, train_images=100, steps_per_epoch=1,
        started_utc="2026-01-01T11:00:00Z",
    )  # fmt: skip
    for seq, event in enumerate([started, *story.epochs(4), RunEnded("finished", "", 16.0)]):
        log.append(Record(seq, float(seq), event))
    log.close()
    return WatchedRun(folder, readonly=True)


async def test_watch_finds_the_best_earlier_run_and_the_key_takes_another(tmp_path: Path) -> None:
    app = WatchApp(watched(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        deadline = time.monotonic() + 60
        while app.race.ghost is None:
            await pilot.pause(0.02)
            assert time.monotonic() < deadline
        best = app.race.ghost
        assert best.best_test_accuracy == 0.6
        assert [row["best_test_accuracy"] for row in app.race.rows or []] == ["0.6", "0.3"]
        await pilot.pause(0.3)
        panel = app.screen.query_one(GhostPanel)
        assert "60.00 %" in panel.render().plain
        await pilot.press("g", "down", "down", "down", "enter")
        while app.race.ghost is best:
            await pilot.pause(0.02)
            assert time.monotonic() < deadline
        assert app.race.ghost is not None
        assert app.race.ghost.best_test_accuracy == 0.3
        await pilot.press("g", *"none", "escape", "g", "up", "up", "enter")
        await pilot.pause(0.3)
        assert isinstance(app.screen, MonitorScreen)


def test_the_key_in_a_real_terminal(place: Place) -> None:
    folder = watched(place.runs).folder.path
    with place.window("watch", str(folder)) as window:
        window.until("best 60.00 %")
        window.keys("g")
        window.until("Which run is the ghost?")
        window.keys("\x1b[B\r")
        window.until("none (g chooses one)")
        window.keys("g")
        window.until("Which run is the ghost?")
        window.keys("000001")
        window.until(lambda shown: "30.00 %" in shown and "60.00 %" not in shown)
        window.keys("\x1b")
        window.until(lambda shown: "Which run" not in shown)
        window.keys("q")
        assert window.end() == 0


def row(number: int, **values: str) -> Row:
    known = {"run": f"run-{number:05}", "name": f"name{number}", "best_test_accuracy": "0.5"}
    return dict.fromkeys(COLUMNS, "") | known | values


async def test_the_dialog_filters_as_one_types() -> None:
    rows = [row(number) for number in range(10_000)]
    rows[8]["name"] = "名前" * 20
    rows[7] |= {"name": "evil[/x]", "model": "resnet18", "seconds": "75"}
    rows[7]["started_utc"] = "2026-01-01T10:00:07Z"
    stage = Stage(GhostChooser(rows, BEST))
    async with stage.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        runs = stage.screen.query_one(OptionList)
        assert runs.option_count == SHOWN + 2
        assert "9,800 more" in text(stage)
        accuracies = [line for line in text(stage).splitlines() if "50.00 %" in line]
        assert len({cell_len(line.partition("50.00 %")[0]) for line in accuracies}) == 1
        assert "前 …" in text(stage)
        await pilot.press(*"evil", "space", *"RES")
        await pilot.pause()
        assert runs.option_count == 1
        shown = text(stage)
        assert "evil[/x]" in shown
        assert "50.00 %    01:15  2026-01-01 10:00" in shown
        await pilot.press("enter")
        await pilot.pause()
        assert stage.answers == ["run-00007"]


@pytest.mark.parametrize(
    ("keys", "answer"),
    [(["enter"], BEST), (["down", "enter"], HIDDEN), (["down", "down", "enter"], "run-00000"),
     (["escape"], None), ([*"nothing like it", "enter", "escape"], None)],
)  # fmt: skip
async def test_the_dialog_s_answers(keys: list[str], answer: str | None) -> None:
    stage = Stage(GhostChooser([row(0), row(1)], BEST))
    async with stage.run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        assert stage.screen.query_one(Input).has_focus
        await pilot.press(*keys)
        await pilot.pause()
        assert stage.answers == [answer]


def test_reading_is_left_to_a_thread(tmp_path: Path) -> None:
    run = watched(tmp_path)
    race = GhostRace(tmp_path, run.folder.path.name)
    state = RunState()
    assert not race.follow(state)
    for record in run.drain():
        state.apply(record)
    until(lambda: race.follow(state))
    assert race.ghost is not None
    assert not race.follow(state), "told once"


def test_a_race_without_runs_has_no_ghost(tmp_path: Path) -> None:
    race = GhostRace(tmp_path / "nowhere")
    state = story.told(story.STARTED)
    race.follow(state)
    until(lambda: race.rows is not None)
    assert race.ghost is None
    assert "no earlier run of this dataset" in panel_lines(race, state, (80, 2))[0]
