"""A stretch of a log, read without what is before it."""

from pathlib import Path

import pytest

from cnntop.core.events import AnyEvent, CheckpointSaved, CpuSample, Record, RunResumed
from cnntop.core.run_state import RunState
from cnntop.core.runs import window as windows
from cnntop.core.runs.log import RunLog
from cnntop.core.runs.window import read_window
from tests.test_run_state import STARTED, finished, steps

LONG = 20_000


def write(path: Path, events: list[tuple[float, AnyEvent]]) -> RunState:
    """The log of these events, and their whole state."""
    log, state = RunLog(path), RunState()
    for seq, (at, event) in enumerate(events):
        record = Record(seq, at, event)
        log.append(record)
        state.apply(record)
    log.close()
    return state


def long_run() -> list[tuple[float, AnyEvent]]:
    """A stretch a second with a loss of its own, an epoch every hundred, CPU samples between."""
    events: list[tuple[float, AnyEvent]] = [(0.0, STARTED)]
    for n in range(1, LONG + 1):
        events.append((float(n), steps(1 + (n - 1) // 100, 5 * n, loss=float(n))))
        events.append((n + 0.5, CpuSample(n / LONG, (0.5,), 1, 2, n, 0.5)))
        if n % 100 == 0:
            events.append((n + 0.6, finished(n // 100, 5 * n)))
    return events


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunState]:
    path = tmp_path_factory.mktemp("long") / "events.jsonl"
    return path, write(path, long_run())


@pytest.mark.parametrize("begin", [-5.0, 0.0, 0.7, 9_999.0, 12_345.6, LONG - 99.0, LONG + 5.0])
def test_every_point_of_the_stretch_is_there_and_no_other(
    begin: float, long_log: tuple[Path, RunState]
) -> None:
    path, whole = long_log
    assert whole.train_loss.points_per_bin > 1
    end = begin + 150.0
    seen = read_window(path, whole, begin, end)
    assert seen is not None
    inside = [n for n in range(1, LONG + 1) if begin <= n < end]
    assert [(b.step, b.seconds, b.mean) for b in seen.train_loss.bins] == [
        (5 * n, float(n), float(n)) for n in inside
    ]
    assert [b.seconds for b in seen.cpu_utilization.bins] == [
        n + 0.5 for n in range(1, LONG + 1) if begin <= n + 0.5 < end
    ]
    steps_of_cpu = [one.step for one in seen.cpu_utilization.bins]
    assert steps_of_cpu == sorted(steps_of_cpu)
    # An epoch that began before the stretch adds its evaluation, and not its steps once more.
    other = sum(one.total for one in seen.parts["other"].bins)
    epochs = sum(n % 100 == 0 and begin <= n + 0.6 < end for n in range(1, LONG + 1))
    assert 0.5 * len(inside) <= other <= 0.5 * len(inside) + 5.0 * epochs + 1e-6


def test_what_was_taken_back_is_left_out(tmp_path: Path) -> None:
    events: list[tuple[float, AnyEvent]] = [
        (0.0, STARTED),
        (1.0, steps(1, 5)),
        (2.0, CheckpointSaved("checkpoint/last.pt", 1, None, 5)),
        (3.0, steps(1, 10, loss=7.0)),
        (9.0, RunResumed(5, 1.0, "2026-01-01T00:00:00Z", "cpu", "a CPU", 1, "cpu")),
        (10.0, steps(1, 10, loss=3.0)),
    ]
    whole = write(tmp_path / "events.jsonl", events)
    seen = read_window(tmp_path / "events.jsonl", whole, 0.0, 20.0)
    assert seen is not None
    assert seen.train_loss == whole.train_loss
    assert [one.mean for one in seen.train_loss.bins] == [1.0, 3.0]


def test_too_much_is_not_read(
    long_log: tuple[Path, RunState], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = long_log
    monkeypatch.setattr(windows, "WINDOW_BYTES", 100_000)
    assert read_window(path, whole, 0.0, LONG) is None
    assert read_window(path, whole, 500.0, 550.0) is not None


def test_damaged_and_torn_lines_hide_nothing_else(tmp_path: Path) -> None:
    events = long_run()[:3000]
    path = tmp_path / "events.jsonl"
    whole = write(path, events)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1500:1510] = [b"{broken\n"] * 10
    path.write_bytes(b"".join(lines) + b'{"seq":9999,"at_seco')
    seen = read_window(path, whole, 100.0, 2_000.0)
    assert seen is not None
    lost = {record[0] for record in events[1500:1510]}
    kept = [at for at, event in events[1:] if type(event) is type(steps(1, 1)) and at not in lost]
    assert [one.count for one in seen.train_loss.bins].count(0) == 0
    assert sum(one.count for one in seen.train_loss.bins) == len([at for at in kept if at >= 100.0])
