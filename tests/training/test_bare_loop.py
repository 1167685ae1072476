"""The bare loop trains what the product's loop trains, so that the two can be compared."""

from collections.abc import Callable
from typing import Any

import pytest

from cnntop.core.events import AnyEvent, EpochFinished
from cnntop.core.session import RunRequest
from cnntop.core.training.bare_loop import on_every_step, train_bare
from cnntop.core.training.preparation import Prepared, prepare


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
        loss, accuracy = train_bare(bare, event.epoch)
        assert loss == pytest.approx(event.train_loss, rel=1e-5)
        assert accuracy == pytest.approx(event.train_accuracy)
    assert len(finished) == 2


def test_every_step_is_heard_of(request_run: Callable[..., RunRequest]) -> None:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    on_every_step(count)
    bare = prepared(request_run(augment_on="cpu"))
    train_bare(bare, 1)
    assert steps == bare.steps_per_epoch


def test_it_breaks_off_in_time(request_run: Callable[..., RunRequest]) -> None:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    on_every_step(count)
    train_bare(prepared(request_run(augment_on="cpu")), 1, until=0.0)
    assert steps == 1
