"""The states a monitor is looked at in: made-up runs, by name."""

from itertools import islice

import msgspec

from cnntop.core.events import (
    AnyEvent,
    CpuSample,
    Notice,
    Paused,
    RunEnded,
)
from cnntop.core.run_state import RunState
from cnntop.tui.bench.made_run import LONG_STEPS, made_records
from tests.tui import story

replace = msgspec.structs.replace

_WHOLE = [*story.preparing(), story.LIMITS, replace(story.STARTED, epochs_planned=6)]
_LONG_NAME = "a name [bold]that[/] goes on and on, 名前 \x1b[31mand\x07 on, as names of runs may do"
_WORD = "unbroken" * 30
_MANY = 100_000


def _started(**figures: object) -> list[AnyEvent]:
    return [*story.preparing(), story.LIMITS, replace(story.STARTED, **figures)]


def _long_names() -> list[AnyEvent]:
    named = _started(name=_LONG_NAME, dataset=f"folder:{_WORD}", model=_WORD, device_name=_WORD)
    notices = [Notice(_LONG_NAME * 4, "warning"), Notice(_WORD, "error")]
    return [*named, *notices, *story.epochs(2, 3)]


def _with_cores(count: int) -> list[AnyEvent]:
    events = [*_started(cores=count), *story.epochs(3, 5)]
    return [story.cpu(count) if isinstance(one, CpuSample) else one for one in events]


def _last_epochs(planned: int) -> list[AnyEvent]:
    epochs = (planned - 2, planned - 1)
    ended = [story.epoch_end(epoch, 0.01, 0.999) for epoch in epochs]
    begun = [story.stretch(planned, part, 0.01, 0.999) for part in range(1, 4)]
    return [*_started(epochs_planned=planned), *ended, *begun, story.cpu()]


def _not_finite() -> list[AnyEvent]:
    events = [*_started(), *story.epochs(3, 6)]
    lost = [story.stretch(3, part, None, 0.1) for part in (7, 8)]
    diverged = RunEnded("diverged", "the loss of step 939 is not finite", 12.0)
    return [*events, *lost, story.epoch_end(3, None, 0.1), diverged]


STORIES: dict[str, list[AnyEvent]] = {
    "preparing": story.preparing(),
    "before-first-step": _started(),
    "training": story.training(),
    "training-gpus": story.with_gpu([story.gpu(0), story.gpu(1, measured=False)]),
    "gpus-8": story.with_gpu([story.gpu(index) for index in range(8)]),
    "cores-256": _with_cores(256),
    "long-names": _long_names(),
    "one-epoch": [*_started(epochs_planned=1), *story.epochs(1, 5)],
    "many-epochs": _last_epochs(_MANY),
    "not-finite": _not_finite(),
    "waiting": story.waiting(),
    "fix-applied": story.fixed(measured=False),
    "fix-measured": story.fixed(measured=True),
    "paused": [*story.training(), Paused()],
    "finished": [*_WHOLE, *story.epochs(6), RunEnded("finished", "", 48.0)],
    "failed": [
        *story.training(), Notice("no room on the disk", "error"),
        RunEnded("failed", "no room on the disk", 23.0),
    ],
}  # fmt: skip
LONG = "ten-million-steps"
NAMES = [*STORIES, LONG]


def state_of(name: str) -> RunState:
    """The state after the story of that name."""
    return _long() if name == LONG else story.told(*STORIES[name])


def _long() -> RunState:
    """Told in fewer, longer stretches than a real one: what it looks like is the same."""
    state = RunState()
    started = replace(
        story.STARTED, train_images=50_000, steps_per_epoch=1_563, epochs_planned=6_398
    )
    told = made_records(started, LONG_STEPS, steps_per_second=8_000.0)
    while records := list(islice(told, 10_000)):
        state.apply_all(records)
    return state
