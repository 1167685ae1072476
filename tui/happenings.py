"""What happens in a run, in words: a line of the log for each event."""

from cnntop.core.events import (
    AnyEvent,
    CheckpointSaved,
    EpochFinished,
    FixApplied,
    FixMeasured,
    GpusUnavailable,
    Notice,
    Paused,
    PlanExtended,
    RateChanged,
    Resumed,
    RunEnded,
    RunResumed,
    RunStarted,
    StopAsked,
)
from cnntop.core.trail import trail_line
from cnntop.tui.format import bytes_size, clock, duration, figure, network_figures, percent, rate

__all__ = ["happening", "mark"]

_MARKS = {"info": "·", "warning": "⚠", "error": "✖"}
_QUIET = "·"


def mark(event: AnyEvent) -> str:
    """A sign for the kind of thing that happened."""
    match event:
        case Notice():
            return _MARKS[event.level]
        case EpochFinished():
            return "•"
        case CheckpointSaved():
            return "◆"
        case RunStarted() | RunResumed() | Resumed():
            return "▶"
        case Paused():
            return "❚"
        case RunEnded():
            return "✔" if event.status == "finished" else "■"
    return _QUIET


def happening(event: AnyEvent) -> str:
    """Without the time. An event that this does not know is told by its name and its figures."""
    match event:
        case RunStarted():
            return (
                f"started: {event.model} ({network_figures(event)}) on {event.dataset}, "
                f"batch {event.batch_size}, {event.device} ({event.device_name})"
            )
        case RunResumed():
            return f"goes on after step {event.step:,}, in another process"
        case EpochFinished():
            return _epoch(event)
        case CheckpointSaved():
            at = f", step {event.step:,}" if event.step else ""
            return f"checkpoint {event.path} of epoch {event.epoch}{at}"
        case FixApplied() | FixMeasured():
            return _fix(event)
        case RateChanged() | PlanExtended() | StopAsked():
            return trail_line(event)
        case Paused():
            return "paused"
        case Resumed():
            return f"goes on after a pause of {duration(event.paused_seconds)}"
        case GpusUnavailable():
            return f"no GPU figures: {event.reason}"
        case Notice():
            return f"{event.level}: {event.text}"
        case RunEnded():
            message = f": {event.message}" if event.message else ""
            return f"{event.status} after {clock(event.seconds)}{message}"
    return _plain(event)


def _epoch(event: EpochFinished) -> str:
    test = "not tested"
    if event.test_accuracy is not None:
        test = f"test loss {figure(event.test_loss)} accuracy {percent(event.test_accuracy, 2)}"
    return (
        f"epoch {event.epoch}: {duration(event.epoch_seconds)}, train loss "
        f"{figure(event.train_loss)} accuracy {percent(event.train_accuracy, 2)}, {test}"
    )


def _fix(event: FixApplied | FixMeasured) -> str:
    change = f"{event.key} {event.before} -> {event.after}"
    if isinstance(event, FixApplied):
        return f"fixed {change}"
    before, after = event.images_per_second_before, event.images_per_second_after
    return f"the fix {change} brought {rate(before)} -> {rate(after)} images/s"


def _plain(event: AnyEvent) -> str:
    name = "".join(f" {c.lower()}" if c.isupper() else c for c in type(event).__name__).strip()
    figures = [
        f"{key.replace('_', ' ')} {_value(key, value)}"
        for key in event.__struct_fields__
        if (value := getattr(event, key)) is not None
    ]
    return f"{name}: {', '.join(figures)}" if figures else name


def _value(key: str, value: object) -> str:
    if isinstance(value, float):
        return duration(value) if key.endswith("_seconds") else figure(value)
    if isinstance(value, int) and key.endswith("_bytes"):
        return bytes_size(value)
    return str(value)
