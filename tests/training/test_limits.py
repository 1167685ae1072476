"""A run tells what it asks of the machine and what the machine can do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from cnntop.core.analysis.limit import run_limit
from cnntop.core.datasets import cache_folder
from cnntop.core.events import Activity, LimitsMeasured, Notice, RunResumed, RunStarted
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import fold
from cnntop.core.runs.folder import RunFolder
from cnntop.core.runs.log import read_log
from cnntop.core.runs.resumption import Resumption
from cnntop.core.runs.summary import read_rows
from cnntop.core.training import ceiling as measuring
from cnntop.core.training import limits

Make = Callable[..., RunRequest]


def told(records: Any, kind: type) -> list[Any]:
    return [record.event for record in records if isinstance(record.event, kind)]


@pytest.fixture(autouse=True)
def busy_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured counts, whoever else has the cores."""
    monkeypatch.setattr(measuring, "_UNDISTURBED", 0.0)


def test_before_the_first_step(run: Any, request_run: Make) -> None:
    done = run(request_run())
    [measured] = told(done.records, LimitsMeasured)
    assert measured.threads == 1
    assert min(measured.flop_per_second, measured.bytes_per_second) > 0
    # 12x12x4 outputs of 5x5x3, 2x2x16 of 5x5x4, and the linear layers: forward once, backward
    # twice, but for the first layer, of which it is once.
    first = 12 * 12 * 4 * 75
    forward = first + 2 * 2 * 16 * 100 + 16 * 120 + 120 * 84 + 84 * 2
    assert measured.flop_per_image == 2 * (3 * forward - first)
    kinds = [type(record.event) for record in done.records]
    assert kinds.index(LimitsMeasured) < kinds.index(RunStarted)
    assert "measuring this machine's limits" in [one.name for one in told(done.records, Activity)]


def test_log_summary_and_screen_say_the_same(run: Any, request_run: Make) -> None:
    done = run(request_run())
    state = fold(done.records)
    assert fold(read_log(RunFolder(done.folder).events)).limits == state.limits
    limit = run_limit(state)
    assert limit is not None
    assert limit.fraction is not None
    assert 0 < limit.fraction <= 1
    [row] = read_rows(done.folder.parent)
    assert float(row["limit_fraction"]) == pytest.approx(limit.fraction, rel=1e-5)
    assert row["limited_by"] == limit.kind
    assert state.limits is not None
    assert float(row["flop_per_image"]) == pytest.approx(state.limits.flop_per_image, rel=1e-5)


def test_weights_are_those_of_a_run_without_it(
    run: Any, request_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []
    for tell in (limits.tell_limits, lambda *_: None):
        monkeypatch.setattr("cnntop.core.training.preparation.tell_limits", tell)
        saved = run(request_run(model={"name": "resnet", "depth": 18}, epochs=1)).folder
        content = torch.load(saved / "checkpoint" / "last.pt", weights_only=True)
        weights.append(content["model"])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_again_when_it_goes_on(run: Any, request_run: Make) -> None:
    done = run(request_run(epochs=1))
    earlier = Resumption.of(RunFolder(done.folder))
    recipe = earlier.recipe({"train.epochs": 2})
    request = RunRequest(recipe, "none", "tiny", done.folder.parent, resume=earlier)
    more = run(request)
    assert len(told(more.records, LimitsMeasured)) == 1
    kinds = [type(record.event) for record in more.records]
    assert kinds.index(LimitsMeasured) < kinds.index(RunResumed)
    log = list(read_log(RunFolder(done.folder).events))
    assert fold(log).limits == told(more.records, LimitsMeasured)[0]


@pytest.mark.parametrize("kind", [RuntimeError, AssertionError])
def test_what_torch_cannot_do_is_told_and_the_run_goes_on(
    run: Any, request_run: Make, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise kind("no such kernel\nand much more")

    monkeypatch.setattr(limits, "count_work", fail)
    done = run(request_run())
    assert done.ended.status == "finished"
    texts = [one.text for one in told(done.records, Notice)]
    assert "this machine's limits could not be measured: no such kernel" in texts
    assert not told(done.records, LimitsMeasured)
    assert run_limit(fold(done.records)) is None
    assert read_rows(done.folder.parent)[0]["limit_fraction"] == ""


def test_a_folder_that_cannot_be_written_is_no_error(run: Any, request_run: Make) -> None:
    (cache_folder() / "machine").write_text("in the way")
    done = run(request_run())
    assert done.ended.status == "finished"
    assert len(told(done.records, LimitsMeasured)) == 1
