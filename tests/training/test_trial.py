"""Trials of ways to augment: they measure, and leave no trace in the run."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import psutil
import pytest
import torch
from torch import nn

from cnntop.core.analysis.verdict import verdict
from cnntop.core.events import (
    Activity,
    AnyEvent,
    AugmentationTried,
    Notice,
    Record,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.recipe import resolve
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import fold
from cnntop.core.training import trial
from cnntop.core.training.augmentation import Normalization
from cnntop.core.training.batches import Batch, BatchSource
from cnntop.core.training.datasets import Dataset, ImageSet
from cnntop.core.training.network import Network
from cnntop.core.training.preparation import Sources
from cnntop.core.training.trial import try_out

E = TypeVar("E", bound=AnyEvent)
Make = Callable[..., RunRequest]
CPU = torch.device("cpu")
WARM_UP = 2
IMAGES = torch.randint(
    256, (70, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(4)
)
NORMALIZATION = Normalization(IMAGES)


def events(records: list[Record], kind: type[E]) -> list[E]:
    return [record.event for record in records if isinstance(record.event, kind)]


def made(augment_on: str, count: int = 70) -> tuple[BatchSource, Network]:
    """A source of batches of at most 16 images, and a network that draws at random itself."""
    data: dict[str, Any] = {"batch_size": min(16, count), "augment_on": augment_on}
    data |= {"workers": 0} if augment_on == "loader" else {}
    recipe = resolve({"data": data, "train": {"epochs": 1, "lr": 0.1}}, "test")
    images = ImageSet(IMAGES[:count], torch.arange(count) % 5)
    dataset = Dataset("made-up", tuple("abcde"), images, images)
    torch.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.LazyLinear(9), nn.BatchNorm1d(9))
    model.append(nn.Linear(9, 5))
    model(torch.zeros(2, 3, 16, 16))
    network = Network(model, NORMALIZATION, recipe.train, CPU)
    return Sources(recipe, dataset, NORMALIZATION, CPU).make(augment_on), network


def train(network: Network, batches: Iterator[Batch]) -> None:
    for batch in batches:
        loss, _ = network.forward(batch.images, batch.labels)
        network.backward(loss)
        network.update()


def trained(augment_on: str, with_trial: bool) -> dict[str, torch.Tensor]:
    """Weights after two passes, with a trial in the middle of the first or without."""
    source, network = made(augment_on)
    train(network, itertools.islice(source.epoch(1), 3))
    if with_trial:
        network.model.eval()
        before = torch.random.get_rng_state()
        assert try_out(source, network).steps > 0
        assert torch.equal(torch.random.get_rng_state(), before)
        assert not network.model.training
        network.model.train()
    train(network, source.epoch(1, 3))
    train(network, source.epoch(2))
    return network.model.state_dict()


@pytest.mark.parametrize("augment_on", ["cpu", "device", "loader"])
def test_weights_momentum_and_random_state_are_as_before(augment_on: str) -> None:
    one, other = (trained(augment_on, with_trial) for with_trial in (False, True))
    assert all(torch.equal(one[key], other[key]) for key in one), "to the bit"


@pytest.mark.parametrize("augment_on", ["cpu", "device", "loader"])
def test_every_part_of_a_step_is_measured(augment_on: str) -> None:
    began = time.monotonic()
    tried = try_out(*made(augment_on))
    took = time.monotonic() - began
    assert tried.augment_on == augment_on
    assert 1 <= tried.steps <= trial.MOST_BATCHES
    parts = (tried.wait_seconds, tried.transfer_seconds, tried.compute_seconds)
    assert min(parts) > 0
    assert tried.steps * sum(parts) <= took
    assert tried.cpu_seconds_per_image is not None
    assert 0 < tried.cpu_seconds_per_image < tried.wait_seconds, "a batch has several images"


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17])
def test_a_dataset_of_fewer_batches_than_the_warm_up(count: int) -> None:
    source, network = made("cpu", count)
    if count in (1, 17):  # batch norm cannot train on one image
        network.model = nn.Sequential(nn.Flatten(), nn.Linear(768, 5))
    assert try_out(source, network).steps > WARM_UP


class Slow(nn.Module):
    """A network that takes its time over each batch, as a large one does."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.answer = nn.Linear(768, 5)
        self.seconds = seconds

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        logits: torch.Tensor = self.answer(images.flatten(1))
        return logits


def test_a_slow_network_is_measured_on_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TRIAL_SECONDS", 0.05)
    source, network = made("cpu")
    network.model = Slow(0.1)
    tried = try_out(source, network)
    assert tried.steps == 1
    assert tried.compute_seconds >= 0.1


def test_warm_up_is_not_measured() -> None:
    class SlowAtFirst(Slow):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.seconds, self.calls = (0.5 if self.calls < WARM_UP else 0.0), self.calls + 1
            return super().forward(images)

        calls = 0

    source, network = made("cpu")
    network.model = SlowAtFirst(0.0)
    tried = try_out(source, network)
    assert tried.steps * tried.compute_seconds < 0.5
    assert tried.steps > 1


def test_nobody_wants_it_any_more() -> None:
    calls = itertools.count()
    assert try_out(*made("cpu"), cancelled=lambda: next(calls) >= 3).steps == 4


# In a run.


