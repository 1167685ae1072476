"""Exports: the figures of the log, in every format, and no others."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pyarrow import parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnntop.core.events import (
    AnyEvent,
    CheckpointSaved,
    CpuSample,
    EpochFinished,
    FixApplied,
    GpuSample,
    Notice,
    Paused,
    Record,
    Resumed,
    RunEnded,
    RunResumed,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.recipe import resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import fold
from cnntop.core.runs.export import files
from cnntop.core.runs.export.figures import RunFigures, images_per_second, read_figures
from cnntop.core.runs.export.tables import TABLES, tables
from cnntop.core.runs.folder import RunFolder, RunInfo
from cnntop.core.runs.log import RunLog, read_log
from cnntop.core.session import RunHandle
from cnntop.core.text import defused, printable
from tests.conftest import Watched

RUN = "20260101-120000-evil-0001"
EVIL = "=1+1|<script>alert(1)</script>\x1b[31m\n[/x]"
SVG = "{http://www.w3.org/2000/svg}"
STARTED_UNIX_SECONDS = 1767268800  # 2026-01-01 12:00:00 UTC
RESUMED_UNIX_SECONDS = STARTED_UNIX_SECONDS + 3600


def stretch(step: int, loss: float | None, epoch: int = 1) -> StepsMeasured:
    return StepsMeasured(
        epoch=epoch, step=step, steps=2, images=50, loss=loss, accuracy=0.25, lr=0.1,
        wait_seconds=0.25, transfer_seconds=0.05, compute_seconds=0.15, other_seconds=0.05,
        forward_seconds=0.05,
    )  # fmt: skip


def epoch(number: int, accuracy: float | None) -> EpochFinished:
    return EpochFinished(
        epoch=number, step=4 * number, images=100, lr=0.1, train_loss=2.0, train_accuracy=0.25,
        test_loss=1 / 3, test_accuracy=accuracy, epoch_seconds=2.0, evaluation_seconds=1.0,
        wait_seconds=0.5, transfer_seconds=0.1, compute_seconds=0.3, other_seconds=1.1,
    )  # fmt: skip


def cpu(utilization: float) -> CpuSample:
    return CpuSample(utilization, (0.5, utilization), 2**40 + 1, 2**41, 3, 1.5)


STARTED = RunStarted(
    run=RUN, name=EVIL, preset="p", started_utc="2026-01-01T12:00:00Z", dataset="shapes",
    model="shallow8", parameters=10, batch_size=25, train_images=100, test_images=50,
    steps_per_epoch=4, device="cpu", device_name=EVIL, threads=1, precision="fp32",
    augment_on="loader", epochs_planned=2,
)  # fmt: skip
RESUMED = RunResumed(
    step=4, trained_seconds=2.0, resumed_utc="2026-01-01T13:00:00Z", device="cpu",
    device_name=EVIL, threads=1, augment_on="loader", epochs_planned=2,
)  # fmt: skip
STORY: list[tuple[float, AnyEvent]] = [
    (0.5, cpu(0.125)),
    (2.0, STARTED),
    (2.5, stretch(2, 2.0)),
    (2.6, GpuSample(0, "GPU-0", "A GPU", 0.5, power_watts=100.5, throttled_by=("heat", "power"))),
    (2.7, GpuSample(1, "GPU-1", "A GPU", 0.75)),
    (2.8, FixApplied("machine.threads", "2", "1", 2, None)),
    (3.0, stretch(4, None)),
    (4.0, epoch(1, 0.5)),
    (4.1, CheckpointSaved("checkpoint/last.pt", 1, 0.5, 4)),
    (4.1, CheckpointSaved("checkpoint/best.pt", 1, 0.5, 4)),
    (4.5, stretch(6, 666.0, epoch=2)),  # these four are taken back
    (4.8, FixApplied("data.augment_on", "loader", "cpu", 6, 100.0, 2.0)),
    (5.0, stretch(8, 666.0, epoch=2)),
    (6.0, epoch(2, 0.0625)),
    (6.9, cpu(0.25)),
    (6.95, RESUMED),
    (6.99, cpu(0.375)),
    (7.5, stretch(6, 1.5, epoch=2)),
    (7.6, Paused()),
    (9.6, Resumed(2.0)),
    (10.0, stretch(8, 1e300, epoch=2)),
    (11.0, epoch(2, None)),
    (11.1, Notice(EVIL, "warning")),
    (11.2, RunEnded("finished", seconds=8.0)),
]


def written(runs_dir: Path, run: str = RUN, name: str = EVIL) -> RunFolder:
    """The folder of a run that went as STORY says."""
    folder = RunFolder(runs_dir / run)
    folder.path.mkdir(parents=True)
    recipe = resolve({"model": {"kernels": 8}, "train": {"epochs": 2}}, "test")
    machine = {"host": "here", "cores": 2}
    folder.write_info(
        RunInfo(run, name, "p", STARTED.started_utc, recipe, "loader", machine, {}, "abc")
    )
    log = RunLog(folder.events)
    for seq, (at_seconds, event) in enumerate(STORY):
        log.append(Record(seq, at_seconds, event))
    log.close()
    return folder


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> RunFigures:
    return read_figures(written(tmp_path_factory.mktemp("runs")))


@pytest.fixture
def exported(figures: RunFigures, tmp_path: Path) -> Callable[[str], list[Path]]:
    def export(to: str) -> list[Path]:
        files.write(to, tmp_path / "out", figures)
        return files.paths(to, tmp_path / "out", figures.run)

    return export


def accumulated(path: Path) -> EventAccumulator:
    """What TensorBoard's own reader finds, all of it."""
    reader = EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0})
    reader.Reload()
    return reader


