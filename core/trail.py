"""What a person did to a run while it trained, in words: for lines, notices and marks."""

from cnntop.core.events import PlanExtended, RateChanged, StopAsked

Steered = RateChanged | PlanExtended | StopAsked


def trail_line(event: Steered) -> str:
    """As in `learning rate x2: 0.01 -> 0.02 after step 548`."""
    match event:
        case RateChanged():
            rates = f"{event.lr_before:.4g} -> {event.lr_after:.4g}"
            return f"learning rate {times(event.factor)}: {rates} after step {event.step:,}"
        case PlanExtended():
            return f"extended, {extended_plan([event])}{_jump(event)}"
        case StopAsked(how="after-epoch"):
            return f"ends after epoch {event.epoch}, as asked"
        case StopAsked(how="go-on"):
            return f"goes on after epoch {event.epoch} after all, as asked"
        case StopAsked():
            return "stops, and nothing of it is kept, as asked"


def extended_plan(extensions: list[PlanExtended]) -> str:
    """From the plan at the start to the one now: `epochs 20 -> 25`, `time 15m -> 25m`; nothing
    where there was no extension."""
    if not extensions:
        return ""
    first, last = extensions[0], extensions[-1]
    if last.epochs_planned is not None:
        return f"epochs {first.epochs_before} -> {last.epochs_planned}"
    before, after = first.time_limit_before_seconds, last.time_limit_seconds
    return f"time {span(before or 0.0)} -> {span(after or 0.0)}"


def times(factor: float) -> str:
    """`x2`, `/2`."""
    return f"x{factor:.4g}" if factor >= 1 else f"/{1 / factor:.4g}"


def span(seconds: float) -> str:
    """A time as recipes write it: 90s is `1m30s`, 900 is `15m`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    parts.append(f"{round(rest, 3):g}s" if rest or not (hours or minutes) else "")
    return "".join(parts)


def _jump(event: PlanExtended) -> str:
    before, after = f"{event.lr_before:.4g}", f"{event.lr_after:.4g}"
    if before == after:
        return ""
    return f"; learning rate {before} -> {after}, as the schedule of the longer run has it"
