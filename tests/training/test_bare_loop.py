"""The bare loop trains what the product's loop trains, so that the two can be compared."""

from collections.abc import Callable
from typing import Any

import pytest

from cnntop.core.events import AnyEvent, EpochFinished
from cnntop.core.run_request import RunRequest
from cnntop.core.training.bare_loop import bare_steps, on_every_step
from cnntop.core.training.preparation import Prepared, prepare
from cnntop.core.training.tally import StepSums


class Silence:
    def emit(self, event: AnyEvent) -> None:
        pass


def prepared(request: RunRequest) -> Prepared:
    return prepare(request.recipe, Silence(), lambda: False)


def test_it_takes_the_same_steps_as_a_run(
    run: Callable[[RunRequest], Any], request_run: Callable[..., RunRequest]
) -> None:
    request = request_run(batch_size=10, augment_on="cpu")  # the last batch is a smaller one
    events = [record.event for record in run(request).records]
    finished = [event for event in events if isinstance(event, EpochFinished)]
    bare = prepared(request)
    for event in finished:
        sums = StepSums(bare.device)
        steps = sum(1 for _ in bare_steps(bare, event.epoch, sums))
        loss, hits, images = sums.take()
        assert (steps, images) == (bare.steps_per_epoch, event.images)
        assert loss / images == pytest.approx(event.train_loss, rel=1e-5)
        assert hits / images == pytest.approx(event.train_accuracy)
    assert len(finished) == 2


def test_every_step_is_heard_of(request_run: Callable[..., RunRequest]) -> None:
    heard = 0

    def count() -> None:
        nonlocal heard
        heard += 1

    bare = prepared(request_run(augment_on="cpu"))  # which tries some steps out
    on_every_step(count)
    for step, _ in enumerate(bare_steps(bare, 1, StepSums(bare.device)), start=1):
        assert heard == step