def scalars(reader: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in reader.Scalars(tag)]


def test_what_a_resumed_run_went_back_behind_does_not_count(figures: RunFigures) -> None:
    assert figures.damage == []
    assert [(told.step, told.event.loss) for told in figures.steps] == [
        (2, 2.0), (4, None), (6, 1.5), (8, 1e300),
    ]  # fmt: skip
    assert [told.event.test_accuracy for told in figures.epochs] == [0.5, None]
    assert len(figures.cpu_samples) == 3, "the machine only goes on"
    assert [type(told.event).__name__ for told in figures.happenings] == [
        "RunStarted", "FixApplied", "CheckpointSaved", "CheckpointSaved", "FixApplied",
        "RunResumed", "Paused", "Resumed", "Notice", "RunEnded",
    ]  # fmt: skip


def test_where_events_stand(figures: RunFigures) -> None:
    assert [told.trained_seconds for told in figures.steps] == pytest.approx([0.5, 1.0, 2.55, 3.05])
    assert figures.unix_seconds(0.5) == STARTED_UNIX_SECONDS - 1.5
    assert figures.unix_seconds(4.5) == STARTED_UNIX_SECONDS + 2.5
    assert figures.unix_seconds(7.45) == RESUMED_UNIX_SECONDS + 0.5
    assert images_per_second(figures.steps[0].event) == pytest.approx(100)
    # Of an epoch without its evaluation.
    assert images_per_second(figures.epochs[0].event) == pytest.approx(100)


def test_csv_has_every_figure_with_all_its_digits(
    figures: RunFigures, exported: Callable[[str], list[Path]]
) -> None:
    paths = exported("csv")
    assert [path.stem for path in paths] == list(TABLES)
    steps, epochs, cpus, gpus, events = (
        list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        for path in paths
    )
    assert [row["loss"] for row in steps] == ["2.0", "", "1.5", "1e+300"]
    assert [float(row["test_loss"]) for row in epochs] == [1 / 3, 1 / 3]
    assert steps[0]["hidden_wait_seconds"] == "", "what was not measured is not 0"
    assert steps[0]["forward_seconds"] == "0.05"
    assert [row["core_utilizations"] for row in cpus] == ["0.5;0.125", "0.5;0.25", "0.5;0.375"]
    assert cpus[0]["memory_used_bytes"] == str(2**40 + 1)
    assert [row["throttled_by"] for row in gpus] == ["heat;power", ""]
    assert float(steps[0]["unix_seconds"]) == STARTED_UNIX_SECONDS + 0.5
    notice, ended = events[-2:]
    assert notice["event"] == "notice"
    assert notice["text"] == f"warning: {printable(EVIL)}"
    assert ended["text"] == "status finished, seconds 8.0"


