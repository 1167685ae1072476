"""Top of the monitor: which run this is, how it stands, how long it took and will take."""

from collections.abc import Sequence

from textual.content import Content

from cnntop.core.run_state import RunState
from cnntop.tui.format import activity_amount, clock, network_figures, rate
from cnntop.tui.widgets.panel import FAINT, Frame, Panel, spread

_MARKS = {
    "preparing": ("◌", "$warning"),
    "training": ("●", "$success"),
    "evaluating": ("●", "$accent"),
    "paused": ("❚❚", "$warning"),
    "finished": ("✔", "$success"),
    "stopped": ("■", "$warning"),
    "interrupted": ("■", "$warning"),
    "failed": ("✖", "$error"),
    "diverged": ("✖", "$error"),
    "out-of-memory": ("✖", "$error"),
}


class RunHeader(Panel):
    """Two lines, or the first alone where there is only one. `remark` is what the screen has to say
    of itself; it stands before the speed, or where that has no line, before the run's phase."""

    def __init__(self, title: str, subtitle: str) -> None:
        super().__init__("header")
        self._title = title
        self._subtitle = subtitle
        self.remark = ""

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        started = state.started
        title = self._title
        if started is None:
            details = self._subtitle
        else:
            title = run_title(started.name, started.model, started.dataset, started.batch_size)
            details = " · ".join(
                (
                    f"{started.device} {started.device_name}",
                    f"{state.threads} thread{'s' * (state.threads != 1)}",
                    started.precision,
                    f"augment on {state.augment_on}",
                    network_figures(started),
                )
            )
        first = Content.assemble(
            (" cnntop ", "bold $text-primary on $primary-muted"), " ", (title, "bold")
        )
        speed = f"{rate(state.recent_images_per_second)} images/s" if state.training else ""
        standing = self._standing(state, frame.now)
        if frame.height < 2:
            remark = (f"{self.remark}  ", "$warning") if self.remark else ""
            return [spread(first, Content.assemble(remark, standing), frame.width)]
        beside = Content.assemble(
            (f"{self.remark}  " if self.remark and speed else self.remark, "$warning"),
            (speed, FAINT),
        )
        return [
            spread(first, standing, frame.width),
            spread(Content.styled(f" {details}", FAINT), beside, frame.width),
        ]

    def _standing(self, state: RunState, now: float) -> Content:
        mark, style = _MARKS[state.phase]
        standing = [(f"{mark} {state.phase}", f"bold {style}")]
        if state.started is None:
            amount = activity_amount(state.activity) if state.activity else ""
            return Content.assemble(*standing, (f"  {amount}", FAINT))
        standing.append((f"  {clock(state.elapsed_seconds(now))}", "bold"))
        last = state.asked_last_epoch
        if state.ended is None and last is not None:
            standing.append((f"  ends after epoch {last}", "$warning"))
        elif state.ended is None:
            standing.append((f"  ETA {clock(state.eta_seconds(now))}", ""))
        return Content.assemble(*standing)


def run_title(name: str, model: str, dataset: str, batch_size: int) -> str:
    """The run in a few words: `mine  shallow32 · cifar10 · batch 32`."""
    return f"{name}  {model} · {dataset} · batch {batch_size}"
