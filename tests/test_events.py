"""The vocabulary: every event is plain, and a line on disk says what the record in memory says."""

import math
import types
import typing
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from cnntop.core import events
from cnntop.core.events import AnyEvent, Event, Record, finite

KINDS: tuple[type[Event], ...] = get_args(AnyEvent)
SCALARS = (str, int, float, bool, type(None))
SAMPLES = {str: 'kö"nig\n\x1b[31m', int: 2**53 + 1, float: 0.1 + 0.2, bool: True}


def is_plain(hint: Any) -> bool:
    """A scalar, a choice of scalars, or a tuple of scalars of any length."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        return all(is_plain(part) for part in get_args(hint))
    if get_origin(hint) is typing.Literal:
        return all(type(choice) in SCALARS for choice in get_args(hint))
    if get_origin(hint) is tuple:
        inner, end = get_args(hint)
        return end is Ellipsis and inner in SCALARS
    return hint in SCALARS


def sample(hint: Any, empty: bool) -> Any:
    """A value of that type: None where it may be and `empty`, else one that is hard to write."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        parts = get_args(hint)
        if empty and type(None) in parts:
            return None
        return sample(next(part for part in parts if part is not type(None)), empty)
    if get_origin(hint) is typing.Literal:
        return get_args(hint)[-1]
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return () if empty else (SAMPLES[inner], SAMPLES[inner])
    return SAMPLES[hint]


def make(kind: type[Event], empty: bool) -> Event:
    hints = get_type_hints(kind)
    return kind(**{name: sample(hints[name], empty) for name in kind.__struct_fields__})


def test_every_event_class_is_in_the_union() -> None:
    assert set(Event.__subclasses__()) == set(KINDS)
    declared = {
        value
        for value in vars(events).values()
        if isinstance(value, type) and issubclass(value, Event) and value is not Event
    }
    assert declared == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_scalars_or_tuples_of_scalars(kind: type[Event]) -> None:
    hints = get_type_hints(kind)
    assert [n for n in kind.__struct_fields__ if not is_plain(hints[n])] == []


@pytest.mark.parametrize("empty", [False, True], ids=["full", "empty"])
@pytest.mark.parametrize("kind", KINDS)
def test_survives_json(kind: type[Event], empty: bool) -> None:
    record = Record(7, 1.25, make(kind, empty))  # type: ignore[arg-type]
    line = msgspec.json.encode(record)
    assert b"\n" not in line
    back = msgspec.json.decode(line, type=Record)
    assert back == record
    assert type(back.event) is kind


@pytest.mark.parametrize("kind", KINDS)
def test_is_frozen_and_hashable(kind: type[Event]) -> None:
    event = make(kind, empty=False)
    if kind.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(event, kind.__struct_fields__[0], None)
    assert hash(event) == hash(make(kind, empty=False))


def test_tags_are_the_names_in_snake_case() -> None:
    tags = {kind.__name__: msgspec.to_builtins(make(kind, True))["type"] for kind in KINDS}
    assert tags == {
        "Activity": "activity",
        "RunStarted": "run_started",
        "RunResumed": "run_resumed",
        "AugmentationTried": "augmentation_tried",
        "LimitsMeasured": "limits_measured",
        "StepsMeasured": "steps_measured",
        "EpochFinished": "epoch_finished",
        "FixApplied": "fix_applied",
        "FixMeasured": "fix_measured",
        "RateChanged": "rate_changed",
        "PlanExtended": "plan_extended",
        "StopAsked": "stop_asked",
        "Paused": "paused",
        "Resumed": "resumed",
        "CheckpointSaved": "checkpoint_saved",
        "Notice": "notice",
        "CpuSample": "cpu_sample",
        "GpuSample": "gpu_sample",
        "GpusUnavailable": "gpus_unavailable",
        "RunEnded": "run_ended",
    }


def test_started_carries_the_format() -> None:
    started = msgspec.to_builtins(make(events.RunStarted, empty=True))
    assert "format" in started
    assert events.RunStarted.__struct_defaults__[-1] == events.FORMAT


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_carry_is_none(value: float) -> None:
    assert finite(value) is None


@pytest.mark.parametrize("value", [0.0, -0.0, 1e308, 5e-324, -3.5])
def test_finite_numbers_stay(value: float) -> None:
    assert finite(value) == value


def test_newer_fields_are_ignored_and_unknown_events_refused() -> None:
    known = b'{"seq":0,"at_seconds":0.0,"event":{"type":"paused","colour":"red"}}'
    assert msgspec.json.decode(known, type=Record).event == events.Paused()
    unknown = b'{"seq":0,"at_seconds":0.0,"event":{"type":"exploded"}}'
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(unknown, type=Record)
