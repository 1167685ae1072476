"""The command line's pages: what they say, and that they answer without torch."""

import re
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version

import pytest

from cnntop.core import preset
from tests.tui.place import Place

VERBS = ("run", "compare", "presets", "doctor")
LIGHT = [
    ["--help"],
    ["-h"],
    ["--version"],
    ["run", "--help"],
    ["compare", "--help"],
    ["presets", "--help"],
    ["doctor", "--help"],
    ["presets"],
    ["presets", "show", "demo"],
    ["compare"],
    ["compare", "--json"],
]
_LIGHT_PROGRAM = """
import sys
from cnntop.tui.cli import main
sys.argv = ["cnntop", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code or 0
heavy = {"torch", "torchvision", "numpy", "textual"} & set(sys.modules)
sys.stderr.write(f"heavy: {sorted(heavy)}")
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_a_page_answers_without_importing_torch(place: Place, arguments: list[str]) -> None:
    answer = place.run("-c", _LIGHT_PROGRAM, *arguments, command=sys.executable)
    assert answer.code == 0
    assert answer.out.strip()
    assert answer.err == "heavy: []"
    assert not list(place.folder.iterdir()), "a page leaves nothing behind"


def test_picker_and_monitor_are_loaded_without_torch(place: Place) -> None:
    program = (
        "import sys, cnntop.tui.app, cnntop.tui.screen_run, cnntop.tui.plain_run\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert place.run("-c", program, command=sys.executable).code == 0


def test_help_names_every_verb_and_the_exit_codes(place: Place) -> None:
    page = place.run("--help").out
    for verb in VERBS:
        assert re.search(rf"│ {verb} ", page), verb
    flat = " ".join(page.split())
    for code in ("0 finished", "1 the run failed", "2 bad usage", "3 dataset", "130 and 143"):
        assert code in flat


def test_help_of_run_names_every_option(place: Place) -> None:
    page = place.run("run", "--help", COLUMNS="200").out
    for option in (
        "--preset", "--dataset", "--data-dir", "--kernels", "--batch-size", "--epochs", "--time",
        "--lr", "--seed", "--set", "--device", "--workers", "--name", "--runs-dir", "--plain",
        "--passes", "--auto-fix",
    ):  # fmt: skip
        assert option in page, option


def test_passes_on_the_command_line(place: Place, quick: Callable[..., list[str]]) -> None:
    done = place.run(*quick("--passes", "2", "--epochs", "1", "--set", "evaluate_every=5"))
    assert done.code == 0, done.err
    [row] = place.rows()
    assert (row["passes"], row["evaluate_every"], row["epochs"]) == ("2", "5", "1")
    assert row["test_accuracy"], "the last epoch is evaluated"
    [folder] = place.run_folders()
    [started] = re.findall(r'"steps_per_epoch":(\d+)', (folder / "events.jsonl").read_text())
    assert int(started) == 2 * 9


@pytest.mark.parametrize("arguments", [("--passes", "0"), ("--set", "passes=0")])
def test_no_pass_at_all_is_refused(
    place: Place, quick: Callable[..., list[str]], arguments: tuple[str, str]
) -> None:
    answer = place.run(*quick(*arguments))
    assert answer.code == 2
    assert "train.passes" in answer.err
    assert "Traceback" not in answer.err
    assert not place.runs.exists()


def test_the_examples_in_the_help_of_run_are_right(place: Place) -> None:
    """Each gets as far as the runs folder, which cannot be made here."""
    page = place.run("run", "--help").out
    examples = re.findall(r"^ *cnntop (run -p.*?)(?:   ?\S.*|> log *)?$", page, re.MULTILINE)
    assert len(examples) >= 3
    (place.folder / "file").touch()
    for example in examples:
        answer = place.run(*example.split(), "--plain", "--runs-dir", "file/runs")
        assert answer.err.startswith("cnntop: runs folder file/runs cannot be written"), example


@pytest.mark.parametrize("columns", ["60", "80"])
def test_help_fits_a_narrow_terminal(place: Place, columns: str) -> None:
    for arguments in (["--help"], ["run", "--help"], ["compare", "--help"]):
        page = place.run(*arguments, COLUMNS=columns).out
        assert max(map(len, page.splitlines())) <= int(columns)


def test_version(place: Place) -> None:
    assert place.run("--version").out == f"cnntop {version('cnntop')}\n"


def test_a_verb_there_is_none_of_is_a_usage_error(place: Place) -> None:
    answer = place.run("comprae")
    assert answer.code == 2
    assert "compare" in answer.err
    assert "Traceback" not in answer.err


def test_no_preset_and_no_screen(place: Place) -> None:
    for arguments in ([], ["run"], ["run", "--plain"]):
        answer = place.run(*arguments)
        assert answer.code == 2
        assert answer.err.startswith("cnntop: no preset given")
        assert "cnntop presets" in answer.err
        assert answer.out == ""


bash = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


@bash
def test_completion_script(place: Place) -> None:
    # Below a shell, because Typer asks the process tree which one it is; `true` keeps it there.
    answer = place.run("-c", "cnntop --show-completion; true", command="bash", PATH=_path())
    assert "_CNNTOP_COMPLETE=complete_bash" in answer.out
    assert "complete -o" in answer.out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["cnntop", "ru"], {"run"}),
        (["cnntop", "run", "--preset", ""], set(preset.names())),
        (["cnntop", "run", "-p", "shallow12"], {"shallow128", "shallow128-cifar100"}),
        (["cnntop", "presets", "show", "dem"], {"demo"}),
        (["cnntop", "run", "--pl"], {"--plain"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_shell_completes(place: Place, typed: list[str], expected: set[str]) -> None:
    answer = place.run(
        _CNNTOP_COMPLETE="complete_bash",
        COMP_WORDS=" ".join(typed),
        COMP_CWORD=str(len(typed) - 1),
    )
    assert answer.code == 0
    assert set(answer.out.split()) == expected


def _path() -> str:
    from os import environ, pathsep
    from pathlib import Path

    return str(Path(sys.executable).parent) + pathsep + environ["PATH"]
