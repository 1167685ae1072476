"""What the names of summary.csv's columns, and of those made of them, say of their figures.

`seconds_to_90` is the time to 90 % of test accuracy, `best_test_accuracy_within_15m` the best of
the first quarter of an hour.
"""

from collections.abc import Collection

HEADINGS = {
    "started_utc": "started (UTC)",
    "batch_size": "batch",
    "test_accuracy": "test",
    "best_test_accuracy": "best",
    "epoch_seconds": "epoch",
    "images_per_second": "images/s",
    "wait_fraction": "wait",
    "transfer_fraction": "transfer",
    "compute_fraction": "compute",
    "other_fraction": "other",
    "seconds": "time",
    "device_name": "device",
}
"""What a table writes above a column; the others go by their names."""

_NAMED = {heading: column for column, heading in HEADINGS.items()} | {"started": "started_utc"}
_FRACTIONS = ("_accuracy", "_fraction", "_utilization")
_LOWER_IS_BETTER = ("seconds", "_loss", "_joules", "_bytes", "_seconds_per_image")
_LOST = ("wait_fraction", "transfer_fraction", "other_fraction", "launch_gap_fraction")


def measure(column: str) -> str:
    """What the figures are of, without the limit they are for: `seconds`, `best_test_accuracy`."""
    return column.partition("_to_")[0].partition("_within_")[0]


def is_fraction(column: str) -> bool:
    """Whether its figures are shares of 1."""
    return measure(column).endswith(_FRACTIONS)


def is_seconds(column: str) -> bool:
    return measure(column).endswith("seconds")


def is_lower_better(column: str) -> bool:
    return measure(column).endswith(_LOWER_IS_BETTER) or column in _LOST


def column_named(name: str, columns: Collection[str]) -> str | None:
    """Which of `columns` a person means, who may have read its name above a table."""
    if name in columns:
        return name
    column = _NAMED.get(name)
    return column if column in columns else None
