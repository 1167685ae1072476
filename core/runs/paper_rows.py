"""The paper's results as rows beside those of runs."""

from cnntop.core.analysis.paper import PAPER_EPOCHS, PAPER_RUNS, PaperEpoch, PaperRun
from cnntop.core.runs.recipe_columns import recipe_row
from cnntop.core.runs.summary import COLUMNS, Row, cell

_CPUS = {"A": "Intel i7 4790k", "B": "Intel i7 5500U"}
_TRAINED_ON = "NVIDIA GTX 980"
"""What the paper's whole runs were trained on."""


def paper_rows() -> list[Row]:
    """One for each run, with its epoch's time where Figure 4 has it, and one for each other time in
    Figure 4. Their status is "paper", and what the paper does not say is empty."""
    epochs = {(e.machine, e.processor, e.model, e.batch_size): e for e in PAPER_EPOCHS}
    rows = []
    for run in PAPER_RUNS:
        epoch = epochs.pop((run.machine, _TRAINED_ON, run.model, run.batch_size), None)
        rows.append(_row(run, _TRAINED_ON, epoch.epoch_seconds if epoch else None, run))
    rows += [_row(each, each.processor, each.epoch_seconds) for each in epochs.values()]
    return rows


def _row(
    of: PaperRun | PaperEpoch, processor: str, epoch_seconds: float | None,
    run: PaperRun | None = None,
) -> Row:  # fmt: skip
    cpu = _CPUS[of.machine]
    values = {
        "run": f"paper-{of.machine}-{processor}-{of.model}-b{of.batch_size}".replace(" ", "-"),
        "name": f"paper, {processor}",
        "status": "paper",
        "dataset": "cifar10",
        "model": of.model,
        "batch_size": of.batch_size,
        "device": "cpu" if processor == cpu else "cuda:0",
        "device_name": processor,
        "cpu_name": cpu,
        "host": f"machine {of.machine}",
        "epoch_seconds": epoch_seconds,
        "seconds": run and run.seconds,
        "test_accuracy": run and run.test_accuracy,
    }
    row = {column: cell(values.get(column)) for column in COLUMNS}
    return row | recipe_row(row, None)
