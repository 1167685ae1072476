"""What a run would take here: an earlier run goes before a try-out, that before a profile."""

import msgspec
import pytest

from cnntop.core import preset
from cnntop.core.expected import Expected, earlier_runs, expected
from cnntop.core.machine.identity import host_name
from cnntop.core.network_size import recipe_size
from cnntop.core.recipe import Recipe, override, resolve
from cnntop.core.runs.summary import COLUMNS, Row
from cnntop.core.tryout import Tryout, remember, remembered
from tests.machine_profile import line, profile

TRYOUT = Tryout("2026-03-01T10:00:00Z", "shapes", False, "A CPU", 5.0, 0.01, 3200.0, 3.5, 700, 900)


def recipe(**settings: object) -> Recipe:
    changed = {key.replace("__", "."): value for key, value in settings.items()}
    return resolve(override(preset.find("demo").tree, changed), "test")


def row(**values: str) -> Row:
    fixed = {"dataset": "shapes", "model": "shallow32", "batch_size": "32", "name": "early",
             "host": host_name(), "run": "20260102-030405-early-abcd", "device": "cpu"}  # fmt: skip
    return dict.fromkeys(COLUMNS, "") | fixed | values


def test_the_nearest_source_is_taken() -> None:
    run = row(epoch_seconds="4", process_memory_peak_bytes="500")
    found = expected(recipe(), [run], TRYOUT, None)
    assert (found.epoch_seconds, found.epoch_source) == (4.0, "run early, 2026-01-02")
    assert (found.process_memory_bytes, found.gpu_memory_bytes) == (500.0, None)
    found = expected(recipe(), [row()], TRYOUT, None)
    assert (found.epoch_seconds, found.epoch_source) == (3.5, "try-out, 2026-03-01")
    assert (found.process_memory_bytes, found.gpu_memory_bytes) == (700, 900)
    measured = profile({"shallow32": line(0.01, 0.0)})
    found = expected(recipe(), [], TRYOUT, measured)
    assert found.epoch_seconds == 3.5
    found = expected(recipe(), [], None, measured)
    assert found.epoch_seconds == pytest.approx(313 * 0.01 + 2_000 * 0.001 + 0.1)
    assert found.epoch_source == "this machine's profile, 2026-11-25"
    assert expected(recipe(model__kernels=16), [], None, measured) == Expected()
    assert expected(recipe(), [], None, None) == Expected()


def test_a_run_of_epochs_and_one_of_time() -> None:
    found = Expected(epoch_seconds=4.0)
    assert (found.epochs(recipe()), found.total_seconds(recipe())) == (25.0, 100.0)
    timed = recipe(train__time="1m")
    assert (found.epochs(timed), found.total_seconds(timed)) == (15.0, 60.0)
    assert Expected().epochs(timed) is None
    assert Expected().total_seconds(recipe()) is None


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        ({}, True),
        ({"train__lr": 0.5, "train__epochs": 3, "train__seed": 4}, True),
        ({"data__batch_size": 64}, False),
        ({"model__kernels": 64}, False),
        ({"train__passes": 2}, False),
        ({"data__image_size": 64}, False),
        ({"machine__device": "cpu"}, True),
        ({"machine__device": "cuda:1"}, False),
        ({"machine__precision": "bf16"}, False),
        ({"data__dataset": "cifar10"}, False),
    ],
)
def test_which_earlier_runs_did_the_same_work(settings: dict[str, object], same: bool) -> None:
    size = recipe_size(recipe())
    assert size is not None
    before = row(passes="1", multiply_adds=str(size.multiply_adds), precision="fp32")
    assert earlier_runs([before], recipe()) == [before]
    assert bool(earlier_runs([before], recipe(**settings))) is same


def test_a_tryout_is_kept_for_this_work_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    remember(recipe(), TRYOUT)
    assert remembered(recipe()) == TRYOUT
    assert remembered(recipe(train__lr=0.5, train__time="9m", train__seed=3)) == TRYOUT
    assert remembered(recipe(data__batch_size=64)) is None
    newer = msgspec.structs.replace(TRYOUT, step_seconds=1.0)
    remember(recipe(), newer)
    assert remembered(recipe()) == newer
    monkeypatch.setattr("cnntop.core.tryout.host_name", lambda: "elsewhere")
    assert remembered(recipe()) is None
