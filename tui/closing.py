"""What stays in the ordinary terminal when a run is over."""

from cnntop.core.analysis.limit import run_limit
from cnntop.core.analysis.verdict import verdict
from cnntop.core.run_state import RunState
from cnntop.core.session import RunHandle
from cnntop.tui.format import (
    bytes_size,
    clock,
    columns,
    detail_figures,
    duration,
    energy,
    figure,
    fix_line,
    limit_figures,
    percent,
    rate,
    split_line,
)


def closing_lines(handle: RunHandle, state: RunState) -> list[str]:
    """The run's summary in a few lines; of one that never began, that it did not."""
    started, ended = state.started, state.ended
    if ended is None or (ended.message and started is None):
        return []
    if started is None or handle.folder is None:
        return [f"{ended.status} before the first step; nothing was recorded."]
    rows = [
        ("status", f"{ended.status}{f': {ended.message}' if ended.message else ''}"),
        ("trained", f"{state.epochs:.4g} epochs in {clock(ended.seconds)}"),
        ("train", _train(state)),
        ("test", _test(state)),
        ("epoch", duration(state.complete_epoch_seconds.value)),
        ("speed", f"{rate(state.images_per_second)} images/s"),
        ("split", split_line(state.split)),
        ("steps", detail_figures(state.detail, width=160)),
        ("limit", limit_figures(run_limit(state))),
    ]
    if state.fixes:
        rows.append(("fix", fix_line(state)))
    if found := verdict(state):
        rows.append(("verdict", found.sentence()))
        rows += [("also", also) for also in found.also]
    if gpu := state.gpu:
        rows.append(
            (
                "gpu",
                f"{percent(gpu.mean_utilization.value)} used, "
                f"{bytes_size(gpu.memory_peak_bytes)} memory at most, "
                f"{energy(gpu.energy_joules)}",
            )
        )
    rows += [
        ("run", str(handle.folder.path)),
        ("compare", f"cnntop compare --runs-dir {handle.folder.path.parent}"),
    ]
    return [
        "",
        f"{started.name}: {started.model} on {started.dataset}, batch {started.batch_size}, "
        f"{started.device_name}",
        *columns(rows),
    ]


def _train(state: RunState) -> str:
    if state.last_pass is None:
        return _figures(None, None)
    return _figures(state.last_pass.train_loss, state.last_pass.train_accuracy)


def _test(state: RunState) -> str:
    best = f", best {percent(state.best_test_accuracy, 2)} after epoch {state.best_epoch}"
    figures = _figures(state.test_loss.last, state.test_accuracy.last)
    return figures + (best if state.best_epoch else "")


def _figures(loss: float | None, accuracy: float | None) -> str:
    return f"loss {figure(loss)}, accuracy {percent(accuracy, 2)}"