def test_no_cell_of_a_csv_is_a_formula(
    tmp_path: Path, figures: RunFigures, exported: Callable[[str], list[Path]]
) -> None:
    folder = written(tmp_path / "runs")
    log = RunLog(folder.events)
    log.append(Record(90, 12.0, GpuSample(0, "@GPU", "=HYPERLINK(1)", throttled_by=("-heat",))))
    log.close()
    files.write("csv", tmp_path / "formulas", read_figures(folder))
    text = (tmp_path / "formulas" / RUN / "gpu_samples.csv").read_text()
    row = list(csv.DictReader(io.StringIO(text)))[-1]
    assert (row["name"], row["uuid"], row["throttled_by"]) == (
        "'=HYPERLINK(1)", "'@GPU", "'-heat",
    )  # fmt: skip
    for path in exported("csv"):
        assert "\x1b" not in path.read_text()


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=1", "'=1"), ("+x", "'+x"), ("-1e-05", "-1e-05"), ("@a", "'@a"), ("\tx", "'\tx"),
     ("\r=1", "'\r=1"), ("a=1", "a=1"), ("", "")],
)  # fmt: skip
def test_text_that_is_no_number_is_defused(text: str, cell: str) -> None:
    assert defused(text) == cell


def test_json_and_parquet_hold_the_same_tables(
    figures: RunFigures, exported: Callable[[str], list[Path]]
) -> None:
    [path] = exported("json")
    whole = json.loads(path.read_text(encoding="utf-8"))
    assert list(whole) == ["run", *TABLES]
    for name, file, table in zip(TABLES, exported("parquet"), tables(figures), strict=True):
        read = parquet.read_table(file)
        assert read.to_pylist() == whole[name]
        assert read.column_names == list(table.columns)
        assert "null" not in {str(one.type) for one in read.schema}
        assert json.loads(read.schema.metadata[b"cnntop"]) == whole["run"]
    assert whole["run"]["name"] == printable(EVIL)
    assert whole["run"]["status"] == "finished"
    assert whole["run"]["recipe"]["model"]["kernels"] == 8
    assert whole["run"]["started"]["device_name"] == printable(EVIL)
    assert [row["loss"] for row in whole["steps"]] == [2.0, None, 1.5, 1e300]
    assert whole["gpu_samples"][0]["throttled_by"] == ["heat", "power"]


def test_tensorboard_reads_the_same_figures(
    figures: RunFigures, exported: Callable[[str], list[Path]]
) -> None:
    [path] = exported("tensorboard")
    reader = accumulated(path.parent)
    assert scalars(reader, "loss/train") == [(2, 2.0), (6, 1.5), (8, math.inf)]
    assert scalars(reader, "accuracy/test") == [(4, 0.5)]
    assert scalars(reader, "loss/test") == [(4, pytest.approx(1 / 3)), (8, pytest.approx(1 / 3))]
    assert scalars(reader, "split/wait") == [(step, 0.5) for step in (2, 4, 6, 8)]
    assert scalars(reader, "epoch_split/other")[0] == (4, pytest.approx(0.55))
    assert scalars(reader, "machine/gpu0_power_watts") == [(2, 100.5)]
    assert scalars(reader, "machine/gpu1_utilization") == [(2, 0.75)]
    assert "split/hidden_wait" not in reader.Tags()["scalars"], "not measured is not 0"
    assert [event.wall_time for event in reader.Scalars("loss/train")] == [
        STARTED_UNIX_SECONDS + 0.5, RESUMED_UNIX_SECONDS + 0.55, RESUMED_UNIX_SECONDS + 3.05,
    ]  # fmt: skip


def test_tensorboard_loses_no_sample_of_the_machine(exported: Callable[[str], list[Path]]) -> None:
    """Two of them lie in one second, on both sides of the resumption."""
    reader = accumulated(exported("tensorboard")[0])
    assert scalars(reader, "machine/cpu_utilization") == [(0, 0.125), (6, 0.25), (7, 0.375)]


def test_tensorboard_shows_texts_as_text(exported: Callable[[str], list[Path]]) -> None:
    reader = accumulated(exported("tensorboard")[0])
    [events], [run] = reader.Tensors("events"), reader.Tensors("run")
    text = events.tensor_proto.string_val[0].decode()
    for kind in ("paused", "resumed", "fix_applied", "checkpoint_saved", "run_resumed"):
        assert f" | {kind} | " in text
    safe = "=1+1&#124;&lt;script&gt;alert(1)&lt;/script&gt;?[31m?[/x]"
    assert f"| 11.1 | 8 | notice | warning: {safe} |" in text
    assert f"| name | {safe} |" in run.tensor_proto.string_val[0].decode()
    assert {line.count("|") for line in text.splitlines()} == {5}


