"""The machine: CPU in total and by core, memory, and a line for every GPU."""

from collections.abc import Sequence

from textual.content import Content

from cnntop.core.curve import Curve
from cnntop.core.events import CpuSample, GpuSample
from cnntop.core.gpu_track import GpuTrack
from cnntop.core.run_state import RunState
from cnntop.tui.format import NOT_MEASURED, bytes_size, percent
from cnntop.tui.widgets.panel import FAINT, Frame, Panel, spread

_LEVELS = " ▁▂▃▄▅▆▇█"
_STRIP = 20
_ROOM_FOR_TOTALS = 76


class HardwarePanel(Panel):
    def __init__(self) -> None:
        super().__init__("hardware")

    def wanted_lines(self, state: RunState) -> int:
        gpus = len(state.gpus) + (state.gpus_unavailable is not None)
        return 2 + max(1, gpus)

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        lines = []
        if frame.height > 2:
            lines.append(_heading(state.gpu, frame.width))
        lines.append(_cpu(state.cpu, state.cpu_utilization, frame.width))
        if state.gpus_unavailable is not None and not state.gpus:
            lines.append(Content.styled(f"  gpu   {state.gpus_unavailable}", FAINT))
        # The one that trains comes first: on a small screen the others may not fit.
        for track in sorted(state.gpus.values(), key=lambda track: track is not state.gpu):
            lines.append(_gpu(track, frame.width))
        if state.gpus_unavailable is not None and state.gpus:
            lines.append(Content.styled(f"  gpu   {state.gpus_unavailable}", "$warning"))
        return lines


def _heading(trained_on: GpuTrack | None, width: int) -> Content:
    """The panel's name, and at its end what else holds the GPU that trains back, if anything does.

    Here, because the GPU's own line is full, and a line that comes and goes would move the rest.
    """
    name = Content.styled(" hardware", "bold")
    if trained_on is None or not (notes := _notes(trained_on.sample)):
        return name
    said = f"gpu {trained_on.sample.index}: {', '.join(notes)}"
    return spread(name, Content.styled(said, "$warning"), width)


def _notes(sample: GpuSample) -> list[str]:
    notes = []
    if sample.throttled_by:
        notes.append(f"throttled by {' and '.join(sample.throttled_by)}")
    if others := sample.other_processes:
        notes.append(f"{others} other process{'es' if others > 1 else ''}")
    return notes


def _cpu(sample: CpuSample | None, curve: Curve, width: int) -> Content:
    if sample is None:
        return Content.styled("  cpu   not measured yet", FAINT)
    before = [
        ("  cpu   ", FAINT),
        (_strip(curve, width), "$primary"),
        (f" {percent(sample.utilization, 0):>5}", "bold"),
        ("  cores ", FAINT),
    ]
    after = [("  process ", FAINT), (bytes_size(sample.process_memory_bytes), "")]
    if width >= 100:
        used = f"{bytes_size(sample.memory_used_bytes)} of {bytes_size(sample.memory_total_bytes)}"
        after += [("  memory ", FAINT), (used, "")]
    room = width - sum(len(text) for text, _ in (*before, *after))
    cores = (_cores(sample.core_utilizations, room), "$primary")
    return Content.assemble(*before, cores, *after)


def _gpu(track: GpuTrack, width: int) -> Content:
    sample = track.sample
    memory, limit = bytes_size(sample.memory_used_bytes), sample.power_limit_watts
    if width < _ROOM_FOR_TOTALS:
        limit = None
    elif sample.memory_used_bytes is not None:
        memory += f" of {bytes_size(sample.memory_total_bytes)}"
    parts = [
        (f"  gpu {sample.index} ", FAINT),
        (_strip(track.utilization, width), "$success"),
        (f" {percent(sample.utilization, 0):>5}", "bold"),
        ("  memory ", FAINT),
        (memory, ""),
        ("  power ", FAINT),
        (_power(sample.power_watts, limit), ""),
        ("  ", ""),
        (_celsius(sample.temperature_celsius), ""),
    ]
    if width >= 100:
        parts.append((f"  {sample.name}", FAINT))
    return Content.assemble(*parts)


def _power(watts: float | None, limit: float | None) -> str:
    if watts is None:
        return NOT_MEASURED
    return f"{watts:.0f} W" if limit is None else f"{watts:.0f} of {limit:.0f} W"


def _celsius(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.0f} °C"


def _strip(curve: Curve, width: int) -> str:
    """The last samples as a strip of bars, 0 to 100 %; shorter where the line is short."""
    cells = min(_STRIP, max(6, width - 70))
    values = [one.mean for one in curve.bins[-cells:]]
    return "".join(_level(value) for value in values).rjust(cells)


def _cores(utilizations: Sequence[float], space: int) -> str:
    """A bar a core; where there are more cores than cells, a cell is the mean of its cores."""
    cells = max(4, min(len(utilizations), space))
    count = len(utilizations)
    groups = [
        utilizations[cell * count // cells : (cell + 1) * count // cells] for cell in range(cells)
    ]
    return "".join(_level(sum(group) / len(group)) for group in groups if group)


def _level(share: float) -> str:
    return _LEVELS[min(8, max(0, round(8 * share)))]
