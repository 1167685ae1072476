"""The compare screen: table, filter, marks, baseline, curves and recipes, by keys and mouse."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from cnntop.core.runs.row_watch import FOLDER
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.tui.compare import Question
from cnntop.tui.screens.compare import CompareScreen
from cnntop.tui.screens.curves import CurvesScreen
from cnntop.tui.screens.help import HelpScreen
from cnntop.tui.screens.recipes import RecipesScreen
from cnntop.tui.widgets.run_grid import RunGrid
from tests.kept_runs import epoch, keep_run
from tests.tui.place import Place
from tests.tui.stage import Stage, monitor, regions, text

EVIL = "ev\x1b[31mil[/x]\u202e 深層学習のための長い名前"
FINALS = {8: 0.5, 32: 0.625, 128: 0.75}
SIZES = [(60, 15), (80, 24), (120, 40), (200, 60)]


def keep_three(runs_dir: Path) -> None:
    """Runs of 3 epochs, whose accuracy climbs to that of `FINALS`; the wider, the slower."""
    for number, (kernels, final) in enumerate(FINALS.items(), 1):
        reached = [(kernels / 4, final * share) for share in (0.6, 0.9, 1.0)]
        recipe = {"model.kernels": kernels, "train.lr": 0.01 * number, "train.seed": 7}
        keep_run(runs_dir, number, recipe, reached=reached, host="here")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare") / "runs"
    keep_three(folder)
    return folder


def stage(*runs_dirs: Path, **asked: Any) -> Stage:
    return Stage(CompareScreen(runs_dirs, Question(runs_dirs[0], **asked)))


async def settle(pilot: Pilot[None]) -> None:
    """Until what is read has been shown."""
    for _ in range(3):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


def models(shown: str) -> list[str]:
    """Of the runs in the table, in its order."""
    return [
        word.removeprefix("shallow")
        for line in shown.splitlines()
        if " finished " in line or " running " in line
        for word in line.split()[:3]
        if word.startswith("shallow")
    ]


def line_of(shown: str, words: str) -> str:
    return next(line for line in shown.splitlines() if words in line)


async def test_sorting_by_keys_and_by_a_click_on_a_heading(runs: Path) -> None:
    app = stage(runs)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert models(text(app)) == ["128", "32", "8"]
        assert "3 runs, newest first" in text(app)
        heading = text(app).splitlines()[1]
        moves = [word for word in heading.split() if word != "(UTC)"].index("best")
        await press(pilot, *["right"] * moves, "s")
        assert "by best" in text(app)
        assert "best ▼" in text(app)
        assert models(text(app)) == ["128", "32", "8"]
        await press(pilot, "s")
        assert "best ▲" in text(app)
        assert models(text(app)) == ["8", "32", "128"]

        at = text(app).splitlines()[1].index("name")
        await pilot.click(RunGrid, offset=(at, 0))
        await settle(pilot)
        assert models(text(app)) == ["128", "32", "8"], "text from a to z"
        await pilot.click(RunGrid, offset=(at, 0))
        await settle(pilot)
        assert models(text(app)) == ["8", "32", "128"]


async def test_a_filter_is_applied_as_it_is_typed_and_errors_lose_nothing(runs: Path) -> None:
    app = stage(runs)
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "slash", *"shallow32")
        assert models(text(app)) == ["32"]
        assert "1 of 3 runs" in text(app)
        await press(pilot, "enter")
        assert "filter: shallow32" in text(app)
        assert models(text(app)) == ["32"]

        await press(pilot, "slash")
        app.screen.query_one(Input).value = "train.lr>=0.02 and best_test_accuracy<=70"
        await settle(pilot)
        assert "best_test_accuracy is a fraction: write 0.7 or 70%." in text(app)
        assert models(text(app)) == ["32"], "as before"
        await press(pilot, "enter")
        assert app.screen.query_one(Input).has_focus, "what is wrong is not taken"
        await press(pilot, "end", "%")
        assert models(text(app)) == ["32"]
        await press(pilot, "escape")
        assert "filter: shallow32" in text(app), "taken back"

        await press(pilot, "escape")
        assert models(text(app)) == ["128", "32", "8"]
        await press(pilot, "escape")
        assert app.answers == [None], "nothing left to drop: back"


async def test_a_filter_on_recipes_reads_them(runs: Path) -> None:
    app = stage(runs, where="train.lr<0.025")
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        assert models(text(app)) == ["32", "8"]
        await press(pilot, "slash", "ctrl+u", *"model.kernels=128", "enter")
        assert models(text(app)) == ["128"]


async def test_marks_by_keys_and_mouse(runs: Path) -> None:
    app = stage(runs)
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space")
        assert "2 marked" in text(app)
        assert line_of(text(app), "shallow128").split()[0] == "A"
        assert line_of(text(app), "shallow32").split()[0] == "B"
        await pilot.click(RunGrid, offset=(2, 1))
        await settle(pilot)
        assert line_of(text(app), "shallow32").split()[0] == "A", "the letters move up"
        await press(pilot, "a")
        assert "3 marked" in text(app)
        await press(pilot, "a")
        assert "marked" not in text(app)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)], ids=str)
async def test_a_baseline_is_what_the_others_are_set_against(
    runs: Path, size: tuple[int, int]
) -> None:
    app = stage(runs)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "end", "b")
        shown = text(app)
        assert "baseline: shallow8" in shown
        assert "best pts" in shown
        assert "+25.00" in line_of(shown, "shallow128")
        assert "baseline" in line_of(shown, " shallow8 ")
        if size[0] >= 80:
            assert "epoch x" in shown
            assert "16x" in line_of(shown, "shallow128")
        await press(pilot, "b")
        assert "pts" not in text(app)


async def test_curves_of_the_marked_runs_have_letters_and_final_values(runs: Path) -> None:
    app = stage(runs)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "end", "b", "enter")
        assert isinstance(app.screen, CurvesScreen)
        shown = text(app)
        assert "test accuracy by epoch" in shown
        for letter, final, gain in (("A", "75.00 %", "+25.00"), ("B", "62.50 %", "+12.50")):
            line = line_of(shown, f" {letter} ━ ")
            assert final in line
            assert gain in line
        assert "baseline" in line_of(shown, " C ━ shallow8 ")
        plot = "\n".join(shown.splitlines()[1:-5])
        assert all(letter in plot for letter in "ABC"), "no curve is told by its colour alone"


async def test_the_axis_and_the_figure_of_the_curves(runs: Path) -> None:
    app = stage(runs)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        for unit in ("by time of training", "by step", "by epoch"):
            await press(pilot, "x")
            assert f"test accuracy {unit}" in text(app)
        for metric in (
            "test loss", "train loss", "train accuracy", "images per second", "epoch seconds",
        ):  # fmt: skip
            await press(pilot, "tab")
            assert f"cnntop  {metric} by epoch" in text(app)
        assert "32 s" in line_of(text(app), " A ━ ")
        await press(pilot, "shift+tab", "shift+tab", "l")
        assert "train accuracy by epoch, log scale" in text(app)
        await press(pilot, "m", "m")
        assert "log scale, medium smoothing" in text(app)
        await press(pilot, "escape")
        assert isinstance(app.screen, CompareScreen)


async def test_the_cursor_reads_every_curve(runs: Path) -> None:
    app = stage(runs)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "a", "enter", "left")
        assert "at epoch 1.5" in text(app)
        # The second epoch of each is not over yet: 60 % of the final accuracy.
        for letter, value in zip("ABC", ("45.00 %", "37.50 %", "30.00 %"), strict=True):
            assert value in line_of(text(app), f" {letter} ━ ")
        await press(pilot, "escape")
        assert "75.00 %" in line_of(text(app), " A ━ ")
        assert isinstance(app.screen, CurvesScreen)


async def test_more_than_eight_curves_are_counted(tmp_path: Path) -> None:
    for number in range(14):
        keep_run(tmp_path, number, {"train.seed": number}, reached=[(1.0, 0.5), (1.0, 0.6)])
    app = stage(tmp_path)
    async with app.run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        await press(pilot, "a", "enter")
        shown = text(app)
    assert "+6 not drawn" in shown
    assert all(f" {letter} ━ " in shown for letter in "ABCDEFGH")


async def test_no_column_is_under_the_scroll_bar(tmp_path: Path) -> None:
    for number in range(14):
        keep_run(tmp_path, number, {"train.seed": number}, reached=[(1.0, 0.5)])
    app = stage(tmp_path)
    async with app.run_test(size=(78, 15)) as pilot:
        await settle(pilot)
        for width in range(79, 91):
            await pilot.resize_terminal(width, 15)
            await settle(pilot)
            heading = text(app).splitlines()[1]
            last = app.screen.query_one(RunGrid)._fitted.columns[-1].heading
            assert heading.endswith(last), width
            assert len(heading) < width


async def test_recipes_side_by_side_only_where_they_differ(runs: Path) -> None:
    app = stage(runs)
    async with app.run_test(size=(100, 70)) as pilot:
        await settle(pilot)
        await press(pilot, "a", "end", "b", "r")
        assert isinstance(app.screen, RecipesScreen)
        shown = text(app)
        assert line_of(shown, "train.lr").split() == ["≠", "train.lr", "0.03", "0.02", "0.01"]
        assert line_of(shown, "model.kernels").split()[2:] == ["128", "32", "8"]
        assert "train.seed" not in shown
        assert "75.0 % (+25.00)" in line_of(shown, "best_test_accuracy")
        assert "C shallow8 (baseline)" in shown
        await press(pilot, "a")
        assert line_of(text(app), "train.seed").split() == ["train.seed", "7", "7", "7"]
        await press(pilot, "escape")
        assert isinstance(app.screen, CompareScreen)


async def test_recipes_that_do_not_fit_are_a_key_away(runs: Path) -> None:
    app = stage(runs, baseline="shallow8")
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        assert "baseline: shallow8" in text(app)
        await press(pilot, "a", "r")
        assert "+1 run" in text(app)
        assert line_of(text(app), "train.lr").split()[2:] == ["0.03", "0.02"]
        await press(pilot, "right", "right")
        assert line_of(text(app), "train.lr").split()[2:] == ["0.02", "0.01"]
        await press(pilot, "left")
        assert line_of(text(app), "train.lr").split()[2:] == ["0.03", "0.02"]


async def test_a_run_under_way_and_one_that_comes_are_shown(tmp_path: Path) -> None:
    from tests.runs.test_row_watch import LiveRun

    live = LiveRun(keep_run(tmp_path, 5, {"model.kernels": 8}))
    (tmp_path / "summary.csv").unlink()
    screen = CompareScreen([tmp_path])
    app = Stage(screen)
    try:
        async with app.run_test(size=(100, 24)) as pilot:
            await settle(pilot)
            assert "running" in line_of(text(app), "shallow8")
            live.tell(epoch(1, 2.0, 0.3125))
            keep_run(tmp_path, 6, {"model.kernels": 32}, reached=[(1.0, 0.5)])
            screen._look()
            await settle(pilot)
            assert "31.2 %" in line_of(text(app), "shallow8")
            assert models(text(app)) == ["32", "8"]
            assert line_of(text(app), "shallow8").startswith(">"), "the cursor stays with its run"
    finally:
        live.end()


async def test_what_is_wrong_with_the_runs_asked_for_stays_said(tmp_path: Path) -> None:
    keep_three(tmp_path)
    gone = min(path for path in tmp_path.iterdir() if path.is_dir())
    app = stage(tmp_path, runs=[gone.name])
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert models(text(app)) == ["8"]
        shutil.rmtree(gone)
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        for _ in range(3):
            screen._look()
            await settle(pilot)
            assert "Did you mean" in text(app)
        keep_run(tmp_path, 1, {"model.kernels": 8}, host="here")
        screen._look()
        await settle(pilot)
        assert "Did you mean" not in text(app)
        assert models(text(app)) == ["8"]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_evil_and_wide_names_stay_in_their_columns(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    keep_run(tmp_path, 1, {}, reached=[(1.0, 0.5)], name=EVIL, device_name=EVIL, host=EVIL)
    keep_run(tmp_path, 2, {}, reached=[(1.0, 0.25)], name="plain")
    app = stage(tmp_path)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for keys in ((), ("a", "b"), ("enter",), ("escape", "r")):
            await press(pilot, *keys)
            for strip in app.screen._compositor.render_strips():
                assert strip.cell_length == size[0]
                assert not {"\x1b", "\u202e"} & set(strip.text)
            if not isinstance(app.screen, RecipesScreen):  # that one scrolls
                for place, region in regions(app).items():
                    assert app.screen.region.contains_region(region), place
        await press(pilot, "escape")
        lines = text(app).splitlines()
        assert "ev?[31mil[/x]?" in "\n".join(lines) or size[0] < 80


async def test_no_runs_and_too_small(tmp_path: Path) -> None:
    app = stage(tmp_path / "none")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "enter", "r", "space", "b", "s", "a", "down")
        assert "No runs yet. `cnntop run --preset demo` makes one." in text(app)
        await pilot.resize_terminal(50, 10)
        await settle(pilot)
        assert "too small" in text(app)


async def test_ten_thousand_runs_are_text_only_where_they_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = CompareScreen([tmp_path])
    app = Stage(screen)
    rows: list[Row] = [
        dict.fromkeys(COLUMNS, "")
        | {"run": f"{n:05}", "name": f"run{n}", "best_test_accuracy": f"0.{n:05}",
           FOLDER: str(tmp_path / f"{n:05}")}
        for n in range(10_000)
    ]  # fmt: skip
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        listing = screen._listing
        drawn: list[str] = []
        cell: Callable[..., str] = listing.cell
        monkeypatch.setattr(listing, "cell", lambda row, column: (
            drawn.append(row["run"]), cell(row, column)
        )[1])  # fmt: skip
        listing.fill(rows)
        screen.post_message(screen.Looked(rows, ""))
        await settle(pilot)
        assert "10,000 runs" in text(app)
        assert set(drawn) < {f"{n:05}" for n in range(30)}
        drawn.clear()
        await press(pilot, "end")
        assert "run9999" in text(app)
        assert len(set(drawn)) < 60
        await press(pilot, "pageup", "home", "slash", *"run999", "enter")
        assert "11 of 10,000 runs" in text(app)


async def test_from_the_monitor_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_three(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    app = Stage(monitor())
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "c")
        assert models(text(app)) == ["128", "32", "8"]
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpScreen)
        await press(pilot, "escape", "escape")
        assert app.screen is app.shown


def test_in_a_real_terminal(place: Place) -> None:
    keep_three(place.runs)
    with place.window("compare", "-i", "--sort", "best_test_accuracy", columns=100) as window:
        window.until(lambda shown: models(shown) == ["128", "32", "8"])
        window.keys("/model~shallow and lr<0.03\r")  # as a paste, or somebody quick, has it
        window.until(lambda shown: "filter: model~shallow and lr<0.03" in shown)
        window.until(lambda shown: models(shown) == ["32", "8"])
        window.keys("a\r")
        window.until("test accuracy by epoch")
        # Its figures come once the logs have been read.
        window.until(lambda shown: bool(re.search(r" A ━ shallow32 .*62\.50 %", shown)))
        window.until(" B ━ shallow8")
        window.keys("\x1b")
        window.until("2 of 3 runs")
        window.keys("q")
        assert window.end() == 0
        assert not window.alternate


def test_a_signal_ends_it(place: Place) -> None:
    import signal

    keep_three(place.runs)
    with place.window("compare", "-i") as window:
        window.until("3 runs")
        window.kill(signal.SIGTERM)
        assert window.end() == 128 + signal.SIGTERM
        assert not window.alternate


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "-i needs a terminal to draw on"),
        ("--csv", "--csv prints, and -i opens a screen; keep one."),
        ("--group seed", "-i shows runs, not groups of them"),
        ("--where lrr=1", "Did you mean 'lr'?"),
        ("--baseline nosuch", "no run 'nosuch'"),
    ],
)
def test_what_cannot_be_shown(place: Place, arguments: str, words: str) -> None:
    answer = place.run("compare", "-i", *arguments.split())
    assert answer.code == 2
    assert answer.out == ""
    assert words in answer.err
    assert answer.err.count("\n") == 1
