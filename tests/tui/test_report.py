"""`cnntop report`: pages, CSV, Markdown and pictures, from runs folders. No run is trained."""

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cnntop.core.runs.summary import COLUMNS, write_row
from cnntop.tui.cli import main
from cnntop.tui.reports.page import Style, Table, Words, as_markdown, as_text
from tests.analysis.report.rows import row

Report = Callable[..., str]
EVIL = "ev\x1b[31mil|[/x]*"
REPORTS = ("epoch-times", "hardware", "batch-size", "sweep")


def keep(runs_dir: Path, number: int, **values: Any) -> None:
    """A run folder with a row in summary.csv, as a run that ended leaves them."""
    run = f"20260101-{number:06}-some-0001"
    (runs_dir / run).mkdir(parents=True)
    (runs_dir / run / "run.json").write_text("{}")
    cells = row(**values)
    write_row(runs_dir, {column: cells.get(column, "") for column in COLUMNS} | {"run": run})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three machines: one with seeds, one with a GPU, one with nothing in common with them."""
    lab = tmp_path_factory.mktemp("lab")
    for number, (kernels, batch, seed) in enumerate(
        (kernels, batch, seed) for kernels in (8, 32) for batch in (32, 128) for seed in range(3)
    ):
        keep(
            lab / "a", number, host="a", model=f"shallow{kernels}", batch_size=batch, seed=seed,
            epoch_seconds=kernels + batch / 16 + seed / 10, images_per_second=1000 / kernels,
            wait_fraction=0.01 * batch / 32 + seed / 1000, seconds=900 + seed,
            test_accuracy=0.5 + kernels / 200 - batch / 1000 + seed / 500,
        )  # fmt: skip
    keep(lab / "b", 1, host="b", device="cuda:0", device_name=EVIL, cpu_name="=cmd()",
         epoch_seconds=1.5, images_per_second=40_000, test_accuracy=0.75, seconds=60)  # fmt: skip
    keep(lab / "b", 2, host="b", status="failed", batch_size=77, epoch_seconds=3)
    keep(lab / "c", 1, host="c", dataset="svhn", device_name="Lonely CPU", epoch_seconds="nan",
         images_per_second=7, test_accuracy="", batch_size=8)  # fmt: skip
    return lab


@pytest.fixture
def report(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Report:
    """The command run in this process on all of the lab, or on the folders given."""

    def run(*arguments: str, folders: tuple[Path, ...] = (), code: int = 0) -> str:
        dirs = folders or (lab / "a", lab / "b", lab / "c")
        monkeypatch.setattr(sys, "argv", ["cnntop", "report", *arguments, *map(str, dirs)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert (ended.value.code or 0) == code, captured.err
        return captured.out if code == 0 else captured.err

    return run


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_epoch_times_stand_beside_the_papers(report: Report) -> None:
    text = report("epoch-times")
    lines = text.splitlines()
    assert lines[0] == "Seconds an epoch"
    [gpu] = [line for line in lines if line.startswith("b ")]
    assert gpu.split()[-2:] == ["1.5", "–"]
    assert "ev?[31mil|[/x]*" in gpu
    [paper] = [line for line in lines if line.startswith("paper's A") and "GTX 980" in line]
    assert paper.split()[-6:] == ["88.01", "95.08", "–", "–", "10.25", "7.02"]
    assert "10.1 ±0.25" in text  # shallow8 at 32: 10.0, 10.1, 10.2
    assert "paper" not in report("epoch-times", "--no-paper")
    assert "Left out: 1 run without a whole epoch." in text


def test_csv_says_whose_a_figure_is_and_carries_no_formula(report: Report) -> None:
    rows = table(report("epoch-times", "--csv"))
    assert [one["source"] for one in rows].count("paper") == 10
    [gpu] = [one for one in rows if one["machine"] == "b"]
    assert gpu["augmented_on"] == "'=cmd()"
    assert (gpu["epoch_seconds"], gpu["low"], gpu["runs"]) == ("1.5", "", "1")


def test_hardware_connects_what_shares_a_setting_and_nothing_else(report: Report) -> None:
    text = report("hardware")
    assert "Not connected: Lonely CPU (2 threads)." in text
    assert "Spread: a measured speed lies a factor of" in text
    pairs = {(one["processor"], one["over_processor"]): one
             for one in table(report("hardware", "--no-paper", "--csv"))}  # fmt: skip
    assert pairs["ev?[31mil|[/x]*", "Some CPU"]["ratio"] == "1280"
    assert pairs["Some CPU", "ev?[31mil|[/x]*"]["shared_settings"] == "1"
    assert not any("Lonely CPU" in pair for pair in pairs)


def test_hardware_of_the_papers_figure_5(report: Report, tmp_path: Path) -> None:
    """On ResNet alone, which its figure is of, what Figure 4 says."""
    where = ("--where", "model=resnet18 and batch_size=32")
    text = report("hardware", *where, folders=(tmp_path,))
    matrix = [line for line in text.splitlines() if line[:2] in ("1 ", "2 ", "3 ", "4 ")]
    cells = [line.partition("  ")[2].replace("[1]", "").split() for line in matrix]
    assert cells[0] == ["1", "10.1", "32.2", "55.7"]
    assert [line[-1] for line in cells] == ["55.7", "5.51", "1.73", "1"]
    assert "Spread: not measured." in text


def test_the_claims_are_told_in_words_with_n_and_interval(report: Report) -> None:
    text = " ".join(report("batch-size", "--where", "model=shallow32").split())
    own, papers = text.split("of the paper's A", 1)
    assert "As the paper says, larger minibatches make epochs slower" in own
    assert "an epoch takes 40.1 s at batch 128 and 34.1 s at 32" in own
    assert "-9.60 points (95 % interval -10.05 to -9.15); n = 3 and 3." in own
    assert "Most accurate in 15:00-15:02: batch 32, 63.00 ±0.50 %." in own
    assert "Not as the paper says, that larger minibatches make epochs slower" in papers
    assert "7.02 s at batch 128 and 10.25 s at 32, 0.68 times as long; n = 1 and 1, too" in papers
    assert "waits" not in papers  # of which the paper gives no figures


def test_a_sweep_is_a_heat_map_and_a_front(report: Report, lab: Path) -> None:
    lines = report("sweep", folders=(lab / "a",)).splitlines()
    assert lines[0] == "Test accuracy in %: shallow on cifar10, trained on Some CPU of a"
    assert lines[1].split() == ["kernels:", "8", "32"]
    assert lines[2].split() == ["batch_size", "32", "51.0", "±0.5", "▒▒", "63.0", "±0.5", "██"]
    assert lines[3].split() == ["batch_size", "128", "41.4", "±0.5", "53.4", "±0.5", "▒▒"]
    assert "Best: kernels 32, batch_size 32 with 63.0 ±0.5 %." in lines[5]
    assert any(line.split() == ["shallow32,", "batch", "32", "15:01", "63.00", "±0.50"]
               for line in lines)  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_a_folder_without_runs_says_so(report: Report, name: str, tmp_path: Path) -> None:
    no_paper = () if name == "sweep" else ("--no-paper",)
    assert report(name, *no_paper, folders=(tmp_path,)).startswith("Not measured: ")
    assert table(report(name, *no_paper, "--csv", folders=(tmp_path,))) == []


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("runs", ["all", "one", "none"])
def test_pictures_are_whole_whatever_there_is(
    report: Report, name: str, runs: str, lab: Path, tmp_path: Path
) -> None:
    folders = {"all": (), "one": (lab / "c",), "none": (tmp_path,)}[runs]
    file = tmp_path / "picture.svg"
    report(name, "--svg", str(file), folders=folders)
    picture = ET.fromstring(file.read_text())
    width, height = float(picture.get("width") or 0), float(picture.get("height") or 0)
    for element in picture.iter():
        assert "nan" not in ET.tostring(element, encoding="unicode").lower().split('"')
        for key, end in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert 0 <= float(element.get(key) or 0) <= end


@pytest.mark.parametrize("name", REPORTS)
def test_markdown_means_itself(report: Report, name: str) -> None:
    text = report(name, "--md")
    assert "\x1b" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows
    if name != "batch-size":
        assert r"ev?\[31mil\|\[/x\]\*" in text


def test_other_runs_count_if_that_is_asked_for(report: Report) -> None:
    assert "b77" not in report("epoch-times")
    assert "b77" in report("epoch-times", "--all")


def test_a_folder_given_twice_counts_once(report: Report, lab: Path) -> None:
    once = report("sweep", "--csv", folders=(lab / "a",))
    assert report("sweep", "--csv", folders=(lab / "a", lab / "a")) == once


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sweep", "--x", "kernel"), "Did you mean 'kernels'?"),
        (("sweep", "--x", "data.threads", "--y", "threads"), "name two keys"),
        (("hardware", "--md", "--csv"), "--md and --csv are both given"),
        (("hardware", "--svg", "/nowhere/x.svg"), "there is no folder for /nowhere/x.svg"),
        (("epoch-times", "/nowhere/runs"), "there is no runs folder /nowhere/runs"),
        (("batch-size", "--where", "batchsize=32"), "batch_size"),
    ],
)
def test_mistakes_are_one_line(report: Report, arguments: tuple[str, ...], words: str) -> None:
    error = report(*arguments, code=2)
    assert error.startswith("cnntop: ")
    assert error.count("\n") == 1
    assert words in error


WIDE = Table("Title", ["who", "a", "b"], [["x" * 30, "1", "–"], ["yy", "–", "2"]],
             shades={(0, 1): 0.0, (1, 2): 1.0})  # fmt: skip


def test_a_table_fits_its_terminal_in_blocks() -> None:
    lines = as_text(
        [Table("T", ["who", "a" * 9, "b" * 9], WIDE.rows)], Style(space=28)
    ).splitlines()
    assert lines == [
        "T",
        "who              " + "  " + "a" * 9,
        "x" * 16 + "…" + "  " + "1".rjust(9),
        "",
        "who              " + "  " + "b" * 9,
        "yy               " + "  " + "2".rjust(9),
    ]


def test_shades_are_blocks_without_colour_and_plain_characters_without_utf8() -> None:
    assert as_text([WIDE], Style()).splitlines()[3] == f"{'yy':30}  –     2 ██"
    plain = as_text([WIDE, Words("±0.1 é …")], Style(ascii=True))
    assert plain.isascii()
    assert plain.splitlines()[3] == f"{'yy':30}  -     2 ##"
    assert "+-0.1 ? ~" in plain


def test_columns_stand_in_line_without_utf8_too() -> None:
    table = Table("T", ["who", "a", "b"], [["x", "1 ±2", "3"], ["y", "10", "4"]])
    lines = as_text([table], Style(ascii=True)).splitlines()
    assert [line.rindex(cell) for line, cell in zip(lines[1:], "b34", strict=True)] == [12] * 3


def test_with_colour_figures_stand_on_their_shade() -> None:
    lines = as_text([WIDE], Style(colour=True)).splitlines()
    assert "\x1b[48;5;17;38;5;231m1\x1b[0m" in lines[2]
    assert "\x1b[48;5;221;38;5;16m2\x1b[0m" in lines[3]
    assert "\x1b" not in as_markdown([WIDE])
