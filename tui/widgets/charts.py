"""All panels that can stand on the time axis, by their ids."""

from collections.abc import Sequence

from cnntop.core.curve import Curve
from cnntop.core.gpu_track import GpuTrack
from cnntop.core.run_state import RunState
from cnntop.tui.axis_view import AxisView
from cnntop.tui.format import NOT_MEASURED, bytes_size, figure, percent, rate
from cnntop.tui.widgets.axis import AxisLine
from cnntop.tui.widgets.axis_panel import AxisPanel
from cnntop.tui.widgets.chart import GHOST_MARK, TEST_MARK, Chart, Series
from cnntop.tui.widgets.panel import STYLES
from cnntop.tui.widgets.parts_chart import PartsChart

_WHOLE = (0.0, 1.0)
_NO_GPU = "no GPU is watched"
_NO_SAMPLE = "not measured yet"


def axis_panels(axis: AxisView) -> dict[str, AxisPanel]:
    """New panels that share `axis`. The one called "axis" is its line, and reads out the others."""
    charts: list[AxisPanel] = [
        Chart("loss", axis, lambda state: _losses(state, axis), figure, can_log=True),
        Chart("accuracy", axis, lambda state: _accuracies(state, axis), percent),
        Chart("rate", axis, _rates, figure, title="learning rate", can_log=True),
        Chart("speed", axis, _speeds, _short_rate, title="images/s"),
        PartsChart("parts", axis),
        Chart("gpu", axis, _gpu_utilizations, _whole_percent, bounds=_WHOLE, empty=_NO_GPU),
        Chart("memory", axis, _memories, bytes_size, empty=_NO_SAMPLE),
        Chart("power", axis, _powers, _watts, empty=_NO_GPU),
        Chart("temperature", axis, _temperatures, _celsius, empty=_NO_GPU),
        Chart("cpu", axis, _cpu_utilizations, _whole_percent, bounds=_WHOLE, empty=_NO_SAMPLE),
    ]
    panels = {chart.id or "": chart for chart in charts}
    return panels | {"axis": AxisLine("axis", axis, charts)}


def _losses(state: RunState, axis: AxisView) -> Sequence[Series]:
    return _train_and_test(state.train_loss, state.test_loss, axis.rivals.get("test_loss"))


def _accuracies(state: RunState, axis: AxisView) -> Sequence[Series]:
    rival = axis.rivals.get("test_accuracy")
    return _train_and_test(state.train_accuracy, state.test_accuracy, rival)


def _train_and_test(train: Curve, test: Curve, rival: Curve | None) -> Sequence[Series]:
    """With that of the ghost's test set, where there is a ghost."""
    own = (Series("train", train), Series("test", test, STYLES["test"], TEST_MARK, covers=False))
    if rival is None:
        return own
    return *own, Series("ghost", rival, STYLES["ghost"], GHOST_MARK, covers=False, own=False)


def _rates(state: RunState) -> Sequence[Series]:
    return (Series("", state.learning_rate),)


def _speeds(state: RunState) -> Sequence[Series]:
    return (Series("", state.speed, "$success"),)


def _cpu_utilizations(state: RunState) -> Sequence[Series]:
    return (Series("", state.cpu_utilization),)


def _gpu(state: RunState) -> GpuTrack | None:
    """The one that trains, else the first."""
    return state.gpu or next((state.gpus[index] for index in sorted(state.gpus)), None)


def _gpu_utilizations(state: RunState) -> Sequence[Series]:
    track = _gpu(state)
    return (Series("", track.utilization if track else Curve(), "$success"),)


def _memories(state: RunState) -> Sequence[Series]:
    """Of the GPU, and of the process beside it."""
    track = _gpu(state)
    used = track.memory_used_bytes if track else Curve()
    gpu = Series("gpu", used, "$success", TEST_MARK)
    return Series("process", state.process_memory), gpu


def _powers(state: RunState) -> Sequence[Series]:
    track = _gpu(state)
    return (Series("", track.power_watts if track else Curve(), "$warning"),)


def _temperatures(state: RunState) -> Sequence[Series]:
    track = _gpu(state)
    return (Series("", track.temperature_celsius if track else Curve(), "$error"),)


def _whole_percent(share: float | None) -> str:
    return percent(share, 0)


def _short_rate(per_second: float | None) -> str:
    """At most seven characters, as beside the vertical axis."""
    if per_second is None or per_second < 999_999.5:
        return rate(per_second)
    return f"{per_second / 1e6:.4g} M"


def _watts(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.0f} W"


def _celsius(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.0f} °C"
