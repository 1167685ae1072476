"""Figures as people read them. What was not measured is a dash, never a zero."""

from collections.abc import Iterable
from typing import Protocol

from rich.cells import cell_len, set_cell_size

from cnntop.core.analysis.limit import Limit
from cnntop.core.events import Activity
from cnntop.core.run_state import RunState
from cnntop.core.split import Split, StepDetail

NOT_MEASURED = "–"


def percent(fraction: float | None, digits: int = 1) -> str:
    return NOT_MEASURED if fraction is None else f"{100 * fraction:.{digits}f} %"


def figure(value: float | None, digits: int = 4) -> str:
    """A loss or rate with `digits` significant digits."""
    return NOT_MEASURED if value is None else f"{value:.{digits}g}"


def clock(seconds: float | None) -> str:
    """Hours, minutes and seconds: 1:02:03 or 02:03."""
    if seconds is None:
        return NOT_MEASURED
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def run_clock(state: RunState, at_seconds: float) -> str:
    """A moment of the stream's clock as the time axis has it: since the run's first step, and with
    a minus before it."""
    seconds = round(at_seconds - state.begun_at_seconds)
    return clock(seconds) if seconds >= 0 else f"-{clock(-seconds)}"


def duration(seconds: float | None) -> str:
    """A span in its own unit: 0.42 ms, 12.3 ms, 4.56 s, 12:34."""
    if seconds is None:
        return NOT_MEASURED
    if seconds < 0.9995:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 99.95 else clock(seconds)


def bytes_size(count: float | None) -> str:
    """Bytes in decimal units with three digits: 1.23 GB."""
    if count is None:
        return NOT_MEASURED
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def energy(joules: float | None) -> str:
    """Joules in the unit that keeps them short: 950 J, 123 kJ, 4.56 MJ."""
    if joules is None:
        return NOT_MEASURED
    for unit in ("J", "kJ"):
        if joules < 999.5:
            return f"{joules:.3g} {unit}"
        joules /= 1000
    return f"{joules:.3g} MJ"


def rate(per_second: float | None) -> str:
    """Images a second, whole and with separators."""
    return NOT_MEASURED if per_second is None else f"{per_second:,.0f}"


def split_line(split: Split) -> str:
    """The four parts in percent, on one line."""
    return "  ".join(f"{name} {percent(share)}" for name, share in split.fractions().items())


def detail_figures(detail: StepDetail, width: int = 120) -> str:
    """What is known of the steps beyond the four parts, as much as fits into `width` cells."""
    figures = [
        f"hidden wait {_known(percent(detail.hidden_wait.value))}",
        f"augment {_known(duration(detail.augment_cpu.value))} CPU an image",
        f"forward {_known(percent(detail.forward.value, 0))} "
        f"backward {_known(percent(detail.backward.value, 0))} "
        f"optimizer {_known(percent(detail.optimizer.value, 0))}",
        f"launch gaps {_known(percent(detail.launch_gap.value))}",
    ]
    while len(figures) > 1 and len("  ".join(figures)) > width - 2:
        figures.pop()
    return "  ".join(figures)


def _known(text: str) -> str:
    return "not measured" if text == NOT_MEASURED else text


def limit_figures(limit: Limit | None, width: int = 120) -> str:
    """How near compute comes to this machine's limit, as much as fits into `width` cells."""
    if limit is None:
        told = ["machine's limit not measured"]
    elif limit.fraction is None or limit.most_per_second is None:
        achieved = _speed(limit, limit.achieved_per_second)
        told = [f"compute at {achieved}, machine's limit not measured", achieved]
    else:
        share = f"{_share(limit.fraction)} of this machine's limit"
        speed = _speed(limit, limit.achieved_per_second, limit.most_per_second)
        whole = f"whole step at {_share(limit.step_fraction)}"
        told = [f"compute at {share} ({speed}), {whole}", f"compute at {share} ({speed})", share]
    return next((text for text in told if len(text) <= width), "")


def _share(fraction: float | None) -> str:
    """Whole percents, but for those so few that it would say little or 0."""
    return percent(fraction, 0 if fraction is None or fraction >= 0.095 else 2)


def _speed(limit: Limit, achieved: float, most: float | None = None) -> str:
    """`45.1 of 196 GFLOP/s`, or memory's `451 GB/s of 2 TB/s`."""
    unit = "FLOP/s" if limit.kind == "arithmetic" else "B/s"
    amount, prefix = _scaled(achieved)
    if most is None:
        return f"{amount} {prefix}{unit}"
    most_amount, most_prefix = _scaled(most)
    own = "" if prefix == most_prefix else f" {prefix}{unit}"
    return f"{amount}{own} of {most_amount} {most_prefix}{unit}"


def _scaled(count: float) -> tuple[str, str]:
    """Three digits and a decimal prefix, from mega to tera."""
    for size, prefix in ((1e6, "M"), (1e9, "G")):
        if count < 999.5 * size:
            return f"{count / size:.3g}", prefix
    return f"{count / 1e12:.4g}", "T"


def fix_line(state: RunState) -> str:
    """What the last fix brought, or that this is still being measured, or never will be."""
    fix = state.fixes[-1]
    change = f"{fix.key.partition('.')[2]} {fix.before} -> {fix.after}"
    forecast = "" if fix.forecast_gain is None else f" (forecast {fix.forecast_gain:.2f}x)"
    measured = state.fixes_measured[-1] if state.fixes_measured else None
    # One measured in the very step in which the next fix was applied is that of the one before.
    its_own = measured is not None and (measured.key, measured.after) == (fix.key, fix.after)
    if measured is None or not its_own or measured.step < fix.step:
        never = state.ended is not None or fix.images_per_second_before is None
        return f"fixed {change}; {'not' if never else 'being'} measured{forecast}"
    before, after = measured.images_per_second_before, measured.images_per_second_after
    gain = f"{rate(before)} -> {rate(after)} images/s, {after / before:.2f}x"
    return f"fixed {change}: {gain}{forecast}"


class _Counted(Protocol):
    @property
    def parameters(self) -> int: ...
    @property
    def multiply_adds(self) -> int | None: ...


def network_figures(network: _Counted) -> str:
    """How large it is: `11,173,962 parameters, 555 M multiply-adds an image`."""
    figures = f"{network.parameters:,} parameters"
    if network.multiply_adds is None:
        return figures
    return f"{figures}, {' '.join(_scaled(network.multiply_adds))} multiply-adds an image"


def epoch_label(state: RunState) -> str:
    """`3/20`, or `3` where a time limit and not a number of epochs ends the run."""
    planned = state.started.epochs_planned if state.started else None
    return f"{state.epoch}/{planned}" if planned else str(state.epoch)


def activity_amount(activity: Activity) -> str:
    """How far something long is: `26,560 of 60,000 images`, `12 MB of 170 MB`; else nothing."""
    if activity.total is None:
        return ""
    if activity.unit == "bytes":
        return f"{bytes_size(activity.done)} of {bytes_size(activity.total)}"
    return f"{activity.done:,} of {activity.total:,} {activity.unit}".rstrip()


def columns(rows: Iterable[tuple[str, str]], indent: str = "  ") -> list[str]:
    """Label and text side by side, the labels padded to the longest."""
    pairs = list(rows)
    width = max((len(label) for label, _ in pairs), default=0)
    return [f"{indent}{label:<{width}}  {text}" for label, text in pairs]


def fitted(text: str, width: int) -> str:
    """In exactly so many cells; what is cut ends in a sign of it."""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)
