"""`cnntop doctor`: its page, and the command on this very machine."""

from cnntop.core.doctor import Finding
from cnntop.tui.doctor_page import findings_text
from tests.tui.place import Place


def test_page_has_a_line_each_the_remedy_below_and_a_count() -> None:
    text = findings_text(
        [
            Finding("python", "ok", "Python 3.99"),
            Finding("driver", "warning", "old", "Update it."),
            Finding("runs folder", "problem", "cannot be written", "Choose another."),
        ]
    )
    assert text.splitlines() == [
        "ok  python       Python 3.99",
        " !  driver       old",
        "                 -> Update it.",
        " X  runs folder  cannot be written",
        "                 -> Choose another.",
        "",
        "1 problem, 1 warning.",
    ]


def test_page_cleans_escapes() -> None:
    text = findings_text([Finding("x", "info", "a\x1b[31m", "b\x07")])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert text.endswith("0 problems, 0 warnings.\n")


def test_command_looks_at_this_machine_and_leaves_nothing(place: Place) -> None:
    answer = place.run("doctor")
    assert "Traceback" not in answer.err
    for area in ("python", "torch", "torchvision", "CPU", "memory", "terminal", "runs folder"):
        assert f" {area} " in answer.out, area
    assert answer.code == (1 if "\n X  " in answer.out else 0)
    assert not place.runs.exists()


def test_a_runs_folder_that_cannot_be_written_is_a_problem_with_a_remedy(place: Place) -> None:
    (place.folder / "file").touch()
    answer = place.run("doctor", "--runs-dir", str(place.folder / "file" / "runs"))
    assert answer.code == 1
    lines = answer.out.splitlines()
    at = next(i for i, line in enumerate(lines) if " runs folder " in line)
    assert lines[at].startswith(" X")
    assert "--runs-dir" in lines[at + 1]
