"""Rows of the summary, as runs of several machines leave them."""

from cnntop.core.analysis.report.measured import MeasuredRun, measured_runs
from cnntop.core.runs.paper_rows import paper_rows

Row = dict[str, str]


def row(**values: object) -> Row:
    """A finished run on a CPU; `section__key` is a key of its recipe."""
    fixed = {
        "status": "finished", "host": "here", "device": "cpu", "device_name": "Some CPU",
        "cpu_name": "Some CPU", "dataset": "cifar10", "model": "shallow32", "batch_size": "32",
        "augment": "crop+hflip+vflip", "augment_on": "cpu", "threads": "2", "precision": "fp32",
        "passes": "1", "seed": "0", "limit": "15m", "fixes": "",
    }  # fmt: skip
    return fixed | {key.replace("__", "."): str(value) for key, value in values.items()}


def runs(*rows: Row) -> list[MeasuredRun]:
    found = measured_runs(rows)
    assert len(found) == len(rows)
    return found


def papers() -> list[MeasuredRun]:
    """The paper's own runs and epochs."""
    return runs(*paper_rows())
