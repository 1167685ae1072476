"""`cnntop report epoch-times`: the paper's Figure 4."""

from cnntop.core.analysis.figure import FAINT, PALETTE, Axis, Figure, shortened, text_width
from cnntop.core.analysis.report.epoch_times import EpochTimes, Setup, Workload
from cnntop.tui.reports.page import (
    CHANGED,
    Part,
    Table,
    Words,
    left_out,
    seconds_figure,
    with_spread,
)

CSV_COLUMNS = (
    "source", "machine", "trained_on", "augmented_on", "dataset", "variant", "model", "batch_size",
    "epoch_seconds", "low", "high", "runs",
)  # fmt: skip
MEASURED_COLOUR, PAPER_COLOUR = PALETTE[0], PALETTE[4]

_BAR_HEIGHT, _WIDEST_LABEL = 18, 420


def parts(report: EpochTimes) -> list[Part]:
    own = [setup for setup in report.setups if not setup.is_papers]
    found: list[Part] = []
    if not own:
        found.append(Words("Not measured: no run with a whole epoch in these folders."))
    if report.setups:
        found.append(_table(report))
        found.append(Words(_legend(report)))
    counts = {"without a whole epoch": report.unmeasured, CHANGED: report.changed}
    return [*found, *left_out(counts)]


def _table(report: EpochTimes) -> Table:
    varied = any(setup.variant for setup in report.setups)
    headings = ["machine", "trained on", "augmented on", "dataset", *(["with"] if varied else [])]
    rows = []
    for setup in report.setups:
        labels = [machine(setup), setup.trained_on, setup.augmented_on, setup.dataset]
        labels += [setup.variant] if varied else []
        cells = (with_spread(report.cells.get((setup, load))) for load in report.workloads)
        rows.append([*labels, *cells])
    loads = [f"{load.model} b{load.batch_size}" for load in report.workloads]
    return Table("Seconds an epoch", [*headings, *loads], rows, labels=len(headings))


def _legend(report: EpochTimes) -> str:
    counts = {cell.n for cell in report.cells.values()}
    told = ["Evaluation included; b32: minibatches of 32."]
    if max(counts) >= 3:
        told.append("±: interval of 95 % of the mean of three or more runs.")
    if 2 in counts:
        told.append("(2): mean of two runs, too few for an interval.")
    if any(setup.is_papers for setup in report.setups):
        told.append('Rows of "paper\'s" machines are as the paper printed them (its Figure 4).')
    return " ".join(told)


def machine(setup: Setup) -> str:
    return f"paper's {setup.machine}" if setup.is_papers else setup.machine


def csv_rows(report: EpochTimes) -> list[dict[str, object]]:
    return [
        {
            "source": "paper" if setup.is_papers else "measured",
            "machine": setup.machine,
            "trained_on": setup.trained_on,
            "augmented_on": setup.augmented_on,
            "dataset": setup.dataset,
            "variant": setup.variant,
            "model": load.model,
            "batch_size": load.batch_size,
            "epoch_seconds": cell.mean,
            "low": cell.low,
            "high": cell.high,
            "runs": cell.n,
        }
        for setup in report.setups
        for load in report.workloads
        if (cell := report.cells.get((setup, load)))
    ]


def picture(report: EpochTimes) -> str:
    """Bars side by side for each network and batch size, on one logarithmic axis."""
    lines = _picture_lines(report)
    datasets = {setup.dataset for setup in report.setups}
    names = {setup: _label(setup, len(datasets) > 1) for setup in report.setups}
    left = min(_WIDEST_LABEL, 32 + max(map(text_width, names.values()), default=200))
    height = _BAR_HEIGHT * max(1, len(lines))
    told = ["trained on / augmented on", *(datasets if len(datasets) == 1 else ())]
    figure = Figure(left + 480, 144 + height, "Seconds an epoch", ", ".join(told))
    means = [cell.mean for cell in report.cells.values()]
    seconds = Axis.over("seconds an epoch, with evaluation (logarithmic)", means, log=True)
    plot = figure.plot(left, 84, 400, height, seconds, Axis("", 0, max(1, len(lines)), names=("",)))
    for number, (load, setup) in enumerate(lines):
        top = len(lines) - number
        middle = plot.y(top - 0.5) + 4
        if setup is None:
            figure.text(16, middle, f"{load.model}, batch {load.batch_size}", bold=True)
            continue
        cell = report.cells[setup, load]
        colour = PAPER_COLOUR if setup.is_papers else MEASURED_COLOUR
        told_by = "the paper's Figure 4" if setup.is_papers else "measured"
        plot.box(seconds.low, top - 0.12, cell.mean, top - 0.88, colour, told_by)
        figure.text(left - 8, middle, shortened(names[setup], left - 24), anchor="end")
        figure.text(plot.x(cell.mean) + 5, middle, seconds_figure(cell.mean), colour=FAINT)
    plot.legend()
    return figure.svg()


def _picture_lines(report: EpochTimes) -> list[tuple[Workload, Setup | None]]:
    """From top to bottom: a heading a workload, then the setups that trained it."""
    lines: list[tuple[Workload, Setup | None]] = []
    for load in report.workloads:
        lines.append((load, None))
        lines += [(load, setup) for setup in report.setups if (setup, load) in report.cells]
    return lines


def _label(setup: Setup, with_dataset: bool) -> str:
    processors = dict.fromkeys((setup.trained_on, setup.augmented_on))
    told = [f"{machine(setup)}: {' / '.join(processors)}", setup.variant]
    return ", ".join(filter(None, [*told, setup.dataset if with_dataset else ""]))