def shapes(path: Path) -> tuple[ET.Element, dict[str, int]]:
    root = ET.fromstring(path.read_bytes())
    tags = [element.tag.removeprefix(SVG) for element in root.iter()]
    return root, {tag: tags.count(tag) for tag in set(tags)}


def test_the_svg_has_a_mark_for_every_figure(exported: Callable[[str], list[Path]]) -> None:
    [path] = exported("svg")
    root, counts = shapes(path)
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert f"{printable(EVIL)}: shallow8 on shapes" in texts
    assert {"Loss", "Accuracy", "Time split", "accuracy (%)", "training time (s)"} <= set(texts)
    assert {"train", "test", "wait 25.0 %", "compute 15.0 %"} <= set(texts)
    assert {"threads 2 → 1", "paused", "resumed"} <= set(texts)
    assert "augment_on loader → cpu" not in texts, "its steps do not count"
    assert counts["circle"] == 2 + 1, "test figures: two losses, one accuracy"
    assert counts["path"] == 2 * 3 + 4, "band, training and test; and four parts"
    assert "script" not in counts


def test_parts_of_the_drawn_split_are_those_of_the_run(
    figures: RunFigures, exported: Callable[[str], list[Path]]
) -> None:
    """The areas drawn are as large as the parts' shares of the time."""
    root, _ = shapes(exported("svg")[0])
    areas = [area(e.get("d", "")) for e in list(root.iter(f"{SVG}path"))[-4:]]
    shares = figures.state.split.fractions()
    drawn = {part: one / sum(areas) for part, one in zip(reversed(shares), areas, strict=True)}
    assert drawn == pytest.approx(shares, abs=0.02)


def area(path: str) -> float:
    """Of a polygon, in square pixels (the shoelace formula)."""
    points = [tuple(map(float, point.split())) for point in path.strip("MZ").split("L")]
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs)) / 2


def test_a_run_that_never_stepped_is_exported_too(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / RUN)
    folder.path.mkdir()
    log = RunLog(folder.events)
    log.append(Record(0, 0.5, Notice("no dataset", "error")))
    log.close()
    figures = read_figures(folder)
    assert figures.damage == ["run.json is damaged"]
    for to in files.FILES:
        files.write(to, tmp_path / "out", figures)
        assert all(path.is_file() for path in files.paths(to, tmp_path / "out", RUN))
    assert json.loads((tmp_path / "out" / f"{RUN}.json").read_text())["events"][0] == {
        "unix_seconds": None, "at_seconds": 0.5, "trained_seconds": 0.0, "step": 0,
        "event": "notice", "text": "error: no dataset",
    }  # fmt: skip


def test_a_real_run_is_read_by_tensorboard_as_it_was_logged(
    request_run: Callable[..., RunRequest], tmp_path: Path
) -> None:
    watched = Watched(RunHandle(request_run()))
    watched.handle.control.pause()
    watched.handle.start()
    watched.until(lambda records: any(isinstance(r.event, CpuSample) for r in records))
    watched.handle.control.resume()
    folder = RunFolder(watched.end().folder)
    events = [record.event for record in read_log(folder.events)]
    figures = read_figures(folder)
    files.write("tensorboard", tmp_path / "out", figures)
    reader = accumulated(tmp_path / "out" / folder.path.name)
    stretches = [event for event in events if isinstance(event, StepsMeasured)]
    epochs = [event for event in events if isinstance(event, EpochFinished)]
    assert scalars(reader, "loss/train") == [(e.step, pytest.approx(e.loss)) for e in stretches]
    assert scalars(reader, "training/learning_rate") == [
        (e.step, pytest.approx(e.lr)) for e in stretches
    ]
    assert scalars(reader, "accuracy/test") == [
        (e.step, pytest.approx(e.test_accuracy)) for e in epochs
    ]
    assert len(epochs) == 2
    assert len(reader.Scalars("machine/cpu_utilization")) == len(figures.cpu_samples) > 0
    assert figures.state.split == fold(read_log(folder.events)).split