def test_auto_trains_the_very_weights_of_what_it_chooses(run: Any, request_run: Make) -> None:
    done = {name: run(request_run(augment_on=name, seed=3, epochs=3)) for name in ("auto", "cpu")}
    (tried,) = events(done["auto"].records, AugmentationTried)
    assert tried.augment_on == "cpu"
    assert tried.steps > 0
    assert min(tried.wait_seconds, tried.compute_seconds) > 0
    assert events(done["auto"].records, RunStarted)[0].augment_on == "cpu"
    weights = [
        torch.load(one.folder / "checkpoint" / "last.pt", weights_only=True)["model"]
        for one in done.values()
    ]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0]), "to the bit"


def test_auto_says_why(run: Any, request_run: Make) -> None:
    records = run(request_run(augment_on="auto")).records
    [(at, reason)] = [
        (record.seq, record.event.text)
        for record in records
        if isinstance(record.event, Notice) and "augmentation on" in record.event.text
    ]
    assert reason.startswith("augmentation on cpu: a step of ")
    assert "% wait for its batch" in reason
    order = [type(record.event) for record in records if record.seq < at]
    assert order.index(AugmentationTried) < order.index(RunStarted), "tried before the first step"


@pytest.mark.parametrize(
    ("augment_on", "tried"), [("cpu", []), ("device", []), ("loader", ["cpu"]), ("auto", ["cpu"])]
)
def test_what_is_tried_where_a_cpu_trains(
    run: Any, request_run: Make, augment_on: str, tried: list[str]
) -> None:
    more = {"workers": 0} if augment_on == "loader" else {}
    records = run(request_run(augment_on=augment_on, **more)).records
    assert [one.augment_on for one in events(records, AugmentationTried)] == tried
    reasons = [one for one in events(records, Notice) if "augmentation on" in one.text]
    assert len(reasons) == (augment_on == "auto")


def test_a_batch_of_all_images(run: Any, request_run: Make) -> None:
    done = run(request_run(augment_on="auto", batch_size=72))
    assert done.ended.status == "finished"
    assert events(done.records, AugmentationTried)[0].steps > 0


def test_workers_that_lose_are_sent_home(
    start: Any, request_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are cores to spare and something to win, the loader is tried as well."""
    monkeypatch.setattr("cnntop.core.training.preparation.cores", lambda: 8)
    monkeypatch.setattr("cnntop.core.training.preparation._LOADER_WORTH_TRYING", 0.0)
    others = workers()
    watched = start(request_run(augment_on="auto", epochs=1_000_000))
    watched.until(lambda records: bool(events(records, StepsMeasured)))
    tried = {one.augment_on: one for one in events(watched.records, AugmentationTried)}
    assert list(tried) == ["cpu", "loader"]
    assert tried["loader"].cpu_seconds_per_image is not None
    (started,) = events(watched.records, RunStarted)
    if started.augment_on == "cpu":
        waited = 0.0
        while workers() - others and waited < 60:
            time.sleep(0.1)
            waited += 0.1
        assert workers() <= others
    watched.handle.control.stop()
    watched.end()
    [reason] = [one.text for one in events(watched.records, Notice) if "of which" in one.text]
    loser = ({"cpu", "loader"} - {started.augment_on}).pop()
    assert f" on {loser})" in reason


def workers() -> set[psutil.Process]:
    servers = [
        one for one in psutil.Process().children() if "forkserver" in " ".join(one.cmdline())
    ]
    return {worker for server in servers for worker in server.children()}


def test_a_stop_ends_a_trial(
    start: Any, request_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "TRIAL_SECONDS", 1e9)
    monkeypatch.setattr(trial, "MOST_BATCHES", 1_000_000_000)
    watched = start(request_run(augment_on="auto"))
    watched.until(lambda records: any("trying" in one.name for one in events(records, Activity)))
    watched.handle.control.stop()
    done = watched.end()
    assert done.ended.status == "stopped"
    assert done.handle.folder is None
    assert not events(done.records, RunStarted)


def test_a_forecast_counts_the_runs_own_passes() -> None:
    """A trial has one step a batch: of four steps on a batch one waits as long as the trial's."""
    started = RunStarted(
        run="r", name="n", preset="p", started_utc="2026-01-01T00:00:00Z", dataset="d", model="m",
        parameters=1, batch_size=10, train_images=100, test_images=10, steps_per_epoch=40,
        device="cpu", device_name="c", threads=1, precision="fp32", augment_on="loader",
        epochs_planned=9, passes=4, workers=0, cores=2,
    )  # fmt: skip
    told: list[AnyEvent] = [AugmentationTried("cpu", 9, 0.04, 0.0, 0.09), started]
    for number in range(1, 5):  # a step: 0.1 s of waiting, 0.09 of computing, 0.01 of other
        told.append(
            StepsMeasured(
                epoch=1, step=8 * number, steps=8, images=20, loss=1.0, accuracy=0.5, lr=0.1,
                wait_seconds=0.8, transfer_seconds=0.0, compute_seconds=0.72, other_seconds=0.08,
            )
        )  # fmt: skip
    found = verdict(fold(Record(seq, float(seq), event) for seq, event in enumerate(told)))
    assert found is not None
    assert found.fix is not None
    assert found.fix.value == "cpu"
    assert found.fix.gain == pytest.approx(0.2 / (0.04 / 4 + 0.09 + 0.01))
